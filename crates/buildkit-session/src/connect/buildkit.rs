//! What serves BuildKit's API: an engine, or a daemon of its own.

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use http::HeaderName;
use tonic::transport::Channel;

use super::Connection;
use super::daemon::Daemon;
use super::stream::EngineStream;
use crate::error::Error;

/// What serves BuildKit's API.
#[derive(Debug, Clone)]
pub enum BuildKit {
    /// A Docker Engine.
    Engine(Connection),
    /// A BuildKit daemon.
    Daemon(Daemon),
}

impl BuildKit {
    /// BuildKit's control API.
    pub async fn control(&self) -> Result<ControlClient<Channel>, Error> {
        match self {
            Self::Engine(connection) => connection.control().await,
            Self::Daemon(daemon) => daemon.control().await,
        }
    }

    /// What calls of BuildKit's other services go over.
    pub async fn channel(&self) -> Result<Channel, Error> {
        match self {
            Self::Engine(connection) => connection.channel().await,
            Self::Daemon(daemon) => daemon.channel().await,
        }
    }

    /// The connection that it speaks to a session over.
    pub(crate) async fn session(&self, headers: &[(HeaderName, String)]) -> Result<EngineStream, Error> {
        match self {
            Self::Engine(connection) => connection.upgrade("/session", headers).await,
            Self::Daemon(daemon) => daemon.session(headers).await,
        }
    }

    /// The engine, where it is one.
    pub fn engine(&self) -> Option<&Connection> {
        match self {
            Self::Engine(connection) => Some(connection),
            Self::Daemon(_) => None,
        }
    }

    /// What an error below the API means.
    pub fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        match self {
            Self::Engine(connection) => connection.unreachable(error),
            Self::Daemon(daemon) => daemon.unreachable(error),
        }
    }

    /// Resolves when what `control` calls no longer answers. A connection to an engine finds that out itself.
    pub async fn lost(&self, control: ControlClient<Channel>) -> Error {
        match self {
            Self::Engine(_) => std::future::pending().await,
            Self::Daemon(daemon) => daemon.lost(control).await,
        }
    }
}
