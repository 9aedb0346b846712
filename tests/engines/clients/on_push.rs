//! Repositories that are made by the push itself: what clients ask before they push must not keep them from it.

use super::{ClientBench, aws};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::clients::crane;
use test_support::engines;
use test_support::process::{finish, scrubbed};
use test_support::unique;

#[test]
fn every_client_pushes_to_a_repository_that_a_template_makes() {
    let yard = ClientBench::new(&Mutability::Mutable);
    let named = |repository: &str| format!("{}/{repository}:1.0.0", yard.ecr.host());
    let copy = |repository: &str| {
        let (from, to) = (yard.image("1.0.0"), named(repository));
        yard.run(
            "skopeo",
            &[
                "--insecure-policy",
                "copy",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                "--authfile=.docker/config.json",
                &format!("docker://{from}"),
                &format!("docker://{to}"),
            ],
        )
    };
    let digest = yard.put("1.0.0");
    let refused = copy("none/by-skopeo");
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("does not exist"), "{}", refused.stderr);
    let template = [
        "ecr",
        "create-repository-creation-template",
        "--prefix",
        "made",
        "--applied-for",
        "CREATE_ON_PUSH",
    ];
    aws(&yard.ecr, None, &template).expect_code(0);
    copy("made/by-skopeo").expect_code(0);
    let (from, to) = (yard.image("1.0.0"), named("made/by-crane"));
    yard.run("crane", &["copy", "--insecure", &from, &to])
        .expect_code(0);
    for client in ["by-skopeo", "by-crane"] {
        let copied = named(&format!("made/{client}"));
        assert_eq!(crane(&yard.registry, &["digest", &copied]), digest, "{client}");
    }
    for engine in engines::all() {
        let reference = named(&format!("made/{}", engine.name));
        let files = Checkout::with(&[
            ("Dockerfile", "FROM busybox:1\nCOPY content /\n"),
            ("content", &unique::hex64()),
        ]);
        let image = engine.build(files.path());
        engine.run(&["tag", &image.name, &reference]);
        let _removed_after = engines::Image::named(engine, reference.as_str());
        let pushed = finish(
            scrubbed("docker", yard.home.path())
                .args(["--host", &engine.host()])
                .args(["push", &reference]),
        );
        pushed.expect_code(0);
        assert!(crane(&yard.registry, &["digest", &reference]).starts_with("sha256:"));
    }
}
