//! The folder of a program's files: its owner's alone, and gone with the run, also when that is cancelled.

use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

use crate::ports::{RegistryCredential, SignError};
use tagship_domain::reference::RegistryHost;
use tagship_domain::signing::Signer;

/// A private folder.
pub(super) struct Scratch {
    signer: Signer,
    folder: TempDir,
}

impl Scratch {
    pub(super) fn new(signer: Signer) -> Result<Self, SignError> {
        let folder = tempfile::Builder::new()
            .prefix("tagship-sign-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir();
        match folder {
            Ok(folder) => Ok(Self { signer, folder }),
            Err(source) => Err(SignError::Folder {
                program: signer,
                source,
            }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The same as an argument.
    pub(super) fn argument(&self, name: &str) -> OsString {
        self.file(name).into_os_string()
    }

    /// Writes a file that its owner alone may read.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), SignError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options
            .open(self.file(name))
            .and_then(|mut file| file.write_all(content));
        written.map_err(|source| SignError::Folder {
            program: self.signer,
            source,
        })
    }

    /// Writes the login of a registry where the programs look for it: `DOCKER_CONFIG` names the folder.
    ///
    /// Source: Docker CLI reference, "Docker CLI configuration file (config.json) properties", `auths`.
    pub(super) fn write_login(
        &self,
        registry: &RegistryHost,
        credential: &RegistryCredential,
    ) -> Result<(), SignError> {
        let RegistryCredential { username, password } = credential;
        let login = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
        let config = json!({ "auths": { registry.to_string(): { "auth": login } } });
        self.write("config.json", config.to_string().as_bytes())
    }
}
