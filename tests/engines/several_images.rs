//! Several images of one `tagship.yaml`, built and published in one run.

use serde_json::Value;
use tagship_domain::immutability::Mutability;
use test_support::engines;
use test_support::local::{Ecr, shown};
use test_support::shipping::Shipyard;
use test_support::unique;

const CONFIG: &str = "\
images:
  api:
    repository: shop/api
    context: api
  web:
    repository: shop/web
    context: web
";

const DOCKERFILE: &str = "FROM busybox:1\nCOPY content /\n";

#[test]
fn two_unpublished_images_are_built_side_by_side_with_one_login() {
    for engine in engines::all() {
        let (api, web) = (unique::hex64(), unique::hex64());
        let files = [
            ("tagship.yaml", CONFIG),
            ("api/Dockerfile", DOCKERFILE),
            ("api/content", &api),
            ("web/Dockerfile", DOCKERFILE),
            ("web/content", &web),
        ];
        let yard = Shipyard::with(Ecr::start(), &files);
        for repository in ["shop/api", "shop/web"] {
            yard.ecr.create_repository(repository, &Mutability::Immutable);
        }
        yard.ecr.forget_journal();
        let arguments = [
            "ship",
            "--all",
            "--parallel",
            "2",
            "--json",
            "--docker-host",
            &engine.host(),
        ];
        let mut command = yard.ecr.command(yard.home(), &arguments);
        let run = test_support::process::finish(command.current_dir(yard.checkout.path()));
        run.expect_code(0);
        let journal = yard.ecr.journal();
        let logins = journal
            .iter()
            .filter(|entry| entry.operation == "GetAuthorizationToken");
        assert_eq!(logins.count(), 1, "{}: {}", engine.name, shown(&journal));
        let report: Value = serde_json::from_str(&run.stdout).expect("it is a report");
        let rows = report["images"].as_array().expect("it has rows");
        assert_eq!(rows.len(), 2, "{}: {report}", engine.name);
        for (row, name) in rows.iter().zip(["api", "web"]) {
            assert_eq!(
                (&row["name"], &row["status"]),
                (&name.into(), &"published".into())
            );
            let tags = yard.ecr.tags(&format!("shop/{name}"));
            let names: Vec<&String> = tags.keys().collect();
            assert_eq!(names, ["1.0.0", &yard.commit_tag()], "{}", engine.name);
            let image = row["image"].as_str().expect("it has a reference");
            assert!(
                tags.values().all(|digest| image.ends_with(digest)),
                "{}: {image} {tags:?}",
                engine.name
            );
        }
    }
}
