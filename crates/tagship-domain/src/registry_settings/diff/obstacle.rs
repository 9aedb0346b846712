//! Why a registry's settings cannot become what is declared.

use serde::Serialize;

use crate::untrusted::cleaned;

/// Why a registry's settings cannot become what is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum RegistryObstacle {
    /// Where a cache takes its images from is decided when its rule is made.
    UpstreamStays {
        /// The rule's prefix.
        prefix: String,
        /// Where its images come from.
        from: String,
        /// What is declared.
        to: String,
    },
    /// A registry of another account is read by a role alone.
    UpstreamNeedsRole {
        /// The rule's prefix.
        prefix: String,
        /// Where its images come from.
        from: String,
    },
    /// A registry cannot copy its images to itself.
    ReplicatesToItself,
}

impl RegistryObstacle {
    /// Says what to do.
    pub fn hint(&self) -> String {
        match self {
            Self::UpstreamStays { prefix, .. } => format!(
                "remove the rule first: `aws ecr delete-pull-through-cache-rule --ecr-repository-prefix {}`; what is cached stays",
                cleaned(prefix)
            ),
            Self::UpstreamNeedsRole { .. } => {
                "give the rule a `role` that ECR may assume, and that the other registry lets read".to_owned()
            }
            Self::ReplicatesToItself => {
                "leave the registry's own account and region out of the destinations".to_owned()
            }
        }
    }
}

impl std::fmt::Display for RegistryObstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UpstreamStays { prefix, from, to } => write!(
                f,
                "cache rule `{}` takes images from `{}`, and that cannot become `{}`",
                cleaned(prefix),
                cleaned(from),
                cleaned(to)
            ),
            Self::UpstreamNeedsRole { prefix, from } => write!(
                f,
                "cache rule `{}` takes images from `{}`, which is of another account, and names no role",
                cleaned(prefix),
                cleaned(from)
            ),
            Self::ReplicatesToItself => f.write_str("a registry cannot replicate to itself"),
        }
    }
}
