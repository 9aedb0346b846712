//! Which images ECR signs, and whose pulls do not count.

use std::collections::BTreeSet;

use serde::Serialize;

use super::InvalidRegistrySetting;

/// Which images are signed by which profile. Source: ECR API reference, `SigningRule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRule {
    profile: String,
    repositories: BTreeSet<String>,
}

impl SigningRule {
    /// The most rules of a registry. Source: ECR API reference, `SigningConfiguration`.
    pub const MAX_RULES: usize = 10;

    /// Makes a rule of a profile's resource name; for all repositories until filters are added.
    pub fn new(profile: &str) -> Result<Self, InvalidRegistrySetting> {
        let invalid = || InvalidRegistrySetting::SigningProfile(profile.to_owned());
        let fields: Vec<&str> = profile.split(':').collect();
        let [_, partition, "signer", region, account, path] = fields[..] else {
            return Err(invalid());
        };
        let name = path.strip_prefix("/signing-profiles/").ok_or_else(invalid)?;
        let has_form = profile.starts_with("arn:aws")
            && partition.starts_with("aws")
            && !region.is_empty()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && name.len() >= 2
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && profile.len() <= 200;
        has_form.then(|| Self::of_registry(profile)).ok_or_else(invalid)
    }

    /// Takes a profile as the registry says it.
    pub fn of_registry(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            repositories: BTreeSet::new(),
        }
    }

    /// Adds a filter for names of repositories, in which `*` stands for zero or more characters.
    pub fn add(&mut self, filter: &str) -> Result<(), InvalidRegistrySetting> {
        let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'*';
        let is_part = |part: &str| {
            part.split(['.', '_', '-'])
                .all(|word| !word.is_empty() && word.bytes().all(is_inner))
        };
        if (1..=256).contains(&filter.len()) && filter.split('/').all(is_part) {
            self.add_of_registry(filter);
            Ok(())
        } else {
            Err(InvalidRegistrySetting::SigningFilter(filter.to_owned()))
        }
    }

    /// Adds a filter as the registry says it.
    pub fn add_of_registry(&mut self, filter: &str) {
        self.repositories.insert(filter.to_owned());
    }

    /// The profile's resource name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The filters; all repositories when empty.
    pub fn repositories(&self) -> &BTreeSet<String> {
        &self.repositories
    }

    /// Returns the rule in one line.
    pub(super) fn line(&self) -> String {
        let filters: Vec<&str> = self.repositories.iter().map(String::as_str).collect();
        let of = if filters.is_empty() {
            "all repositories".to_owned()
        } else {
            filters.join(", ")
        };
        format!("{of} by {}", self.profile)
    }
}

/// A role or user whose pulls do not count as the last pull. Source: ECR API reference, `RegisterPullTimeUpdateExclusion`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PullTimeExclusion(String);

impl PullTimeExclusion {
    /// Reads a resource name.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrySetting> {
        if is_principal(text, &["role", "user"]) && text.len() <= 200 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegistrySetting::Principal(text.to_owned()))
        }
    }

    /// Takes a resource name as the registry says it.
    pub fn of_registry(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The resource name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is the resource name of a principal of these kinds.
pub(super) fn is_principal(text: &str, kinds: &[&str]) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, path] = fields[..] else {
        return false;
    };
    let Some((kind, name)) = path.split_once('/') else {
        return false;
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    partition.starts_with("aws")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && kinds.contains(&kind)
        && name
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(is_name))
}
