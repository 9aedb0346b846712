//! The pool of connections.

use std::time::Duration;

use tagship_domain::error::with_causes;

/// How long a connection may take to stand.
pub const CONNECT: Duration = Duration::from_secs(10);

/// How often the operating system asks whether the other end of an idle connection is there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The most requests to one registry at a time.
pub(crate) const MAX_PARALLEL: usize = 6;

/// The most idle connections that are kept to one host; as many as are ever used at once.
const MAX_IDLE: usize = MAX_PARALLEL;

/// Returns a pool of connections for all clients of a program.
///
/// It follows no redirect, so that no credential goes to another host than it was meant for. It has no
/// read timeout, because reqwest counts the time of sending a long body as time without an answer:
/// whoever sends a request bounds it.
pub fn http_client(user_agent: &str) -> Result<reqwest::Client, reqwest::Error> {
    configured(reqwest::Client::builder(), user_agent).build()
}

/// As [`http_client`], for a program that has rules of its own for proxies and certificates.
pub fn configured(builder: reqwest::ClientBuilder, user_agent: &str) -> reqwest::ClientBuilder {
    builder
        .user_agent(user_agent)
        .connect_timeout(CONNECT)
        .tcp_keepalive(KEEP_ALIVE)
        .pool_max_idle_per_host(MAX_IDLE)
        .redirect(reqwest::redirect::Policy::none())
}

/// What a transport error says, with its causes and without the address, which can carry tokens.
pub(crate) fn describe_transport(error: reqwest::Error) -> String {
    with_causes(&error.without_url())
}
