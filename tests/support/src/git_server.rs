//! A git server on a loopback address: git's own `http-backend` behind a few lines of HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::process::scrubbed;

/// Serves every repository in a folder by its path there, from `/NAME/.git` of the folder `NAME` too, as `/NAME.git`.
pub struct GitServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl GitServer {
    /// Serves the checkouts at these paths under these names; with `authorization`, to those alone who send this header.
    pub fn of(repositories: &[(&str, &Path)], authorization: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let server = Server {
            repositories: repositories
                .iter()
                .map(|(name, path)| ((*name).to_owned(), path.join(".git")))
                .collect(),
            authorization: authorization.map(str::to_owned),
            requests: Arc::clone(&requests),
        };
        let server = Arc::new(server);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.answer(stream));
            }
        });
        Self { address, requests }
    }

    /// The address of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.address)
    }

    /// Protocol, host and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Methods and paths of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Server {
    repositories: Vec<(String, PathBuf)>,
    authorization: Option<String>,
    requests: Arc<Mutex<Vec<String>>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut input = BufReader::new(stream);
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
        };
        request.body = if request.header("transfer-encoding") == "chunked" {
            chunked(&mut input)?
        } else {
            let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
            input.read_exact(&mut body).ok()?;
            body
        };
        Some(request)
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

fn chunked(input: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        input.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        input.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Some(body);
        }
    }
}

impl Server {
    fn answer(&self, mut stream: TcpStream) {
        let Some(request) = Request::read(&stream) else {
            return;
        };
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("{} {}", request.method, request.path));
        let refused = |status: &str| {
            format!(
                "HTTP/1.1 {status}\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm=\"git\"\r\nConnection: close\r\n\r\n"
            )
        };
        let is_open = self
            .authorization
            .as_deref()
            .is_none_or(|wanted| wanted == request.header("authorization"));
        let found = self.repositories.iter().find_map(|(name, path)| {
            let rest = request.path.strip_prefix(&format!("/{name}.git"))?;
            rest.starts_with('/').then_some((path, rest))
        });
        let answer = match found {
            _ if !is_open => refused("401 Unauthorized").into_bytes(),
            None => refused("404 Not Found").into_bytes(),
            Some((repository, rest)) => backend(repository, rest, &request),
        };
        drop(stream.write_all(&answer));
    }
}

/// What `git http-backend` answers, as HTTP.
fn backend(repository: &Path, rest: &str, request: &Request) -> Vec<u8> {
    let mut program = scrubbed("git", repository)
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", repository)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", rest)
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is there");
    let mut input = program.stdin.take().expect("it is piped");
    input.write_all(&request.body).expect("it reads");
    drop(input);
    let mut output = Vec::new();
    let mut answers = program.stdout.take().expect("it is piped");
    answers.read_to_end(&mut output).expect("it answers");
    drop(program.wait());
    let end = output
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("headers end");
    let (headers, body) = (String::from_utf8_lossy(&output[..end]), &output[end + 4..]);
    let status = headers.lines().find_map(|line| line.strip_prefix("Status: "));
    let mut answer = format!(
        "HTTP/1.1 {}\r\n{headers}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        status.unwrap_or("200 OK"),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}
