//! Decides a request by what all policies say.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::caller::Caller;
use super::condition::TAG_KEYS;
use super::grammar::{PolicyDecision, PrincipalMatch, Verdict};

/// What a caller wants to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// Such as `ecr:PutImage`.
    pub(crate) action: &'a str,
    /// The resource's name, or `*`.
    pub(crate) resource: &'a str,
    /// Where the request comes from, if it comes through the network.
    pub(crate) source: Option<IpAddr>,
    /// The resource's tags, if it is there and has any.
    pub(crate) tags: Option<&'a BTreeMap<String, String>>,
}

impl Request<'_> {
    /// The condition keys of the request, in lower case.
    pub(super) fn keys(&self, caller: &Caller) -> BTreeMap<String, String> {
        let mut keys = caller.keys();
        if let Some(source) = self.source {
            keys.insert("aws:sourceip".to_owned(), source.to_canonical().to_string());
        }
        for (key, value) in self.tags.into_iter().flatten() {
            let key = key.to_lowercase();
            for prefix in TAG_KEYS {
                keys.insert(format!("{prefix}{key}"), value.clone());
            }
        }
        keys
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DenialReason {
    DeniedToIdentity,
    DeniedToSession,
    DeniedByResource,
    NotAllowedToIdentity,
    NotAllowedToSession,
    NotAllowedByResource,
}

impl DenialReason {
    /// The words that end IAM's refusal. Source: IAM user guide, "Troubleshoot access denied error messages".
    pub(super) fn words(self, action: &str) -> String {
        let silent = |policy: &str| format!("because no {policy} policy allows the {action} action");
        match self {
            Self::DeniedToIdentity => "with an explicit deny in an identity-based policy".to_owned(),
            Self::DeniedToSession => "with an explicit deny in a session policy".to_owned(),
            Self::DeniedByResource => "with an explicit deny in a resource-based policy".to_owned(),
            Self::NotAllowedToIdentity => silent("identity-based"),
            Self::NotAllowedToSession => silent("session"),
            Self::NotAllowedByResource => silent("resource-based"),
        }
    }
}

/// Decides by what the identity's policies, the session's policy and the resource's policies say.
///
/// Any denial counts. In one account (`at_home`) it is enough that one side allows it, where a resource that
/// names the account leaves it to the identity, and one that names the session is not narrowed by the
/// session's policy. Across accounts both sides must allow it.
/// Source: IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
pub(crate) fn decide(
    own: Verdict,
    session: Verdict,
    decision: PolicyDecision,
    at_home: bool,
) -> Result<(), DenialReason> {
    match (own, session, decision) {
        (Verdict::Denied, _, _) => return Err(DenialReason::DeniedToIdentity),
        (_, Verdict::Denied, _) => return Err(DenialReason::DeniedToSession),
        (_, _, PolicyDecision::Denied) => return Err(DenialReason::DeniedByResource),
        _ => {}
    }
    let by_resource = match decision {
        PolicyDecision::Allowed(PrincipalMatch::Session) => at_home,
        PolicyDecision::Allowed(PrincipalMatch::Identity) => at_home && session == Verdict::Allowed,
        PolicyDecision::Allowed(PrincipalMatch::Account)
        | PolicyDecision::Silent
        | PolicyDecision::Denied => false,
    };
    match (own, session) {
        _ if by_resource => Ok(()),
        (Verdict::Silent, _) => Err(DenialReason::NotAllowedToIdentity),
        (_, Verdict::Silent) => Err(DenialReason::NotAllowedToSession),
        _ if at_home || decision != PolicyDecision::Silent => Ok(()),
        _ => Err(DenialReason::NotAllowedByResource),
    }
}
