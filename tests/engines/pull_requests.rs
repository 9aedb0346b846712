//! Pull requests whose image is built and not published: it is compared all the same with that of the branch they go to.

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::engines::{self, Engine};
use test_support::github::{Github, PULL_REQUEST};
use test_support::process::finish;
use test_support::shipping::Shipyard;

/// A run of a pull request whose branch goes to `base`.
fn report(yard: &Shipyard, github: &Github, host: &str, base: &str, more: &[&str]) -> Value {
    let event = yard.home().join("event.json");
    let payload = json!({
        "number": PULL_REQUEST,
        "repository": {"full_name": "team/app", "default_branch": "main"},
        "pull_request": {
            "base": {"ref": "main", "sha": base, "repo": {"full_name": "team/app"}},
            "head": {"ref": "topic", "sha": yard.checkout.head(), "repo": {"full_name": "team/app"}},
        },
    });
    std::fs::write(&event, payload.to_string()).unwrap();
    let arguments = [&["--json", "--pr-comment"], more].concat();
    let mut command = yard.command("ship", host, &arguments);
    command
        .envs(github.job())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_EVENT_NAME", "pull_request")
        .env("GITHUB_EVENT_PATH", event)
        .env("GITHUB_REF", format!("refs/pull/{PULL_REQUEST}/merge"))
        .env("GITHUB_SHA", yard.checkout.head())
        .env("GITHUB_RUN_ID", "42");
    let run = finish(&mut command);
    run.expect_code(0);
    serde_json::from_str(&run.stdout).unwrap()
}

/// A repository with the image of `main`, and another commit.
fn proposed(engine: &Engine) -> (Shipyard, Github, String) {
    let mut yard = Shipyard::new();
    yard.ship(engine, &[]).code(0);
    let base = yard.checkout.head();
    yard.commit_more();
    let github = Github::of(yard.checkout.path());
    yard.ecr.forget_journal();
    (yard, github, base)
}

#[test]
fn what_is_only_built_is_compared_as_what_is_published() {
    for engine in engines::all() {
        let name = &engine.name;
        let (yard, github, base) = proposed(engine);
        let built = report(&yard, &github, &engine.host(), &base, &["--push=false"]);
        assert_eq!(built["status"], "built", "{name}");
        assert_eq!(yard.ecr.writes(), [], "{name}: nothing is written");
        let [comment] = &github.comments()[..] else {
            panic!("{name}: {:?}", github.comments())
        };
        let compared = format!("#### Compared with `sha-{}`", &base[..12]);
        assert!(comment.contains(&compared), "{name}: {comment}");
        let comparison = built["comparison"].clone();
        // The base image's layer is in both; that of the file and that of the step are not.
        assert_eq!(comparison["layers-kept"], 1, "{name}: {comparison}");
        assert_eq!(comparison["layers-added"], 2, "{name}: {comparison}");
        // As it is when the same commit is published.
        let published = report(&yard, &github, &engine.host(), &base, &[]);
        assert_eq!(published["comparison"], comparison, "{name}");
        assert_eq!(published["size"], comparison["size-after"], "{name}");
    }
}

#[test]
fn what_cannot_be_compared_is_said_in_the_comment_and_fails_no_run() {
    let engine = engines::named("docker28-containerd");
    let (yard, github, base) = proposed(engine);
    let without_tag = ["--push=false", "--repository", "team/other"];
    yard.ecr.create_repository("team/other", &Mutability::Mutable);
    let built = report(&yard, &github, &engine.host(), &base, &without_tag);
    assert_eq!(built["comparison"], Value::Null);
    let comments = github.comments();
    assert!(
        comments[0].contains("There is no image of the branch"),
        "{comments:?}"
    );
    let missing = ["--push=false", "--repository", "team/missing"];
    let built = report(&yard, &github, &engine.host(), &base, &missing);
    assert_eq!(built["notes"][0]["code"], "not-compared", "{built}");
    let comments = github.comments();
    let words = "the image is not compared with that of the branch that this goes to: ";
    assert!(
        comments.iter().any(|comment| comment.contains(words)),
        "{comments:?}"
    );
}
