//! The network: by which proxy a server is reached, and whose certificates count.
//!
//! Every HTTP client of the program is made here, so that one reading of the environment holds for all of them: the AWS
//! APIs, registries and what they redirect to, GitHub, webhooks, and git repositories that are fetched.

mod authorities;
mod exceptions;
mod proxies;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use reqwest::{Certificate, Client, ClientBuilder, Proxy, blocking};
use url::Url;

use proxies::Proxies;
use tagship_domain::error::{Diagnose, FailureKind, with_causes};

/// What the process keeps to, from its begin to its end, as it does to its provider of cryptography.
static NETWORK: OnceLock<Result<Network, NetworkError>> = OnceLock::new();

/// The variables that are read.
pub(crate) const VARIABLES: [&str; 10] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "AWS_CA_BUNDLE",
];

/// Looks a variable of the environment up.
pub(crate) type Variables<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// By which proxy a server is reached, and whose certificates count beside those of the system.
#[derive(Debug, Clone, Default)]
pub struct Network {
    proxies: Arc<Proxies>,
    authorities: Vec<Certificate>,
}

/// Where a setting of the network stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A variable.
    Variable(&'static str),
    /// A line of a file.
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::Line { path, line } => write!(f, "{path}:{line}"),
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A setting of the network cannot be used.
    #[error("{place}: {problem}")]
    Setting {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        hint: &'static str,
    },
    /// The system has nothing to make a client of.
    #[error("no HTTP client can be made: {0}")]
    Client(String),
}

impl Diagnose for NetworkError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Setting { .. } => FailureKind::Usage,
            Self::Client(_) => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Setting { hint, .. } => *hint,
            Self::Client(_) => {
                "install the system's certificate authorities, or name a bundle in `SSL_CERT_FILE`"
            }
        }))
    }
}

impl Network {
    /// Reads the variables, and the files that they and the profile of AWS name.
    pub(crate) fn read(variables: &Variables<'_>) -> Result<Self, NetworkError> {
        Ok(Self {
            proxies: Arc::new(Proxies::read(variables)?),
            authorities: authorities::read(variables)?,
        })
    }

    /// The proxy by which an address is reached.
    fn proxy(&self) -> Option<Proxy> {
        if self.proxies.is_empty() {
            return None;
        }
        let proxies = Arc::clone(&self.proxies);
        Some(Proxy::custom(move |address: &Url| proxies.of(address).cloned()))
    }
}

/// Lets every client of the process keep to this; the first one counts.
pub fn begin(network: Result<Network, NetworkError>) {
    NETWORK.set(network).ok();
}

fn current() -> Result<Network, NetworkError> {
    NETWORK.get().cloned().unwrap_or_else(|| Ok(Network::default()))
}

/// Makes a client.
pub fn client(configure: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, NetworkError> {
    let network = current()?;
    let builder = match network.proxy() {
        Some(proxy) => Client::builder().proxy(proxy),
        None => Client::builder().no_proxy(),
    };
    configure(builder.tls_certs_merge(network.authorities))
        .build()
        .map_err(|error| NetworkError::Client(with_causes(&error)))
}

/// Gives a client that waits the rules of the network.
pub(crate) fn blocking(builder: blocking::ClientBuilder) -> Result<blocking::ClientBuilder, NetworkError> {
    let network = current()?;
    let builder = match network.proxy() {
        Some(proxy) => builder.proxy(proxy),
        None => builder.no_proxy(),
    };
    Ok(builder.tls_certs_merge(network.authorities))
}
