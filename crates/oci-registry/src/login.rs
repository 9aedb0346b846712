//! Credentials, and why there are none.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::RegistryHost;

/// User and password of a registry, as HTTP Basic takes them.
#[derive(Debug, Clone)]
pub struct RegistryCredential {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl RegistryCredential {
    /// Returns what stands for none: a registry is used without a login.
    pub fn anonymous() -> Self {
        Self {
            username: String::new(),
            password: SecretString::from(String::new()),
        }
    }

    /// Whether there is no login.
    pub fn is_anonymous(&self) -> bool {
        self.username.is_empty() && self.password.expose_secret().is_empty()
    }
}

/// Credentials for a registry, fetched when they are first needed and kept in memory.
#[async_trait]
pub trait RegistryLogin: Send + Sync {
    /// Returns a credential for `host` that is valid now.
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError>;

    /// Forgets what is held for `host`, because the registry refused it.
    async fn forget(&self, host: &RegistryHost);
}

/// Why there is no credential for a registry.
///
/// Shown as its cause, which is the error of whoever issues credentials.
#[derive(Debug)]
pub struct LoginError(Box<dyn Diagnose>);

impl LoginError {
    /// Wraps the error of whoever issues credentials.
    pub fn new(cause: impl Diagnose) -> Self {
        Self(Box::new(cause))
    }

    /// Returns the error of whoever issues credentials.
    pub fn cause(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LoginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnose for LoginError {
    fn kind(&self) -> FailureKind {
        self.0.kind()
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        self.0.hint()
    }
}
