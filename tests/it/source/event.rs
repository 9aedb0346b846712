//! Events about another commit than the one checked out.

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::process::{Finished, finish, tagship};

/// `tagship plan` in `checkout`, in a job that an event started; nothing answers at the registry's address.
fn plan(checkout: &Checkout, job: &[(&str, &str)], more: &[&str]) -> Finished {
    let home = tempfile::tempdir().unwrap();
    let mut command = tagship(home.path());
    command
        .current_dir(checkout.path())
        .env("GITHUB_ACTIONS", "true")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(job.iter().copied())
        .args(["plan", "--json", "--repository", "team/app"])
        .args([
            "--registry",
            "127.0.0.1:9",
            "--endpoint-url",
            "http://127.0.0.1:9",
        ])
        .args(more);
    finish(&mut command)
}

/// Each planned tag with its action.
fn actions(finished: &Finished) -> Vec<String> {
    finished.expect_code(0);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let tags = plan["tags"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    tags.iter()
        .map(|tag| format!("{} {}", text(&tag["tag"]), text(&tag["action"])))
        .collect()
}

fn push<'a>(git_ref: &'a str, sha: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", git_ref),
        ("GITHUB_SHA", sha),
    ]
}

/// A tagged commit, and a later one that is checked out; both ids.
fn two_commits(tag: fn(&Checkout, &str)) -> (Checkout, String, String) {
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    tag(&checkout, "v1.0.0");
    let tagged = checkout.head();
    let later = checkout.commit(&[("more", "")]);
    (checkout, tagged, later)
}

#[test]
fn a_version_that_the_event_names_is_refused_on_another_commit() {
    for tag in [Checkout::tag, Checkout::annotated_tag] {
        let (checkout, tagged, later) = two_commits(tag);
        let refused = plan(&checkout, &push("refs/tags/v1.0.0", &tagged), &[]);
        refused.expect_code(10);
        for part in [
            "`v1.0.0`",
            &tagged[..12],
            &later[..12],
            "`ref: ${{ github.ref }}`",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        // The tag was moved to the commit that is checked out, after the event.
        checkout.git(&["tag", "--force", "v1.0.0"]);
        plan(&checkout, &push("refs/tags/v1.0.0", &tagged), &[]).expect_code(10);
        // The event is about this commit, and the clone's tag is not.
        checkout.git(&["tag", "--force", "v1.0.0", &tagged]);
        plan(&checkout, &push("refs/tags/v1.0.0", &later), &[]).expect_code(10);
        // A version that is named on purpose is no claim of the event.
        let named = plan(
            &checkout,
            &push("refs/tags/v1.0.0", &tagged),
            &["--version", "2.0.0"],
        );
        assert_eq!(
            actions(&named),
            [
                format!("sha-{} unchecked", &later[..12]),
                "2.0.0 unchecked".to_owned()
            ]
        );
    }
}

#[test]
fn a_release_is_of_its_own_commit() {
    let (checkout, tagged, later) = two_commits(Checkout::tag);
    let payload = checkout.path().join("..").join(format!("{later}.json"));
    std::fs::write(&payload, r#"{"release": {"tag_name": "v1.0.0"}}"#).unwrap();
    let path = payload.to_str().unwrap();
    for git_ref in ["refs/tags/v1.0.0", "refs/heads/main"] {
        for sha in [&tagged, &later] {
            let job = [
                ("GITHUB_EVENT_NAME", "release"),
                ("GITHUB_REF", git_ref),
                ("GITHUB_SHA", sha.as_str()),
                ("GITHUB_EVENT_PATH", path),
            ];
            plan(&checkout, &job, &[]).expect_code(10);
        }
    }
    checkout.git(&["checkout", "--quiet", "v1.0.0"]);
    let job = [
        ("GITHUB_EVENT_NAME", "release"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", tagged.as_str()),
        ("GITHUB_EVENT_PATH", path),
    ];
    let planned = plan(&checkout, &job, &[]);
    std::fs::remove_file(payload).unwrap();
    assert_eq!(
        actions(&planned),
        [
            format!("sha-{} unchecked", &tagged[..12]),
            "1.0.0 unchecked".to_owned()
        ]
    );
}

#[test]
fn the_events_own_commit_gets_its_version() {
    for tag in [Checkout::tag, Checkout::annotated_tag] {
        let (checkout, tagged, _) = two_commits(tag);
        checkout.git(&["checkout", "--quiet", "v1.0.0"]);
        let expected = [
            format!("sha-{} unchecked", &tagged[..12]),
            "1.0.0 unchecked".to_owned(),
        ];
        // `GITHUB_SHA` of a tag object is what some runs have.
        let object = checkout.git(&["rev-parse", "v1.0.0"]);
        for sha in [&tagged, &object] {
            assert_eq!(
                actions(&plan(&checkout, &push("refs/tags/v1.0.0", sha), &[])),
                expected
            );
        }
        // The clone need not hold the tag.
        checkout.git(&["tag", "--delete", "v1.0.0"]);
        assert_eq!(
            actions(&plan(&checkout, &push("refs/tags/v1.0.0", &tagged), &[])),
            expected
        );
    }
}

#[test]
fn a_run_at_another_commit_than_the_events_makes_the_commit_tag_alone() {
    let (checkout, tagged, later) = two_commits(Checkout::tag);
    let tags = ["--tags", "type=edge,branch=main\ntype=ref,event=branch\ntype=sha"];
    let job = [
        ("GITHUB_EVENT_NAME", "workflow_run"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", tagged.as_str()),
    ];
    let planned = plan(&checkout, &job, &tags);
    assert_eq!(
        actions(&planned),
        [
            format!("sha-{} unchecked", &later[..12]),
            "edge hold".to_owned(),
            "main hold".to_owned()
        ]
    );
    assert!(planned.stdout.contains("github.sha"), "{}", planned.stdout);
    // A version from a git tag on HEAD is no claim of the event.
    checkout.git(&["checkout", "--quiet", "v1.0.0"]);
    let job = [
        ("GITHUB_EVENT_NAME", "workflow_dispatch"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", later.as_str()),
    ];
    assert_eq!(
        actions(&plan(&checkout, &job, &[])),
        [
            format!("sha-{} unchecked", &tagged[..12]),
            "1.0.0 unchecked".to_owned()
        ]
    );
}

#[test]
fn a_pull_requests_merge_commit_is_no_claim() {
    let (checkout, tagged, later) = two_commits(Checkout::tag);
    let job = [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_SHA", tagged.as_str()),
    ];
    let planned = plan(&checkout, &job, &["--tags", "type=ref,event=pr\ntype=sha"]);
    assert_eq!(
        actions(&planned),
        [
            format!("sha-{} unchecked", &later[..12]),
            "pr-7 unchecked".to_owned()
        ]
    );
}

#[test]
fn a_plan_whose_role_is_refused_fails_and_one_offline_asks_for_nothing() {
    let (checkout, _, later) = two_commits(Checkout::tag);
    let job = push("refs/heads/main", &later);
    let role = ["--role-to-assume", "arn:aws:iam::123456789012:role/publisher"];
    let refused = plan(&checkout, &job, &role);
    refused.expect_code(3);
    assert!(refused.stderr.contains("id-token: write"), "{}", refused.stderr);
    let disallowed = plan(
        &checkout,
        &job,
        &[role[0], role[1], "--allowed-account-ids", "999999999999"],
    );
    disallowed.expect_code(3);
    let reason = "`allowed-account-ids` does not name";
    assert!(disallowed.stderr.contains(reason), "{}", disallowed.stderr);
    let offline = [role[0], role[1], "--offline"];
    let expected = [format!("sha-{} unchecked", &later[..12])];
    assert_eq!(actions(&plan(&checkout, &job, &offline)), expected);
    // Who has no credentials at all is not refused.
    let without = plan(&checkout, &job, &[]);
    assert_eq!(actions(&without), expected);
    assert!(
        without.stdout.contains("no AWS credentials"),
        "{}",
        without.stdout
    );
}

#[test]
fn a_pushed_tag_that_names_no_version_is_a_warning_or_where_one_is_required_an_error() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    checkout.tag("v1.16");
    let (head, git_ref) = (checkout.head(), "refs/tags/v1.16");
    let warned = plan(&checkout, &push(git_ref, &head), &["--offline"]);
    assert_eq!(actions(&warned), [format!("sha-{} unchecked", &head[..12])]);
    assert!(
        warned.stderr.contains("git tag `v1.16` names no version"),
        "{}",
        warned.stderr
    );
    let refused = plan(
        &checkout,
        &push(git_ref, &head),
        &["--offline", "--version-required"],
    );
    refused.expect_code(2);
    for part in ["makes no tag of a version", "`v1.16`", "`1.16.0`"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    // The same on a branch; a version that is given is one.
    let branch = ["--offline", "--version-required"];
    plan(&checkout, &push("refs/heads/main", &head), &branch).expect_code(2);
    let given = ["--offline", "--version-required", "--version", "1.16.0"];
    plan(&checkout, &push("refs/heads/main", &head), &given).expect_code(0);
}
