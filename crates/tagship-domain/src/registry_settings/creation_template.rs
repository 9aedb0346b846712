//! Settings of repositories that ECR makes by itself.

use std::collections::BTreeSet;
use std::fmt;

use super::InvalidRegistrySetting;
use crate::reference::RepositoryName;
use crate::repositories::{DeclaredSettings, Document, lifecycle_lines, mutability_words, policy_lines};

/// The beginning of names of repositories, without its last `/`; or `ROOT`, for all names.
///
/// Source: ECR API reference, `CreateRepositoryCreationTemplate`, `prefix`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplatePrefix(String);

impl TemplatePrefix {
    /// Reads a prefix.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrySetting> {
        let plain = text.strip_suffix('/').unwrap_or(text);
        if plain == "ROOT" || RepositoryName::parse(plain).is_ok() {
            return Ok(Self(plain.to_owned()));
        }
        Err(InvalidRegistrySetting::Prefix {
            text: text.to_owned(),
            problem: "it is the beginning of a repository's name, such as `team`, or `ROOT` for all",
        })
    }

    /// Takes a prefix as the registry says it.
    pub fn of_registry(text: &str) -> Self {
        Self(text.trim_end_matches('/').to_owned())
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplatePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why ECR makes a repository. Source: ECR API reference, `RepositoryCreationTemplate`, `appliedFor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CreationScenario {
    /// An image is copied here from another registry.
    Replication,
    /// An image comes from an upstream registry.
    PullThroughCache,
    /// An image is pushed.
    CreateOnPush,
}

impl CreationScenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Replication, Self::PullThroughCache, Self::CreateOnPush];

    /// The key of `tagship.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replication => "replication",
            Self::PullThroughCache => "pull-through-cache",
            Self::CreateOnPush => "create-on-push",
        }
    }

    /// The API's name.
    pub fn api_name(self) -> String {
        self.as_str().to_ascii_uppercase().replace('-', "_")
    }

    /// Reads a key, or the API's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|one| text == one.as_str() || text == one.api_name())
    }
}

/// What repositories are made as that ECR makes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationTemplate {
    /// The beginning of their names.
    pub prefix: TemplatePrefix,
    /// Why they are made; at least one reason.
    pub applied_for: BTreeSet<CreationScenario>,
    /// What the template is for, in words.
    pub description: Option<String>,
    /// The role by which ECR puts tags and uses keys.
    pub role: Option<String>,
    /// What they have: mutability, encryption, tags, policy and lifecycle policy.
    pub settings: DeclaredSettings,
}

impl CreationTemplate {
    /// Returns the template, one line for each setting, of which those count that `by` declares.
    pub(super) fn lines(&self, by: &Self) -> Vec<String> {
        let reasons: Vec<&str> = self.applied_for.iter().map(|one| one.as_str()).collect();
        let mut lines = vec![format!("applied for {}", reasons.join(", "))];
        if by.description.is_some() {
            lines.extend(self.description.iter().map(|text| format!("description {text}")));
        }
        if by.role.is_some() {
            lines.extend(self.role.iter().map(|role| format!("by role {role}")));
        }
        let (own, by) = (&self.settings, &by.settings);
        if by.mutability.is_some() {
            let words = own.mutability.as_ref().map(mutability_words);
            lines.extend(words.map(|words| format!("mutability {words}")));
        }
        if let Some(wanted) = &by.encryption {
            // A key that is not named may be any, as AWS fills it in.
            let words = own.encryption.as_ref().map(|own| {
                let is_met = wanted.is_met_by(own);
                if is_met {
                    wanted.to_string()
                } else {
                    own.to_string()
                }
            });
            lines.extend(words.map(|words| format!("encryption {words}")));
        }
        if !by.tags.is_empty() {
            lines.extend(
                own.tags
                    .pairs()
                    .iter()
                    .map(|(key, value)| format!("tag {key}={value}")),
            );
        }
        if by.policy.is_some()
            && let Some(Document::Says(policy)) = &own.policy
        {
            lines.extend(
                policy_lines(policy.document())
                    .into_iter()
                    .map(|line| format!("policy {line}")),
            );
        }
        if by.lifecycle.is_some()
            && let Some(Document::Says(policy)) = &own.lifecycle
        {
            let rules = lifecycle_lines(policy.document()).into_iter();
            lines.extend(rules.map(|line| format!("lifecycle {line}")));
        }
        lines
    }
}
