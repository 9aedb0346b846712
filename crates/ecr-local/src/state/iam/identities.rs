//! Identities: whose a key is, what they are called, and what they may do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::caller::Caller;
use super::decision::{Request, decide};
use super::grammar::{PolicyDecision, Verdict};
use super::policy::{Policy, ResourcePolicy};
use super::principal::{AccessKey, BadCredentials, Principal, Session, SessionCredentials, key_id};
use super::roles::{Role, Roles};
use super::seal::Seal;
use tagship_domain::reference::AccountId;

/// The purposes that texts are sealed for: one is never taken for another.
pub(super) const SESSION: &str = "session";
const SESSION_SECRET: &str = "session secret";

/// Identities and their permissions.
#[derive(Debug)]
pub(crate) struct Iam {
    /// The account of the administrator.
    pub(crate) account: AccountId,
    pub(crate) partition: &'static str,
    pub(crate) administrator: AccessKey,
    pub(crate) roles: Roles,
    pub(crate) seal: Seal,
}

impl Iam {
    /// Makes credentials for a session, whose key id is filled in here.
    pub(crate) fn issue(&self, mut session: Session) -> std::io::Result<(Session, SessionCredentials)> {
        session.key_id = key_id("ASIA")?;
        let key = AccessKey {
            id: session.key_id.clone(),
            secret: self.seal.derive(SESSION_SECRET, &session.key_id),
        };
        let token = self.seal.seal(SESSION, &session)?;
        Ok((session, SessionCredentials { key, token }))
    }

    /// Whose access key this is, and its secret.
    pub(crate) fn find(
        &self,
        key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<(Principal, SecretString), BadCredentials> {
        match session_token {
            None if key_id == self.administrator.id => {
                Ok((Principal::Administrator, self.administrator.secret.clone()))
            }
            None => Err(BadCredentials::Unknown),
            Some(token) => {
                let session: Session = self.seal.open(SESSION, token).ok_or(BadCredentials::Unknown)?;
                if session.key_id != key_id {
                    return Err(BadCredentials::Unknown);
                }
                if session.expires <= now {
                    return Err(BadCredentials::Expired);
                }
                let secret = self.seal.derive(SESSION_SECRET, key_id);
                Ok((Principal::Session(Box::new(session)), secret))
            }
        }
    }

    /// The account that the principal is of.
    pub(crate) fn account_of<'a>(&'a self, principal: &'a Principal) -> &'a AccountId {
        match principal {
            Principal::Administrator => &self.account,
            Principal::Session(session) => &session.account,
        }
    }

    /// The principal as policies name it.
    pub(crate) fn caller(&self, principal: &Principal) -> Caller {
        let (partition, account) = (self.partition, self.account_of(principal));
        match principal {
            Principal::Administrator => Caller {
                account: account.clone(),
                identity: format!("arn:{partition}:iam::{account}:user/administrator"),
                session: None,
                tags: BTreeMap::new(),
            },
            Principal::Session(session) => Caller {
                account: account.clone(),
                identity: self.role_arn(account, &session.role),
                session: Some(format!(
                    "arn:{partition}:sts::{account}:assumed-role/{}/{}",
                    session.role, session.name
                )),
                tags: session.tags.clone(),
            },
        }
    }

    /// The principal's resource name.
    pub(crate) fn arn(&self, principal: &Principal) -> String {
        let caller = self.caller(principal);
        caller.session.unwrap_or(caller.identity)
    }

    /// The principal's unique id.
    pub(crate) fn user_id(&self, principal: &Principal) -> String {
        let identity = self.caller(principal).identity;
        match principal {
            Principal::Administrator => self.unique_id("AIDA", &identity),
            Principal::Session(session) => {
                format!("{}:{}", self.unique_id("AROA", &identity), session.name)
            }
        }
    }

    /// The unique id of a user or role with this resource name.
    fn unique_id(&self, prefix: &str, arn: &str) -> String {
        let text = self.seal.derive("unique id", arn);
        let digits: String = text
            .expose_secret()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(17)
            .collect();
        format!("{prefix}{}", digits.to_ascii_uppercase())
    }

    /// A role's resource name.
    pub(crate) fn role_arn(&self, account: &AccountId, role: &str) -> String {
        format!("arn:{}:iam::{account}:role/{role}", self.partition)
    }

    /// The role with this resource name.
    pub(crate) fn role(&self, arn: &str) -> Option<&Role> {
        let (account, name) = arn
            .strip_prefix(&format!("arn:{}:iam::", self.partition))?
            .split_once(":role/")?;
        self.roles.get(&AccountId::parse(account).ok()?, name)
    }

    /// ECR itself in a role that it takes on; `None` if there is no such role.
    pub(crate) fn acting_as(&self, arn: &str) -> Option<Principal> {
        let role = self.role(arn)?;
        Some(Principal::Session(Box::new(Session {
            key_id: String::new(),
            account: role.account.clone(),
            role: role.name.clone(),
            name: "ecr".to_owned(),
            expires: Timestamp::MAX,
            policy: None,
            policy_arns: Vec::new(),
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
        })))
    }

    /// Whether the principal may do what it asks for; the refusal in IAM's words where not.
    ///
    /// `policies` are those of the resource, which is of the account `owner`.
    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        request: &Request<'_>,
        owner: &AccountId,
        policies: &[ResourcePolicy],
    ) -> Result<(), String> {
        let (action, resource) = (request.action, request.resource);
        let caller = self.caller(principal);
        let keys = request.keys(&caller);
        let (own, session) = self.permissions(principal, action, resource, &keys);
        let decision = policies
            .iter()
            .map(|policy| policy.decision_for(&caller, request))
            .max()
            .unwrap_or(PolicyDecision::Silent);
        // The administrator is at home everywhere.
        let at_home = *principal == Principal::Administrator || caller.account == *owner;
        decide(own, session, decision, at_home).map_err(|reason| {
            format!(
                "User: {} is not authorized to perform: {action} on resource: {resource} {}",
                self.arn(principal),
                reason.words(action)
            )
        })
    }

    /// What the principal's own policies say, and what its session policy says.
    fn permissions(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        keys: &BTreeMap<String, String>,
    ) -> (Verdict, Verdict) {
        let Principal::Session(session) = principal else {
            return (Verdict::Allowed, Verdict::Allowed);
        };
        let role = self.roles.get(&session.account, &session.role);
        let by_role = role.map_or(Verdict::Silent, |role| role.permissions(action, resource, keys));
        // A policy that is not read any more allows nothing. Source: IAM user guide, "Session policies".
        let inline = session.policy.as_deref().map(|text| Policy::parse(text).ok());
        let managed = session.policy_arns.iter().map(|arn| Policy::managed(arn));
        let by_session = inline
            .into_iter()
            .chain(managed)
            .map(|policy| policy.map_or(Verdict::Silent, |policy| policy.verdict(action, resource, keys)))
            .max()
            .unwrap_or(Verdict::Allowed);
        (by_role, by_session)
    }

    /// Whether the principal may do `action`, one of STS's, on `role`: both sides must agree, unless the role
    /// trusts an identity of its own account by name.
    pub(crate) fn authorize_assuming(
        &self,
        principal: &Principal,
        role: &Role,
        action: &str,
        request: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let caller = self.caller(principal);
        let resource = self.role_arn(&role.account, &role.name);
        let (own, session) = self.permissions(principal, action, &resource, request);
        let trust = role.trust(action, &caller, request);
        let at_home = caller.account == role.account;
        if trust != PolicyDecision::Silent && decide(own, session, trust, at_home).is_ok() {
            return Ok(());
        }
        Err(format!(
            "User: {} is not authorized to perform: {action} on resource: {resource}",
            self.arn(principal)
        ))
    }
}
