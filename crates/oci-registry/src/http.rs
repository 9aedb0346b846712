//! The pool of connections, and the log of what is sent over it.

use std::time::{Duration, Instant};

use http::HeaderMap;
use reqwest::{Request, RequestBuilder, Response};
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

/// Headers that name a request in the server's own logs, the first that is there.
///
/// Source: AWS documentation, "Request IDs" of the SDKs and of S3; GitHub REST API, "Troubleshooting".
const REQUEST_IDS: [&str; 5] = [
    "x-amzn-requestid",
    "x-amzn-request-id",
    "x-amz-request-id",
    "x-github-request-id",
    "x-request-id",
];

/// The most of a request's id that is shown, in characters.
const MAX_ID: usize = 128;

/// Sends a request and logs, as information, its status, how long the answer's head took, and the id that the server gave it.
///
/// Headers, bodies and queries carry credentials, so that none of them is logged: `what` names the request.
pub async fn send_logged(
    client: &reqwest::Client,
    request: Request,
    what: String,
) -> Result<Response, reqwest::Error> {
    let mut exchange = Exchange {
        what,
        begun: Instant::now(),
        has_ended: false,
    };
    let answer = client.execute(request).await;
    exchange.has_ended = true;
    let Exchange { what, begun, .. } = &exchange;
    let millis = begun.elapsed().as_millis();
    if let Ok(answer) = &answer {
        let status = answer.status().as_u16();
        let id = request_id(answer.headers()).map_or_else(String::new, |id| format!(", request id {id}"));
        tracing::info!("{what}: {status} in {millis} ms{id}");
    } else {
        tracing::info!("{what}: no answer, after {millis} ms");
    }
    answer
}

/// A request that is under way. One that is not waited for any more is logged too.
struct Exchange {
    what: String,
    begun: Instant,
    has_ended: bool,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.has_ended {
            let millis = self.begun.elapsed().as_millis();
            tracing::info!("{}: given up after {millis} ms", self.what);
        }
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name))?;
    let id = id.to_str().ok().filter(|id| !id.is_empty())?;
    Some(id.chars().take(MAX_ID).collect())
}

/// Sends one of this crate's requests, which its method and the address without the query name.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, reqwest::Error> {
    let (client, request) = request.build_split();
    let request = request?;
    let url = request.url();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let what = format!(
        "{} {}{port}{}",
        request.method(),
        url.host_str().unwrap_or_default(),
        url.path()
    );
    send_logged(&client, request, what).await
}

/// What a transport error says, with its causes and without the address, which can carry tokens.
pub(crate) fn describe_transport(error: reqwest::Error) -> String {
    with_causes(&error.without_url())
}
