//! Policy documents in IAM's JSON, and the permission policy of a role that publishes.
//!
//! Source: IAM user guide, "IAM JSON policy element reference".

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::permissions::{Permission, Scope};
use crate::reference::{AccountId, Region, RepositoryName};
use crate::repositories::RegistryKind;

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    #[serde(rename = "Statement")]
    pub(super) statements: Vec<Statement>,
}

/// One statement, which allows something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) sid: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<Federated>,
    #[serde(rename = "Action")]
    pub(super) actions: Vec<String>,
    #[serde(rename = "Resource", skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    #[serde(rename = "Condition", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) conditions: Conditions,
}

/// Values by operator and condition key.
pub(super) type Conditions = BTreeMap<&'static str, BTreeMap<String, Vec<String>>>;

/// The identity provider that is trusted, by its resource name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Federated {
    pub(super) federated: String,
}

impl PolicyDocument {
    /// Returns a policy that allows what both allow.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.statements.extend(other.statements);
        self
    }

    pub(super) fn of(statements: Vec<Statement>) -> Self {
        Self {
            version: "2012-10-17",
            statements,
        }
    }

    /// Returns the document as indented JSON.
    pub fn to_json(&self) -> String {
        // All keys are texts, so that it does not fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Statement {
    pub(super) fn allowing(sid: &'static str, actions: Vec<String>) -> Self {
        Self {
            sid,
            effect: "Allow",
            principal: None,
            actions,
            resources: Vec::new(),
            conditions: Conditions::new(),
        }
    }
}

/// A repository that a policy is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The account that the registry belongs to.
    pub account: AccountId,
    /// The registry's region.
    pub region: Region,
    /// The repository, by its name in the API.
    pub repository: RepositoryName,
    /// Whose the registry is.
    pub kind: RegistryKind,
}

impl Target {
    /// Returns the repository's resource name. Source: Service Authorization Reference, "Resource types defined by Amazon ECR" and
    /// "… by Amazon ECR Public".
    pub fn arn(&self) -> String {
        if self.kind == RegistryKind::Public {
            let (partition, account) = (self.region.partition(), &self.account);
            return format!(
                "arn:{partition}:ecr-public::{account}:repository/{}",
                self.repository
            );
        }
        format!(
            "arn:{}:ecr:{}:{}:repository/{}",
            self.region.partition(),
            self.region,
            self.account,
            self.repository
        )
    }
}

impl Target {
    /// Returns the resource name of every repository of its registry.
    fn every_arn(&self) -> String {
        let name = format!("/{}", self.repository);
        let arn = self.arn();
        format!("{}/*", arn.strip_suffix(&name).unwrap_or(&arn))
    }

    /// Returns the resource names of all signing profiles beside the registry. Source: Service Authorization Reference,
    /// "Resource types defined by AWS Signer".
    fn profiles(&self) -> String {
        self.others("signer", "/signing-profiles/*")
    }

    /// Returns the resource name of what other services have beside the registry.
    fn others(&self, service: &str, resource: &str) -> String {
        let (partition, region, account) = (self.region.partition(), &self.region, &self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Returns the policy that allows exactly `permissions`, on `targets` where the action knows resources; all of one kind of registry.
pub fn permission_policy(permissions: &[Permission], targets: &[Target]) -> PolicyDocument {
    let actions = |scope: Scope| -> Vec<String> {
        let of_scope = permissions.iter().filter(|row| row.scope == scope);
        of_scope.map(|row| row.action.to_owned()).collect()
    };
    let mut resources: Vec<String> = targets.iter().map(Target::arn).collect();
    resources.sort_unstable();
    resources.dedup();
    let mut caches: Vec<String> = targets.iter().map(Target::every_arn).collect();
    caches.sort_unstable();
    caches.dedup();
    let beside = |name: &dyn Fn(&Target) -> String| {
        let names: BTreeSet<String> = targets.iter().map(name).collect();
        names.into_iter().collect::<Vec<String>>()
    };
    let profiles = beside(&Target::profiles);
    let topics = beside(&|target| target.others("sns", "*"));
    let buses = beside(&|target| target.others("events", "event-bus/*"));
    let is_public = targets
        .first()
        .is_some_and(|target| target.kind == RegistryKind::Public);
    let statements = [
        (
            if is_public { "LoginPublic" } else { "Login" },
            actions(Scope::Everything),
            vec!["*".to_owned()],
        ),
        ("Scanning", actions(Scope::Scanning), vec!["*".to_owned()]),
        ("Sign", actions(Scope::Profiles), profiles),
        ("Topics", actions(Scope::Topics), topics),
        ("Buses", actions(Scope::Buses), buses),
        ("Registry", actions(Scope::Registry), vec!["*".to_owned()]),
        (
            if is_public { "PublishPublic" } else { "Publish" },
            actions(Scope::Repository),
            resources,
        ),
        ("Caches", actions(Scope::Caches), caches),
    ];
    let statements = statements
        .into_iter()
        .filter(|(_, actions, _)| !actions.is_empty());
    PolicyDocument::of(
        statements
            .map(|(sid, actions, resources)| Statement {
                resources,
                ..Statement::allowing(sid, actions)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{CommandPermissions, needed};
    use super::*;

    #[test]
    fn a_policy_names_every_repository_once() {
        let target = |region: &str, repository: &str| Target {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse(region).unwrap(),
            repository: RepositoryName::parse(repository).unwrap(),
            kind: RegistryKind::Private,
        };
        let targets = [
            target("us-east-1", "team/app"),
            target("cn-north-1", "team/app"),
            target("us-east-1", "team/app"),
        ];
        let permissions = needed([CommandPermissions::of("ship").unwrap()]);
        insta::assert_snapshot!(permission_policy(&permissions, &targets).to_json());
    }

    #[test]
    fn a_public_repository_is_in_no_region() {
        let target = Target {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::of_public_ecr(),
            repository: RepositoryName::parse("team/app").unwrap(),
            kind: RegistryKind::Public,
        };
        let ship = CommandPermissions::of("ship").unwrap().in_public().unwrap();
        let policy = permission_policy(&needed([ship]), &[target]);
        insta::assert_snapshot!(policy.to_json());
    }
}
