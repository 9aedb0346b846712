//! Uploads, as their rules have them.

use std::sync::Arc;

use super::*;
use crate::state::store::{NewRepository, Store};
use tagship_domain::reference::{AccountId, Region};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn registry(folder: &tempfile::TempDir) -> (Registry, RepositoryName) {
    let store = Arc::new(Store::open(folder.path()).unwrap());
    let account = AccountId::parse("123456789012").unwrap();
    let registry = Registry::new(store, account, Region::parse("eu-central-1").unwrap());
    let name = RepositoryName::parse("team/app").unwrap();
    registry
        .create_repository(NewRepository::named(name.clone()), NOW)
        .unwrap();
    (registry, name)
}

#[test]
fn the_number_of_parts_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, name) = registry(&folder);
    let mut upload = Upload::begin(&registry, &name, Parts::AsEcr, NOW).unwrap();
    // ECR user guide, "Service quotas": 4,200 layer parts.
    for first in 0..4_200 {
        upload.check_part(first, 1).unwrap();
        upload.blob.append(b".").unwrap();
        upload.part_added(first, NOW);
    }
    let refusal = upload.check_part(4_200, 1).unwrap_err();
    assert_eq!(refusal.code(), "LimitExceededException");
}

#[test]
fn a_layer_has_at_most_52_000_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, name) = registry(&folder);
    let upload = Upload::begin(&registry, &name, Parts::AsEcr, NOW).unwrap();
    assert!(upload.check_part(0, 52_000 * 1024 * 1024).is_ok());
    let refusal = upload.check_part(0, 52_000 * 1024 * 1024 + 1).unwrap_err();
    assert_eq!(refusal.code(), "LimitExceededException");
}

#[test]
fn an_upload_belongs_to_its_registry_and_repository_and_rests_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, name) = registry(&folder);
    let uploads = Uploads::default();
    let upload = Upload::begin(&registry, &name, Parts::AsEcr, NOW).unwrap();
    let id = upload.id.clone();
    uploads.put(upload);
    let elsewhere = registry.beside(registry.account().clone(), Region::parse("us-east-1").unwrap());
    assert!(uploads.take(&elsewhere, &name, &id).is_err());
    let other = RepositoryName::parse("team/other").unwrap();
    assert!(uploads.take(&registry, &other, &id).is_err());
    assert_eq!(uploads.length(&registry, &name, &id).unwrap(), 0);
    let tomorrow = NOW + SignedDuration::from_hours(24);
    uploads.put(Upload::begin(&registry, &name, Parts::AsEcr, tomorrow).unwrap());
    assert!(uploads.take(&registry, &name, &id).is_err());
}
