//! Grants to read a blob without a login, as ECR gives out addresses of S3.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use tagship_domain::reference::Digest;

/// How long a grant is good for.
const LIFE: SignedDuration = SignedDuration::from_mins(60);

/// The purpose that a grant is sealed for.
const PURPOSE: &str = "storage";

/// What a grant lets its holder read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StorageGrant {
    #[serde(deserialize_with = "any_digest")]
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    expires: Timestamp,
}

/// Reads a digest of any algorithm: the blob is there, so it was taken.
fn any_digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    Digest::parse_any(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl StorageGrant {
    /// A grant to read a blob for a while, as it stands in an address.
    pub(crate) fn seal(state: &EmulatorState, digest: Digest, size: u64) -> Result<SecretString, Refusal> {
        let now = state.clock.now();
        let grant = Self {
            digest,
            size,
            expires: now.checked_add(LIFE).unwrap_or(Timestamp::MAX),
        };
        Ok(state.iam.seal.seal(PURPOSE, &grant)?)
    }

    /// The grant in an address, if this emulator made it.
    pub(crate) fn open(state: &EmulatorState, text: &str) -> Option<Self> {
        state.iam.seal.open(PURPOSE, text)
    }

    /// Whether the grant is still good.
    pub(crate) fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires > now
    }
}
