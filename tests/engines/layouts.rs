//! Layouts that Tagship writes are read by other clients, and theirs by Tagship.

use std::path::Path;

use tagship_domain::immutability::Mutability;
use test_support::clients::{Registry, client, crane, docker_pulls, docker_runs, login};
use test_support::engines;
use test_support::engines::Engine;
use test_support::process::{finish, output_of, scrubbed};
use test_support::shipping::Shipyard;
use test_support::unique::sha256_hex;

fn skopeo(home: &Path, registry: &Registry, arguments: &[&str]) -> String {
    login(home, registry);
    let mut command = scrubbed(client("skopeo"), home);
    command.current_dir(home).args(arguments);
    let done = finish(command.arg("--authfile").arg(home.join(".docker/config.json")));
    done.expect_code(0);
    done.stdout
}

fn copy(yard: &Shipyard, arguments: &[&str]) {
    let arguments = [&["copy", "--quiet"], arguments].concat();
    let mut command = yard.ecr.command(yard.home(), &arguments);
    finish(command.current_dir(yard.home())).expect_code(0);
}

/// Saves an image as the engine does, and gives back what the archive is called.
fn docker_saves(engine: &Engine, home: &Path, registry: &Registry, reference: &str) {
    login(home, registry);
    for arguments in [
        &["pull", "--quiet", reference][..],
        &["save", "--output", "saved.tar", reference],
    ] {
        let mut docker = scrubbed("docker", home);
        output_of(
            docker
                .current_dir(home)
                .args(["--host", &engine.host()])
                .args(arguments),
        );
    }
}

#[test]
fn layouts_pass_between_tagship_and_other_clients() {
    let yard = Shipyard::new();
    let digest = yard
        .ship(engines::named("docker28-classic"), &[])
        .code(0)
        .digest();
    let (registry, home) = (yard.ecr.login(), yard.home());
    for repository in ["back/crane", "back/skopeo"] {
        yard.ecr.create_repository(repository, &Mutability::Immutable);
    }
    for (layout, named) in [
        ("oci:out", "oci:out:1.0.0"),
        ("oci-archive:out.tar", "oci-archive:out.tar:1.0.0"),
    ] {
        copy(&yard, &["team/app:1.0.0", layout]);
        let raw = skopeo(home, &registry, &["inspect", "--raw", named]);
        assert_eq!(
            format!("sha256:{}", sha256_hex(raw.as_bytes())),
            digest,
            "{layout}"
        );
    }
    let pushed = format!("{}/back/crane:1.0.0", registry.host);
    crane(&registry, &["push", home.join("out").to_str().unwrap(), &pushed]);
    assert_eq!(yard.ecr.tags("back/crane")["1.0.0"], digest);

    let source = format!("docker://{}", yard.image());
    let arguments = [
        "--insecure-policy",
        "copy",
        "--all",
        "--src-tls-verify=false",
        &format!("{source}:1.0.0"),
        "oci-archive:theirs.tar:1.0.0",
    ];
    skopeo(home, &registry, &arguments);
    copy(&yard, &["oci-archive:theirs.tar", "back/skopeo"]);
    assert_eq!(yard.ecr.tags("back/skopeo")["1.0.0"], digest);
}

#[test]
fn what_an_engine_saves_is_copied_to_a_registry() {
    for name in ["docker28-classic", "docker28-containerd"] {
        let engine = engines::named(name);
        let yard = Shipyard::new();
        yard.ship(engine, &[]).code(0);
        yard.ecr.create_repository("saved/app", &Mutability::Immutable);
        let registry = yard.ecr.login();
        docker_saves(engine, yard.home(), &registry, &format!("{}:1.0.0", yard.image()));
        copy(&yard, &["docker-archive:saved.tar", "saved/app:1.0.0"]);
        let reference = format!("{}/saved/app:1.0.0", registry.host);
        let digest = docker_pulls(engine, &registry, &reference);
        assert_eq!(digest, yard.ecr.tags("saved/app")["1.0.0"], "{name}");
        let printed = docker_runs(engine, &registry, &[&reference, "cat", "/copy"]);
        let expected = std::fs::read_to_string(yard.checkout.path().join("hello")).unwrap();
        assert_eq!(printed, expected, "{name}");
    }
}

/// Of the engine itself, and of the archive that it saves: on every engine, whatever its store is.
#[test]
fn what_an_engine_has_or_saves_is_pushed_and_runs() {
    for engine in engines::all() {
        let yard = Shipyard::new();
        yard.ship(engine, &[]).code(0);
        let registry = yard.ecr.login();
        let source = format!("{}:1.0.0", yard.image());
        docker_saves(engine, yard.home(), &registry, &source);
        let expected = std::fs::read_to_string(yard.checkout.path().join("hello")).unwrap();
        let push = |arguments: &[&str]| {
            let host = engine.host();
            let arguments = [&["push", "--json", "--docker-host", &host], arguments].concat();
            let mut command = yard.ecr.command(yard.home(), &arguments);
            let done = finish(command.current_dir(yard.home()));
            done.expect_code(0);
            serde_json::from_str::<serde_json::Value>(&done.stdout).unwrap()
        };
        for (from, to) in [(source.as_str(), "own/app"), ("saved.tar", "saved/app")] {
            yard.ecr.create_repository(to, &Mutability::Immutable);
            let report = push(&[from, to]);
            assert_eq!(report["status"], "pushed", "{}: {from}", engine.name);
            let reference = format!("{}/{to}:1.0.0", registry.host);
            let digest = docker_pulls(engine, &registry, &reference);
            assert_eq!(report["digest"], digest, "{}: {from}", engine.name);
            let printed = docker_runs(engine, &registry, &[&reference, "cat", "/copy"]);
            assert_eq!(printed, expected, "{}: {from}", engine.name);
            // The base image of the tests was loaded, and a containerd store keeps such layers uncompressed, which this
            // judge does not read.
            if engine.name != "docker28-containerd" {
                crane(&registry, &["validate", "--remote", &reference]);
            }
            let again = push(&[from, to]);
            assert_eq!(again["status"], "already-pushed", "{}: {from}", engine.name);
        }
    }
}
