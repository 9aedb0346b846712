//! `tagship promote` against the embedded ECR: the same image under other tags and in other repositories, and back.

use std::collections::BTreeMap;

use ecr_local::{FaultAction, JournalEntry};
use oci_registry::{ReadRepository as _, ReadWhole as _};
use serde_json::{Value, json};
use tagship_domain::content::Descriptor;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;
use test_support::images::{Pusher, client_of};
use test_support::local::{Ecr, is_tag_put, shown};
use test_support::page::{check, run_at};
use test_support::process::{Finished, finish, tagship};

const NOTARY: &str = "application/vnd.cncf.notary.signature";

/// A repository with versions 1.3.0 and 1.4.0, each an index of two platforms with a signature.
struct Stock {
    ecr: Ecr,
    home: tempfile::TempDir,
    versions: BTreeMap<&'static str, Descriptor>,
}

impl Stock {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("dev/app", &Mutability::Mutable);
        let pusher = Pusher::new(&ecr, "dev/app");
        let mut versions = BTreeMap::new();
        for (number, version) in ["1.3.0", "1.4.0"].into_iter().enumerate() {
            let commit = (number + 1).to_string().repeat(40);
            let labels = json!({
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.revision": commit,
            });
            let images = ["amd64", "arm64"]
                .map(|platform| pusher.image(platform, &format!("{version} {platform}"), &labels));
            let index = pusher.index(&images);
            pusher.tag(version, &index.digest);
            pusher.referrer(NOTARY, &index);
            versions.insert(version, index);
        }
        ecr.forget_journal();
        Self {
            home: tempfile::tempdir().unwrap(),
            ecr,
            versions,
        }
    }

    fn promote(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["promote", "dev/app", "--json"], arguments].concat();
        finish(&mut self.ecr.command(self.home.path(), &arguments))
    }

    /// The report of a run that must succeed.
    #[track_caller]
    fn promoted(&self, arguments: &[&str]) -> Value {
        let finished = self.promote(arguments);
        finished.expect_code(0);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// What was asked that changes anything.
    fn writes(&self) -> Vec<JournalEntry> {
        let mut writes = self.ecr.writes();
        writes.retain(|entry| entry.operation != "BatchCheckLayerAvailability");
        writes
    }

    fn digest(&self, version: &str) -> Digest {
        self.versions[version].digest
    }

    /// Where the tags of a repository point.
    fn tags(&self, repository: &str) -> BTreeMap<String, Digest> {
        let client = client_of(&self.ecr.login(), repository);
        self.ecr.run(async {
            let tags = client.list_tags().await.unwrap();
            let found = client.resolve(&tags).await.unwrap();
            let pointed = found
                .into_iter()
                .map(|(tag, manifest)| (tag.to_string(), manifest.digest()));
            pointed.collect()
        })
    }
}

fn outcomes(report: &Value) -> Vec<String> {
    let tags = report["targets"][0]["tags"].as_array().unwrap();
    let outcome = |tag: &Value| {
        let text = |name: &str| tag[name].as_str().unwrap().to_owned();
        let rollback = if tag["rollback"] == true { " rollback" } else { "" };
        format!("{} {}{rollback}", text("tag"), text("outcome"))
    };
    tags.iter().map(outcome).collect()
}

#[test]
fn an_image_gets_further_tags_and_a_second_run_writes_nothing() {
    let stock = Stock::new();
    let arguments = [
        "--from",
        "1.4.0",
        "--to",
        "staging",
        "--to",
        "prod-{{date 'YYYY-MM-DD'}}",
        "--to",
        "dev-{{sha}}",
    ];
    let report = stock.promoted(&arguments);
    let [commit, environment, day] = outcomes(&report).try_into().unwrap();
    assert_eq!(
        [commit.as_str(), environment.as_str()],
        ["dev-222222222222 created", "staging created"]
    );
    let form = regex::Regex::new(r"^prod-\d{4}-\d\d-\d\d created$").unwrap();
    assert!(form.is_match(&day), "{day}");
    assert_eq!(report["digest"], stock.digest("1.4.0").to_string());
    let writes = stock.writes();
    assert!(
        writes.iter().all(is_tag_put) && writes.len() == 3,
        "{}",
        shown(&writes)
    );
    let tags = stock.tags("dev/app");
    assert_eq!(tags["staging"], stock.digest("1.4.0"));
    assert_eq!(tags["dev-222222222222"], stock.digest("1.4.0"));

    stock.ecr.forget_journal();
    let again = stock.promoted(&arguments);
    assert_eq!(again["targets"][0]["status"], "already-promoted");
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
}

#[test]
fn a_tag_goes_back_only_when_that_is_asked_for() {
    let stock = Stock::new();
    stock.promoted(&["--from", "1.4.0", "--to", "prod"]);
    stock.ecr.forget_journal();
    let refused = stock.promote(&["--from", "1.3.0", "--to", "prod"]);
    refused.expect_code(10);
    assert!(refused.stderr.contains("--rollback"), "{}", refused.stderr);
    assert!(stock.writes().is_empty());
    assert_eq!(stock.tags("dev/app")["prod"], stock.digest("1.4.0"));

    let by_digest = stock.digest("1.3.0").to_string();
    let back = stock.promoted(&["--from", &by_digest, "--to", "prod", "--rollback"]);
    assert_eq!(outcomes(&back), ["prod moved rollback"]);
    assert_eq!(
        back["targets"][0]["tags"][0]["from"],
        stock.digest("1.4.0").to_string()
    );
    assert_eq!(stock.tags("dev/app")["prod"], stock.digest("1.3.0"));

    // A rule may free a tag for ever.
    stock.promoted(&["--from", "1.4.0", "--to", "prod,order=none"]);
    let free = stock.promoted(&["--from", "1.3.0", "--to", "prod,order=none"]);
    assert_eq!(outcomes(&free), ["prod moved"]);
    assert_eq!(stock.tags("dev/app")["prod"], stock.digest("1.3.0"));
}

#[test]
fn a_commit_that_got_its_version_later_is_known_by_its_tag() {
    // Published as a commit, then given its version: no label says which.
    let stock = Stock::new();
    let pusher = Pusher::new(&stock.ecr, "dev/app");
    for version in ["1.5.0", "1.6.0"] {
        let image = pusher.image("amd64", version, &json!({}));
        pusher.tag(version, &image.digest);
    }
    stock.promoted(&["--from", "1.6.0", "--to", "prod"]);
    for earlier in ["1.5.0", "1.4.0"] {
        stock
            .promote(&["--from", earlier, "--to", "prod"])
            .expect_code(10);
    }
    let back = stock.promoted(&["--from", "1.5.0", "--to", "prod", "--rollback"]);
    assert_eq!(outcomes(&back), ["prod moved rollback"]);
}

/// Where images are promoted there is often no checkout: then the registry's own tags say which version is the greatest.
#[test]
fn latest_is_promoted_outside_of_a_checkout() {
    let stock = Stock::new();
    let promote = |arguments: &[&str]| {
        let arguments = [&["promote", "dev/app", "--json"], arguments].concat();
        let mut command = stock.ecr.command(stock.home.path(), &arguments);
        finish(command.current_dir(stock.home.path()))
    };
    promote(&["--from", "1.3.0", "--to", "latest"]).expect_code(10);
    promote(&["--from", "1.4.0", "--to", "latest"]).expect_code(0);
    assert_eq!(stock.tags("dev/app")["latest"], stock.digest("1.4.0"));
    promote(&["--from", "1.3.0", "--to", "latest"]).expect_code(10);
    promote(&["--from", "1.3.0", "--to", "latest", "--rollback"]).expect_code(0);
    assert_eq!(stock.tags("dev/app")["latest"], stock.digest("1.3.0"));
}

/// A chart's version may have build metadata, and no tag a `+`. Source: Helm documentation, "Use OCI-based registries".
#[test]
fn a_version_with_build_metadata_is_promoted_under_its_tag_and_stays_there() {
    let stock = Stock::new();
    let pusher = Pusher::new(&stock.ecr, "dev/app");
    let labels = json!({"org.opencontainers.image.version": "1.5.0+7"});
    let one = pusher.image("amd64", "one", &labels);
    let other = pusher.image("amd64", "other", &labels);
    pusher.tag("1.5.0_7", &one.digest);
    stock.ecr.create_repository("prod/app", &Mutability::Mutable);
    let to_production = ["--to", "1.5.0_7", "--to-repository", "prod/app"];
    let promoted = stock.promoted(&[&["--from", "1.5.0_7"], &to_production[..]].concat());
    assert_eq!(outcomes(&promoted), ["1.5.0_7 created"]);
    // A release tag: no flag moves it, though the repository would let it.
    let other = other.digest.to_string();
    let taken = stock.promote(&[&["--from", other.as_str(), "--rollback"], &to_production[..]].concat());
    taken.expect_code(10);
    assert_eq!(stock.tags("prod/app")["1.5.0_7"], one.digest);
}

#[test]
fn a_published_version_is_never_given_to_another_image() {
    let stock = Stock::new();
    let taken = stock.promote(&[
        "--from",
        "1.3.0",
        "--to",
        "1.4.0",
        "--to",
        "staging",
        "--rollback",
    ]);
    taken.expect_code(10);
    assert!(taken.stderr.contains("must not move"), "{}", taken.stderr);
    assert!(stock.writes().is_empty(), "not even the other tag is put");
    assert_eq!(stock.tags("dev/app")["1.4.0"], stock.digest("1.4.0"));
}

#[test]
fn an_image_comes_whole_to_another_repository_before_its_tags() {
    let stock = Stock::new();
    for repository in ["staging/app", "prod/app"] {
        stock.ecr.create_repository(repository, &Mutability::Immutable);
    }
    let arguments = [
        "--from",
        "1.4.0",
        "--to",
        "1.4.0",
        "--to",
        "sha-{{sha}}",
        "--to-repository",
        "staging/app",
        "--to-repository",
        "prod/app",
    ];
    let dry = stock.promoted(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry["targets"][1]["status"], "planned");
    assert!(dry["targets"][1]["bytes"].as_u64().unwrap() > 0);
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));

    let report = stock.promoted(&arguments);
    assert_eq!(report["targets"][1]["status"], "promoted");
    let writes = stock.writes();
    let first_tag = writes.iter().position(is_tag_put).unwrap();
    assert!(writes[first_tag..].iter().all(is_tag_put), "{}", shown(&writes));
    for repository in ["staging/app", "prod/app"] {
        let tags = stock.tags(repository);
        assert_eq!(tags.len(), 2);
        assert_eq!(tags["1.4.0"], stock.digest("1.4.0"), "the digest stays");
        let client = client_of(&stock.ecr.login(), repository);
        let referrers = stock.ecr.run(client.referrers(&stock.digest("1.4.0"))).unwrap();
        assert_eq!(referrers.len(), 1, "the signature comes along");
    }
    stock.ecr.forget_journal();
    let again = stock.promoted(&arguments);
    assert_eq!(again["targets"][0]["status"], "already-promoted");
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
}

/// Source: ECR user guide, "Blob mounting": between repositories of one registry, where its setting allows it.
#[test]
fn where_the_registry_mounts_blobs_a_promotion_sends_no_byte_of_them() {
    let arguments = ["--from", "1.4.0", "--to", "1.4.0", "--to-repository", "prod/app"];
    for is_allowed in [true, false] {
        let stock = Stock::new();
        stock.ecr.create_repository("prod/app", &Mutability::Immutable);
        if is_allowed {
            stock.ecr.mount_blobs();
        }
        stock.ecr.forget_journal();
        let report = stock.promoted(&arguments);
        let journal = stock.ecr.journal();
        let count = |operation: &str| {
            let of_it = journal.iter().filter(|entry| entry.operation == operation);
            of_it.count()
        };
        // A config and a layer of each platform, and what the signature is made of.
        let sent = if is_allowed { 0 } else { 5 };
        assert_eq!(count("CompleteUpload"), sent, "{}", shown(&journal));
        assert_eq!(count("UploadChunk"), 0, "{}", shown(&journal));
        let mounts = journal
            .iter()
            .filter(|entry| entry.operation == "StartUpload" && entry.status == Some(201));
        assert_eq!(mounts.count(), 5 - sent, "{}", shown(&journal));
        assert_eq!(
            report["targets"][0]["bytes"].as_u64().unwrap() == 0,
            is_allowed,
            "{report}"
        );
        assert_eq!(stock.tags("prod/app")["1.4.0"], stock.digest("1.4.0"));
    }
}

#[test]
fn broken_off_at_any_write_the_next_run_converges() {
    for (operation, count) in [("StartUpload", 4), ("PutManifest", 6)] {
        for skip in 0..count {
            let stock = Stock::new();
            stock.ecr.create_repository("prod/app", &Mutability::Immutable);
            let arguments = [
                "--from",
                "1.4.0",
                "--to",
                "1.4.0",
                "--to",
                "sha-{{sha}}",
                "--to-repository",
                "prod/app",
            ];
            stock.ecr.fail(
                operation,
                skip,
                100,
                FaultAction::Status {
                    status: 403,
                    envelope: false,
                },
            );
            let broken = stock.promote(&arguments);
            assert_ne!(broken.code, Some(0), "{operation} {skip}");
            let is_whole = operation == "PutManifest" && skip > 4;
            assert_eq!(stock.tags("prod/app").is_empty(), !is_whole, "{operation} {skip}");
            stock.ecr.forgive();
            stock.promoted(&arguments);
            assert_eq!(stock.tags("prod/app").len(), 2);
        }
    }
}

#[test]
fn an_image_without_a_tag_that_it_must_have_is_not_promoted() {
    let stock = Stock::new();
    let refused = stock.promote(&["--from", "1.4.0", "--to", "prod", "--require-tag", "staging"]);
    refused.expect_code(10);
    assert!(refused.stderr.contains("`staging`"), "{}", refused.stderr);
    stock.promoted(&["--from", "1.4.0", "--to", "staging"]);
    stock.promoted(&["--from", "1.4.0", "--to", "prod", "--require-tag", "staging"]);
    stock.promote(&["--from", "9.9.9", "--to", "prod"]).expect_code(1);
    let illegal = stock.promote(&["--from", "1.4.0", "--to", "no tag"]);
    illegal.expect_code(2);
    assert!(illegal.stderr.contains("error: `--to`: "), "{}", illegal.stderr);
}

#[test]
fn a_repository_may_be_named_twice_if_it_is_the_same() {
    let stock = Stock::new();
    stock.promoted(&["--from", "1.4.0", "--to", "prod", "--repository", "dev/app"]);
    let refused = stock.promote(&["--from", "1.4.0", "--to", "prod", "--repository", "other/app"]);
    refused.expect_code(2);
    assert!(
        refused
            .stderr
            .contains("`dev/app` names the repository, and `--repository` another"),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_hint_of_a_missing_target_leads_to_the_registry_that_is_meant() {
    let stock = Stock::new();
    let refused = stock.promote(&["--from", "1.4.0", "--to", "prod", "--to-repository", "prod/app"]);
    refused.expect_code(1);
    let hint = format!(
        "aws --region eu-central-1 --endpoint-url {} ecr create-repository --repository-name prod/app",
        stock.ecr.url()
    );
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
}

#[test]
fn with_local_repositories_are_made_and_let_tags_move_where_that_is_said() {
    let stock = Stock::new();
    let promote = |name: &str, more: &[&str]| {
        let mut command = tagship(stock.home.path());
        command
            .args(["promote", name, "--local", "--local-data"])
            .arg(stock.ecr.data())
            .args(more);
        finish(&mut command)
    };
    let across = ["--from", "1.4.0", "--to", "1.4.0", "--to-repository", "prod/app"];
    promote("dev/app", &[across.as_slice(), &["--dry-run"]].concat()).expect_code(0);
    let made = |entry: &JournalEntry| entry.operation == "CreateRepository";
    assert!(!stock.ecr.journal().iter().any(made));
    // The host may be the one at which it listens, and no other of this machine.
    let here = stock.ecr.host();
    let other = promote("127.0.0.1:5510/dev/app", &across);
    other.expect_code(2);
    assert!(other.stderr.contains(&here), "{}", other.stderr);
    promote(&format!("{here}/dev/app"), &across).expect_code(0);
    let there = format!("{here}/prod/other");
    let elsewhere = ["--from", "1.4.0", "--to", "1.4.0", "--to-repository", &there];
    let source = format!("{here}/dev/app");
    let planned = promote(&source, &[elsewhere.as_slice(), &["--dry-run"]].concat());
    planned.expect_code(0);
    assert!(
        planned.stdout.contains("  make the repository\n"),
        "{}",
        planned.stdout
    );
    promote(&source, &elsewhere).expect_code(0);
    assert_eq!(stock.tags("prod/other").len(), 1);
    // Tags of trees with changes promise nothing, and move there.
    let pusher = Pusher::new(&stock.ecr, "prod/app");
    for content in ["first", "second"] {
        let image = pusher.image("amd64", content, &json!({}));
        pusher.tag("sha-222222222222-dirty", &image.digest);
        assert_eq!(stock.tags("prod/app")["sha-222222222222-dirty"], image.digest);
    }
    let staging = ["--from", "1.4.0", "--to", "staging"];
    let refused = promote("prod/app", &staging);
    refused.expect_code(10);
    assert!(refused.stderr.contains("has to move later"), "{}", refused.stderr);
    let mutable = [staging.as_slice(), &["--local-mutability", "mutable"]].concat();
    promote("prod/app", &mutable).expect_code(0);
    assert!(stock.tags("prod/app").contains_key("staging"));
    promote(
        "prod/app",
        &[staging.as_slice(), &["--local-mutability", "some"]].concat(),
    )
    .expect_code(2);
}

/// A command of the page as its reader runs it, with what differs from run to run as the page has it.
fn printed(command: &str, stock: &Stock) -> String {
    let seconds = regex::Regex::new(r"\b\d+ s\b").unwrap();
    let said = run_at(&stock.ecr, stock.home.path(), command);
    let pushed = regex::Regex::new(r"pushed  \S+").unwrap();
    let said = pushed.replace_all(&said, "pushed  2026-11-29T15:11:47Z");
    seconds.replace_all(&said, "1 s").into_owned()
}

#[test]
fn every_example_of_the_page_prints_what_it_says() {
    let stock = Stock::new();
    stock.ecr.create_repository("prod/app", &Mutability::Immutable);
    check(include_str!("../../docs/promoting.md"), 6, |command| {
        printed(command, &stock)
    });
}
