//! A checkout is built and nothing is published: the built program on real engines, without any registry.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::engines::{self, Engine, Image};
use test_support::process::{Finished, finish, tagship};
use test_support::shipping::{NO_ENGINE, Shipyard};
use test_support::unique;

fn command(checkout: &Checkout, home: &Path, engine: &Engine, arguments: &[&str]) -> Command {
    let mut program = tagship(home);
    program
        .current_dir(checkout.path())
        .args(arguments)
        .args(["--docker-host", &engine.host()]);
    program
}

fn run(checkout: &Checkout, engine: &Engine, arguments: &[&str]) -> Finished {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    finish(&mut command(checkout, home.path(), engine, arguments))
}

fn checkout() -> Checkout {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox:1\nCOPY hello /hello\n"),
        ("hello", "hello"),
    ]);
    checkout.tag("v1.2.3");
    checkout
}

#[test]
fn a_working_tree_is_built_as_it_is_without_a_registry_or_repository() {
    for engine in engines::all() {
        let checkout = checkout();
        checkout.write("hello", "changed");
        let built = run(&checkout, engine, &["build", "--json"]);
        built.expect_code(0);
        let report: Value = serde_json::from_str(&built.stdout).expect("the report is JSON");
        assert_eq!(report["status"], "built", "{}", engine.name);
        assert_eq!(report["image"], Value::Null);
        let revision = report["revision"].as_str().expect("a commit is built");
        assert!(revision.ends_with("-dirty"), "{revision}");
    }
}

#[test]
fn an_image_is_loaded_under_the_tags_that_it_would_have() {
    for engine in engines::all() {
        let checkout = checkout();
        let name = unique::name("tagship-build");
        let tags = ["--tags", "type=semver,pattern={{version}}", "--tags", "edge"];
        let image = ["build", "--load", "--repository", &name];
        let built = run(&checkout, engine, &[&image[..], &tags].concat());
        built.expect_code(0);
        let _removed = ["1.2.3", "edge"].map(|tag| Image::named(engine, format!("{name}:{tag}")));
        let id = engine.run(&["inspect", "--format", "{{.Id}}", &format!("{name}:1.2.3")]);
        assert_eq!(built.stdout.trim(), id.trim(), "{}", engine.name);
        assert!(built.stderr.contains(&format!("{name}:edge")), "{}", built.stderr);
        let said = engine.run(&["run", "--rm", &format!("{name}:edge"), "cat", "/hello"]);
        assert_eq!(said.trim(), "hello");
        let format = "{{index .Config.Labels \"org.opencontainers.image.version\"}}";
        let version = engine.run(&["inspect", "--format", format, &format!("{name}:edge")]);
        assert_eq!(version.trim(), "1.2.3", "{}", engine.name);
    }
}

#[test]
fn files_come_out_of_a_build_that_a_workflow_does_not_publish() {
    for engine in engines::all() {
        let checkout = checkout();
        let arguments = [
            "ship",
            "--push=false",
            "--outputs",
            "type=local,dest=out",
            "--repository",
            "team/app",
        ];
        run(&checkout, engine, &arguments).expect_code(0);
        let file = std::fs::read_to_string(checkout.path().join("out/hello"));
        assert_eq!(file.expect("the file is there"), "hello", "{}", engine.name);
    }
}

#[test]
fn what_the_engine_cannot_do_ends_the_run_with_its_name_and_the_way_out() {
    let engine = engines::named("docker28-classic");
    let refused = run(
        &checkout(),
        engine,
        &["build", "--outputs", "type=oci,dest=image.tar"],
    );
    refused.expect_code(2);
    for part in [
        "`outputs` with `type=oci,dest=…`",
        "28.5",
        "classic image store",
        "containerd-snapshotter",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
fn a_plan_finds_what_the_engine_cannot_do_and_does_without_an_engine() {
    let yard = Shipyard::new();
    let several = ["--platforms", "linux/amd64,linux/arm64"];
    let plan = |host: &str| finish(&mut yard.command("plan", host, &several));
    let refused = plan(&engines::named("docker28-classic").host());
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("several `platforms`"),
        "{}",
        refused.stderr
    );
    plan(&engines::named("docker28-containerd").host()).expect_code(0);
    let unknown = plan(NO_ENGINE);
    unknown.expect_code(0);
    assert!(
        unknown.stderr.contains("could not determine whether the engine"),
        "{}",
        unknown.stderr
    );
}

/// The peer's own files say what is expected.
#[test]
fn a_loaded_image_leaves_the_id_that_the_engine_knows_it_by() {
    for engine in engines::all() {
        let checkout = checkout();
        let name = unique::name("tagship-files");
        let flags = ["build", "--load", "--repository", &name, "--tags", "edge"];
        let files = ["--iidfile", "out/iid", "--metadata-file", "out/metadata.json"];
        run(&checkout, engine, &[&flags[..], &files].concat()).expect_code(0);
        let _removed = Image::named(engine, format!("{name}:edge"));
        let id = engine.run(&["inspect", "--format", "{{.Id}}", &format!("{name}:edge")]);
        let read = |file: &str| std::fs::read_to_string(checkout.path().join(file)).expect("it is there");
        assert_eq!(read("out/iid"), id.trim(), "{}", engine.name);
        let metadata: Value = serde_json::from_str(&read("out/metadata.json")).expect("it is JSON");
        assert_eq!(metadata["containerimage.digest"], id.trim());
        assert_eq!(metadata["image.name"], format!("{name}:edge"));
    }
}
