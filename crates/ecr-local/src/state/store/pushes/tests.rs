//! Pushes, against a model of what a repository holds.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::state::quirks::DigestRule;
use crate::state::store::{MutabilitySetting, NewRepository, StorageClass};
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use tagship_domain::reference::{AccountId, Region};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const CONFIG: &[u8] = b"{}";

/// A registry with a repository whose tags move and one whose tags do not; both have the config of all images.
fn registry(folder: &tempfile::TempDir) -> Registry {
    let store = Arc::new(Store::open(folder.path()).unwrap());
    let account = AccountId::parse("123456789012").unwrap();
    let registry = Registry::new(store, account, Region::parse("eu-central-1").unwrap());
    for (name, mutability) in [("team/moves", "MUTABLE"), ("team/stays", "IMMUTABLE")] {
        let name = RepositoryName::parse(name).unwrap();
        let mutability = MutabilitySetting {
            image_tag_mutability: mutability.to_owned(),
            image_tag_mutability_exclusion_filters: None,
        };
        let new = NewRepository {
            mutability,
            ..NewRepository::named(name.clone())
        };
        registry.create_repository(new, NOW).unwrap();
        let mut blob = registry.blobs().begin(DigestRule::AsEcr).unwrap();
        blob.append(CONFIG).unwrap();
        registry.add_layer(&name, blob, &Digest::of(CONFIG)).unwrap();
    }
    registry
}

fn parsed(document: &Value) -> ParsedManifest {
    ParsedManifest::parse(Bytes::from(document.to_string()), None, DigestRule::AsEcr).unwrap()
}

fn image(number: u8, config: Digest, subject: Option<&ParsedManifest>) -> ParsedManifest {
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": config, "size": CONFIG.len()},
        "layers": [],
        "annotations": {"number": number.to_string()},
    });
    if let Some(subject) = subject {
        document["subject"] =
            json!({"mediaType": OCI_MANIFEST, "digest": subject.digest(), "size": subject.bytes().len()});
    }
    parsed(&document)
}

/// Images, indexes of them, what refers to one, and one whose config is missing.
fn manifests() -> Vec<ParsedManifest> {
    let config = Digest::of(CONFIG);
    let images = [image(0, config, None), image(1, config, None)];
    let index = |of: &[ParsedManifest]| {
        let entries = of.iter().map(
            |image| json!({"mediaType": OCI_MANIFEST, "digest": image.digest(), "size": image.bytes().len()}),
        );
        parsed(&json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries.collect::<Vec<_>>(),
        }))
    };
    let indexes = [index(&images), index(&images[1..])];
    let others = [
        image(2, config, Some(&images[0])),
        image(3, Digest::of(b"missing"), None),
    ];
    images.into_iter().chain(indexes).chain(others).collect()
}

/// A push but for the registry.
#[derive(Debug)]
struct Order {
    repository: &'static str,
    manifest: ParsedManifest,
    tag: Option<&'static str>,
    states_wrong_digest: bool,
    repeat: RepeatedPush,
}

impl Order {
    fn to(&self, registry: &Registry) -> Arc<ImagePush> {
        Arc::new(ImagePush {
            registry: registry.clone(),
            repository: RepositoryName::parse(self.repository).unwrap(),
            manifest: self.manifest.clone(),
            tag: self.tag.map(|tag| Tag::parse(tag).unwrap()),
            digest: self.states_wrong_digest.then(|| Digest::of(b"another")),
            repeat: self.repeat,
            wording: ImmutableWording::default(),
            at: NOW,
        })
    }
}

prop_compose! {
    fn order()(
        repository in prop::sample::select(vec!["team/moves", "team/stays", "team/missing"]),
        manifest in prop::sample::select(manifests()),
        tag in prop::option::of(prop::sample::select(vec!["1.0.0", "latest"])),
        states_wrong_digest in prop::bool::weighted(0.1),
        repeat in prop::sample::select(vec![RepeatedPush::Refuse, RepeatedPush::RefuseProtected, RepeatedPush::Accept]),
    ) -> Order {
        Order { repository, manifest, tag, states_wrong_digest, repeat }
    }
}

/// Everything that the registry says of its images.
fn content(registry: &Registry) -> Vec<String> {
    let of = |name: &str| {
        let name = RepositoryName::parse(name).unwrap();
        let referrers: Vec<_> = manifests()
            .iter()
            .map(|manifest| registry.referrers(&name, &manifest.digest()).unwrap())
            .collect();
        format!("{:?} {referrers:?}", registry.images(&name).unwrap())
    };
    vec![of("team/moves"), of("team/stays")]
}

fn texts(outcomes: Vec<Result<Digest, Refusal>>) -> Vec<String> {
    outcomes
        .into_iter()
        .map(|outcome| outcome.map_or_else(|refusal| refusal.to_string(), |digest| digest.to_string()))
        .collect()
}

fn archive(registry: &Registry, digest: Digest) {
    for name in ["team/moves", "team/stays"] {
        let name = RepositoryName::parse(name).unwrap();
        // Only where it is there and in no index.
        drop(registry.move_image(&name, digest, StorageClass::Archive, NOW));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // The rules of a single push have their tests elsewhere; together they must hold as one after the other.
    #[test]
    fn pushes_that_are_stored_together_end_as_one_after_the_other(
        before in prop::collection::vec(order(), 0..4),
        orders in prop::collection::vec(order(), 1..12),
    ) {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [together, alone] = folders.each_ref().map(registry);
        for registry in [&together, &alone] {
            for order in &before {
                drop(registry.store().push_image(&order.to(registry)));
                archive(registry, order.manifest.digest());
            }
        }
        let pushes: Vec<_> = orders.iter().map(|order| order.to(&together)).collect();
        let in_one = texts(together.store().push_images(&pushes));
        let by_one = orders.iter().map(|order| alone.store().push_image(&order.to(&alone))).collect();
        prop_assert_eq!(in_one, texts(by_one));
        prop_assert_eq!(content(&together), content(&alone));
    }
}
