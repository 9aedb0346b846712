//! Who may do what in a registry: the policies of identities, of repositories and of the registry together.

use std::net::IpAddr;

use crate::refusal::Refusal;
use crate::state::iam::{Caller, Iam, PolicyDecision, Principal, Request, ResourcePolicy};
use crate::state::store::{Owner, Registry, Repository};
use tagship_domain::reference::{AccountId, RepositoryName};

/// The name of the document with a repository's policy.
pub(crate) const REPOSITORY_POLICY: &str = "repository-policy";

/// The name of the document with a registry's policy.
pub(crate) const REGISTRY_POLICY: &str = "registry-policy";

/// Who makes a request, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) source: Option<IpAddr>,
}

impl<'a> Sender<'a> {
    /// ECR itself, in a role that it takes on.
    pub(crate) fn inside(principal: &'a Principal) -> Self {
        Self {
            principal,
            source: None,
        }
    }
}

/// Checks that the sender may do `action` on a resource of the registry: a repository, a pattern of such, or
/// `*` for none that could be named. Blocks.
pub(crate) fn permit(
    iam: &Iam,
    registry: &Registry,
    sender: Sender<'_>,
    action: &str,
    resource: &str,
) -> Result<(), Refusal> {
    let repository = resource
        .strip_prefix(&registry.arn(""))
        .and_then(|name| RepositoryName::parse(name).ok())
        .map(|name| registry.repository(&name));
    let repository = match repository {
        None | Some(Err(Refusal::RepositoryNotFound { .. })) => None,
        Some(found) => Some(found?),
    };
    let mut policies = Vec::new();
    if let Some(repository) = &repository {
        policies.extend(policy(
            registry,
            Owner::Repository(&repository.name),
            REPOSITORY_POLICY,
        )?);
    }
    if resource.starts_with(&registry.arn("")) {
        policies.extend(policy(registry, Owner::Registry, REGISTRY_POLICY)?);
    }
    let request = Request {
        action,
        resource,
        source: sender.source,
        tags: repository.as_ref().map(|repository| &repository.tags),
    };
    iam.authorize(sender.principal, &request, registry.account(), &policies)
        .map_err(Refusal::AccessDenied)
}

/// Whether the sender could not do `action` on a repository any more if it had this policy alone.
pub(crate) fn is_locked_out(
    iam: &Iam,
    registry: &Registry,
    sender: Sender<'_>,
    action: &str,
    repository: &Repository,
    policy: ResourcePolicy,
) -> bool {
    let request = Request {
        action,
        resource: &registry.arn(repository.name.as_str()),
        source: sender.source,
        tags: Some(&repository.tags),
    };
    iam.authorize(sender.principal, &request, registry.account(), &[policy])
        .is_err()
}

/// Whether the registry lets another account do `action` on a repository of the registry, which may be missing.
///
/// This is what replication asks: its copies come from the source's account as such. Its own account needs no
/// permission. Source: ECR user guide, "Private registry permissions in Amazon ECR".
pub(crate) fn registry_lets(
    registry: &Registry,
    account: &AccountId,
    action: &str,
    repository: &RepositoryName,
) -> Result<bool, Refusal> {
    let root = format!("arn:{}:iam::{account}:root", registry.region().partition());
    let caller = Caller {
        account: account.clone(),
        identity: root,
        session: None,
        tags: std::collections::BTreeMap::new(),
    };
    let resource = registry.arn(repository.as_str());
    let request = Request {
        action,
        resource: &resource,
        source: None,
        tags: None,
    };
    let policy = policy(registry, Owner::Registry, REGISTRY_POLICY)?;
    Ok(
        match policy.map(|policy| policy.decision_for(&caller, &request)) {
            Some(PolicyDecision::Denied) => false,
            Some(PolicyDecision::Allowed(_)) => true,
            Some(PolicyDecision::Silent) | None => account == registry.account(),
        },
    )
}

fn policy(registry: &Registry, owner: Owner<'_>, name: &str) -> Result<Option<ResourcePolicy>, Refusal> {
    let text: Option<String> = registry.document(owner, name)?;
    text.map(|text| ResourcePolicy::parse(&text).map_err(Refusal::state))
        .transpose()
}
