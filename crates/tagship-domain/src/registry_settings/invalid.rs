//! What is wrong with a declared setting of a registry.

use crate::untrusted::cleaned;

/// A text that is no setting of a registry, as ECR's own rules have it.
///
/// Source: ECR API reference, and the botocore model of the same version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRegistrySetting {
    /// A prefix of repositories has another form.
    #[error("`{}` is no prefix of repositories: {problem}", cleaned(text))]
    Prefix {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A filter for scanning has another form.
    #[error("`{}` is no filter for repositories: 1 to 255 of `a-z`, `0-9`, `.`, `_`, `-`, `/` and `*`", cleaned(.0))]
    ScanningFilter(String),
    /// A filter for signing has another form.
    #[error("`{}` is no filter for repositories: 1 to 256 of `a-z`, `0-9`, `.`, `_`, `-`, `/` and `*`", cleaned(.0))]
    SigningFilter(String),
    /// An upstream registry is none that ECR caches.
    #[error("`{}` is no upstream registry that ECR caches", cleaned(.0))]
    Upstream(String),
    /// An upstream needs a login.
    #[error(
        "`{0}` needs `credential`: the resource name of a secret whose name begins with `ecr-pullthroughcache/`"
    )]
    CredentialNeeded(&'static str),
    /// An upstream takes no login.
    #[error("`{0}` takes no `credential`")]
    CredentialRefused(&'static str),
    /// A credential is no secret that ECR takes.
    #[error("`{}` is no resource name of a secret in Secrets Manager whose name begins with `ecr-pullthroughcache/`", cleaned(.0))]
    Credential(String),
    /// A role belongs to another kind of upstream.
    #[error("`role` is for an upstream registry in ECR alone")]
    RoleRefused,
    /// A role has another form.
    #[error("`{}` is no resource name of a role", cleaned(.0))]
    Role(String),
    /// A signing profile has another form.
    #[error("`{}` is no resource name of a signing profile of AWS Signer", cleaned(.0))]
    SigningProfile(String),
    /// A principal has another form.
    #[error("`{}` is no resource name of an IAM role or user", cleaned(.0))]
    Principal(String),
    /// An account setting is none that ECR has.
    #[error("there is no account setting `{}`", cleaned(.0))]
    AccountSetting(String),
    /// An account setting takes another value.
    #[error("`{name}` takes `{}`, and not `{}`", takes.join("` or `"), cleaned(value))]
    AccountValue {
        /// The setting.
        name: &'static str,
        /// The values that it takes.
        takes: &'static [&'static str],
        /// The value.
        value: String,
    },
}
