//! A repository of many images: a plan asks for pages of them, and for nothing else. `scripts/bench` measures 10,000.

use std::collections::BTreeMap;

use serde_json::json;
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST};
use test_support::images::Pusher;

use super::Bench;

/// One more than a page holds. Source: ECR API reference, `DescribeImages`, `maxResults`.
const IMAGES: usize = 1001;

#[test]
fn a_plan_asks_for_pages_alone() {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let config = pusher.blob(
        OCI_CONFIG,
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#,
    );
    let layer = pusher.blob(OCI_LAYER_TAR, "one layer for all of them");
    for number in 0..IMAGES {
        let image = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": [layer],
            "annotations": {"number": number.to_string()},
        });
        pusher.manifest(OCI_MANIFEST, &image);
    }
    bench.declare("repositories:\n  team/app:\n    lifecycle: {keep-last: 30}\n");
    bench.ecr.forget_journal();
    let planned = bench.json(&["plan"], 0);
    assert_eq!(planned["repositories"][0]["action"], "change");
    let mut asked = BTreeMap::<String, usize>::new();
    for entry in bench.ecr.journal_after_login() {
        *asked.entry(entry.operation).or_default() += 1;
    }
    let expected = [
        ("DescribeImages", 2),
        ("DescribeRepositories", 1),
        ("GetLifecyclePolicy", 1),
    ];
    assert_eq!(
        asked,
        expected.map(|(name, count)| (name.to_owned(), count)).into()
    );
}

/// Indexes are read a hundred at a time. Source: ECR API reference, `BatchGetImage`, `imageIds`.
#[test]
fn what_indexes_list_is_asked_for_a_hundred_at_a_time() {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let image = pusher.image("amd64", "one image for all of them", &json!({}));
    for number in 0..201 {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [image],
            "annotations": {"number": number.to_string()},
        });
        pusher.manifest(OCI_INDEX, &index);
    }
    bench.declare("repositories:\n  team/app:\n    lifecycle: {keep-last: 30}\n");
    bench.ecr.forget_journal();
    let planned = bench.json(&["plan"], 0);
    // All indexes but 30 go, and the image stays as long as one of these has it.
    assert_eq!(planned["repositories"][0]["expiry"]["images"], 171);
    let asked = bench.ecr.journal_after_login().into_iter();
    let reads = asked.filter(|entry| entry.operation == "BatchGetImage");
    assert_eq!(reads.count(), 3);
}
