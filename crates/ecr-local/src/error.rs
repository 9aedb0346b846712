//! What can go wrong with starting or holding the embedded ECR.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

use tagship_domain::error::{Diagnose, FailureKind};

/// What can go wrong with starting or holding the embedded ECR.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The data folder, or a file in it, cannot be used.
    #[error("the embedded ECR cannot use `{}`", path.display())]
    Data {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process serves the data folder.
    #[error("another process serves the data folder `{}`", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Where the other process listens, once it does.
        endpoint: Option<Url>,
    },
    /// No process serves the data folder.
    #[error("no embedded ECR serves the data folder `{}`", path.display())]
    NotServed {
        /// The folder.
        path: PathBuf,
    },
    /// Another process listens at the address.
    #[error("address `{address}` is in use")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened at for another reason.
    #[error("the embedded ECR cannot listen at `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened or read.
    #[error("the database in `{}` cannot be used: {problem}", path.display())]
    Database {
        /// The data folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The roles file is wrong.
    #[error("the roles in `{}` cannot be used: {problem}", path.display())]
    Roles {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where known.
        problem: String,
    },
    /// The registry refuses what was asked for.
    #[error("the embedded ECR refuses: {0}")]
    Refused(String),
    /// The authority of the TLS server cannot be used.
    #[error("the authority in `{}` cannot be used: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The operating system gives no threads or signals.
    #[error("the operating system gives no threads or signals")]
    System(#[source] io::Error),
    /// The cryptography library made no key.
    #[error("no key could be made")]
    Key,
}

impl LocalError {
    pub(crate) fn data(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Data { path, source }
    }
}

impl Diagnose for LocalError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Roles { .. } => FailureKind::Usage,
            _ => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Data { source, .. } => Some(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "the disk is full: free some of it, or choose a data folder on another disk".into()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "the disk is read-only: choose a data folder on another disk".into()
                }
                _ => "choose a data folder that you may write to".into(),
            }),
            Self::Locked {
                endpoint: Some(endpoint),
                ..
            } => Some(format!("use the emulator at {endpoint}, or choose another data folder").into()),
            Self::Locked { endpoint: None, .. } => Some("choose another data folder".into()),
            Self::NotServed { path } => {
                Some(format!("start one: `tagship local serve --data {}`", path.display()).into())
            }
            Self::AddressInUse { .. } => Some("choose another port, or port 0 for any free one".into()),
            Self::Listen { .. } => Some("choose an address of this machine".into()),
            Self::Database { .. } => Some("choose another data folder, or remove this one".into()),
            Self::Roles { .. } => Some("mend the file, or remove it to get the example again".into()),
            Self::Tls { .. } => Some("remove its folder to get a new one, and trust that".into()),
            Self::Refused(_) | Self::System(_) | Self::Key => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_takes_nothing_has_a_hint_of_its_own() {
        for (kind, word) in [
            (io::ErrorKind::StorageFull, "full"),
            (io::ErrorKind::QuotaExceeded, "full"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
            (io::ErrorKind::PermissionDenied, "may write"),
        ] {
            let hint = LocalError::data("/data")(kind.into()).hint().unwrap();
            assert!(hint.contains(word), "{kind}: {hint}");
        }
    }
}
