//! `from-cache`: base images by way of the registry's pull-through cache, on every engine.

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::clients::crane;
use test_support::engines;
use test_support::local::{ACCOUNT, Ecr};
use test_support::process::finish;
use test_support::shipping::{NO_ENGINE, Shipped, Shipyard};

/// What the Dockerfiles begin with: an image of a registry that no engine reaches.
const UPSTREAM: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/upstream/base";

/// Two stages, whose images are named in all ways that there are.
const DOCKERFILE: &str = "ARG TAG=1.0.0\n\
    FROM 123456789012.dkr.ecr.us-east-1.amazonaws.com/upstream/base:$TAG AS build\n\
    COPY hello /built\n\
    FROM 123456789012.dkr.ecr.us-east-1.amazonaws.com/upstream/base:1.0.0\n\
    COPY --from=build /built /built\n\
    COPY --from=123456789012.dkr.ecr.us-east-1.amazonaws.com/upstream/tools:1.0.0 /hello /tool\n";

/// A registry with a base image in another region, and the rule of a cache here.
pub(crate) fn yard(ecr: Ecr) -> Shipyard {
    let mut yard = Shipyard::with(ecr, &[("Dockerfile", "FROM scratch\nCOPY hello /hello\n")]);
    yard.ecr.replicate_to(ACCOUNT, "us-east-1", "upstream/");
    for repository in ["upstream/base", "upstream/tools"] {
        yard.turn_to(repository, &Mutability::Immutable);
        yard.ship(engines::named("docker28-containerd"), &[]).code(0);
    }
    yard.ecr
        .cache("ecr-base", "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    "team/app".clone_into(&mut yard.repository);
    yard.checkout.commit(&[("Dockerfile", DOCKERFILE)]);
    yard.checkout.tag("v1.1.0");
    yard
}

/// The digests of an image's layers, as another client reads them.
fn layers(yard: &Shipyard, image: &str) -> Vec<Value> {
    let manifest: Value = serde_json::from_str(&crane(&yard.ecr.login(), &["manifest", image])).unwrap();
    let layers = manifest["layers"].as_array().expect("it is an image").iter();
    layers.map(|layer| layer["digest"].clone()).collect()
}

fn planned(yard: &Shipyard, command: &str, engine: &str) -> Shipped {
    let arguments = ["--json", "--from-cache"];
    Shipped(finish(&mut yard.command(command, engine, &arguments)))
}

#[test]
fn base_images_come_from_the_cache_and_a_plan_imports_none() {
    let mut yard = yard(Ecr::start());
    let host = yard.ecr.host();
    let shown = planned(&yard, "plan", NO_ENGINE);
    let shown = shown.code(0);
    let bases = &shown.report()["content"]["request"]["base-images"];
    assert_eq!(
        *bases,
        json!([
            {"image": format!("{UPSTREAM}:1.0.0"), "line": 2, "from": "cache",
             "address": format!("{host}/ecr-base/upstream/base:1.0.0"), "rule": "ecr-base"},
            {"image": UPSTREAM.replace("base", "tools") + ":1.0.0", "line": 6, "from": "cache",
             "address": format!("{host}/ecr-base/upstream/tools:1.0.0"), "rule": "ecr-base"},
        ])
    );
    assert!(
        !yard.ecr.has_repository("ecr-base/upstream/base"),
        "a plan imports nothing"
    );
    let base = layers(&yard, &format!("{host}/upstream/base:1.0.0"));
    for engine in engines::all() {
        let run = yard.ship(engine, &["--from-cache"]);
        if engine.name.starts_with("docker20") {
            let run = run.code(2);
            let said = run.report()["error"].to_string();
            assert!(said.contains("`from-cache`") && said.contains("23.0"), "{said}");
            continue;
        }
        let digest = run.code(0).digest();
        // The base's layer keeps the blob that it has in the cache, whatever the store.
        let layers = layers(&yard, &format!("{}@{digest}", yard.image()));
        assert_eq!(layers[0], base[0], "{}", engine.name);
        assert!(yard.ecr.has_repository("ecr-base/upstream/base"));
        assert!(yard.ecr.has_repository("ecr-base/upstream/tools"));
        yard.commit_more();
        yard.checkout.tag(&format!("v1.{}.0", engine.name.len()));
    }
    // What the cache has now is known, without reading through the rule.
    let again = planned(&yard, "plan", NO_ENGINE).report();
    let base = &again["content"]["request"]["base-images"][0];
    assert_eq!(
        base["digest"],
        Value::from(yard.ecr.tags("upstream/base")["1.0.0"].as_str())
    );
}
