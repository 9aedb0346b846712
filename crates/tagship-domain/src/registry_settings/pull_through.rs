//! Upstream registries that are cached.

use super::signing_rule::is_principal;
use super::{InvalidRegistrySetting, TemplatePrefix};
use crate::reference::{AccountId, ImageName, RegistryHost, RepositoryName};

/// A kind of upstream registry. Source: ECR API reference, `CreatePullThroughCacheRule`, `upstreamRegistry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// The API's name, which `tagship.yaml` takes too.
    name: &'static str,
    /// The host; `None` where each customer has another.
    host: Option<&'static str>,
    needs_credential: bool,
}

const fn kind(name: &'static str, host: Option<&'static str>, needs_credential: bool) -> Kind {
    Kind {
        name,
        host,
        needs_credential,
    }
}

/// Source: ECR user guide, "Creating a pull through cache rule in Amazon ECR".
const KINDS: [Kind; 9] = [
    kind("docker-hub", Some("registry-1.docker.io"), true),
    kind("ecr-public", Some("public.ecr.aws"), false),
    kind("quay", Some("quay.io"), false),
    kind("k8s", Some("registry.k8s.io"), false),
    kind("github-container-registry", Some("ghcr.io"), true),
    kind("gitlab-container-registry", Some("registry.gitlab.com"), true),
    kind("chainguard", Some("cgr.dev"), true),
    kind("azure-container-registry", None, true),
    kind("ecr", None, false),
];

/// An upstream registry that ECR caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    kind: Kind,
    host: String,
}

impl Upstream {
    /// Reads the name of a kind that has one host, such as `docker-hub`, or a host.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrySetting> {
        let of = |kind: Kind, host: &str| Self {
            kind,
            host: host.to_owned(),
        };
        let named = KINDS
            .iter()
            .find(|kind| kind.name == text || kind.host == Some(text));
        if let Some((kind, host)) = named.and_then(|kind| Some((*kind, kind.host?))) {
            return Ok(of(kind, host));
        }
        if text == "docker.io" {
            return Ok(of(KINDS[0], "registry-1.docker.io"));
        }
        let is_label = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let azure = text.strip_suffix(".azurecr.io");
        if azure.is_some_and(|label| !label.is_empty() && label.bytes().all(is_label)) {
            return Ok(of(KINDS[7], text));
        }
        if RegistryHost::parse(text).is_ok() {
            return Ok(of(KINDS[8], text));
        }
        Err(InvalidRegistrySetting::Upstream(text.to_owned()))
    }

    /// The kinds that have one host, by name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS
            .iter()
            .filter(|kind| kind.host.is_some())
            .map(|kind| kind.name)
    }

    /// The API's name of the kind.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// A rule of the pull-through cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullThroughRule {
    /// The beginning of the names that the copies have here.
    pub prefix: TemplatePrefix,
    /// The host of the upstream registry.
    pub host: String,
    /// The kind of the upstream registry by the API's name, where it is known.
    pub kind: Option<String>,
    /// The resource name of the secret with the login.
    pub credential: Option<String>,
    /// The role by which ECR reads from another account.
    pub role: Option<String>,
    /// The beginning of the upstream's names; all repositories where it is `None`.
    pub upstream_prefix: Option<String>,
}

impl PullThroughRule {
    /// Makes a rule, with everything that is wrong with it.
    pub fn new(
        prefix: TemplatePrefix,
        upstream: &Upstream,
        credential: Option<String>,
        role: Option<String>,
        upstream_prefix: Option<String>,
    ) -> Result<Self, Vec<InvalidRegistrySetting>> {
        let mut problems = Vec::new();
        let name = upstream.name();
        match (&credential, upstream.kind.needs_credential) {
            (None, true) => problems.push(InvalidRegistrySetting::CredentialNeeded(name)),
            (Some(_), false) => problems.push(InvalidRegistrySetting::CredentialRefused(name)),
            (Some(secret), true) if !is_secret(secret) => {
                problems.push(InvalidRegistrySetting::Credential(secret.clone()));
            }
            _ => {}
        }
        if let Some(role) = &role {
            if name != "ecr" {
                problems.push(InvalidRegistrySetting::RoleRefused);
            } else if !is_principal(role, &["role"]) {
                problems.push(InvalidRegistrySetting::Role(role.clone()));
            }
        }
        let made = Self {
            prefix,
            host: upstream.host.clone(),
            kind: Some(name.to_owned()),
            credential,
            role,
            upstream_prefix,
        };
        if problems.is_empty() {
            Ok(made)
        } else {
            Err(problems)
        }
    }

    /// Returns the account of an upstream registry that is one of ECR.
    ///
    /// Source: ECR user guide, "Setting up permissions for cross-account ECR to ECR PTC": another account is read by a role.
    pub(super) fn upstream_account(&self) -> Option<AccountId> {
        RegistryHost::parse(&self.host).ok()?.account().cloned()
    }

    /// Returns the repository here that holds the copies of one upstream; `None` where the rule is not about it.
    ///
    /// Source: ECR user guide, "Customizing repository prefixes for ECR to ECR pull through cache".
    pub fn repository_of(&self, upstream: &ImageName) -> Option<RepositoryName> {
        if self.host != upstream.registry.as_str() {
            return None;
        }
        let name = upstream.repository.as_str();
        let rest = match self.upstream_prefix.as_deref() {
            None | Some("ROOT") => name,
            Some(prefix) => name.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        let name = match self.prefix.as_str() {
            "ROOT" => rest.to_owned(),
            prefix => format!("{}/{rest}", prefix.trim_end_matches('/')),
        };
        RepositoryName::parse(&name).ok()
    }

    /// Returns the rule by which a repository here is filled: the one with the longest prefix of its name.
    pub fn of_repository<'a>(rules: &'a [Self], repository: &RepositoryName) -> Option<&'a Self> {
        let length = |rule: &&Self| {
            let prefix = rule.prefix.as_str().trim_end_matches('/');
            let rest = repository.as_str().strip_prefix(prefix);
            match rest {
                _ if prefix == "ROOT" => Some(0),
                Some(rest) if rest.starts_with('/') => Some(prefix.len()),
                _ => None,
            }
        };
        rules
            .iter()
            .filter_map(|rule| Some((length(&rule)?, rule)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, rule)| rule)
    }

    /// What cannot be changed: where the images come from.
    pub(super) fn source(&self) -> String {
        match self.upstream_prefix.as_deref() {
            None | Some("ROOT") => self.host.clone(),
            Some(prefix) => format!("{}/{prefix}", self.host),
        }
    }

    /// Returns the rule, one line for each of its settings that is declared.
    pub(super) fn lines(&self, credential: bool, role: bool) -> Vec<String> {
        let mut lines = vec![format!("from {}", self.source())];
        if credential && let Some(secret) = &self.credential {
            lines.push(format!("with credentials {secret}"));
        }
        if role && let Some(role) = &self.role {
            lines.push(format!("by role {role}"));
        }
        lines
    }
}

/// Source: ECR API reference, `CreatePullThroughCacheRule`, `credentialArn`.
fn is_secret(text: &str) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b);
    let name = text
        .split_once(":secretsmanager:")
        .filter(|(arn, _)| arn.starts_with("arn:aws"))
        .and_then(|(_, rest)| rest.split_once(":secret:ecr-pullthroughcache/"));
    (50..=612).contains(&text.len())
        && name.is_some_and(|(_, name)| !name.is_empty() && name.bytes().all(is_name))
}
