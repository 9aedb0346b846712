//! Load for a registry, and what it costs the client side; `scripts/bench` runs it.
//!
//! ```text
//! registry_load push HOST:PORT REPOSITORY BYTES CLIENTS
//! registry_load head|put-manifest|put-image HOST:PORT REPOSITORY CLIENTS REQUESTS
//! ```
//!
//! `push` prints the milliseconds until every client has pushed a blob of that size, each its own. The others print
//! requests a second, then the median, the 99th percentile and the maximum of an answer's milliseconds. Any answer
//! that is not the expected one ends the program. `REGISTRY_LOGIN` holds `USER:PASSWORD`, and `AWS_ACCESS_KEY_ID`,
//! `AWS_SECRET_ACCESS_KEY` and `AWS_REGION` are those of who calls `PutImage`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(
    clippy::disallowed_methods,
    reason = "it is no part of the product, whose clock and environment are inputs"
)]

mod put_image;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tagship_domain::content::{OCI_CONFIG, OCI_MANIFEST};
use tagship_domain::reference::Digest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use put_image::put_image;

type Failure = Box<dyn Error + Send + Sync>;
type Body = BoxBody<Bytes, std::io::Error>;

/// Bytes of a blob that are sent at once; every blob is made of equal pieces.
const PIECE: usize = 128 * 1024;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.as_slice() {
        ["push", host, repository, bytes, clients] => {
            let registry = Registry::new(host, repository)?;
            runtime.block_on(push(&registry, bytes.parse()?, clients.parse()?))
        }
        [kind, host, repository, clients, requests] => {
            let registry = Registry::new(host, repository)?;
            let kind = Kind::parse(kind).ok_or("push, head, put-manifest or put-image")?;
            runtime.block_on(ask(&registry, kind, clients.parse()?, requests.parse()?))
        }
        _ => Err("five arguments: see the head of the file".into()),
    }
}

/// A registry and who its client is.
#[derive(Clone)]
struct Registry {
    host: String,
    repository: String,
    login: String,
}

/// One connection.
struct Client {
    registry: Registry,
    sender: SendRequest<Body>,
}

impl Registry {
    fn new(host: &str, repository: &str) -> Result<Self, Failure> {
        let login = STANDARD.encode(std::env::var("REGISTRY_LOGIN")?);
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            login: format!("Basic {login}"),
        })
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Client {
            registry: self.clone(),
            sender,
        })
    }

    /// A request to the repository, or to where the registry has said.
    fn request(&self, method: Method, place: &str, body: Body) -> Result<Request<Body>, Failure> {
        let path = match place
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
        {
            Some((_, path)) => format!("/{path}"),
            None => format!("/v2/{}/{place}", self.repository),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", &self.login);
        Ok(request.body(body)?)
    }
}

impl Client {
    async fn send(
        &mut self,
        request: Request<Body>,
        expected: StatusCode,
    ) -> Result<Response<Incoming>, Failure> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        if response.status() == expected {
            return Ok(response);
        }
        let status = response.status();
        let text = response.into_body().collect().await?.to_bytes();
        Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into())
    }

    /// Uploads `length` bytes by one `POST` and one `PUT`.
    async fn upload(&mut self, digest: Digest, length: u64, body: Body) -> Result<(), Failure> {
        let start = self.registry.request(Method::POST, "blobs/uploads/", empty())?;
        let answer = self.send(start, StatusCode::ACCEPTED).await?;
        let location = answer
            .headers()
            .get("location")
            .ok_or("no location")?
            .to_str()?
            .to_owned();
        answer.into_body().collect().await?;
        let mark = if location.contains('?') { '&' } else { '?' };
        let mut request =
            self.registry
                .request(Method::PUT, &format!("{location}{mark}digest={digest}"), body)?;
        request.headers_mut().insert("content-length", length.into());
        self.send(request, StatusCode::CREATED)
            .await?
            .into_body()
            .collect()
            .await?;
        Ok(())
    }
}

fn empty() -> Body {
    full(Bytes::new())
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// The pieces of a blob: `seed` tells it from others.
fn pieces(seed: u64, bytes: u64) -> impl Iterator<Item = Bytes> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let piece: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(PIECE / 8)
    .flatten()
    .collect();
    let piece = Bytes::from(piece);
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    std::iter::from_fn(move || {
        let next = piece.slice(..left.min(PIECE));
        left -= next.len();
        (!next.is_empty()).then_some(next)
    })
}

async fn push(registry: &Registry, bytes: u64, clients: u64) -> Result<(), Failure> {
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .subsec_nanos();
    let mut blobs = Vec::new();
    for client in 0..clients {
        let seed = u64::from(seed) + client;
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        pieces(seed, bytes).for_each(|piece| hash.update(&piece));
        let digest = Digest::parse(&format!("sha256:{}", hex::encode(hash.finish())))?;
        blobs.push((registry.connect().await?, seed, digest));
    }
    let begin = Instant::now();
    let mut pushes = JoinSet::new();
    for (mut client, seed, digest) in blobs {
        let frames = pieces(seed, bytes).map(|piece| Ok(Frame::data(piece)));
        let body = BoxBody::new(StreamBody::new(stream::iter(frames)));
        pushes.spawn(async move { client.upload(digest, bytes, body).await });
    }
    while let Some(pushed) = pushes.join_next().await {
        pushed??;
    }
    println!("{}", begin.elapsed().as_millis());
    Ok(())
}

/// What every request does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    PutManifest,
    PutImage,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "head" => Some(Self::Head),
            "put-manifest" => Some(Self::PutManifest),
            "put-image" => Some(Self::PutImage),
            _ => None,
        }
    }

    fn expected(self) -> StatusCode {
        match self {
            Self::PutManifest => StatusCode::CREATED,
            Self::Head | Self::PutImage => StatusCode::OK,
        }
    }

    /// One request; `number` tells it from all others.
    fn request(self, registry: &Registry, config: Digest, number: &str) -> Result<Request<Body>, Failure> {
        let tag = format!("load-{number}");
        match self {
            Self::Head => {
                let mut request = registry.request(Method::HEAD, "manifests/load", empty())?;
                request.headers_mut().insert("accept", OCI_MANIFEST.parse()?);
                Ok(request)
            }
            Self::PutManifest => {
                let body = full(manifest(config, number));
                let mut request = registry.request(Method::PUT, &format!("manifests/{tag}"), body)?;
                request
                    .headers_mut()
                    .insert("content-type", OCI_MANIFEST.parse()?);
                Ok(request)
            }
            Self::PutImage => put_image(registry, &manifest(config, number), &tag),
        }
    }
}

/// The content of the config of all images.
const CONFIG: &str = "{}";

fn manifest(config: Digest, number: &str) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": config, "size": CONFIG.len()},
        "layers": [],
        "annotations": {"number": number},
    })
    .to_string()
}

async fn ask(registry: &Registry, kind: Kind, clients: usize, requests: usize) -> Result<(), Failure> {
    let config = Digest::of(CONFIG.as_bytes());
    let mut first = registry.connect().await?;
    first.upload(config, CONFIG.len() as u64, full(CONFIG)).await?;
    let mut load = Kind::PutManifest.request(registry, config, "load")?;
    *load.uri_mut() = format!("/v2/{}/manifests/load", registry.repository).parse()?;
    first.send(load, StatusCode::CREATED).await?;

    let run = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_nanos();
    let mut all = Vec::new();
    for client in 0..clients {
        // Made and signed before, so that the load does not measure itself.
        let orders: Result<Vec<_>, Failure> = (0..requests)
            .map(|request| kind.request(registry, config, &format!("{run}-{client}-{request}")))
            .collect();
        all.push((registry.connect().await?, orders?));
    }
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for (mut client, orders) in all {
        running.spawn(async move {
            let mut times = Vec::with_capacity(orders.len());
            for order in orders {
                let begin = Instant::now();
                client
                    .send(order, kind.expected())
                    .await?
                    .into_body()
                    .collect()
                    .await?;
                times.push(begin.elapsed());
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut times: Vec<Duration> = Vec::new();
    while let Some(done) = running.join_next().await {
        times.extend(done??);
    }
    let seconds = begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    #[expect(clippy::cast_precision_loss, reason = "far fewer requests than 2^52")]
    let rate = times.len() as f64 / seconds;
    println!("{rate:.0} {:.1} {:.1} {:.1}", at(50), at(99), at(100));
    Ok(())
}
