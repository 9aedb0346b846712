//! The embedded ECR, judged by the clients that people use with ECR.
//!
//! Each of them has its own idea of the registry protocol and of AWS's API; what all of them can work with is not
//! only what our own client happens to send.

mod on_push;
mod public;
use std::path::Path;

use serde_json::Value;
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::clients::{Registry, client, crane, docker_pulls, login, skopeo_pulls};
use test_support::engines;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{Finished, finish, output_of, scrubbed};
use test_support::shipping::REPOSITORY;
use test_support::unique;

struct ClientBench {
    ecr: Ecr,
    registry: Registry,
    home: tempfile::TempDir,
}

impl ClientBench {
    fn new(mutability: &Mutability) -> Self {
        let ecr = Ecr::start();
        ecr.create_repository(REPOSITORY, mutability);
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let registry = ecr.login();
        login(home.path(), &registry);
        Self { ecr, registry, home }
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.ecr.host())
    }

    /// Puts a small image with content of its own under a tag; gives its digest.
    fn put(&self, tag: &str) -> String {
        let files = Checkout::with(&[("content", &unique::hex64())]);
        let layer = self.home.path().join("layer.tar");
        let folder = files.path();
        output_of(
            scrubbed("tar", folder)
                .arg("--create")
                .arg("--file")
                .arg(&layer)
                .arg("--directory")
                .arg(folder)
                .arg("content"),
        );
        let layer = layer.to_str().expect("a path is text");
        crane(
            &self.registry,
            &[
                "append",
                "--oci-empty-base",
                "--new_tag",
                &self.image(tag),
                "--new_layer",
                layer,
            ],
        );
        crane(&self.registry, &["digest", &self.image(tag)])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        finish(
            scrubbed(client(program), self.home.path())
                .current_dir(self.home.path())
                .args(arguments),
        )
    }
}

#[test]
fn docker_pushes_what_every_client_pulls() {
    let yard = ClientBench::new(&Mutability::Mutable);
    for engine in engines::all() {
        let reference = yard.image(&engine.name);
        let files = Checkout::with(&[
            ("Dockerfile", "FROM busybox:1\nCOPY content /\n"),
            ("content", &unique::hex64()),
        ]);
        let image = engine.build(files.path());
        engine.run(&["tag", &image.name, &reference]);
        let _removed_after = engines::Image::named(engine, reference.as_str());
        let docker = |arguments: &[&str]| {
            finish(
                scrubbed("docker", yard.home.path())
                    .args(["--host", &engine.host()])
                    .args(arguments),
            )
        };
        docker(&["push", &reference]).expect_code(0);
        let digest = crane(&yard.registry, &["digest", &reference]);
        assert_eq!(
            skopeo_pulls(&yard.registry, &reference),
            digest,
            "{}",
            engine.name
        );
        for puller in engines::all() {
            assert_eq!(
                docker_pulls(puller, &yard.registry, &reference),
                digest,
                "{} by {}",
                engine.name,
                puller.name
            );
        }
    }
}

#[test]
fn an_immutable_tag_is_not_moved_by_any_client() {
    let yard = ClientBench::new(&Mutability::Immutable);
    let digest = yard.put("1.0.0");
    let other = yard.put("2.0.0");
    let refusals = [
        yard.run("crane", &["tag", "--insecure", &yard.image("2.0.0"), "1.0.0"]),
        yard.run(
            "skopeo",
            &[
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                "--authfile=.docker/config.json",
                &format!("docker://{}", yard.image("2.0.0")),
                &format!("docker://{}", yard.image("1.0.0")),
            ],
        ),
        yard.run("oras", &["tag", "--plain-http", &yard.image("2.0.0"), "1.0.0"]),
    ];
    for refusal in refusals {
        assert_ne!(refusal.code, Some(0));
        assert!(refusal.stderr.contains("immutable"), "{}", refusal.stderr);
    }
    assert_ne!(digest, other);
    assert_eq!(yard.ecr.tags(REPOSITORY)["1.0.0"], digest);
}

#[test]
fn a_password_that_is_none_of_ours_is_refused() {
    let yard = ClientBench::new(&Mutability::Mutable);
    yard.put("1.0.0");
    let wrong = Registry {
        host: yard.ecr.host(),
        token: "QVdTOndyb25n".to_owned(),
    };
    login(yard.home.path(), &wrong);
    let refused = yard.run("crane", &["digest", "--insecure", &yard.image("1.0.0")]);
    assert_ne!(refused.code, Some(0), "`QVdTOndyb25n` is `AWS:wrong`");
}

#[test]
fn an_artifact_and_what_refers_to_it_come_back_whole() {
    let yard = ClientBench::new(&Mutability::Immutable);
    let content = unique::hex64();
    std::fs::write(yard.home.path().join("report.txt"), &content).expect("a file can be written");
    let image = yard.image("1.0.0");
    yard.put("1.0.0");
    let attach = [
        "attach",
        "--plain-http",
        "--artifact-type",
        "example/report",
        &image,
        "report.txt:text/plain",
    ];
    yard.run("oras", &attach).expect_code(0);
    let found = yard.run("oras", &["discover", "--plain-http", "--format", "json", &image]);
    found.expect_code(0);
    let found: Value = serde_json::from_str(&found.stdout).expect("it is JSON");
    let referrer = found["referrers"][0]["reference"].as_str().expect("there is one");
    let folder = yard.home.path().join("pulled");
    let folder = folder.to_str().expect("a path is text");
    yard.run("oras", &["pull", "--plain-http", "--output", folder, referrer])
        .expect_code(0);
    let pulled = std::fs::read_to_string(Path::new(folder).join("report.txt"));
    assert_eq!(pulled.expect("it was pulled"), content);
    assert_eq!(yard.ecr.tags(REPOSITORY).len(), 1, "no tag was needed for it");
}

#[test]
fn a_signature_is_made_and_verified() {
    let yard = ClientBench::new(&Mutability::Immutable);
    let digest = yard.put("1.0.0");
    let image = format!("{}/{REPOSITORY}@{digest}", yard.ecr.host());
    let cosign = |arguments: &[&str]| {
        let mut command = scrubbed(client("cosign"), yard.home.path());
        command
            .current_dir(yard.home.path())
            .env("COSIGN_PASSWORD", "")
            .env("COSIGN_YES", "true");
        finish(command.args(arguments))
    };
    let of_image = |arguments: &[&str]| {
        let insecure = ["--allow-http-registry", "--allow-insecure-registry", &image];
        cosign(&[arguments, &insecure].concat())
    };
    cosign(&["generate-key-pair"]).expect_code(0);
    cosign(&["signing-config", "create", "--out", "config.json"]).expect_code(0);
    of_image(&["sign", "--key", "cosign.key", "--signing-config", "config.json"]).expect_code(0);
    of_image(&["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true"]).expect_code(0);
}

/// The AWS command line, whose botocore checks requests and answers against AWS's own model.
fn aws(ecr: &Ecr, secret: Option<&str>, arguments: &[&str]) -> Finished {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (id, real) = ecr.admin_key();
    finish(
        scrubbed(client("aws"), home.path())
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret.map_or(real, str::to_owned))
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ENDPOINT_URL", ecr.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["--output", "json"])
            .args(arguments),
    )
}

#[track_caller]
fn aws_says(yard: &ClientBench, arguments: &[&str]) -> Value {
    let finished = aws(&yard.ecr, None, arguments);
    finished.expect_code(0);
    serde_json::from_str(&finished.stdout).expect("it is JSON")
}

#[test]
fn the_aws_command_line_understands_every_answer() {
    let yard = ClientBench::new(&Mutability::Immutable);
    let digest = yard.put("1.0.0");
    assert_eq!(
        aws_says(&yard, &["sts", "get-caller-identity"])["Account"],
        ACCOUNT
    );
    let repository = ["--repository-name", REPOSITORY];
    let described = aws_says(
        &yard,
        &[
            &["ecr", "describe-repositories"][..],
            &["--repository-names", REPOSITORY],
        ]
        .concat(),
    );
    assert_eq!(described["repositories"][0]["imageTagMutability"], "IMMUTABLE");
    let images = aws_says(&yard, &[&["ecr", "describe-images"][..], &repository].concat());
    assert_eq!(images["imageDetails"][0]["imageDigest"], digest.as_str());
    let ids = ["--image-ids", "imageTag=1.0.0", "imageTag=9.9.9"];
    let got = aws_says(
        &yard,
        &[&["ecr", "batch-get-image"][..], &repository, &ids].concat(),
    );
    assert_eq!(got["images"][0]["imageId"]["imageDigest"], digest.as_str());
    assert_eq!(got["failures"][0]["failureCode"], "ImageNotFound");
    let manifest = got["images"][0]["imageManifest"].as_str().expect("it is text");
    assert_eq!(
        format!("sha256:{}", unique::sha256_hex(manifest.as_bytes())),
        digest
    );
    let put = [
        &["ecr", "put-image"][..],
        &repository,
        &["--image-tag", "1.1.0", "--image-manifest", manifest],
    ]
    .concat();
    assert_eq!(aws_says(&yard, &put)["image"]["imageId"]["imageTag"], "1.1.0");
    assert_eq!(yard.ecr.tags(REPOSITORY)["1.1.0"], digest);
    let again = aws(&yard.ecr, None, &put);
    assert!(
        again.stderr.contains("ImageAlreadyExistsException"),
        "{}",
        again.stderr
    );
}

#[test]
fn the_aws_command_line_is_refused_in_awss_words() {
    let yard = ClientBench::new(&Mutability::Immutable);
    for (secret, arguments, code) in [
        (
            None,
            &["ecr", "describe-images", "--repository-name", "team/none"][..],
            "RepositoryNotFoundException",
        ),
        (
            None,
            &["ecr", "create-repository", "--repository-name", REPOSITORY],
            "RepositoryAlreadyExistsException",
        ),
        (
            Some("wrong"),
            &["ecr", "describe-repositories"],
            "InvalidSignatureException",
        ),
        (
            Some("wrong"),
            &["sts", "get-caller-identity"],
            "SignatureDoesNotMatch",
        ),
    ] {
        let refused = aws(&yard.ecr, secret, arguments);
        assert_ne!(refused.code, Some(0), "{code}");
        assert!(refused.stderr.contains(code), "no `{code}` in {}", refused.stderr);
    }
}
