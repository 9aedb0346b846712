//! The worked examples of registries' own pages, and what holds for any repository.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::lifecycle::{Image, LifecyclePolicy, Storage};
use crate::reference::Digest;
use crate::repositories::StoredImage;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn image(name: &str, days: i64, blobs: &[(&str, u64)]) -> StoredContent {
    StoredContent {
        stored: StoredImage {
            image: Image {
                digest: digest(name),
                tags: vec![name.to_owned()],
                pushed_at: NOW - SignedDuration::from_hours(days * 24),
                pulled_at: None,
                storage: Storage::Standard { restored_at: None },
                children: Vec::new(),
            },
            size: Some(blobs.iter().map(|(_, size)| size).sum()),
            subject: None,
            is_index: false,
        },
        blobs: Some(blobs.iter().map(|(blob, size)| (digest(blob), *size)).collect()),
    }
}

fn archived(mut content: StoredContent) -> StoredContent {
    content.stored.image.storage = Storage::Archive { archived_at: NOW };
    content
}

fn estimate(usage: &[RepositoryUsage], pulls: Pulls) -> CostEstimate {
    CostEstimate::new(&PriceList::own(), usage, &pulls)
}

fn policy(rules: &serde_json::Value) -> LifecyclePolicy {
    LifecyclePolicy::parse(&json!({ "rules": rules }).to_string()).unwrap()
}

/// The worked example: 500 MB in 10 versions, pulled 1000 times a month.
#[test]
fn the_worked_example_comes_out() {
    let usage = RepositoryUsage::of_numbers(size_in_bytes("500MB").unwrap(), 10);
    let in_region = estimate(
        std::slice::from_ref(&usage),
        Pulls {
            region: 1000,
            ..Pulls::default()
        },
    );
    assert_eq!(in_region.storage.to_string(), "$0.50");
    assert_eq!(in_region.transfers[0].cost.to_string(), "$0.00");
    assert_eq!(in_region.month.to_string(), "$0.50");
    let across = estimate(
        &[usage],
        Pulls {
            other_region: 1000,
            ..Pulls::default()
        },
    );
    assert_eq!(across.storage.to_string(), "$0.50");
    assert_eq!(across.transfers[0].cost.to_string(), "$10.00");
    assert_eq!(across.month.to_string(), "$10.50");
    // A copy in the other region: the same storage again, and what is pushed is sent once.
    let replication = across.replication.unwrap();
    assert_eq!(replication.storage.to_string(), "$0.50");
    assert_eq!(replication.transfer.to_string(), "$0.10");
    assert_eq!(replication.instead_of.to_string(), "$10.00");
    let elsewhere: Vec<(String, String)> = across
        .elsewhere
        .iter()
        .map(|one| (one.name.clone(), one.month().to_string()))
        .collect();
    let month = |name: &str| {
        &elsewhere
            .iter()
            .find(|(known, _)| known.starts_with(name))
            .unwrap()
            .1
    };
    assert_eq!(month("GHCR, as billed"), "$0.00");
    // 5 GB at $0.25 and 500 GB at $0.50.
    assert_eq!(month("GHCR, at the rates"), "$251.25");
    assert_eq!(month("Docker Hub"), "$16.00");
    // A machine at $30.37, 5 GB at $0.08 and 500 GB at $0.02.
    assert_eq!(month("Harbor"), "$40.77");
}

#[test]
fn a_layer_is_billed_once_in_a_repository_and_in_each_of_several() {
    let gb = 1_000_000_000;
    let base = ("base", 3 * gb);
    let contents = [
        image("1", 90, &[base, ("a", gb)]),
        image("2", 1, &[base, ("b", gb)]),
    ];
    let usage = |name: &str| RepositoryUsage::new(name.to_owned(), &contents, None, NOW);
    let (one, other) = (usage("one"), usage("other"));
    assert_eq!(
        one.stored,
        StoredBytes {
            standard: 5 * gb,
            archive: 0
        }
    );
    assert_eq!((one.pull, one.pushed), (4 * gb, gb));
    assert_eq!(
        estimate(&[one, other], Pulls::default()).storage.to_string(),
        "$1.00"
    );
}

/// An index is next to nothing: what its images have is what a policy saves.
#[test]
fn a_policy_saves_what_follows_an_index_and_a_subject() {
    let mut index = image("v1", 90, &[]);
    index.stored.image.children = vec![digest("child")];
    let untagged = |mut content: StoredContent| {
        content.stored.image.tags.clear();
        content
    };
    let mut signature = untagged(image("signature", 1, &[("s", 3)]));
    signature.stored.subject = Some(digest("v1"));
    let contents = [
        index,
        untagged(image("child", 90, &[("base", 30), ("a", 10)])),
        signature,
        image("v2", 1, &[("base", 30)]),
    ];
    let of_v = json!({
        "rulePriority": 2,
        "selection": {"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    });
    let untagged = json!({
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
        "action": {"type": "expire"},
    });
    let after = |rules: &serde_json::Value| {
        let usage = RepositoryUsage::new("x".to_owned(), &contents, Some(&policy(rules)), NOW);
        let (count, stored) = usage.after_policy.unwrap();
        (usage.stored.standard, count, stored.standard)
    };
    assert_eq!(after(&json!([untagged, of_v.clone()])), (43, 3, 30));
    // Where no rule is about the index's images, they stay and are billed.
    assert_eq!(after(&json!([of_v])), (43, 2, 40));
}

#[test]
fn a_layer_is_archived_where_only_archived_images_have_it() {
    let contents = [
        image("1", 90, &[("base", 30), ("a", 1)]),
        archived(image("2", 90, &[("base", 30), ("b", 2)])),
    ];
    let usage = RepositoryUsage::new("x".to_owned(), &contents, None, NOW);
    assert_eq!(
        usage.stored,
        StoredBytes {
            standard: 31,
            archive: 2
        }
    );
}

#[test]
fn an_archive_costs_less_beyond_its_first_150_tb_alone() {
    let tb = 1_000_000_000_000;
    let of = |archive: u64| {
        let usage = RepositoryUsage {
            stored: StoredBytes { standard: 0, archive },
            ..RepositoryUsage::of_numbers(0, 1)
        };
        estimate(&[usage], Pulls::default()).storage.to_string()
    };
    assert_eq!(of(tb), "$100.00");
    assert_eq!(of(150 * tb), "$15000.00");
    // Source: pricing page: $0.10 for the first 150 TB, $0.07 for more.
    assert_eq!(of(250 * tb), "$22000.00");
}

#[test]
fn a_policy_saves_what_only_the_images_have_that_go() {
    let gb = 1_000_000_000;
    let base = ("base", 3 * gb);
    let contents = [
        image("1", 90, &[base, ("a", gb)]),
        image("2", 1, &[base, ("b", gb)]),
    ];
    let keep_one = policy(&json!([{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }]));
    let usage = RepositoryUsage::new("x".to_owned(), &contents, Some(&keep_one), NOW);
    let estimate = estimate(&[usage], Pulls::default());
    let saving = estimate.repositories[0].policy.unwrap();
    assert_eq!((saving.images, saving.bytes), (1, gb));
    assert_eq!(saving.saved.to_string(), "$0.10");
    assert_eq!(estimate.saving.unwrap().to_string(), "$0.10");
}

#[test]
fn a_pull_of_an_index_moves_its_largest_image() {
    let mut index = image("index", 1, &[]);
    index.stored.image.children = vec![digest("amd64"), digest("attestation")];
    let mut amd64 = image("amd64", 1, &[("layer", 900)]);
    let mut attestation = image("attestation", 1, &[("statement", 10)]);
    let signature = image("sha256-0000.sig", 1, &[("signature", 5)]);
    for one in [&mut amd64, &mut attestation] {
        one.stored.image.tags.clear();
    }
    let usage = RepositoryUsage::new("x".to_owned(), &[index, amd64, attestation, signature], None, NOW);
    assert_eq!(usage.pull, 900);
}

#[test]
fn sizes_are_read_as_people_write_them() {
    for (text, bytes) in [
        ("500MB", 500_000_000),
        ("500 mb", 500_000_000),
        ("1.5GB", 1_500_000_000),
        ("700MiB", 734_003_200),
        ("12", 12),
        ("0.5kB", 500),
    ] {
        assert_eq!(size_in_bytes(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "MB",
        "1.GB",
        "-1MB",
        "1e3",
        "1,5GB",
        "99999999999TB",
        "5 apples",
        "1.0000000001GB",
    ] {
        assert_eq!(size_in_bytes(text), Err(InvalidSize), "{text}");
    }
}

#[test]
fn prices_may_be_replaced_and_wrong_ones_are_named() {
    let own: serde_json::Value = serde_json::from_str(include_str!("prices.json")).unwrap();
    let with = |pointer: &str, value: serde_json::Value| {
        let mut changed = own.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        PriceList::parse(&changed.to_string())
    };
    let dearer = with("/ecr/storage", json!(0.2)).unwrap();
    let usage = RepositoryUsage::of_numbers(500_000_000, 10);
    assert_eq!(
        CostEstimate::new(&dearer, &[usage], &Pulls::default())
            .storage
            .to_string(),
        "$1.00"
    );
    for (pointer, value, problem) in [
        ("/ecr/storage", json!(-0.1), "a price is a number of dollars"),
        ("/ecr/storage", json!([]), "has at least one"),
        (
            "/ecr/storage",
            json!([{"up-to-gb": 5, "price": 1}]),
            "the last price has no end",
        ),
        (
            "/ecr/archive",
            json!([{"up-to-gb": 5, "price": 1}, {"up-to-gb": 5, "price": 1}, {"price": 1}]),
            "each greater",
        ),
        (
            "/ecr/transfer",
            json!({"region": 0}),
            "missing field `other-region`",
        ),
        ("/bytes-per-gb", json!(0), "`bytes-per-gb` is 0"),
        ("/as-of", json!("yesterday"), "as-of"),
        ("/others", json!([{"nom": "x"}]), "unknown field `nom`"),
    ] {
        let error = with(pointer, value).unwrap_err().to_string();
        assert!(
            error.contains(problem) || pointer == "/as-of",
            "{pointer}: {error}"
        );
    }
}

proptest! {
    #[test]
    fn what_a_repository_costs_grows_with_what_it_holds(sizes in proptest::collection::vec(0..u64::MAX / 64, 0..20), pulls in 0..10_000_u64) {
        let contents: Vec<StoredContent> = (sizes.iter().enumerate())
            .map(|(number, size)| image(&number.to_string(), 1, &[(&format!("layer {number}"), *size)]))
            .collect();
        let pulls = Pulls { region: pulls, other_region: pulls, internet: pulls };
        let mut before = Money::ZERO;
        for count in 0..=contents.len() {
            let usage = RepositoryUsage::new("x".to_owned(), &contents[..count], None, NOW);
            let sum: u64 = sizes[..count].iter().sum();
            prop_assert_eq!(usage.stored.standard, sum);
            let estimate = estimate(&[usage], pulls);
            prop_assert!(estimate.storage >= before);
            prop_assert!(estimate.month >= estimate.storage);
            before = estimate.storage;
        }
    }
}
