//! Managed signing: whether a pushed image is signed, and what has come of it.
//!
//! No signature is made, because that is the work of AWS Signer; only its progress is reported.
//! Source: ECR user guide, "Managed signing".

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::iam::{Principal, Request, wildcard};
use crate::state::store::{ImagePush, Owner, Registry};
use tagship_domain::reference::{Digest, RepositoryName};

/// The name of the document with the registry's setting.
pub(crate) const CONFIGURATION: &str = "signing";

/// The name of the document with the signatures of an image: this and the digest.
const SIGNATURES: &str = "signing/";

/// How long a signature takes here; how long it takes at AWS is not known.
const SIGNING: SignedDuration = SignedDuration::from_secs(10);

/// Which images are signed. Source: ECR API reference, `SigningConfiguration`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SigningConfiguration {
    rules: Vec<SigningRule>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigningRule {
    signing_profile_arn: String,
    /// Without any, all repositories are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository_filters: Option<Vec<SigningFilter>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SigningFilter {
    filter: String,
    filter_type: String,
}

/// A signature that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) profile_arn: String,
    started_at: Timestamp,
    /// Why the pusher may not sign.
    refused: Option<String>,
}

/// What has come of a signature. Source: ECR API reference, `ImageSigningStatus`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SigningStatus<'a> {
    InProgress,
    Complete,
    Failed { reason: &'a str },
}

impl SigningConfiguration {
    /// The profiles that a repository's images are signed with, each once.
    fn profiles(&self, repository: &RepositoryName) -> Vec<&str> {
        let mut profiles = Vec::new();
        for rule in &self.rules {
            let profile = rule.signing_profile_arn.as_str();
            let meant = rule.repository_filters.as_ref().is_none_or(|filters| {
                filters
                    .iter()
                    .any(|filter| wildcard(&filter.filter, repository.as_str()))
            });
            if meant && !profiles.contains(&profile) {
                profiles.push(profile);
            }
        }
        profiles
    }
}

impl Signature {
    pub(crate) fn status(&self, now: Timestamp) -> SigningStatus<'_> {
        match &self.refused {
            _ if now.duration_since(self.started_at) < SIGNING => SigningStatus::InProgress,
            Some(reason) => SigningStatus::Failed { reason },
            None => SigningStatus::Complete,
        }
    }
}

/// What a signature needs a permission for. Source: ECR user guide, "Managed signing".
fn signs(profile: &str) -> Request<'_> {
    Request {
        action: "signer:SignPayload",
        resource: profile,
        source: None,
        tags: None,
    }
}

/// Begins to sign an image that was pushed, with the permissions of who pushed it.
///
/// What refers to another manifest, as signatures do, is not signed.
pub(crate) fn pushed(state: &EmulatorState, push: &ImagePush, principal: &Principal) -> Result<(), Refusal> {
    let setting: Option<SigningConfiguration> = push.registry.document(Owner::Registry, CONFIGURATION)?;
    let Some(setting) = setting.filter(|_| push.manifest.subject().is_none()) else {
        return Ok(());
    };
    let signatures: Vec<Signature> = setting
        .profiles(&push.repository)
        .into_iter()
        .map(|profile| Signature {
            profile_arn: profile.to_owned(),
            started_at: state.clock.now(),
            refused: state
                .iam
                .authorize(principal, &signs(profile), push.registry.account(), &[])
                .err(),
        })
        .collect();
    if signatures.is_empty() {
        return Ok(());
    }
    let name = format!("{SIGNATURES}{}", push.manifest.digest());
    push.registry
        .put_document(Owner::Repository(&push.repository), &name, signatures)
}

/// The signatures of an image.
pub(crate) fn signatures(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<Signature>, Refusal> {
    let name = format!("{SIGNATURES}{digest}");
    Ok(registry
        .document(Owner::Repository(repository), &name)?
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The patterns are those of the ECR API reference, `SigningRepositoryFilter`.
    #[test]
    fn each_profile_of_the_rules_for_a_repository_signs_once() {
        let setting: SigningConfiguration = serde_json::from_value(serde_json::json!({"rules": [
            {"signingProfileArn": "a", "repositoryFilters": [
                {"filter": "myapp/*", "filterType": "WILDCARD_MATCH"},
                {"filter": "*/production", "filterType": "WILDCARD_MATCH"},
            ]},
            {"signingProfileArn": "a", "repositoryFilters": [
                {"filter": "*prod*", "filterType": "WILDCARD_MATCH"},
            ]},
            {"signingProfileArn": "b"},
        ]}))
        .unwrap();
        for (repository, profiles) in [
            ("myapp/web", &["a", "b"][..]),
            ("team/production", &["a", "b"]),
            ("my-prod-app", &["a", "b"]),
            ("myapps", &["b"]),
        ] {
            let name = RepositoryName::parse(repository).unwrap();
            assert_eq!(setting.profiles(&name), profiles, "{repository}");
        }
    }

    #[test]
    fn a_signature_is_in_progress_before_it_is_complete_or_failed() {
        let signature = |refused: Option<&str>| Signature {
            profile_arn: "a".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            refused: refused.map(str::to_owned),
        };
        let ends = Timestamp::UNIX_EPOCH + SIGNING;
        let before = ends - SignedDuration::from_millis(1);
        for refused in [None, Some("no")] {
            assert_eq!(signature(refused).status(before), SigningStatus::InProgress);
        }
        assert_eq!(signature(None).status(ends), SigningStatus::Complete);
        assert_eq!(
            signature(Some("no")).status(ends),
            SigningStatus::Failed { reason: "no" }
        );
    }
}
