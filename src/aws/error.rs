//! What can go wrong on the way to credentials.

use std::borrow::Cow;
use std::fmt;

use crate::aws::claims::{Claims, SubjectForm};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::{AccountId, Region};

/// What can go wrong on the way to credentials.
///
/// Texts from outside are cleaned before they come in here, and no variant holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    /// Later steps would get a key that has no end.
    #[error("`export-credentials` gives later steps a session, and access key `{0}` is none: it has no end")]
    LongLived(String),
    /// No source of credentials has any.
    #[error("no AWS credentials were found")]
    None,
    /// A source of credentials is set up but fails.
    #[error("the AWS credentials cannot be loaded: {message}")]
    Chain {
        /// What failed.
        message: String,
    },
    /// The job may not ask for OIDC tokens.
    #[error("this job may not ask for an OIDC token: it lacks the permission `id-token: write`")]
    MissingPermission,
    /// A pull request from a fork is never given OIDC tokens.
    #[error("this is a pull request from a fork, and GitHub gives those no OIDC token")]
    Fork,
    /// The role is no role.
    #[error("role `{role}` {problem}")]
    InvalidRole {
        /// What was given.
        role: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A setting of the machine's AWS configuration is no value.
    #[error("{setting} is `{value}`, which {problem}")]
    Setting {
        /// The variable, or the key of a profile.
        setting: String,
        /// What it is.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key has characters that no key has.
    #[error("{name} has a character in it that no AWS credential has, such as a blank or a line break")]
    IllegalCredential {
        /// The variable, or the key of a profile.
        name: String,
    },
    /// The session's name is illegal.
    #[error("role session name `{name}` is not 2 to 64 characters of letters, digits and `_+=,.@-`")]
    InvalidSessionName {
        /// What was given.
        name: String,
    },
    /// The session's length is out of range.
    #[error("role duration {seconds} is not between 900 and 43200 seconds")]
    InvalidDuration {
        /// What was given.
        seconds: u32,
    },
    /// GitHub issues no OIDC token.
    #[error("GitHub issues no OIDC token: {message}")]
    TokenRefused {
        /// Why.
        message: String,
    },
    /// A file holds no OIDC token.
    #[error("file `{path}` holds no OIDC token: {problem}")]
    TokenFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The role's trust policy does not match the job's token.
    #[error(transparent)]
    AssumeDenied(Box<AssumeDenied>),
    /// The role does not trust the credentials of the chain, or these may not assume it.
    #[error("role `{role}` may not be assumed with the credentials at hand: {message}")]
    ChainDenied {
        /// The role.
        role: String,
        /// STS's words.
        message: String,
    },
    /// The role's trust policy does not allow the session's tags.
    #[error("role `{role}` takes no session tags from the credentials at hand: {message}")]
    TagsDenied {
        /// The role.
        role: String,
        /// STS's words.
        message: String,
    },
    /// STS has no room for what the workflow wants of the session.
    #[error("the session policies and tags for role `{role}` are too large together: {message}")]
    SessionTooLarge {
        /// The role.
        role: String,
        /// STS's words.
        message: String,
    },
    /// A policy for the session is none.
    #[error("STS does not take the session policies for role `{role}`: {message}")]
    SessionPolicyRefused {
        /// The role.
        role: String,
        /// STS's words.
        message: String,
    },
    /// The account's identity provider does not take the token's audience.
    #[error("account `{account}` does not take OIDC tokens for audience `{audience}`")]
    WrongAudience {
        /// The role's account.
        account: AccountId,
        /// The token's audience.
        audience: String,
    },
    /// The account has no identity provider for the token's issuer.
    #[error("account `{account}` has no identity provider for `{issuer}`")]
    UnknownIssuer {
        /// The role's account.
        account: AccountId,
        /// The token's issuer.
        issuer: String,
    },
    /// STS does not take the token.
    #[error("AWS does not take the OIDC token: {message}")]
    TokenRejected {
        /// STS's words.
        message: String,
    },
    /// STS is switched off in the region.
    #[error("AWS STS is not active in region `{region}` for account `{account}`")]
    RegionDisabled {
        /// The role's account.
        account: AccountId,
        /// The region.
        region: Region,
    },
    /// The account is none of those that may be used.
    #[error("{owner} belongs to account `{account}`, which `allowed-account-ids` does not name")]
    AccountNotAllowed {
        /// Whose account it is, such as `the role`.
        owner: &'static str,
        /// The account.
        account: AccountId,
    },
    /// AWS does not know the keys, or their signature is wrong.
    #[error("AWS refuses the credentials: {message}")]
    CredentialsRefused {
        /// AWS's words.
        message: String,
    },
    /// The credentials have ended, and their source has no newer ones.
    #[error("the AWS credentials have expired: {message}")]
    Expired {
        /// AWS's words.
        message: String,
    },
    /// The credentials lack a permission that concerns no single repository.
    #[error("the credentials do not allow `{action}`")]
    NotPermitted {
        /// The IAM action.
        action: &'static str,
    },
    /// AWS refuses a request for another reason.
    #[error("AWS refuses {operation}: {message}")]
    Refused {
        /// What was asked for.
        operation: String,
        /// AWS's words.
        message: String,
    },
    /// The service cannot be reached or is overloaded; retries did not help.
    #[error("{operation} failed: {message}")]
    Unavailable {
        /// What was asked for.
        operation: String,
        /// What happened.
        message: String,
    },
    /// An answer is not what the API promises.
    #[error("the answer to {operation} {problem}")]
    Malformed {
        /// What was asked for.
        operation: &'static str,
        /// What is wrong with the answer.
        problem: &'static str,
    },
    /// Nothing names the region.
    #[error("the AWS region is not known")]
    NoRegion,
    /// Secrets would cross a network in the clear.
    #[error("endpoint `{url}` is plain HTTP, which would send credentials in the clear")]
    InsecureEndpoint {
        /// The endpoint.
        url: String,
    },
    /// A registry that the credentials are not for.
    #[error("AWS has no credential for this registry")]
    ForeignRegistry,
}

impl Diagnose for IdentityError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::InvalidRole { .. }
            | Self::InvalidSessionName { .. }
            | Self::InvalidDuration { .. }
            | Self::Setting { .. }
            | Self::TokenFile { .. }
            | Self::SessionTooLarge { .. }
            | Self::SessionPolicyRefused { .. }
            | Self::NoRegion
            | Self::InsecureEndpoint { .. } => FailureKind::Usage,
            Self::Unavailable { .. } | Self::Malformed { .. } => FailureKind::Operation,
            _ => FailureKind::Credentials,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::None => "set `role-to-assume`, in a job together with the permission `id-token: write`; or sign in with the AWS CLI".into(),
            Self::MissingPermission => {
                "give the job `permissions:` with `id-token: write` and `contents: read`".into()
            }
            Self::Fork => {
                "publish after the merge, from a `push` event; do not switch to `pull_request_target`".into()
            }
            Self::Setting { .. } => "correct it, or take it away".into(),
            Self::IllegalCredential { .. } => {
                "set it anew, from the place that it was copied from; look for quotes and line breaks".into()
            }
            Self::InvalidRole { .. } => {
                "set `role-to-assume` to the role's ARN, as IAM shows it".into()
            }
            Self::TokenRefused { .. } => "run the job again; its right to ask for tokens may have ended".into(),
            Self::TokenFile { .. } => "let the program that writes it renew the token, or leave `web-identity-token-file` out".into(),
            Self::AssumeDenied(denied) => denied.hint().into(),
            Self::ChainDenied { role, .. } => format!(
                "allow `sts:AssumeRole` on `{role}` to these credentials, and name their principal in the role's trust policy; where that asks for an external id, give `role-external-id`"
            )
            .into(),
            Self::TagsDenied { role, .. } => format!(
                "allow `sts:TagSession` beside `sts:AssumeRole` in the trust policy of `{role}`, or leave `session-tags` out"
            )
            .into(),
            Self::SessionTooLarge { .. } => {
                "shorten `inline-session-policy`, or give fewer `session-tags` and `managed-session-policies`".into()
            }
            Self::SessionPolicyRefused { .. } => {
                "correct `inline-session-policy`, and name in `managed-session-policies` what the role's account has".into()
            }
            Self::WrongAudience { audience, .. } => format!(
                "add `{audience}` to the audiences of the account's identity provider, or set `audience` to one that it has"
            )
            .into(),
            Self::UnknownIssuer { issuer, .. } => format!(
                "create it: aws iam create-open-id-connect-provider --url {issuer} --client-id-list sts.amazonaws.com"
            )
            .into(),
            Self::RegionDisabled { .. } => {
                "activate STS for the region in IAM's account settings, or set another `aws-region`".into()
            }
            Self::AccountNotAllowed { .. } => {
                "check `role-to-assume` and `registry`, or add the account to `allowed-account-ids`".into()
            }
            Self::CredentialsRefused { .. } | Self::Expired { .. } | Self::Chain { .. } => {
                "sign in again, or renew the keys that the environment or the profile holds".into()
            }
            Self::NotPermitted { action } => {
                format!("allow `{action}` on resource `*` in the role's permission policy").into()
            }
            Self::Unavailable { .. } => "run again later".into(),
            Self::NoRegion => "set `aws-region`".into(),
            Self::InsecureEndpoint { .. } => {
                "use `https`, or an emulator on this machine or in a private network".into()
            }
            _ => return None,
        })
    }
}

/// A role whose trust policy does not match the job's token, with what the token says.
#[derive(Debug, Clone)]
pub struct AssumeDenied {
    /// The role.
    pub role: String,
    /// The token's own claims, unless it could not be read.
    pub claims: Option<Claims>,
}

impl fmt::Display for AssumeDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role `{}` does not trust this job", self.role)?;
        if let Some(claims) = &self.claims {
            write!(
                f,
                ": its token has sub `{}` and aud `{}`",
                tagship_domain::error::cleaned(&claims.subject),
                tagship_domain::error::cleaned(&claims.audience)
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for AssumeDenied {}

impl AssumeDenied {
    fn hint(&self) -> String {
        let Some(claims) = &self.claims else {
            return "check that the role exists and that its trust policy names this repository".to_owned();
        };
        let form = match claims.form() {
            SubjectForm::Classic => "in the classic form",
            SubjectForm::Immutable => "in the immutable form, with the ids of owner and repository",
            SubjectForm::Custom => "in a form that your organisation has set",
        };
        let mut hint = format!(
            "check that the role exists, and let its trust policy have this condition; \
             the token's sub is {form}:\n{}",
            claims.trust_condition(&claims.subject)
        );
        if let Some(other) = claims.other_subject() {
            hint.push_str(match claims.form() {
                SubjectForm::Immutable => {
                    "\nthe policy may still have the classic form, which such a token never matches:\n"
                }
                _ => {
                    "\nafter the repository is renamed, transferred or switched to immutable subjects, it must be:\n"
                }
            });
            hint.push_str(&claims.trust_condition(&other));
        }
        hint
    }
}
