//! Settings of repositories that ECR makes by itself.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::InvalidRegistrySetting;
use crate::error::{Diagnose, FailureKind};
use crate::reference::RepositoryName;
use crate::repositories::{
    DeclaredSettings, Document, EncryptionType, lifecycle_lines, mutability_words, policy_lines,
};

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

    /// Returns how closely the prefix fits a name, if it does.
    fn fit(&self, name: &RepositoryName) -> Option<usize> {
        if self.0 == "ROOT" {
            return Some(0);
        }
        let rest = name.as_str().strip_prefix(&self.0)?;
        rest.starts_with('/').then_some(self.0.len())
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

/// Why a repository that is pushed to is not made by a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTemplate {
    /// No template is for its name.
    #[error("repository `{0}` does not exist, and no creation template is for its name")]
    Missing(RepositoryName),
    /// ECR Public has no templates.
    #[error("repository `{0}` does not exist, and ECR Public has no creation templates")]
    Public(RepositoryName),
    /// The template is for other occasions than pushes.
    #[error(
        "repository `{repository}` does not exist, and creation template `{prefix}` does not make it: it is applied for {}",
        named(applied_for)
    )]
    NotForPushes {
        /// The repository.
        repository: RepositoryName,
        /// The template's prefix.
        prefix: TemplatePrefix,
        /// What the template is for.
        applied_for: BTreeSet<CreationScenario>,
    },
    /// ECR's own role may neither put tags nor use keys.
    #[error(
        "repository `{repository}` does not exist, and creation template `{prefix}` does not make it: it has tags or a key, and no role by which ECR puts them"
    )]
    NoRole {
        /// The repository.
        repository: RepositoryName,
        /// The template's prefix.
        prefix: TemplatePrefix,
    },
}

fn named(applied_for: &BTreeSet<CreationScenario>) -> String {
    let names: Vec<&str> = applied_for.iter().map(|one| one.as_str()).collect();
    names.join(", ")
}

impl Diagnose for NoTemplate {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Missing(_) => "declare one under `creation-templates` in `registry-settings` with `applied-for: [create-on-push]`, for a beginning of \
                                 the name or for `ROOT`, and put it with `tagship repo apply`; `create-repository: true` does without"
                .into(),
            Self::Public(_) => "let the run make it: `create-repository: true`".into(),
            Self::NotForPushes { prefix, .. } => {
                format!("add `create-on-push` to `applied-for` of template `{prefix}`").into()
            }
            Self::NoRole { prefix, .. } => {
                format!("give template `{prefix}` a `role` with `ecr:CreateRepository` and `ecr:TagResource` that ECR may assume").into()
            }
        })
    }
}

impl CreationTemplate {
    /// Returns the template by which ECR makes a repository when it is pushed to.
    ///
    /// The longest prefix counts, also where its template is for other occasions; `ROOT` is for what no other one is for. Source:
    /// ECR API reference, `CreateRepositoryCreationTemplate`, `prefix` and `customRoleArn`; ECR user guide, "Creating a
    /// repository creation template".
    pub fn for_push<'a>(templates: &'a [Self], repository: &RepositoryName) -> Result<&'a Self, NoTemplate> {
        let fitting = templates
            .iter()
            .filter_map(|template| Some((template.prefix.fit(repository)?, template)));
        let closest = fitting.max_by_key(|(fit, _)| *fit).map(|(_, template)| template);
        let template = closest.ok_or_else(|| NoTemplate::Missing(repository.clone()))?;
        let (repository, prefix) = (repository.clone(), template.prefix.clone());
        if !template.applied_for.contains(&CreationScenario::CreateOnPush) {
            return Err(NoTemplate::NotForPushes {
                repository,
                prefix,
                applied_for: template.applied_for.clone(),
            });
        }
        let encryption = template.settings.encryption.as_ref();
        let has_key = encryption.is_some_and(|encryption| encryption.kind != EncryptionType::Aes256);
        if template.role.is_none() && (has_key || !template.settings.tags.is_empty()) {
            return Err(NoTemplate::NoRole { repository, prefix });
        }
        Ok(template)
    }

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
