//! What a repository's settings are called, what is done with a repository and who does it, and in whose registry it is.

use serde::Serialize;

use crate::reference::RegistryHost;

/// What there is to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanAction {
    /// It is made.
    Create,
    /// Settings are changed.
    Change,
    /// It is as declared.
    Keep,
    /// It cannot become what is declared.
    Refuse,
}

impl PlanAction {
    /// The action's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Refuse => "refuse",
        }
    }
}

/// A setting of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositorySetting {
    /// Which tags may move.
    Mutability,
    /// How images are encrypted.
    Encryption,
    /// Whether images are scanned when they are pushed.
    ScanOnPush,
    /// Tags of the repository itself.
    Tags,
    /// Who else may use it.
    Policy,
    /// Which images expire.
    Lifecycle,
    /// What the gallery of ECR Public shows.
    Catalog,
}

impl RepositorySetting {
    /// The key of `tagship.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mutability => "mutability",
            Self::Encryption => "encryption",
            Self::ScanOnPush => "scan-on-push",
            Self::Tags => "tags",
            Self::Policy => "policy",
            Self::Lifecycle => "lifecycle",
            Self::Catalog => "catalog",
        }
    }
}

/// Whose a registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryKind {
    /// An account's in a region.
    Private,
    /// An account's in ECR Public, where everybody may pull.
    Public,
}

impl RegistryKind {
    /// Returns the kind of the registry at a host.
    pub fn of(registry: &RegistryHost) -> Self {
        if registry.is_public_ecr() {
            Self::Public
        } else {
            Self::Private
        }
    }
}

/// Who makes a repository that is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepositoryCreation {
    /// Neither the run nor ECR.
    #[default]
    Never,
    /// The run, before it writes anything else.
    ByRun,
    /// ECR, when the repository is pushed to, as a creation template of the registry says.
    ByTemplate,
}

impl RepositoryCreation {
    /// The word for ECR's own way, beside `true` and `false`.
    pub const TEMPLATE: &'static str = "template";

    /// Reads the value of an input.
    ///
    /// Source: actions/toolkit, `core.getBooleanInput`, after the YAML 1.2 core schema.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "false" | "False" | "FALSE" => Some(Self::Never),
            "true" | "True" | "TRUE" => Some(Self::ByRun),
            Self::TEMPLATE => Some(Self::ByTemplate),
            _ => None,
        }
    }

    /// Whether it is made.
    pub fn is_wanted(self) -> bool {
        self != Self::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_truth_or_the_word() {
        for (text, creation) in [
            ("false", Some(RepositoryCreation::Never)),
            ("TRUE", Some(RepositoryCreation::ByRun)),
            ("template", Some(RepositoryCreation::ByTemplate)),
            ("Template", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(RepositoryCreation::parse(text), creation, "{text}");
        }
    }
}
