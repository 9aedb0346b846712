//! A stateful fake of GitHub's API, as far as releases need it: a bare repository holds commits and tags, and the
//! documented rules hold (docs.github.com, REST API: Git database, Releases, Repository contents).

mod git;
mod releases;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use self::git::Bare;
use self::releases::Releases;

/// The repository.
pub const REPOSITORY: &str = "tagship/tagship";
/// The token that may write.
pub const TOKEN: &str = "ghs_the-token-of-the-release";

/// A running fake.
pub struct Github {
    server: MockServer,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

struct State {
    repository: Bare,
    releases: Releases,
    writes: Vec<String>,
    writes_allowed: Option<usize>,
}

/// A status with its body.
type Answer = (u16, Value);

impl Github {
    /// A GitHub whose repository has what the clone at `origin` has.
    pub fn of(origin: &std::path::Path) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let state = Arc::new(Mutex::new(State {
            repository: Bare::clone_of(origin),
            releases: Releases::default(),
            writes: Vec::new(),
            writes_allowed: None,
        }));
        let respond = Api(Arc::clone(&state));
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(respond).mount(&server).await;
            server
        });
        Self {
            server,
            state,
            _runtime: runtime,
        }
    }

    /// `GITHUB_API_URL`.
    pub fn api_url(&self) -> String {
        self.server.uri()
    }

    /// Where the files of releases are downloaded from.
    pub fn releases_url(&self) -> String {
        format!("{}/{REPOSITORY}/releases", self.server.uri())
    }

    /// The bare repository.
    pub fn repository(&self) -> std::path::PathBuf {
        self.with(|state| state.repository.path().to_owned())
    }

    /// What was written, one line for each request.
    pub fn writes(&self) -> Vec<String> {
        self.with(|state| state.writes.clone())
    }

    /// Forgets what was written, and answers only so many requests to write from now on.
    pub fn allow_writes(&self, count: Option<usize>) {
        self.with(|state| {
            state.writes.clear();
            state.writes_allowed = count;
        });
    }

    /// The tags with the commits that they point to.
    pub fn tags(&self) -> std::collections::BTreeMap<String, String> {
        self.with(|state| state.repository.tags())
    }

    /// Puts a tag, as an earlier release did.
    pub fn put_tag(&self, tag: &str, commit: &str) {
        self.with(|state| state.repository.put_tag(tag, commit));
    }

    /// All releases as the API shows them to who may write.
    pub fn releases(&self) -> Value {
        self.with(|state| state.releases.list())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().expect("no thread has failed"))
    }
}

struct Api(Arc<Mutex<State>>);

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().expect("no thread has failed");
        let path = request.url.path().to_owned();
        if let Some(download) = path.strip_prefix(&format!("/{REPOSITORY}/releases/")) {
            return match state.releases.download(download) {
                Some(content) => ResponseTemplate::new(200).set_body_bytes(content),
                None => ResponseTemplate::new(404),
            };
        }
        let token = request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if token != Some(&format!("Bearer {TOKEN}")) {
            return ResponseTemplate::new(401).set_body_json(json!({ "message": "Bad credentials" }));
        }
        if request.method.as_str() != "GET" {
            if state.writes_allowed == Some(state.writes.len()) {
                return ResponseTemplate::new(502);
            }
            state.writes.push(format!("{} {path}", request.method));
        }
        let (status, body) = state.answer(request);
        ResponseTemplate::new(status).set_body_json(body)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        let path = request.url.path();
        if let Some(upload) = path.strip_prefix("/uploads/") {
            let id = upload.split('/').next().and_then(|id| id.parse().ok());
            let name = request.url.query_pairs().find(|(key, _)| key == "name");
            return match (id, name) {
                (Some(id), Some((_, name))) => self.releases.upload(id, &name, &request.body),
                _ => refused(422, "Validation Failed"),
            };
        }
        let Some(path) = path.strip_prefix(&format!("/repos/{REPOSITORY}/")) else {
            return refused(404, "Not Found");
        };
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["git", "commits", sha]) => found(self.repository.commit(sha)),
            ("GET", ["git", "ref", "tags", tag]) => found(self.repository.reference(tag)),
            ("GET", ["git", "matching-refs", "tags", prefix]) => (200, self.repository.matching(prefix)),
            ("GET", ["contents", file @ ..]) => {
                let revision = request.url.query_pairs().find(|(key, _)| key == "ref");
                let revision = revision.map_or_else(|| "HEAD".into(), |(_, value)| value);
                let content = self.repository.file(&revision, &file.join("/"));
                let encode = |content| base64::engine::general_purpose::STANDARD.encode::<Vec<u8>>(content);
                found(content.map(|content| json!({ "encoding": "base64", "content": encode(content) })))
            }
            ("POST", ["git", "trees"]) => self.repository.make_tree(&body),
            ("POST", ["git", "commits"]) => self.repository.make_commit(&body),
            ("POST", ["git", "refs"]) => self.repository.make_reference(&body),
            ("PATCH", ["git", "refs", "tags", tag]) => self.repository.move_reference(tag, &body),
            ("GET", ["releases"]) => (200, self.releases.list()),
            ("GET", ["releases", "tags", tag]) => found(self.releases.published(tag)),
            ("GET", ["releases", id, "assets"]) => found(self.releases.assets(id)),
            ("POST", ["releases"]) => {
                let host = request.headers.get("host").and_then(|value| value.to_str().ok());
                let uploads = format!("http://{}/uploads", host.expect("HTTP/1.1 has it"));
                self.releases.draft(&body, &uploads)
            }
            ("PATCH", ["releases", id]) => self.releases.change(id, &body, &self.repository),
            ("DELETE", ["releases", "assets", id]) => self.releases.remove_asset(id),
            _ => refused(404, "Not Found"),
        }
    }
}

fn found(answer: Option<Value>) -> Answer {
    answer.map_or_else(|| refused(404, "Not Found"), |answer| (200, answer))
}

fn refused(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message }))
}
