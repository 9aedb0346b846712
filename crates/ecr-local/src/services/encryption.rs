//! Which key a repository's content is encrypted with; it is recorded, not applied.

use secrecy::ExposeSecret as _;

use crate::state::iam::Iam;
use crate::state::store::{Encryption, Registry};
use tagship_domain::reference::Digest;

/// The setting as the registry keeps it: with KMS and without a key, it is the account's own `aws/ecr` key in the
/// region.
///
/// Source: ECR API reference, `EncryptionConfiguration`, `kmsKey`.
pub(crate) fn with_key(encryption: Encryption, iam: &Iam, registry: &Registry) -> Encryption {
    let key = encryption.kms_key.filter(|key| !key.is_empty());
    let is_kms = encryption.encryption_type != "AES256";
    Encryption {
        kms_key: key.or_else(|| is_kms.then(|| default_key(iam, registry))),
        encryption_type: encryption.encryption_type,
    }
}

/// The resource name of the AWS managed key `aws/ecr`: it stays the same, as AWS's does.
fn default_key(iam: &Iam, registry: &Registry) -> String {
    let (region, account) = (registry.region(), registry.account());
    let secret = iam.seal.derive("aws/ecr", &format!("{account}/{region}"));
    let hex = Digest::of(secret.expose_secret().as_bytes()).hex();
    let part = |range| hex.get(range).unwrap_or_default();
    let id = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    format!("arn:{}:kms:{region}:{account}:key/{id}", region.partition())
}
