//! `base-changed`: a patched base image under an unchanged commit, on every engine.

use serde_json::Value;
use tagship_domain::immutability::Mutability;
use test_support::engines;
use test_support::local::Ecr;
use test_support::process::finish;
use test_support::shipping::{NO_ENGINE, Shipped, Shipyard};

const BASE: &str = "upstream/base";
const TAGS: &str = "type=sha\ntype=semver\ntype=raw,value=nightly";

/// A commit whose image begins with another one of the same registry.
fn yard() -> Shipyard {
    let ecr = Ecr::start();
    let dockerfile = format!("FROM {}/{BASE}:stable\nCOPY hello /hello\n", ecr.host());
    let files = [
        ("Dockerfile", dockerfile.as_str()),
        ("base.Dockerfile", "FROM scratch\nCOPY base /base\n"),
        ("base", "first"),
    ];
    let mut yard = Shipyard::with(ecr, &files);
    yard.turn_to("team/moving", &Mutability::Mutable);
    yard.ecr.create_repository(BASE, &Mutability::Mutable);
    yard
}

/// Publishes the base image as it is in the checkout.
fn ship_base(yard: &mut Shipyard) -> String {
    let app = std::mem::replace(&mut yard.repository, BASE.to_owned());
    let arguments = ["--file", "base.Dockerfile", "--tags", "type=raw,value=stable"];
    let shipped = yard
        .ship(engines::named("docker28-containerd"), &arguments)
        .code(0);
    yard.repository = app;
    shipped.digest()
}

/// The base image is patched, and the checkout is at its commit again.
fn patch_base(yard: &mut Shipyard) -> String {
    let commit = yard.checkout.head();
    yard.checkout.commit(&[("base", "patched")]);
    let digest = ship_base(yard);
    yard.checkout.git(&["reset", "--quiet", "--hard", &commit]);
    digest
}

fn codes(report: &Value) -> Vec<String> {
    let notes = report["notes"].as_array().unwrap().iter();
    let codes = notes.map(|note| note["code"].as_str().unwrap().to_owned());
    codes.filter(|code| code.starts_with("base-")).collect()
}

#[test]
fn a_patched_base_makes_an_image_under_moving_tags_alone() {
    let arguments = ["--tags", TAGS, "--base-changed", "rebuild"];
    for engine in engines::all() {
        let mut yard = yard();
        let base = ship_base(&mut yard);
        let first = yard.ship(engine, &arguments).code(0);
        assert_eq!(first.status(), "published");
        let name = format!("{}/{BASE}:stable", yard.ecr.host());
        let bases = yard.label(&first.digest(), "io.github.tagship.bases");
        assert_eq!(bases, format!("v1:{name}@{base}"));
        let again = yard.ship_on(NO_ENGINE, &arguments).code(0);
        assert_eq!(
            (again.status(), again.digest()),
            ("already-published".to_owned(), first.digest())
        );

        let patched_base = patch_base(&mut yard);
        let plan = finish(&mut yard.command("plan", NO_ENGINE, &[&arguments[..], &["--json"]].concat()));
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        assert_eq!(plan["content"]["from"], "build");
        let change = &plan["base-changed"]["changes"][0];
        assert_eq!(plan["base-changed"]["replaces"], Value::from(first.digest()));
        assert_eq!(
            (&change["image"], &change["before"], &change["now"]),
            (
                &Value::from(name.as_str()),
                &Value::from(base.as_str()),
                &Value::from(patched_base.as_str())
            )
        );

        let patched = yard.ship(engine, &arguments).code(0);
        assert_eq!(patched.status(), "published");
        assert_eq!(codes(&patched.report()), ["base-changed"]);
        assert_ne!(patched.digest(), first.digest());
        assert_eq!(
            patched.tags(),
            [("nightly".to_owned(), "moved".to_owned())].into()
        );
        let tags = yard.tags();
        assert_eq!(tags[&yard.commit_tag()], first.digest());
        assert_eq!(tags["1.0.0"], first.digest());
        assert_eq!(tags["nightly"], patched.digest());
        let label = |name: &str| yard.label(&patched.digest(), name);
        assert_eq!(label("io.github.tagship.replaces"), first.digest());
        assert_eq!(
            label("io.github.tagship.bases"),
            format!("v1:{name}@{patched_base}")
        );

        // The next night, and a run that does not ask: neither builds, nor writes.
        yard.ecr.forget_journal();
        let again = yard.ship_on(NO_ENGINE, &arguments).code(0);
        assert_eq!(
            (again.status(), again.digest()),
            ("already-published".to_owned(), patched.digest())
        );
        let unasked = yard.ship_on(NO_ENGINE, &["--tags", TAGS]).code(0);
        assert_eq!(
            (unasked.status(), unasked.digest()),
            ("already-published".to_owned(), first.digest())
        );
        assert_eq!(unasked.tags()["nightly"], "held");
        assert_eq!(yard.ecr.writes().len(), 0);
        assert_eq!(yard.tags(), tags);
    }
}

#[test]
fn a_base_that_cannot_be_asked_for_is_named_and_ends_no_run() {
    let mut yard = yard();
    ship_base(&mut yard);
    let dockerfile = format!(
        "FROM {host}/{BASE}:stable AS base\nFROM scratch\nCOPY --from=base /base /base\nCOPY hello /hello\n\
         FROM {host}/{BASE}:none AS unused\n\
         FROM scratch\nCOPY --from=1 / /\n",
        host = yard.ecr.host()
    );
    yard.checkout.commit(&[("Dockerfile", &dockerfile)]);
    yard.checkout.tag("v1.1.0");
    let engine = engines::named("docker28-containerd");
    let arguments = ["--tags", TAGS, "--base-changed", "rebuild"];
    let run: Shipped = yard.ship(engine, &arguments).code(0);
    assert_eq!(
        codes(&run.report()),
        [""; 0],
        "a stage that is not needed is not asked for"
    );
    // What is gone upstream is in the engine still, or the image that was built is.
    yard.ecr.create_repository("upstream/other", &Mutability::Mutable);
    let dockerfile = format!("FROM {}/upstream/other:1\n", yard.ecr.host());
    yard.checkout.write("Dockerfile", &dockerfile);
    let arguments = [&arguments[..], &["--allow-dirty"]].concat();
    let plan = finish(&mut yard.command("plan", NO_ENGINE, &[&arguments[..], &["--json"]].concat()));
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(codes(&plan), [""; 0], "a changed tree is built as ever");
    yard.checkout.commit(&[]);
    yard.checkout.tag("v1.2.0");
    let plan = finish(&mut yard.command(
        "plan",
        NO_ENGINE,
        &["--tags", TAGS, "--base-changed", "rebuild", "--json"],
    ));
    let report: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(codes(&report), ["base-unknown"]);
    assert!(
        plan.stderr.contains("its registry does not have it"),
        "{}",
        plan.stderr
    );
}
