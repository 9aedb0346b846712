//! Jobs of each system, with variables as their documentations show them.

use super::*;

const COMMIT: &str = "860c1904a1ce19322e91ac35af1ab07466440c37";
const BEFORE: &str = "266574110acf203503badf966df2ea24b5d732d7";
const NONE: &str = "0000000000000000000000000000000000000000";

/// Reads the job of these variables.
fn job(variables: &[(&str, &str)]) -> CiJob {
    let find = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    };
    CiSystem::detect(&find).unwrap().job(&find)
}

/// What counts of a job: the event's name, its reference, where a pull request goes, whether it is of a fork.
fn summary(variables: &[(&str, &str)]) -> (String, String, Option<String>, bool) {
    let CiJob {
        event, is_of_fork, ..
    } = job(variables);
    let git_ref = event.git_ref.as_str().to_owned();
    (event.name, git_ref, event.base_ref, is_of_fork)
}

fn at(name: &str, git_ref: &str) -> (String, String, Option<String>, bool) {
    (name.to_owned(), git_ref.to_owned(), None, false)
}

fn pull_request(
    number: u32,
    target: Option<&str>,
    is_of_fork: bool,
) -> (String, String, Option<String>, bool) {
    let git_ref = format!("refs/pull/{number}/merge");
    (
        "pull_request".to_owned(),
        git_ref,
        target.map(str::to_owned),
        is_of_fork,
    )
}

#[test]
fn without_a_known_variable_there_is_no_job() {
    assert_eq!(CiSystem::detect(&|_| None), None);
    assert_eq!(CiSystem::detect(&|name| (name == "CI").then_some("true")), None);
    assert_eq!(
        CiSystem::detect(&|name| (name == "GITLAB_CI").then_some("false")),
        None
    );
}

#[test]
fn gitlab_names_branch_tag_and_merge_request_apart() {
    let of = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", COMMIT),
            ("CI_PROJECT_ID", "7"),
        ];
        all.extend_from_slice(more);
        all
    };
    let push = of(&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "main")]);
    assert_eq!(summary(&push), at("push", "refs/heads/main"));
    let tag = of(&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_TAG", "v1.2.3")]);
    assert_eq!(summary(&tag), at("push", "refs/tags/v1.2.3"));
    let schedule = of(&[("CI_PIPELINE_SOURCE", "schedule"), ("CI_COMMIT_BRANCH", "main")]);
    assert_eq!(summary(&schedule), at("schedule", "refs/heads/main"));
    let person = of(&[("CI_PIPELINE_SOURCE", "web"), ("CI_COMMIT_BRANCH", "main")]);
    assert_eq!(summary(&person), at("workflow_dispatch", "refs/heads/main"));
    for (project, is_of_fork) in [("7", false), ("8", true)] {
        let merge_request = of(&[
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_MERGE_REQUEST_IID", "12"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project),
        ]);
        assert_eq!(
            summary(&merge_request),
            pull_request(12, Some("main"), is_of_fork)
        );
    }
    let external = of(&[
        ("CI_PIPELINE_SOURCE", "external_pull_request_event"),
        ("CI_EXTERNAL_PULL_REQUEST_IID", "3"),
        ("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY", "stranger/app"),
        ("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY", "acme/app"),
    ]);
    assert_eq!(summary(&external), pull_request(3, Some("main"), true));
}

#[test]
fn gitlab_says_what_a_commit_is_compared_with_and_when_it_was_made() {
    let of = |before, merge_base| {
        job(&[
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", COMMIT),
            ("CI_COMMIT_BEFORE_SHA", before),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", merge_base),
            ("CI_DEFAULT_BRANCH", "trunk"),
            ("CI_COMMIT_TIMESTAMP", "2022-01-31T16:47:55Z"),
        ])
        .event
    };
    let event = of(BEFORE, NONE);
    let before = CommitId::parse(BEFORE).map(Base::Commit);
    assert_eq!(event.base, before);
    assert_eq!(event.commit, CommitId::parse(COMMIT));
    assert_eq!(event.default_branch.as_deref(), Some("trunk"));
    assert_eq!(event.committed_at, Some("2022-01-31T16:47:55Z".parse().unwrap()));
    assert_eq!(of(NONE, BEFORE).base, before);
    assert_eq!(of(NONE, "").base, None);
}

#[test]
fn circleci_numbers_pull_requests_of_forks_alone() {
    let mark = ("CIRCLECI", "true");
    let branch = [
        mark,
        ("CIRCLE_BRANCH", "topic"),
        ("CIRCLE_PULL_REQUEST", "https://example.com/pull/9"),
    ];
    assert_eq!(summary(&branch), at("push", "refs/heads/topic"));
    assert_eq!(
        summary(&[mark, ("CIRCLE_TAG", "v1.0.0")]),
        at("push", "refs/tags/v1.0.0")
    );
    let fork = [mark, ("CIRCLE_BRANCH", "pull/9"), ("CIRCLE_PR_NUMBER", "9")];
    assert_eq!(summary(&fork), pull_request(9, None, true));
    assert_eq!(
        summary(&[mark, ("CIRCLE_BRANCH", "pull/9")]),
        pull_request(9, None, true)
    );
}

#[test]
fn buildkite_tells_a_fork_by_the_repository_of_the_pull_request() {
    let of = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![
            ("BUILDKITE", "true"),
            ("BUILDKITE_BRANCH", "main"),
            ("BUILDKITE_REPO", "git@github.com:Acme/app.git"),
        ];
        all.extend_from_slice(more);
        all
    };
    let push = of(&[
        ("BUILDKITE_PULL_REQUEST", "false"),
        ("BUILDKITE_SOURCE", "webhook"),
    ]);
    assert_eq!(summary(&push), at("push", "refs/heads/main"));
    assert_eq!(
        summary(&of(&[("BUILDKITE_TAG", "v2.0.0")])),
        at("push", "refs/tags/v2.0.0")
    );
    assert_eq!(
        summary(&of(&[("BUILDKITE_SOURCE", "schedule")])),
        at("schedule", "refs/heads/main")
    );
    for (repository, is_of_fork) in [
        ("git://github.com/acme/app.git", false),
        ("https://github.com/acme/app", false),
        ("git://github.com/stranger/app.git", true),
        ("", true),
    ] {
        let mut all = of(&[
            ("BUILDKITE_PULL_REQUEST", "5"),
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
        ]);
        if !repository.is_empty() {
            all.push(("BUILDKITE_PULL_REQUEST_REPO", repository));
        }
        assert_eq!(
            summary(&all),
            pull_request(5, Some("main"), is_of_fork),
            "{repository}"
        );
    }
}

#[test]
fn bitbucket_names_the_branch_that_a_pull_request_goes_to() {
    let mark = ("BITBUCKET_BUILD_NUMBER", "4");
    assert_eq!(
        summary(&[mark, ("BITBUCKET_BRANCH", "main")]),
        at("push", "refs/heads/main")
    );
    assert_eq!(
        summary(&[mark, ("BITBUCKET_TAG", "v1.0.0")]),
        at("push", "refs/tags/v1.0.0")
    );
    let request = [
        mark,
        ("BITBUCKET_BRANCH", "topic"),
        ("BITBUCKET_PR_ID", "6"),
        ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
    ];
    assert_eq!(summary(&request), pull_request(6, Some("main"), false));
}

#[test]
fn azure_pipelines_has_full_references() {
    let mark = ("TF_BUILD", "True");
    let push = [
        mark,
        ("BUILD_SOURCEBRANCH", "refs/heads/main"),
        ("BUILD_REASON", "IndividualCI"),
    ];
    assert_eq!(summary(&push), at("push", "refs/heads/main"));
    let manual = [
        mark,
        ("BUILD_SOURCEBRANCH", "refs/tags/v1"),
        ("BUILD_REASON", "Manual"),
    ];
    assert_eq!(summary(&manual), at("workflow_dispatch", "refs/tags/v1"));
    let schedule = [
        mark,
        ("BUILD_SOURCEBRANCH", "refs/heads/main"),
        ("BUILD_REASON", "Schedule"),
    ];
    assert_eq!(summary(&schedule), at("schedule", "refs/heads/main"));
    for (fork, is_of_fork) in [("False", false), ("True", true), ("", true)] {
        let request = [
            mark,
            ("BUILD_SOURCEBRANCH", "refs/pull/8/merge"),
            ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
            ("SYSTEM_PULLREQUEST_ISFORK", fork),
        ];
        assert_eq!(
            summary(&request),
            pull_request(8, Some("main"), is_of_fork),
            "{fork}"
        );
    }
}

#[test]
fn buildkites_head_is_the_commit_that_is_checked_out() {
    let of = |more: &[(&'static str, &'static str)]| {
        let all = [&[("BUILDKITE", "true"), ("BUILDKITE_COMMIT", "HEAD")], more].concat();
        let head = CommitId::parse(COMMIT).unwrap();
        job(&all).event.mismatch(crate::event::CheckedOut {
            head,
            event_commit: None,
            tag_commit: None,
        })
    };
    assert_eq!(of(&[("BUILDKITE_BRANCH", "main")]), None);
    // A tag stands for one commit, which has to be known.
    assert!(of(&[("BUILDKITE_BRANCH", "v1"), ("BUILDKITE_TAG", "v1")]).is_some());
}

#[test]
fn jenkins_names_its_job_or_leaves_it_to_the_git_plugin() {
    let mark = ("JENKINS_URL", "https://jenkins.example/");
    let plugin = [mark, ("GIT_BRANCH", "origin/feature/x"), ("GIT_COMMIT", COMMIT)];
    assert_eq!(summary(&plugin), at("push", "refs/heads/feature/x"));
    for (name, reference) in [
        ("refs/tags/v1.0.0", "refs/tags/v1.0.0"),
        ("tags/v1.0.0", "refs/tags/v1.0.0"),
        ("refs/heads/main", "refs/heads/main"),
        ("refs/remotes/origin/main", "refs/heads/main"),
        ("remotes/origin/main", "refs/heads/main"),
        ("origin/tags/odd", "refs/heads/tags/odd"),
        ("main", "refs/heads/main"),
        ("detached", ""),
    ] {
        assert_eq!(
            summary(&[mark, ("GIT_BRANCH", name)]),
            at("push", reference),
            "{name}"
        );
    }
    // What a multibranch job names is a branch of that name.
    let named = [mark, ("BRANCH_NAME", "origin/x"), ("GIT_BRANCH", "origin/main")];
    assert_eq!(summary(&named), at("push", "refs/heads/origin/x"));
    let tag = [mark, ("TAG_NAME", "refs/tags/v1.0.0"), ("BRANCH_NAME", "v1.0.0")];
    assert_eq!(summary(&tag), at("push", "refs/tags/v1.0.0"));
    let tag = [mark, ("BRANCH_NAME", "v1.0.0"), ("TAG_NAME", "v1.0.0")];
    assert_eq!(summary(&tag), at("push", "refs/tags/v1.0.0"));
    let change = [
        mark,
        ("BRANCH_NAME", "PR-3"),
        ("CHANGE_ID", "3"),
        ("CHANGE_TARGET", "main"),
    ];
    assert_eq!(summary(&change), pull_request(3, Some("main"), false));
    let fork = [&change[..], &[("CHANGE_FORK", "stranger")]].concat();
    assert_eq!(summary(&fork), pull_request(3, Some("main"), true));
    assert_eq!(summary(&[mark]), at("push", ""));
}

#[test]
fn codebuild_reads_its_webhook_or_the_source_version() {
    let mark = (
        "CODEBUILD_BUILD_ARN",
        "arn:aws:codebuild:eu-central-1:123456789012:build/app:1",
    );
    let push = [
        mark,
        ("CODEBUILD_WEBHOOK_EVENT", "PUSH"),
        ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/main"),
        ("CODEBUILD_WEBHOOK_TRIGGER", "branch/main"),
        ("CODEBUILD_WEBHOOK_PREV_COMMIT", BEFORE),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT),
    ];
    assert_eq!(summary(&push), at("push", "refs/heads/main"));
    assert_eq!(job(&push).event.base, CommitId::parse(BEFORE).map(Base::Commit));
    assert_eq!(job(&push).event.commit, CommitId::parse(COMMIT));
    let tag = [
        mark,
        ("CODEBUILD_WEBHOOK_EVENT", "PUSH"),
        ("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.0.0"),
    ];
    assert_eq!(summary(&tag), at("push", "refs/tags/v1.0.0"));
    let request = [
        mark,
        ("CODEBUILD_WEBHOOK_EVENT", "PULL_REQUEST_UPDATED"),
        ("CODEBUILD_WEBHOOK_HEAD_REF", "refs/heads/topic"),
        ("CODEBUILD_WEBHOOK_BASE_REF", "refs/heads/main"),
        ("CODEBUILD_WEBHOOK_TRIGGER", "pr/2"),
    ];
    assert_eq!(summary(&request), pull_request(2, Some("main"), true));
    let person = [mark, ("CODEBUILD_SOURCE_VERSION", "refs/heads/main")];
    assert_eq!(summary(&person), at("workflow_dispatch", "refs/heads/main"));
    assert_eq!(
        summary(&[mark, ("CODEBUILD_SOURCE_VERSION", COMMIT)]),
        at("workflow_dispatch", "")
    );
}

#[test]
fn hostile_names_stay_names() {
    let long = "x".repeat(10_000);
    let event = job(&[
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_BRANCH", &long),
        ("CI_COMMIT_SHA", "x;rm"),
    ])
    .event;
    assert_eq!(event.git_ref.as_str().len(), 4096);
    assert_eq!(event.commit, None);
}
