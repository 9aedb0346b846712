//! A registry in this process that speaks HTTP by hand, so that a connection can end at any byte.
//!
//! Source: OCI distribution spec 1.1; RFC 9112; for what it refuses, ECR user guide and API reference.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tagship_domain::content::OCI_MANIFEST;
use tagship_domain::reference::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    HeadBlob,
    StartUpload,
    PutBlob,
    PutManifest,
    GetManifest,
    GetBlob,
    PutTag,
    GetTag,
}

impl Operation {
    pub(crate) const ALL: [Self; 8] = [
        Self::HeadBlob,
        Self::StartUpload,
        Self::PutBlob,
        Self::PutManifest,
        Self::GetManifest,
        Self::GetBlob,
        Self::PutTag,
        Self::GetTag,
    ];

    fn of(method: &str, path: &str) -> Option<Self> {
        let is_digest = path.contains("/manifests/sha256:");
        match method {
            "HEAD" if path.contains("/blobs/") => Some(Self::HeadBlob),
            "POST" => Some(Self::StartUpload),
            "PUT" if path.contains("/blobs/uploads/") => Some(Self::PutBlob),
            "PUT" if is_digest => Some(Self::PutManifest),
            "PUT" => Some(Self::PutTag),
            "GET" if path.contains("/blobs/") => Some(Self::GetBlob),
            "GET" if is_digest => Some(Self::GetManifest),
            "GET" => Some(Self::GetTag),
            _ => None,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The connection is reset when so many bytes of the request's body have come.
    ResetRequest(usize),
    /// What is asked for is done, and the connection is reset after so many bytes of the answer.
    ResetAnswer(usize),
    /// The same, and the connection ends in order.
    Truncate(usize),
    /// Another answer: status, headers, body.
    Answer(u16, &'static str, &'static str),
    /// No answer comes.
    Stall,
    /// The answer stops after so many bytes.
    StallAnswer(usize),
    /// The answer comes in small pieces.
    Slow,
    /// The answer names another digest.
    OtherDigest,
    /// A bit of the answer's body is another.
    FlippedAnswer,
    /// A bit of the request's body is another when it comes.
    FlippedRequest,
    /// It leads to another host.
    Elsewhere(SocketAddr),
    /// Another client was faster: the tag points to another image.
    Overtaken,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) manifests: BTreeMap<Digest, Vec<u8>>,
    pub(crate) tags: BTreeMap<String, Digest>,
    /// The operation that goes wrong, how, and how often.
    pub(crate) fault: Option<(Operation, Fault, usize)>,
    /// How often a fault struck.
    pub(crate) struck: usize,
    /// The password that is taken; any when absent.
    pub(crate) password: Option<&'static str>,
    /// The lengths of the longest body that came and of the longest answer, by what was asked for.
    pub(crate) lengths: BTreeMap<Operation, (usize, usize)>,
    next_session: usize,
}

/// A registry that runs. It ends with its runtime.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    operation: Option<Operation>,
    path: String,
    authorization: Option<String>,
    length: usize,
    body: Vec<u8>,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let registry = Self {
            address: listener.local_addr().expect("it is bound"),
            state: Arc::default(),
        };
        let server = registry.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        registry
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with it")
    }

    /// Answers what comes on one connection.
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::new();
        while let Some(mut request) = read_head(&mut stream, &mut buffer).await? {
            let fault = self.fault(request.operation);
            let wanted = match fault {
                Some(Fault::ResetRequest(at)) => at.min(request.length),
                _ => request.length,
            };
            while buffer.len() < wanted {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            }
            request.body = buffer.drain(..wanted).collect();
            if let Some(operation) = request.operation {
                let mut state = self.state();
                let lengths = state.lengths.entry(operation).or_default();
                lengths.0 = lengths.0.max(request.body.len());
            }
            let answer = match &fault {
                Some(Fault::ResetRequest(_)) => return reset(&stream),
                Some(Fault::Stall) => return std::future::pending().await,
                Some(Fault::Answer(status, headers, body)) => answer(*status, headers, body.as_bytes()),
                Some(Fault::Elsewhere(host)) => {
                    let status = if request.operation == Some(Operation::StartUpload) {
                        202
                    } else {
                        307
                    };
                    answer(status, &format!("Location: http://{host}/taken\r\n"), b"")
                }
                Some(Fault::FlippedRequest) => {
                    if let Some(byte) = request.body.last_mut() {
                        *byte ^= 1;
                    }
                    self.state().answer(&request)
                }
                Some(Fault::OtherDigest) => {
                    let given = self.state().answer(&request);
                    let named = format!("\r\nDocker-Content-Digest: {}\r\n", Digest::of(b"another"));
                    let text = String::from_utf8_lossy(&given).replacen(
                        "\r\nDocker-Content-Digest:",
                        "\r\nX-Real:",
                        1,
                    );
                    text.replacen("\r\n", &named, 1).into_bytes()
                }
                Some(Fault::FlippedAnswer) => {
                    let mut given = self.state().answer(&request);
                    if let Some(byte) = given.last_mut() {
                        *byte ^= 1;
                    }
                    given
                }
                Some(Fault::Overtaken) => {
                    let mut state = self.state();
                    let other = b"{\"schemaVersion\":2}".to_vec();
                    let digest = Digest::of(&other);
                    state.manifests.insert(digest, other);
                    state.tags.insert("1.0.0".to_owned(), digest);
                    state.answer(&request)
                }
                _ => self.state().answer(&request),
            };
            if let Some(operation) = request.operation {
                let mut state = self.state();
                let lengths = state.lengths.entry(operation).or_default();
                lengths.1 = lengths.1.max(answer.len());
            }
            match fault {
                Some(Fault::ResetAnswer(at)) => {
                    stream.write_all(&answer[..at.min(answer.len())]).await?;
                    return reset(&stream);
                }
                Some(Fault::Truncate(at)) => {
                    stream.write_all(&answer[..at.min(answer.len())]).await?;
                    return stream.shutdown().await;
                }
                Some(Fault::StallAnswer(at)) => {
                    stream.write_all(&answer[..at.min(answer.len())]).await?;
                    return std::future::pending().await;
                }
                Some(Fault::Slow) => {
                    for piece in answer.chunks(16) {
                        stream.write_all(piece).await?;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                _ => stream.write_all(&answer).await?,
            }
        }
        Ok(())
    }

    fn fault(&self, operation: Option<Operation>) -> Option<Fault> {
        let mut state = self.state();
        let (struck, fault, times) = state.fault.as_mut()?;
        if Some(*struck) != operation || *times == 0 {
            return None;
        }
        *times -= 1;
        let fault = fault.clone();
        state.struck += 1;
        Some(fault)
    }
}

impl State {
    /// Does what is asked for.
    fn answer(&mut self, request: &Request) -> Vec<u8> {
        use base64::Engine as _;
        let wanted = self.password.map(|password| {
            let pair = format!("AWS:{password}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        if wanted.is_some_and(|wanted| request.authorization.as_ref() != Some(&wanted)) {
            return refusal(
                403,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            );
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        let digest = Digest::parse(name).ok();
        match request.operation {
            Some(Operation::HeadBlob) => match digest.and_then(|digest| self.blobs.get(&digest)) {
                Some(blob) => head(blob.len()),
                None => answer(404, "", b""),
            },
            Some(Operation::GetBlob) => match digest.and_then(|digest| self.blobs.get(&digest)) {
                Some(blob) => answer(200, "", blob),
                None => refusal(404, "BLOB_UNKNOWN", "no such blob"),
            },
            Some(Operation::StartUpload) => {
                self.next_session += 1;
                let location = format!("Location: /v2/team/app/blobs/uploads/{}\r\n", self.next_session);
                answer(202, &location, b"")
            }
            Some(Operation::PutBlob) => {
                let named = query.strip_prefix("digest=").map(|text| text.replace("%3A", ":"));
                let found = Digest::of(&request.body);
                if named.and_then(|text| Digest::parse(&text).ok()) != Some(found) {
                    return refusal(400, "DIGEST_INVALID", "the content has another digest");
                }
                self.blobs.insert(found, request.body.clone());
                answer(201, &format!("Docker-Content-Digest: {found}\r\n"), b"")
            }
            Some(Operation::PutManifest | Operation::PutTag) => self.put_manifest(name, &request.body),
            Some(Operation::GetManifest | Operation::GetTag) => {
                let digest = digest.or_else(|| self.tags.get(name).copied());
                match digest.and_then(|digest| Some((digest, self.manifests.get(&digest)?))) {
                    Some((digest, bytes)) => {
                        let headers =
                            format!("Content-Type: {OCI_MANIFEST}\r\nDocker-Content-Digest: {digest}\r\n");
                        answer(200, &headers, bytes)
                    }
                    None => refusal(404, "MANIFEST_UNKNOWN", "no such image"),
                }
            }
            None => answer(404, "", b""),
        }
    }

    fn put_manifest(&mut self, name: &str, bytes: &[u8]) -> Vec<u8> {
        let digest = Digest::of(bytes);
        let Ok(manifest) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return refusal(400, "MANIFEST_INVALID", "no manifest");
        };
        let layers = manifest["layers"].as_array().into_iter().flatten();
        for blob in layers.chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().and_then(|text| Digest::parse(text).ok());
            if digest.is_none_or(|digest| !self.blobs.contains_key(&digest)) {
                return refusal(400, "MANIFEST_BLOB_UNKNOWN", "layers do not exist");
            }
        }
        match Digest::parse(name) {
            Ok(named) if named != digest => return refusal(400, "DIGEST_INVALID", "another digest"),
            Ok(_) => {}
            Err(_) if self.tags.contains_key(name) => {
                return refusal(400, "TAG_INVALID", "the tag is immutable");
            }
            Err(_) => {
                self.tags.insert(name.to_owned(), digest);
            }
        }
        self.manifests.insert(digest, bytes.to_vec());
        answer(201, &format!("Docker-Content-Digest: {digest}\r\n"), b"")
    }
}

/// Reads the head of the next request; `None` where there is none.
async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head: Vec<u8> = buffer.drain(..end).collect();
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default();
    let path = first.next().unwrap_or_default().to_owned();
    let header = |wanted: &str| {
        head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    Ok(Some(Request {
        operation: Operation::of(method, &path),
        authorization: header("authorization"),
        length: header("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or_default(),
        path,
        body: Vec::new(),
    }))
}

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} So\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The answer to `HEAD`: a length without a body.
fn head(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 So\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

fn refusal(status: u16, code: &str, message: &str) -> Vec<u8> {
    let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
    answer(status, "", body.to_string().as_bytes())
}

/// Ends a connection as a network does: what drops it then sends a reset.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}
