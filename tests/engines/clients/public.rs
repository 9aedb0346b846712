//! The public registries: everybody pulls, and who has logged in pushes.

use super::aws;
use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::clients::{Registry, crane, docker_pulls, login, skopeo_pulls};
use test_support::engines;
use test_support::local::Ecr;
use test_support::process::{finish, scrubbed};
use test_support::unique;

const REPOSITORY: &str = "team/app";

/// A caller without a login of the public registries.
fn anybody() -> Registry {
    Registry {
        host: "registry.example".to_owned(),
        token: String::new(),
    }
}

/// What the AWS command line prints of a call in the API's only region.
#[track_caller]
fn call(ecr: &Ecr, arguments: &[&str]) -> String {
    let finished = aws(
        ecr,
        None,
        &[&["--region", "us-east-1", "ecr-public"], arguments].concat(),
    );
    finished.expect_code(0);
    finished.stdout
}

#[track_caller]
fn describe(ecr: &Ecr, arguments: &[&str]) -> Value {
    serde_json::from_str(&call(ecr, arguments)).expect("it is JSON")
}

#[test]
fn everybody_pulls_what_docker_pushes_after_a_login() {
    let ecr = Ecr::start_with_public_registries();
    let named = ["--repository-name", REPOSITORY];
    let made = describe(&ecr, &[&["create-repository"][..], &named].concat());
    let repository = made["repository"]["repositoryUri"]
        .as_str()
        .expect("a repository has an address");
    let host = repository.split('/').next().expect("it begins with the host");
    let password = call(&ecr, &["get-login-password"]);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    for engine in engines::all() {
        let reference = format!("{repository}:{}", engine.name);
        let files = Checkout::with(&[
            ("Dockerfile", "FROM busybox:1\nCOPY content /\n"),
            ("content", &unique::hex64()),
        ]);
        let image = engine.build(files.path());
        engine.run(&["tag", &image.name, &reference]);
        let _removed_after = engines::Image::named(engine, reference.as_str());
        let docker = |arguments: &[&str]| {
            let mut command = scrubbed("docker", home.path());
            command.args(["--host", &engine.host()]).args(arguments);
            command
        };
        let refused = finish(&mut docker(&["push", &reference]));
        assert_ne!(refused.code, Some(0), "a push needs a login");
        // `docker login` itself goes through the bearer token.
        finish(&mut docker(&[
            "login",
            "--username",
            "AWS",
            "--password",
            password.trim(),
            host,
        ]))
        .expect_code(0);
        finish(&mut docker(&["push", &reference])).expect_code(0);
        finish(&mut docker(&["logout", host])).expect_code(0);
        let digest = crane(&anybody(), &["digest", &reference]);
        assert_eq!(skopeo_pulls(&anybody(), &reference), digest, "{}", engine.name);
        for puller in engines::all() {
            assert_eq!(
                docker_pulls(puller, &anybody(), &reference),
                digest,
                "{} by {}",
                engine.name,
                puller.name
            );
        }
    }
    let tags = describe(&ecr, &[&["describe-image-tags"][..], &named].concat());
    let tags = tags["imageTagDetails"].as_array().expect("a list");
    assert_eq!(tags.len(), engines::all().len());
}

#[test]
fn crane_pushes_after_a_login_and_not_without() {
    let ecr = Ecr::start_with_public_registries();
    let named = ["--repository-name", REPOSITORY];
    let made = describe(&ecr, &[&["create-repository"][..], &named].concat());
    let repository = made["repository"]["repositoryUri"]
        .as_str()
        .expect("a repository has an address");
    let token = describe(&ecr, &["get-authorization-token"]);
    let publisher = Registry {
        host: repository.split('/').next().expect("the host").to_owned(),
        token: token["authorizationData"]["authorizationToken"]
            .as_str()
            .expect("a token is text")
            .to_owned(),
    };
    let image = format!("{repository}:1.0.0");
    let append = |registry: &Registry| {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        login(home.path(), registry);
        let layer = home.path().join("empty.tar");
        std::fs::write(&layer, [0; 1024]).expect("a file can be written");
        let layer = layer.to_str().expect("a path is text");
        finish(
            scrubbed(super::client("crane"), home.path())
                .args(["append", "--insecure", "--oci-empty-base"])
                .args(["--new_layer", layer, "--new_tag", &image]),
        )
    };
    let refused = append(&anybody());
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("Not Authorized"), "{}", refused.stderr);
    append(&publisher).expect_code(0);
    let digest = crane(&anybody(), &["digest", &image]);
    let images = describe(&ecr, &[&["describe-images"][..], &named].concat());
    assert_eq!(images["imageDetails"][0]["imageDigest"], digest.as_str());
}
