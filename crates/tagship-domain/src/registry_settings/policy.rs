//! The policy of a registry: who else may copy images to it, and use it.

use serde_json::{Value, json};

use crate::reference::{AccountId, Region};
use crate::repositories::{InvalidRepositoryPolicy, PolicyKind, RepositoryPolicy};

/// A policy that IAM and ECR take for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPolicy(RepositoryPolicy);

impl RegistryPolicy {
    /// Reads a policy, with everything that is wrong with it.
    pub fn of(document: Value) -> Result<Self, InvalidRepositoryPolicy> {
        RepositoryPolicy::of_kind(document, PolicyKind::Registry).map(Self)
    }

    /// Reads a policy in JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidRepositoryPolicy> {
        RepositoryPolicy::parse_kind(text, PolicyKind::Registry).map(Self)
    }

    /// Returns the policy as the API takes it.
    pub fn to_text(&self) -> String {
        self.0.to_text()
    }

    /// Returns the policy as data.
    pub fn document(&self) -> &Value {
        self.0.document()
    }

    /// Whether a policy of the registry says the same.
    pub fn says_as(&self, actual: &str) -> bool {
        self.0.says_as(actual)
    }
}

/// What is declared of a registry's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredRegistryPolicy {
    /// A whole policy.
    Document(RegistryPolicy),
    /// These accounts may copy images here; at least one.
    ReplicateFrom(Vec<AccountId>),
}

impl DeclaredRegistryPolicy {
    /// Returns the whole policy. Source: ECR user guide, "Private registry policy examples", "Allow the root user of a source
    /// account to replicate all repositories".
    pub(super) fn at(&self, account: Option<&AccountId>, region: &Region) -> Option<RegistryPolicy> {
        let accounts = match self {
            Self::Document(policy) => return Some(policy.clone()),
            Self::ReplicateFrom(accounts) => accounts,
        };
        let partition = region.partition();
        let root = |account: &AccountId| format!("arn:{partition}:iam::{account}:root");
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "Replicate",
                "Effect": "Allow",
                "Principal": {"AWS": accounts.iter().map(root).collect::<Vec<_>>()},
                "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
                "Resource": [format!("arn:{partition}:ecr:{region}:{}:repository/*", account?)],
            }],
        });
        RegistryPolicy::of(document).ok()
    }
}
