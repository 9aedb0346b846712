//! Moving tags over several releases: the built program, a real engine, the embedded ECR over HTTP.

use tagship_domain::immutability::Mutability;
use test_support::clients::client;
use test_support::engines;
use test_support::local::{Ecr, REGION};
use test_support::process::{finish, scrubbed};
use test_support::shipping::{NO_ENGINE, Shipped, Shipyard};

const VERSION_TAGS: &str =
    "type=semver\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}\nlatest";
const BRANCH_TAGS: &str = "type=sha\ntype=ref,event=branch";

/// A repository whose tags may move, and a checkout whose image is one small layer.
fn yard() -> Shipyard {
    let mut yard = Shipyard::with(
        Ecr::start(),
        &[("Dockerfile", "FROM scratch\nCOPY hello /hello\n")],
    );
    yard.checkout.git(&["tag", "--delete", "v1.0.0"]);
    yard.turn_to("team/moving", &Mutability::Mutable);
    yard
}

fn ship(yard: &Shipyard, tags: &str, more: &[&str]) -> Shipped {
    let arguments = [&["--tags", tags], more].concat();
    yard.ship(engines::named("docker28-containerd"), &arguments)
        .code(0)
}

fn reason(shipped: &Shipped, tag: &str) -> String {
    let report = shipped.report();
    let tags = report["tags"].as_array().expect("`tags` is a list").clone();
    let known = tags
        .iter()
        .find(|known| known["tag"] == tag)
        .expect("the tag is there");
    known["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_fix_of_an_older_line_moves_that_line_alone() {
    let mut yard = yard();
    let newest = ship(&yard, VERSION_TAGS, &["--version", "1.3.0"]).digest();
    yard.commit_more();
    yard.checkout.tag("v1.2.9");
    yard.ecr.forget_journal();
    let fix = ship(&yard, VERSION_TAGS, &[]);
    let outcomes: Vec<String> = fix
        .tags()
        .into_iter()
        .map(|(tag, outcome)| format!("{tag} {outcome}"))
        .collect();
    assert_eq!(
        outcomes,
        ["1 held", "1.2 created", "1.2.9 created", "latest held"]
    );
    let tags = yard.tags();
    for (tag, digest) in [
        ("1", &newest),
        ("latest", &newest),
        ("1.3", &newest),
        ("1.2", &fix.digest()),
    ] {
        assert_eq!(tags[tag], *digest, "{tag}");
    }
    let reason = reason(&fix, "latest");
    assert!(reason.contains("1.3.0"), "{reason}");
    // Again: nothing is built, put or listed.
    yard.ecr.forget_journal();
    let again = yard.ship_on(NO_ENGINE, &["--tags", VERSION_TAGS]).code(0);
    assert_eq!(again.status(), "already-published");
    let lists = |yard: &Shipyard| {
        let journal = yard.ecr.journal();
        journal
            .iter()
            .filter(|entry| entry.operation == "ListTags")
            .count()
    };
    assert_eq!((yard.ecr.writes().len(), lists(&yard)), (0, 0));
    // A checkout of one commit knows no other version: the registry does, even where the tag is new.
    yard.commit_more();
    yard.checkout.tag("v0.9.0");
    yard.checkout = yard.checkout.shallow_clone();
    let old = ship(&yard, "type=semver\ntype=raw,value=latest,suffix=-stable", &[]);
    assert_eq!(old.tags()["latest-stable"], "held");
    assert_eq!(lists(&yard), 2, "for the plan, and before the write");
}

#[test]
fn a_branch_tag_follows_its_branch() {
    let mut yard = yard();
    let first = yard.checkout.head();
    ship(&yard, BRANCH_TAGS, &[]);
    yard.commit_more();
    let second = ship(&yard, BRANCH_TAGS, &[]);
    assert_eq!(second.tags()["main"], "moved");
    yard.commit_more();
    let newest = yard.checkout.head();
    // A run of the second commit's branch ends late.
    yard.checkout.git(&["reset", "--quiet", "--hard", &first]);
    let late = ship(&yard, "type=sha,suffix=-again\ntype=ref,event=branch", &[]);
    assert_eq!(late.tags()["main"], "held");
    assert_eq!(yard.tags()["main"], second.digest());
    // A checkout of the newest commit alone cannot tell, and says what helps.
    yard.checkout.git(&["reset", "--quiet", "--hard", &newest]);
    let clone = yard.checkout.shallow_clone();
    let _origin = std::mem::replace(&mut yard.checkout, clone);
    let shallow = ship(&yard, BRANCH_TAGS, &[]);
    assert_eq!(shallow.status(), "published");
    assert_eq!(shallow.tags()["main"], "held");
    assert!(
        shallow.0.stderr.contains("fetch-depth: 0"),
        "{}",
        shallow.0.stderr
    );
    yard.checkout.git(&["fetch", "--quiet", "--unshallow"]);
    let whole = yard.ship_on(NO_ENGINE, &["--tags", BRANCH_TAGS]).code(0);
    assert_eq!(whole.tags()["main"], "moved");
    assert_eq!(yard.tags()["main"], shallow.digest());
}

#[test]
fn the_hint_for_an_immutable_repository_is_a_command_that_helps() {
    let mut yard = yard();
    yard.checkout.tag("v1.2.9");
    yard.turn_to("team/strict", &Mutability::Immutable);
    let refused = yard.ship_on(NO_ENGINE, &["--tags", VERSION_TAGS]).code(10);
    assert_eq!(yard.ecr.writes(), []);
    let hint = refused
        .0
        .stderr
        .lines()
        .find_map(|line| line.split_once("let them move: "));
    let (_, command) = hint.unwrap_or_else(|| panic!("{}", refused.0.stderr));
    let (key, secret) = yard.ecr.admin_key();
    let command = command.replacen("aws", client("aws"), 1);
    finish(
        scrubbed("sh", yard.home())
            .args(["-c", &command])
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ENDPOINT_URL", yard.ecr.url()),
    )
    .expect_code(0);
    let shipped = ship(&yard, VERSION_TAGS, &[]);
    assert!(shipped.tags().values().all(|outcome| outcome == "created"));
}
