//! Runs of pull requests: their tags, the comparison with the image of the branch they go to, and the one comment.

use serde_json::{Value, json};
use tagship_domain::immutability::{Mutability, TagFilter};
use test_support::checkout::Checkout;
use test_support::github::{Github, PULL_REQUEST, Trouble};
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish};
use test_support::schema::problems;

/// A repository with the image of `main`, and the checkout of a pull request whose image is there, as by an earlier run.
struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
    base: String,
    /// The digest of the pull request's image.
    digest: String,
}

impl World {
    fn new(mutability: &Mutability) -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", mutability);
        ecr.scan_with("BASIC", "SCAN_ON_PUSH", "team/*");
        let mut checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            ("tagship.yaml", "repository: team/app\n"),
        ]);
        let pusher = Pusher::new(&ecr, "team/app");
        let push = |checkout: &Checkout, content: &str, findings: Value| {
            let labels = json!({"org.opencontainers.image.revision": checkout.head()});
            let digest = pusher.image("amd64", content, &labels).digest;
            pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
            ecr.order_scans(json!({"digest": digest, "takes_seconds": 0, "findings": findings}));
            digest.to_string()
        };
        let finding =
            |name, package| json!({"name": name, "severity": "LOW", "package": package, "version": "1"});
        let base = checkout.head();
        push(
            &checkout,
            "the content of main",
            json!([finding("CVE-2026-1", "kept"), finding("CVE-2026-2", "left")]),
        );
        checkout.commit(&[("Dockerfile", "FROM scratch\n")]);
        let digest = push(
            &checkout,
            "other content, which is longer",
            json!([
                finding("CVE-2026-1", "kept"),
                finding("CVE-2026-3", "@angular/core|<b>")
            ]),
        );
        ecr.forget_journal();
        Self {
            github: Github::of(checkout.path()),
            home: tempfile::tempdir().unwrap(),
            ecr,
            checkout,
            base,
            digest,
        }
    }

    fn ship_from(&self, of: &str, more: &[&str]) -> Finished {
        let event = self.home.path().join("event.json");
        let payload = json!({
            "number": PULL_REQUEST,
            "repository": {"full_name": "team/app", "default_branch": "main"},
            "pull_request": {
                "base": {"ref": "main", "sha": self.base, "repo": {"full_name": "team/app"}},
                "head": {"ref": "topic", "sha": self.checkout.head(), "repo": {"full_name": of}},
            },
        });
        std::fs::write(&event, payload.to_string()).unwrap();
        let arguments = [&["ship", "--json", "--pr-comment"], more].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        command
            .current_dir(self.checkout.path())
            .envs(self.github.job())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", event)
            .env("GITHUB_REF", format!("refs/pull/{PULL_REQUEST}/merge"))
            .env("GITHUB_SHA", self.checkout.head())
            .env("GITHUB_RUN_ID", "42");
        finish(&mut command)
    }

    fn ship(&self, more: &[&str]) -> Finished {
        self.ship_from("team/app", more)
    }

    #[track_caller]
    fn report(&self, more: &[&str]) -> Value {
        let run = self.ship(more);
        run.expect_code(0);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        report
    }

    #[track_caller]
    fn comment(&self) -> String {
        match &self.github.comments()[..] {
            [one] => one.clone(),
            several => panic!("{several:#?}"),
        }
    }
}

const GATE: [&str; 2] = ["--scan", "wait"];

#[test]
fn a_pull_request_has_one_comment_that_every_run_brings_up_to_date() {
    let world = World::new(&Mutability::Mutable);
    let report = world.report(&GATE);
    assert_eq!(world.ecr.tags("team/app")["pr-7"], world.digest);
    let comparison = &report["comparison"];
    assert_eq!(comparison["base"]["revision"], world.base.as_str());
    assert_eq!(
        (
            &comparison["layers-added"],
            &comparison["layers-removed"],
            &comparison["layers-kept"]
        ),
        (&json!(1), &json!(1), &json!(0))
    );
    let named = |list: &str| comparison["findings"][list][0]["vulnerability"].clone();
    assert_eq!(
        (named("added"), named("removed")),
        (json!("CVE-2026-3"), json!("CVE-2026-2"))
    );
    assert_eq!(comparison["findings"]["added-total"], 1);
    let (before, after) = (&comparison["size-before"], &comparison["size-after"]);
    assert_eq!(after, &report["size"]);
    assert!(before.as_u64() < after.as_u64(), "{comparison}");

    let text = world.comment();
    let base = &world.base[..12];
    for part in [
        "<!-- tagship: team/app -->\n### Published `team/app`",
        "| `pr-7` | created |",
        &format!("#### Compared with `sha-{base}` of commit {base}"),
        "| Layers | 0 the same, 1 new (",
        "| Findings | 1 new, 1 gone |",
        // A package whose name is a person's, and Markdown: it does nothing.
        "| low | CVE-2026-3 | @&#8203;angular/core\\|\\<b\\> | 1 |",
        "/actions/runs/42)",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }

    let second = world.report(&GATE);
    assert_eq!(second["status"], "already-published");
    let text = world.comment();
    assert!(text.contains("### `team/app` was already published"), "{text}");
}

#[test]
fn a_run_that_fails_says_so_where_it_was_said_that_it_published() {
    let world = World::new(&Mutability::Mutable);
    world.report(&[]);
    world
        .ship(&[
            "--scan",
            "wait",
            "--tags",
            "type=raw,value=other",
            "--fail-on",
            "low",
        ])
        .expect_code(11);
    let text = world.comment();
    assert!(text.contains("### `team/app` was not published"), "{text}");
    assert!(text.contains("#### Scan gate failed"), "{text}");
    assert!(text.contains("| Findings | 1 new, 1 gone |"), "{text}");
}

#[test]
fn a_strangers_comment_is_not_taken_for_the_runs_own() {
    let world = World::new(&Mutability::Mutable);
    let forged = "<!-- tagship: team/app -->\nall is well";
    world.github.comment(forged, "CONTRIBUTOR");
    world.github.comment("no marker", "OWNER");
    world.report(&[]);
    world.report(&[]);
    let comments = world.github.comments();
    assert_eq!((comments.len(), comments[0].as_str()), (3, forged));
    assert!(comments[2].contains("was already published"), "{}", comments[2]);
}

#[test]
fn what_github_does_with_a_comment_never_fails_a_run() {
    let world = World::new(&Mutability::Mutable);
    world.github.let_comment(false);
    let refused = world.ship(&[]);
    refused.expect_code(0);
    let hint = "give the job `permissions: pull-requests: write`";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    world.github.let_comment(true);
    for (request, trouble, is_made) in [
        (0, Trouble::Failed(404), false),
        (0, Trouble::Failed(403), false),
        (1, Trouble::Failed(409), false),
        (1, Trouble::Failed(422), false),
        (0, Trouble::SpentLimit, false),
        // It was made, and the answer did not come.
        (1, Trouble::Lost, true),
    ] {
        world.github.forget();
        world.github.trouble(request, trouble);
        let run = world.ship(&[]);
        run.expect_code(0);
        let is_warned = run
            .stderr
            .contains("`pr-comment`: there is no comment of this run: ");
        assert_eq!(is_warned, !is_made, "{trouble:?}: {}", run.stderr);
        assert_eq!(world.github.comments().len(), usize::from(is_made), "{trouble:?}");
    }
}

#[test]
fn an_immutable_repository_has_a_tag_for_each_commit_of_a_pull_request() {
    let world = World::new(&Mutability::Immutable);
    let report = world.report(&[]);
    let tag = format!("pr-7-{}", &world.checkout.head()[..7]);
    assert_eq!(report["tags"][0]["tag"], tag.as_str());
    let tags = world.ecr.tags("team/app");
    assert_eq!(tags[&tag], world.digest);
    assert!(!tags.contains_key("pr-7"), "{tags:?}");
    assert_eq!(world.report(&[])["status"], "already-published");

    let excluded = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("pr-*").unwrap()]);
    let world = World::new(&excluded);
    assert_eq!(world.report(&[])["tags"][0]["tag"], "pr-7");
}

#[test]
fn a_fork_is_compared_and_gets_no_comment() {
    let world = World::new(&Mutability::Mutable);
    let run = world.ship_from("eve/app", &[]);
    run.expect_code(0);
    let note = "the job of a pull request from a fork may not comment";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(world.github.comments(), [] as [String; 0]);
    assert!(
        !world
            .github
            .requests()
            .iter()
            .any(|request| request.contains("/issues/"))
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["comparison"]["layers-added"], 1);
}
