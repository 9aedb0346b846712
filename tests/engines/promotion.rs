//! What was promoted and copied is what every client pulls.

use tagship_domain::immutability::Mutability;
use test_support::clients::{crane, docker_pulls, docker_runs, skopeo_pulls};
use test_support::engines;
use test_support::process::finish;
use test_support::shipping::Shipyard;

#[test]
fn promoted_and_copied_images_are_pulled_by_every_client() {
    for store in ["docker28-classic", "docker28-containerd"] {
        let yard = Shipyard::new();
        let shipped = yard.ship(engines::named(store), &[]).code(0);
        for repository in ["prod/app", "copied/app"] {
            yard.ecr.create_repository(repository, &Mutability::Immutable);
        }
        for arguments in [
            &[
                "promote",
                "team/app",
                "--from",
                "1.0.0",
                "--to",
                "1.0.0",
                "--to-repository",
                "prod/app",
            ][..],
            &["copy", "team/app:1.0.0", "copied/app"],
        ] {
            finish(&mut yard.ecr.command(yard.home(), arguments)).expect_code(0);
        }
        let registry = yard.ecr.login();
        for repository in ["prod/app", "copied/app"] {
            let reference = format!("{}/{repository}:1.0.0", registry.host);
            for engine in engines::all() {
                assert_eq!(
                    docker_pulls(engine, &registry, &reference),
                    shipped.digest(),
                    "{store}"
                );
                let said = docker_runs(engine, &registry, &[&reference, "cat", "/copy"]);
                let expected = std::fs::read_to_string(yard.checkout.path().join("hello")).unwrap();
                assert_eq!(said, expected, "{store}");
            }
            assert_eq!(skopeo_pulls(&registry, &reference), shipped.digest(), "{store}");
            // The base image of the tests was loaded, and a containerd store keeps such layers uncompressed, which
            // this judge does not read.
            if store == "docker28-classic" {
                crane(&registry, &["validate", "--remote", &reference]);
            }
        }
    }
}
