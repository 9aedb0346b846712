//! Where an engine listens.

use std::fmt;
use std::path::PathBuf;

use crate::error::Error;
use tagship_domain::build::host_and_port;
use tagship_domain::untrusted::cleaned;

/// Where Docker Engine listens when nothing else is said. Source: dockerd reference, "Daemon socket option".
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Where an engine listens, in the forms of `DOCKER_HOST`.
///
/// Source: docker CLI reference, "Environment variables"; dockerd reference, "Daemon socket option".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineAddress {
    /// `unix:///run/docker.sock`.
    Unix(PathBuf),
    /// `tcp://host:port`.
    Tcp {
        /// A name or an address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `ssh://[user@]host[:port]`: the engine behind the `docker` command of another machine.
    Ssh {
        /// The user, if not the one that ssh takes by itself.
        user: Option<String>,
        /// A name, an address or an alias of ssh's own configuration.
        host: String,
        /// The port, if not the one that ssh takes by itself.
        port: Option<u16>,
    },
}

impl EngineAddress {
    /// Reads an address; the default socket when there is none.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        let Some(text) = text else {
            return Ok(Self::Unix(PathBuf::from(DEFAULT_SOCKET)));
        };
        let invalid = |problem: &str| Error::Address {
            address: cleaned(text),
            problem: problem.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid("has no scheme like `unix://`, `tcp://` or `ssh://`"));
        };
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err(invalid("is not an absolute path after `unix://`")),
            "tcp" | "http" => {
                let (host, port) = host_and_port(rest).ok_or_else(|| invalid("is not `tcp://host:port`"))?;
                let port = port.ok_or_else(|| invalid("has no port"))?;
                Ok(Self::Tcp { host, port })
            }
            "ssh" => {
                let (user, rest) = match rest.split_once('@') {
                    Some((user, rest)) => (Some(user), rest),
                    None => (None, rest),
                };
                let shaped = || invalid("is not `ssh://user@host:port`");
                let (host, port) = host_and_port(rest).ok_or_else(shaped)?;
                // ssh reads what starts with a dash as an option.
                if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || user.contains(':')) {
                    return Err(shaped());
                }
                Ok(Self::Ssh {
                    user: user.map(str::to_owned),
                    host,
                    port,
                })
            }
            "https" => Err(invalid(
                "is written `tcp://host:port`, with `DOCKER_TLS_VERIFY` for TLS",
            )),
            "npipe" => Err(invalid("is a Windows pipe, which is not supported")),
            "fd" => Err(invalid(
                "is how the engine itself is started, not where it listens",
            )),
            _ => Err(invalid(
                "has a scheme other than `unix://`, `tcp://` and `ssh://`",
            )),
        }
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh { user, host, port } => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                f.write_str(host)?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))
            }
        }
    }
}
