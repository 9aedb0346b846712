//! What joins `buildkit-session` to a run: the destination's credential, who shows the build, and the files that it reads.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use buildkit_session::{BuildEvent, ContextInputs, Credential, ProgressSink, RegistryAuth};
use secrecy::SecretString;

use crate::ports::{BuildError, BuildInputs, FindLogin, LoginError, RegistryError, RegistryLogin, Reporter};
use tagship_domain::reference::{ImageName, RegistryHost};

/// The destination's credential, and those of the registries that base images and caches come from.
pub(super) struct BuildLogins {
    pub(super) target: Option<PushTarget>,
    pub(super) others: Arc<dyn FindLogin>,
}

/// A registry that the engine may push to.
#[derive(Clone)]
pub(super) struct PushTarget {
    pub(super) image: ImageName,
    pub(super) login: Arc<dyn RegistryLogin>,
}

#[async_trait]
impl RegistryAuth for BuildLogins {
    async fn credential(&self, host: &str) -> Result<Option<Credential>, Box<dyn Error + Send + Sync>> {
        let of_host = |target: &&PushTarget| host == target.image.registry.as_str();
        let found = match self.target.as_ref().filter(of_host) {
            Some(target) => Some(target.login.credential(&target.image.registry).await?),
            None => self.others.find(host).await?,
        };
        Ok(found.map(|credential| Credential {
            username: credential.username,
            password: credential.password,
        }))
    }
}

/// What went wrong on our side of a session, in the words of a build.
pub(super) fn failure(error: buildkit_session::Error) -> BuildError {
    match error {
        buildkit_session::Error::Login { host, source } => {
            match (RegistryHost::parse(&host), source.downcast::<LoginError>()) {
                (Ok(host), Ok(source)) => RegistryError::Login {
                    host,
                    source: *source,
                }
                .into(),
                (Err(_), Ok(source)) => buildkit_session::Error::Login { host, source }.into(),
                (_, Err(source)) => buildkit_session::Error::Login { host, source }.into(),
            }
        }
        other => other.into(),
    }
}

/// Shows a build by the run's reporter.
pub(super) struct BuildDisplay(pub(super) Arc<dyn Reporter>);

impl ProgressSink for BuildDisplay {
    fn event(&self, event: BuildEvent<'_>) {
        self.0.event(event.into());
    }

    fn mask(&self, secret: &SecretString) {
        self.0.mask(secret);
    }
}

impl BuildInputs for ContextInputs {
    fn context(&self) -> &Path {
        self.context()
    }

    fn beside(&self) -> &[PathBuf] {
        self.beside()
    }

    fn present(&self) -> &[String] {
        self.present()
    }

    fn reads(&self, path: &str) -> bool {
        self.reads(path)
    }

    fn reads_in(&self, folder: &str) -> bool {
        self.reads_in(folder)
    }
}
