//! A registry over HTTP that keeps ECR's rules and fails on demand.
//!
//! Sources: OCI distribution spec 1.1; ECR user guide; for what ECR does differently, reports of clients
//! (no second try within an upload session: apple/containerization#792).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oci_registry::RetryPolicy;
use secrecy::SecretString;
use tagship::ports::{LoginError, RegistryCredential, RegistryLogin, Reporter, RunEvent};
use tagship::registry::{self, Repository, http_client};
use tagship_domain::reference::{Digest, ImageName, RegistryHost, RepositoryName};
use tokio::net::TcpListener;

/// The repository that exists.
pub const REPOSITORY: &str = "team/app";

type Body = BoxBody<Bytes, io::Error>;
/// What a handler answers.
pub type Answer = Result<Response<Body>, io::Error>;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// No answer comes.
    Hang,
    /// The connection ends without an answer, after the request's body was read.
    Reset,
    /// The connection ends without an answer, while the request's body comes.
    ResetEarly,
    /// The right answer's body ends in its middle.
    Truncate,
    /// The work is done, and its answer lost.
    LoseAnswer,
    /// The work is done, and no answer comes.
    WithholdAnswer,
    /// Another answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The right answer with a header replaced.
    Header(&'static str, String),
    /// The right answer with another body, and without a digest that gives it away.
    Content(&'static str),
}

impl Fault {
    pub fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: vec![],
            body: String::new(),
        }
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Answer {
            status,
            headers: vec![],
            body: envelope(code, message),
        }
    }

    pub fn slow_down(seconds: u32) -> Self {
        Self::Answer {
            status: 429,
            headers: vec![(RETRY_AFTER.as_str(), seconds.to_string())],
            body: envelope("TOOMANYREQUESTS", "Rate exceeded"),
        }
    }
}

fn envelope(code: &str, message: &str) -> String {
    serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string()
}

#[derive(Default)]
pub struct State {
    pub blobs: BTreeMap<Digest, Bytes>,
    /// Media type and bytes.
    pub manifests: BTreeMap<Digest, (String, Bytes)>,
    pub tags: BTreeMap<String, Digest>,
    pub immutable: bool,
    /// The password that is taken; any when absent.
    pub password: Option<String>,
    /// Another origin that blobs are served from.
    pub storage: Option<SocketAddr>,
    /// `METHOD path` of each request, without host and query.
    pub journal: Vec<String>,
    pub faults: VecDeque<(Method, &'static str, Fault)>,
    uploads: BTreeSet<u64>,
    next_upload: u64,
    address: Option<SocketAddr>,
}

/// A running registry. It ends with its runtime.
#[derive(Clone)]
pub struct Fake {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Fake {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// At an address and port of this machine; a free port when that is 0.
    pub async fn start_at(address: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let address = serve_at(address, {
            let state = Arc::clone(&state);
            move |request| registry(Arc::clone(&state), request)
        })
        .await;
        let fake = Self { address, state };
        fake.state().address = Some(address);
        fake
    }

    /// Serves blobs from another origin, which refuses credentials as S3 refuses a second way of signing in.
    pub async fn with_storage(self) -> Self {
        let state = Arc::clone(&self.state);
        let storage = serve(move |request| std::future::ready(storage(&state, &request))).await;
        self.state().storage = Some(storage);
        self
    }

    /// The same for clients, but with another server behind it.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            state: Arc::default(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next request with this method and a path that contains `path` meets `fault`.
    pub fn fail(&self, method: Method, path: &'static str, fault: Fault) {
        self.state().faults.push_back((method, path, fault));
    }

    pub fn journal(&self) -> Vec<String> {
        std::mem::take(&mut self.state().journal)
    }

    pub fn add_blob(&self, content: &'static [u8]) -> Digest {
        let digest = Digest::of(content);
        self.state().blobs.insert(digest, content.into());
        digest
    }

    pub fn host(&self) -> RegistryHost {
        RegistryHost::parse(&self.address.to_string()).unwrap()
    }

    /// A client's view of the repository, and what it reports.
    pub fn client(&self) -> (Repository, Arc<Witness>) {
        self.client_of(REPOSITORY)
    }

    pub fn client_of(&self, repository: &str) -> (Repository, Arc<Witness>) {
        self.client_with(repository, IMPATIENT)
    }

    pub fn client_with(&self, repository: &str, retry_policy: RetryPolicy) -> (Repository, Arc<Witness>) {
        let image = ImageName {
            registry: self.host(),
            repository: RepositoryName::parse(repository).unwrap(),
        };
        let witness = Arc::new(Witness::default());
        let client = registry::client(image, http_client().unwrap(), witness.clone(), witness.clone())
            .unwrap()
            .with_retry_policy(retry_policy);
        (Repository::new(client, None), witness)
    }
}

/// Pauses that do not matter to a test's length.
pub const IMPATIENT: RetryPolicy = RetryPolicy {
    operation: Duration::from_mins(1),
    answer: Duration::from_secs(10),
    stall: Duration::from_secs(10),
    commit: Duration::from_secs(10),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(20),
    repetitions: 3,
};

/// A login whose passwords are `secret-1`, `secret-2` and so on, and a reporter that remembers.
#[derive(Default)]
pub struct Witness {
    pub forgotten: Mutex<u32>,
    pub retries: Mutex<Vec<(String, String, Duration)>>,
}

#[async_trait]
impl RegistryLogin for Witness {
    async fn credential(&self, _host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        let forgotten = *self.forgotten.lock().unwrap();
        Ok(RegistryCredential {
            username: "AWS".to_owned(),
            password: SecretString::from(format!("secret-{}", forgotten + 1)),
        })
    }

    async fn forget(&self, _host: &RegistryHost) {
        *self.forgotten.lock().unwrap() += 1;
    }
}

impl Reporter for Witness {
    fn mask(&self, _secret: &SecretString) {}

    fn event(&self, event: RunEvent<'_>) {
        if let RunEvent::Retry { what, reason, delay } = event {
            let retry = (what.to_owned(), reason.to_owned(), delay);
            self.retries.lock().unwrap().push(retry);
        }
    }
}

/// Serves a handler on a free port. A handler's error ends the connection without an answer.
pub async fn serve<F, A>(handler: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send,
{
    serve_at("127.0.0.1:0", handler).await
}

async fn serve_at<F, A>(address: &str, handler: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handler = handler.clone();
            tokio::spawn(async move {
                let service = service_fn(handler);
                // Clients and faults end connections in their middle.
                let _ended = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

fn storage(state: &Mutex<State>, request: &Request<Incoming>) -> Answer {
    let mut state = state.lock().unwrap();
    let path = request.uri().path().to_owned();
    state.journal.push(format!("{} storage{path}", request.method()));
    if request.headers().contains_key(AUTHORIZATION) {
        return answer(400, &[], "<Error><Code>InvalidArgument</Code></Error>");
    }
    let blob = path
        .strip_prefix('/')
        .and_then(|digest| Digest::parse(digest).ok());
    match blob.and_then(|digest| state.blobs.get(&digest)) {
        Some(content) => answer(200, &[], content.clone()),
        None => answer(404, &[], ""),
    }
}

async fn registry(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let fault = {
        let mut state = state.lock().unwrap();
        state.journal.push(format!("{} {path}", head.method));
        let meets =
            |(method, part, _): &(Method, &str, Fault)| *method == head.method && path.contains(*part);
        let at = state.faults.iter().position(meets);
        at.and_then(|at| state.faults.remove(at))
            .map(|(_, _, fault)| fault)
    };
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::ResetEarly) => return Err(io::ErrorKind::ConnectionReset.into()),
        _ => {}
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    match fault {
        Some(Fault::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Answer {
            status,
            headers,
            body,
        }) => {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            return answer(status, &headers, body);
        }
        _ => {}
    }
    let mut answer = state.lock().unwrap().answer(&head, &path, &body)?;
    match fault {
        Some(Fault::Truncate) => {
            let whole = answer.into_body().collect().await?.to_bytes();
            let half = Frame::data(whole.slice(..whole.len() / 2));
            let broken = stream::iter([Ok(half), Err(io::ErrorKind::ConnectionReset.into())]);
            Ok(Response::new(BoxBody::new(StreamBody::new(broken))))
        }
        Some(Fault::LoseAnswer) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::WithholdAnswer) => std::future::pending().await,
        Some(Fault::Header(name, value)) => {
            answer.headers_mut().insert(name, value.parse().unwrap());
            Ok(answer)
        }
        Some(Fault::Content(content)) => {
            answer.headers_mut().remove("docker-content-digest");
            Ok(answer.map(|_| full(content)))
        }
        _ => Ok(answer),
    }
}

fn full(content: impl Into<Bytes>) -> Body {
    let never = |error: Infallible| match error {};
    BoxBody::new(Full::new(content.into()).map_err(never))
}

pub fn answer(status: u16, headers: &[(&str, &str)], content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(full(content)).map_err(io::Error::other)
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &[], envelope(code, message))
}

impl State {
    fn answer(&mut self, head: &http::request::Parts, path: &str, body: &Bytes) -> Answer {
        let wanted = self
            .password
            .as_ref()
            .map(|password| format!("Basic {}", STANDARD.encode(format!("AWS:{password}"))));
        let given = head
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        if given.is_none() || wanted.is_some_and(|wanted| given != Some(&wanted)) {
            return answer(
                401,
                &[
                    (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
                    (
                        WWW_AUTHENTICATE.as_str(),
                        r#"Basic realm="https://registry/",service="ecr.amazonaws.com""#,
                    ),
                ],
                "Not Authorized\n",
            );
        }
        if path == "/v2/" {
            return answer(200, &[], "{}");
        }
        let Some(path) = path.strip_prefix(&format!("/v2/{REPOSITORY}/")) else {
            return refusal(
                404,
                "NAME_UNKNOWN",
                "The repository with name 'team/none' does not exist in the registry with id '123456789012'",
            );
        };
        match (head.method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
            ("GET" | "HEAD", ("manifests", reference)) => self.get_manifest(reference, head),
            ("PUT", ("manifests", reference)) => self.put_manifest(reference, head, body),
            ("POST", ("blobs", "uploads/")) => {
                self.next_upload += 1;
                self.uploads.insert(self.next_upload);
                answer(
                    202,
                    &[(LOCATION.as_str(), &self.upload_address(self.next_upload))],
                    "",
                )
            }
            ("PUT", ("blobs", rest)) => self.commit(rest, head.uri.query().unwrap_or_default(), body),
            ("HEAD" | "GET", ("blobs", digest)) => self.get_blob(digest),
            _ => refusal(405, "UNSUPPORTED", "The operation is unsupported."),
        }
    }

    fn upload_address(&self, id: u64) -> String {
        let address = self.address.unwrap();
        format!("http://{address}/v2/{REPOSITORY}/blobs/uploads/{id}?state=a%2Fb")
    }

    fn commit(&mut self, path: &str, query: &str, body: &[u8]) -> Answer {
        let id = path.strip_prefix("uploads/").and_then(|id| id.parse().ok());
        if !id.is_some_and(|id| self.uploads.remove(&id)) {
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "");
        }
        let content = Bytes::copy_from_slice(body);
        let digest = Digest::of(&content);
        let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "digest");
        let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
        if state.is_none_or(|(_, state)| state != "a/b") {
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "");
        }
        if asked.is_none_or(|(_, asked)| asked != digest.to_string()) {
            return refusal(
                400,
                "BLOB_UPLOAD_INVALID",
                "None of the provided layer digests match the calculated layer digest",
            );
        }
        self.blobs.insert(digest, content);
        answer(201, &[("docker-content-digest", &digest.to_string())], "")
    }

    fn get_blob(&self, digest: &str) -> Answer {
        let content = Digest::parse(digest)
            .ok()
            .and_then(|digest| self.blobs.get(&digest));
        match (content, self.storage) {
            (None, _) => refusal(404, "BLOB_UNKNOWN", "blob unknown to registry"),
            (Some(_), Some(storage)) => {
                let location = format!("http://{storage}/{digest}?X-Amz-Signature=0");
                answer(307, &[(LOCATION.as_str(), &location)], "")
            }
            (Some(content), None) => answer(200, &[], content.clone()),
        }
    }

    fn get_manifest(&self, reference: &str, head: &http::request::Parts) -> Answer {
        let digest = Digest::parse(reference)
            .ok()
            .or_else(|| self.tags.get(reference).copied());
        let Some((digest, (media_type, bytes))) =
            digest.and_then(|digest| self.manifests.get_key_value(&digest))
        else {
            return refusal(404, "MANIFEST_UNKNOWN", "Requested image not found");
        };
        let mut accepted = head
            .headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|accept| accept.to_str().ok());
        if !accepted.any(|types| types.split(',').any(|accepted| accepted.trim() == media_type)) {
            // ECR would translate it, and then the digest is another one.
            return answer(
                200,
                &[(CONTENT_TYPE.as_str(), "application/vnd.translated")],
                "{}",
            );
        }
        let digest = digest.to_string();
        let headers = [
            (CONTENT_TYPE.as_str(), media_type.as_str()),
            ("docker-content-digest", &digest),
        ];
        answer(200, &headers, bytes.clone())
    }

    fn put_manifest(&mut self, reference: &str, head: &http::request::Parts, body: &Bytes) -> Answer {
        let digest = Digest::of(body);
        let media_type = head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let Ok(content) = serde_json::from_slice::<serde_json::Value>(body) else {
            return refusal(
                405,
                "UNSUPPORTED",
                "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
            );
        };
        let blobs = [
            vec![content["config"].clone()],
            content["layers"].as_array().cloned().unwrap_or_default(),
        ]
        .concat();
        for blob in blobs.iter().filter(|blob| !blob.is_null()) {
            let digest = blob["digest"]
                .as_str()
                .and_then(|digest| Digest::parse(digest).ok());
            let size = digest
                .and_then(|digest| self.blobs.get(&digest))
                .map(|blob| blob.len() as u64);
            if size.is_none() || size != blob["size"].as_u64() {
                return refusal(404, "BLOB_UNKNOWN", "Layers do not exist");
            }
        }
        match Digest::parse(reference) {
            Ok(asked) if asked != digest => {
                return refusal(400, "MANIFEST_INVALID", "does not match the image digest");
            }
            Ok(_) => {}
            Err(_) => {
                let taken = self.tags.contains_key(reference);
                if taken && self.immutable {
                    return refusal(
                        400,
                        "TAG_INVALID",
                        &format!(
                            "The image tag '{reference}' already exists in the '{REPOSITORY}' repository and cannot be overwritten because the repository is immutable."
                        ),
                    );
                }
                self.tags.insert(reference.to_owned(), digest);
            }
        }
        self.manifests
            .insert(digest, (media_type.unwrap_or_default().to_owned(), body.clone()));
        answer(
            StatusCode::CREATED.as_u16(),
            &[("docker-content-digest", &digest.to_string())],
            "",
        )
    }
}
