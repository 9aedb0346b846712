//! Events: payloads and job variables.

use super::*;

const MERGE: &str = "860c1904a1ce19322e91ac35af1ab07466440c37";
const HEAD: &str = "266574110acf203503badf966df2ea24b5d732d7";

fn payload(json: &str) -> Payload {
    Payload::parse(json.as_bytes()).unwrap()
}

fn job<'a>(event_name: &'a str, git_ref: &'a str) -> JobVariables<'a> {
    JobVariables {
        event_name,
        git_ref,
        sha: MERGE,
        head_of_pull_request: false,
    }
}

const PULL_REQUEST: &str = r#"{"number": 7, "pull_request": {
    "base": {"ref": "main", "sha": "0000000000000000000000000000000000000000"},
    "head": {"ref": "topic", "sha": "266574110acf203503badf966df2ea24b5d732d7"}}}"#;

#[test]
fn a_pull_request_from_the_base_branch_is_about_the_pull_request() {
    let event = Event::of_job(
        job("pull_request_target", "refs/heads/main"),
        &payload(PULL_REQUEST),
    );
    assert_eq!(event.git_ref.pull_request(), Some("7"));
    assert_eq!(event.base_ref.as_deref(), Some("main"));
    assert_eq!(event.commit, CommitId::parse(MERGE));
}

#[test]
fn a_pull_request_is_named_by_its_merge_or_if_wanted_by_its_head() {
    let mut variables = job("pull_request", "refs/pull/7/merge");
    assert_eq!(
        Event::of_job(variables, &payload(PULL_REQUEST)).commit,
        CommitId::parse(MERGE)
    );
    variables.head_of_pull_request = true;
    assert_eq!(
        Event::of_job(variables, &payload(PULL_REQUEST)).commit,
        CommitId::parse(HEAD)
    );
    variables.event_name = "push";
    assert_eq!(
        Event::of_job(variables, &payload(PULL_REQUEST)).commit,
        CommitId::parse(MERGE)
    );
}

#[test]
fn a_pushed_tag_knows_its_branch_and_its_commits_time() {
    let json = format!(
        r#"{{"base_ref": "refs/heads/main", "head_commit": {{"id": "{MERGE}", "timestamp": "2020-01-10T01:30:00+01:00"}}}}"#
    );
    let event = Event::of_job(job("push", "refs/tags/v1.2.3"), &payload(&json));
    assert_eq!(event.git_ref.tag(), Some("v1.2.3"));
    assert_eq!(event.base_ref.as_deref(), Some("main"));
    assert_eq!(event.committed_at, "2020-01-10T00:30:00Z".parse().ok());
    let of_a_branch = Event::of_job(job("push", "refs/heads/topic"), &payload(&json));
    assert_eq!(of_a_branch.base_ref, None);
}

#[test]
fn the_default_branch_is_known_by_its_name_or_by_the_event() {
    let at = |name: &str, git_ref: &str| {
        Event::of_job(job(name, git_ref), &Payload::default()).is_default_branch(Some("main"))
    };
    assert!(at("push", "refs/heads/main"));
    assert!(!at("push", "refs/heads/dev"));
    assert!(!at("push", "refs/tags/main"));
    assert!(at("schedule", "refs/heads/anything"));
    assert!(!at("schedule", ""));
}

#[test]
fn a_hostile_payload_is_read_as_far_as_it_makes_sense() {
    let read = payload(
        r#"{"number": "7", "base_ref": ["refs/heads/main"], "pull_request": 3, "head_commit": {"id": 1},
            "repository": {"default_branch": {"name": "main"}}, "release": null}"#,
    );
    assert_eq!(read, Payload::default());
    assert_eq!(payload("{}"), Payload::default());
}

#[test]
fn what_is_no_object_or_too_long_is_an_error() {
    for json in ["", "{", "3", "\"text\"", "[1", "null"] {
        assert!(
            matches!(Payload::parse(json.as_bytes()), Err(PayloadError::NotJson(_))),
            "{json}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(
        Payload::parse(deep.as_bytes()),
        Err(PayloadError::NotJson(_))
    ));
    assert!(matches!(
        Payload::parse(&vec![b' '; Payload::MAX_BYTES + 1]),
        Err(PayloadError::TooLong { .. })
    ));
}

#[test]
fn a_checkout_is_named_by_its_tag_before_its_branch() {
    let commit = || CommitId::parse(MERGE).unwrap();
    assert_eq!(
        Event::of_checkout(Some("main"), Some("v1.0.0"), commit())
            .git_ref
            .tag(),
        Some("v1.0.0")
    );
    assert_eq!(
        Event::of_checkout(Some("main"), None, commit()).git_ref.branch(),
        Some("main")
    );
    assert_eq!(
        Event::of_checkout(None, None, commit()).git_ref,
        GitRef::default()
    );
}

#[test]
fn the_repository_is_read_from_githubs_answer() {
    let info = RepositoryInfo::parse(
        br#"{"name": "Hello-World", "description": null, "html_url": "https://github.com/octocat/Hello-World",
             "default_branch": "master", "license": {"spdx_id": "MIT"}, "topics": ["x"]}"#,
    )
    .unwrap();
    assert_eq!(info.name.as_deref(), Some("Hello-World"));
    assert_eq!(info.description, None);
    assert_eq!(info.spdx_id(), Some("MIT"));
    assert_eq!(
        RepositoryInfo::parse(br#"{"license": "MIT", "name": 3}"#).unwrap(),
        RepositoryInfo::default()
    );
}

/// Source: GitHub docs, "Webhook events and payloads": `pull_request`, `workflow_run`, `issue_comment`.
#[test]
fn an_event_about_another_repository_is_known_and_what_is_not_said_counts_as_another() {
    let own = r#""repository":{"full_name":"a/b"}"#;
    let pull_request = |head: &str| format!(r#"{{{own},"pull_request":{{"head":{{"repo":{head}}}}}}}"#);
    let run = |head: &str| format!(r#"{{{own},"workflow_run":{{"head_repository":{head}}}}}"#);
    let (here, fork) = (r#"{"full_name":"a/b"}"#, r#"{"full_name":"fork/b"}"#);
    for (name, json, expected) in [
        ("pull_request", pull_request(here), false),
        ("pull_request", pull_request(fork), true),
        ("pull_request", pull_request("null"), true),
        ("pull_request_target", pull_request(here), false),
        ("pull_request_target", pull_request(fork), true),
        ("pull_request_review", pull_request(fork), true),
        ("pull_request_target", "{}".to_owned(), true),
        ("workflow_run", run(here), false),
        ("workflow_run", run(fork), true),
        ("workflow_run", "{}".to_owned(), true),
        (
            "issue_comment",
            r#"{"issue":{"pull_request":{}}}"#.to_owned(),
            true,
        ),
        ("issue_comment", r#"{"issue":{}}"#.to_owned(), false),
        ("push", pull_request(fork), false),
        ("workflow_dispatch", "{}".to_owned(), false),
    ] {
        let is_about_another = payload(&json).is_about_another_repository(name);
        assert_eq!(is_about_another, expected, "{name} {json}");
    }
}

#[test]
fn an_event_agrees_with_its_own_commit_alone() {
    let id = |text: &str| CommitId::parse(text).unwrap();
    let found = |event: &Event, event_commit: Option<&str>, tag: Option<&str>| {
        let checked_out = CheckedOut {
            head: id(HEAD),
            event_commit: event_commit.map(id),
            tag_commit: tag.map(id),
        };
        event.mismatch(checked_out).map(|mismatch| mismatch.to_string())
    };
    let release = payload(r#"{"release": {"tag_name": "v1.0.0"}}"#);
    let of = |name: &str, git_ref: &str, payload: &Payload| Event::of_job(job(name, git_ref), payload);
    let tag = of("push", "refs/tags/v1.0.0", &Payload::default());
    let branch = of("workflow_run", "refs/heads/main", &Payload::default());
    let released = of("release", "refs/heads/main", &release);

    for event in [&tag, &branch, &released] {
        assert_eq!(found(event, Some(HEAD), None), None);
        assert!(found(event, Some(MERGE), None).is_some());
        assert!(
            found(event, None, None).is_some(),
            "what is unknown agrees with nothing"
        );
    }
    for event in [&tag, &released] {
        assert_eq!(found(event, Some(HEAD), Some(HEAD)), None);
        assert_eq!(
            found(event, None, Some(HEAD)),
            None,
            "the clone's own tag proves it"
        );
        assert!(found(event, Some(HEAD), Some(MERGE)).is_some(), "moved since");
        assert!(found(event, Some(MERGE), Some(HEAD)).is_some(), "moved since");
    }
    assert_eq!(found(&branch, Some(HEAD), Some(MERGE)), None, "it names no tag");
    insta::assert_snapshot!(
        found(&tag, Some(MERGE), None).unwrap(),
        @"the event is about git tag `v1.0.0` at commit 860c1904a1ce, and commit 266574110acf is checked out"
    );
    insta::assert_snapshot!(
        found(&tag, Some(HEAD), Some(MERGE)).unwrap(),
        @"git tag `v1.0.0` of this clone is at commit 860c1904a1ce, and commit 266574110acf is checked out"
    );
    insta::assert_snapshot!(
        found(&branch, Some(MERGE), None).unwrap(),
        @"the event is about `refs/heads/main` at commit 860c1904a1ce, and commit 266574110acf is checked out"
    );
    // A pull request's commit is a merge that was never published.
    for name in ["pull_request", "pull_request_target", "pull_request_review"] {
        let event = of(name, "refs/pull/7/merge", &Payload::default());
        assert_eq!(found(&event, Some(MERGE), None), None, "{name}");
    }
    // Outside of a job.
    assert_eq!(found(&Event::default(), None, None), None);
}
