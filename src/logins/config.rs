//! `config.json` of the docker command, as far as it is about logins.
//!
//! Source: docker/cli, `cli/config/configfile` and `cli/config/credentials`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;

use crate::ports::RegistryCredential;
use crate::regular_file;
use tagship_domain::build::login_host;
use tagship_domain::error::{Diagnose, FailureKind};

/// The most bytes of the file.
const MAX_BYTES: u64 = 1024 * 1024;
/// The key that Docker Hub's login is kept under.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user of a token that stands for a whole login.
pub(super) const TOKEN_USER: &str = "<token>";

/// What the file says about logins.
#[derive(Default, Deserialize)]
pub(super) struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Auth {
    /// User and password in base64.
    #[serde(rename = "auth")]
    pair: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
}

/// What the file says of one registry.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// The login itself.
    Credential(RegistryCredential),
    /// That a program knows it.
    Helper {
        /// The program, without `docker-credential-`.
        name: String,
        /// What the program knows the registry as.
        server: String,
    },
}

/// Why the docker command's logins cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    /// The file cannot be read.
    #[error("the docker configuration `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged. What stands in it may be secret.
    #[error("the docker configuration `{}` is not what the docker command writes", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A login that is not one.
    #[error("the docker configuration's login of `{host}` is not a user and a password")]
    Login {
        /// The registry.
        host: String,
    },
    /// A name of a helper that is not one.
    #[error("the docker configuration names a credential helper that is no program's name")]
    HelperName,
    /// A container action has no programs of the host.
    #[error(
        "the docker configuration leaves logins to the program `docker-credential-{name}`, which a container action does not have"
    )]
    NoHelperHere {
        /// The program, without `docker-credential-`.
        name: String,
    },
}

impl Diagnose for ConfigError {
    fn kind(&self) -> FailureKind {
        FailureKind::Credentials
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoHelperHere { .. } => {
                "give the login as a line of `registry-auth`, or put the command on the job's PATH with \
                 `uses: tagship/tagship/setup@v1`"
                    .into()
            }
            _ => "log in again with `docker login`, or set `use-docker-config: false`".into(),
        })
    }
}

impl DockerConfig {
    /// Reads `config.json` in a folder; `None` if there is none.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ConfigError> {
        let path = folder.join("config.json");
        let read = regular_file::open(&path).and_then(|file| {
            let mut text = Vec::new();
            file.take(MAX_BYTES).read_to_end(&mut text).map(|_| text)
        });
        let text = match read {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|_secret| ConfigError::Damaged { path })
    }

    /// What it says of a registry, which an engine names like this.
    pub(super) fn find(&self, host: &str) -> Result<Found, ConfigError> {
        let is_hub = host == login_host(HUB_KEY);
        let named = |key: &&String| login_host(key) == host;
        let of_host = self.helpers.iter().find(|(key, _)| named(key));
        let helper = of_host.map(|(_, name)| name).or(self.store.as_ref());
        if let Some(name) = helper.filter(|name| !name.is_empty()) {
            // It becomes part of a program's name.
            let is_name = name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !is_name {
                return Err(ConfigError::HelperName);
            }
            let server = if is_hub { HUB_KEY } else { host };
            return Ok(Found::Helper {
                name: name.clone(),
                server: server.to_owned(),
            });
        }
        match self.auths.iter().find(|(key, _)| named(key)) {
            None => Ok(Found::Nothing),
            Some((_, auth)) => auth.found().ok_or_else(|| ConfigError::Login {
                host: host.to_owned(),
            }),
        }
    }
}

impl Auth {
    /// Returns the login, nothing for an empty entry, which only says that there was a login, or `None` for what is none.
    fn found(&self) -> Option<Found> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.identity_token) {
            return Some(Found::Credential(of_token(token.into())));
        }
        if let Some(pair) = given(&self.pair) {
            let decoded = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
            let (username, password) = decoded.split_once(':')?;
            return Some(Found::Credential(RegistryCredential {
                username: username.to_owned(),
                // Old docker commands pad with zeros.
                password: password.trim_end_matches('\0').into(),
            }));
        }
        let pair = given(&self.username).zip(given(&self.password));
        Some(pair.map_or(Found::Nothing, |(username, password)| {
            Found::Credential(RegistryCredential {
                username,
                password: password.into(),
            })
        }))
    }
}

/// The engine takes a login without user for a token.
pub(super) fn of_token(token: SecretString) -> RegistryCredential {
    RegistryCredential {
        username: String::new(),
        password: token,
    }
}
