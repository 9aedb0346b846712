//! Who makes a request, and the keys that prove it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use tagship_domain::reference::AccountId;

/// A long-lived key pair.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id, `AKIA…`.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Principal {
    /// The holder of the emulator's own access key, who may do everything.
    Administrator,
    /// A role's session.
    Session(Box<Session>),
}

/// A role's session, as it travels in its session token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) key_id: String,
    pub(crate) account: AccountId,
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) expires: Timestamp,
    /// A session policy, which narrows the role's.
    pub(crate) policy: Option<String>,
    /// Managed policies that do the same, by their resource names.
    #[serde(default)]
    pub(crate) policy_arns: Vec<String>,
    /// Session tags.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of the tags that go on to sessions of roles that this session assumes.
    #[serde(default)]
    pub(crate) transitive_tag_keys: Vec<String>,
    /// Who was there first, kept from session to session.
    #[serde(default)]
    pub(crate) source_identity: Option<String>,
}

impl Principal {
    /// When the principal's credentials end; never for the administrator's.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Administrator => None,
            Self::Session(session) => Some(session.expires),
        }
    }
}

/// Why credentials are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadCredentials {
    /// No principal has them.
    Unknown,
    /// They have ended.
    Expired,
}

/// Session credentials that were just made.
#[derive(Debug)]
pub(crate) struct SessionCredentials {
    pub(crate) key: AccessKey,
    pub(crate) token: SecretString,
}

/// A new access key id: `prefix` and 16 upper-case letters and digits.
pub(crate) fn key_id(prefix: &str) -> std::io::Result<String> {
    // RFC 4648 base32, which is what AWS's ids are made of; 32 divides 256, so that all are equally likely.
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = crate::random::bytes::<16>()?;
    let digits = random
        .iter()
        .filter_map(|byte| DIGITS.get(usize::from(byte % 32)))
        .map(|digit| char::from(*digit));
    Ok(prefix.chars().chain(digits).collect())
}
