//! `ship` to ECR Public, which knows no immutable tags: the version stays all the same.

use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::engines;
use test_support::process::{finish, output_of, scrubbed};
use test_support::public::{ALIAS, PublicEcr};
use test_support::shipping::{DOCKERFILE, Shipped};
use test_support::unique;

#[test]
fn a_commit_is_shipped_to_ecr_public_once_and_its_version_never_moves() {
    let engine = engines::named("docker28-classic");
    let public = PublicEcr::start();
    let home = tempfile::tempdir().unwrap();
    let mut checkout = Checkout::empty();
    checkout.write("hello", unique::hex64());
    checkout.commit(&[("Dockerfile", DOCKERFILE)]);
    checkout.tag("v1.0.0");
    let repository = format!("{ALIAS}/team/app");
    let ship = |checkout: &Checkout, more: &[&str]| {
        let host = engine.host();
        let given = [
            "ship",
            "--json",
            "--docker-host",
            &host,
            "--repository",
            &repository,
        ];
        let mut command = public.command(home.path(), &[&given[..], more].concat());
        Shipped(finish(command.current_dir(checkout.path())))
    };
    let first = ship(&checkout, &["--create-repository"]).code(0);
    assert_eq!(first.status(), "published");
    let digest = first.digest();
    let again = ship(&checkout, &[]).code(0);
    assert_eq!(
        (again.status().as_str(), again.digest()),
        ("already-published", digest.clone())
    );
    // Anybody pulls it, by another client without a login.
    let mut crane = scrubbed(client("crane"), home.path());
    public.lead(&mut crane);
    let image = format!("public.ecr.aws/{repository}:1.0.0");
    assert_eq!(output_of(crane.args(["digest", &image])), digest);

    // The registry would let the tag move.
    checkout.write("hello", unique::hex64());
    checkout.commit(&[]);
    ship(&checkout, &["--version", "1.0.0"]).code(10);
    let mut crane = scrubbed(client("crane"), home.path());
    public.lead(&mut crane);
    assert_eq!(output_of(crane.args(["digest", &image])), digest);
}
