//! Where a registry copies its images to.

use std::collections::BTreeSet;

use super::InvalidRegistrySetting;
use crate::reference::{AccountId, InvalidName, Region};

/// Another registry. Source: ECR API reference, `ReplicationDestination`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicationDestination {
    /// The region.
    pub region: Region,
    /// The account; the registry's own where it is `None`.
    pub account: Option<AccountId>,
}

impl ReplicationDestination {
    /// Reads `eu-west-1` or `111122223333/eu-west-1`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let (account, region) = match text.split_once('/') {
            Some((account, region)) => (Some(AccountId::parse(account)?), region),
            None => (None, text),
        };
        Ok(Self {
            region: Region::parse(region)?,
            account,
        })
    }

    fn line(&self) -> String {
        match &self.account {
            Some(account) => format!("{account}/{}", self.region),
            None => self.region.to_string(),
        }
    }
}

/// Which images go where. Source: ECR API reference, `ReplicationRule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationRule {
    /// The registries that the images go to.
    pub destinations: BTreeSet<ReplicationDestination>,
    /// Beginnings of the repositories' names; all repositories when empty.
    pub prefixes: BTreeSet<String>,
    /// Whether an image that is deleted here is deleted there.
    pub deletes: bool,
}

impl ReplicationRule {
    /// The most rules of a registry. Source: ECR user guide, "Service quotas".
    pub const MAX_RULES: usize = 10;
    /// The most registries that one replicates to. Source: as above.
    pub const MAX_DESTINATIONS: usize = 25;
    /// The most prefixes of a rule. Source: ECR API reference, `ReplicationRule`.
    pub const MAX_PREFIXES: usize = 100;

    /// Reads the beginning of repositories' names. Source: ECR API reference, `RepositoryFilter`.
    pub fn prefix(text: &str) -> Result<String, InvalidRegistrySetting> {
        let invalid = |problem| InvalidRegistrySetting::Prefix {
            text: text.to_owned(),
            problem,
        };
        let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b);
        if !(2..=256).contains(&text.len()) {
            return Err(invalid("it has 2 to 256 characters"));
        }
        if text.contains('*') {
            return Err(invalid("replication takes beginnings of names, without `*`"));
        }
        if !text.bytes().all(is_legal) || text.starts_with('/') || text.contains("//") {
            return Err(invalid(
                "it has lower-case letters, digits, `.`, `_`, `-` and single `/`",
            ));
        }
        Ok(text.to_owned())
    }

    /// The same with its own account named, where that is known.
    pub(super) fn at(&self, account: Option<&AccountId>) -> Self {
        let named = |destination: &ReplicationDestination| ReplicationDestination {
            region: destination.region.clone(),
            account: destination.account.as_ref().or(account).cloned(),
        };
        Self {
            destinations: self.destinations.iter().map(named).collect(),
            prefixes: self.prefixes.clone(),
            deletes: self.deletes,
        }
    }

    /// Returns what goes where, in one line.
    pub(super) fn line(&self) -> String {
        let prefixes: Vec<&str> = self.prefixes.iter().map(String::as_str).collect();
        let from = if prefixes.is_empty() {
            "all repositories".to_owned()
        } else {
            prefixes.join(", ")
        };
        let to: Vec<String> = self
            .destinations
            .iter()
            .map(ReplicationDestination::line)
            .collect();
        let deletes = if self.deletes { ", with deletions" } else { "" };
        format!("{from} → {}{deletes}", to.join(", "))
    }
}
