//! A stateful fake of GitHub's API, as far as releases need it: a bare repository holds commits and tags, and the
//! documented rules hold.
//!
//! Sources, all under docs.github.com/en/rest: `git/refs`, `git/tags`, `git/commits`, `git/trees`, `repos/contents`,
//! `repos/repos`, `releases/releases`, `releases/assets`; for what every request keeps to, `using-the-rest-api`:
//! `troubleshooting-the-rest-api` (404 for what a token may not know of, 403 for what it may not do, 422 for what is not
//! valid), `rate-limits-for-the-rest-api` and `using-pagination-in-the-rest-api`.

mod comments;
mod deployments;
mod faults;
mod git;
mod pulls;
mod releases;
mod rules;
mod statuses;
mod workflows;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use self::comments::Comments;
pub use self::comments::PULL_REQUEST;
use self::deployments::Deployments;
use self::faults::Faults;
pub use self::faults::Trouble;
use self::git::Bare;
use self::pulls::Pulls;
use self::releases::Releases;
pub use self::rules::Rule;
use self::rules::Rules;
use self::statuses::Statuses;
use self::workflows::Workflows;

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
    requests: Vec<String>,
    faults: Faults,
    /// What another run does when a request was carried out: by its number, the git tags that it puts on a commit.
    overtaking: BTreeMap<usize, (Vec<String>, String)>,
    may_write: bool,
    may_show_findings: bool,
    /// What was sent to code scanning: the commit, the reference, and the findings.
    analyses: Vec<(String, String, Value)>,
    statuses: Statuses,
    comments: Comments,
    workflows: Workflows,
    deployments: Deployments,
    pulls: Pulls,
    rules: Rules,
    /// Whose token it is.
    account: &'static str,
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
            requests: Vec::new(),
            faults: Faults::default(),
            overtaking: BTreeMap::new(),
            may_write: true,
            may_show_findings: true,
            analyses: Vec::new(),
            statuses: Statuses::default(),
            comments: Comments::default(),
            workflows: Workflows::default(),
            deployments: Deployments::default(),
            pulls: Pulls::default(),
            rules: Rules::default(),
            account: "octo-releaser[bot]",
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

    /// Takes the commits of a checkout's HEAD, as a push to its branch does.
    pub fn push_from(&self, checkout: &std::path::Path) {
        self.with(|state| state.repository.take_from(checkout));
    }

    /// The environment of a job with this token.
    pub fn job(&self) -> [(&'static str, String); 4] {
        [
            ("GITHUB_API_URL", self.api_url()),
            ("GITHUB_SERVER_URL", "https://github.example".to_owned()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("TAGSHIP_GITHUB_TOKEN", TOKEN.to_owned()),
        ]
    }

    /// Gives or takes the right `contents: write`.
    pub fn let_write(&self, may_write: bool) {
        self.with(|state| state.may_write = may_write);
    }

    /// Gives or takes the right `security-events: write`.
    pub fn let_show_findings(&self, may_show: bool) {
        self.with(|state| state.may_show_findings = may_show);
    }

    /// What was sent to code scanning: the commit, the reference, and the findings.
    pub fn analyses(&self) -> Vec<(String, String, Value)> {
        self.with(|state| state.analyses.clone())
    }

    /// Gives or takes the right `statuses: write`.
    pub fn let_set_statuses(&self, may_set: bool) {
        self.with(|state| state.statuses.is_refused = !may_set);
    }

    /// The statuses that commits were given, in their order.
    pub fn statuses(&self) -> Vec<(String, Value)> {
        self.with(|state| state.statuses.sent())
    }

    /// Gives the default branch a workflow; with the inputs that it knows, if it is started by hand.
    pub fn add_workflow(&self, file: &str, inputs: Option<&[&str]>) {
        self.with(|state| state.workflows.add(file, inputs));
    }

    /// Gives or takes the right `actions: write`.
    pub fn let_start_workflows(&self, may_start: bool) {
        self.with(|state| state.workflows.is_refused = !may_start);
    }

    /// Orders that an answer says which run was started, as GitHub does from some version of its API on.
    pub fn say_run(&self) {
        self.with(|state| state.workflows.says_run = true);
    }

    /// The workflows that were started, with what they were given.
    pub fn started(&self) -> Vec<(String, Value)> {
        self.with(|state| state.workflows.started())
    }

    /// Has the token be that which GitHub gives a job.
    pub fn be_the_jobs(&self) {
        self.with(|state| state.account = "github-actions[bot]");
    }

    /// Adds a ruleset's rule for references that begin so, such as `refs/tags/v`.
    pub fn restrict(&self, rule: Rule, begin: &str) {
        self.with(|state| state.rules.add(rule, begin));
    }

    /// Gives or takes the repository's setting that Actions may open pull requests.
    pub fn let_propose(&self, may_propose: bool) {
        self.with(|state| state.pulls.is_refused = !may_propose);
    }

    /// The pull requests that were opened, with what their branches hold in a file.
    pub fn pulls(&self, file: &str) -> Vec<(Value, String)> {
        self.with(|state| state.pulls.all(&state.repository, file))
    }

    /// Merges a pull request as one commit, and removes its branch; gives the commit.
    pub fn merge(&self, number: u64) -> String {
        self.with(|state| state.pulls.merge(number, &state.repository))
    }

    /// Gives or takes the right `deployments: write`.
    pub fn let_deploy(&self, may_deploy: bool) {
        self.with(|state| state.deployments.is_refused = !may_deploy);
    }

    /// The deployments with their statuses.
    pub fn deployments(&self) -> Vec<(Value, Vec<Value>)> {
        self.with(|state| state.deployments.made())
    }

    /// Gives or takes the right `pull-requests: write`.
    pub fn let_comment(&self, may_comment: bool) {
        self.with(|state| state.comments.is_refused = !may_comment);
    }

    /// Lets a person comment on the pull request, who stands to the repository as GitHub says.
    pub fn comment(&self, text: &str, association: &str) {
        self.with(|state| state.comments.write(text, association));
    }

    /// The comments on the pull request, in their order.
    pub fn comments(&self) -> Vec<String> {
        self.with(|state| state.comments.texts())
    }

    /// Everything that was asked since it was last forgotten, one line for each request.
    pub fn requests(&self) -> Vec<String> {
        self.with(|state| state.requests.clone())
    }

    /// Forgets what was asked, and all trouble that was ordered.
    pub fn forget(&self) {
        self.with(|state| {
            state.requests.clear();
            state.writes.clear();
            state.faults = Faults::default();
            state.overtaking.clear();
        });
    }

    /// Orders that another run puts git tags and publishes the first of them as the latest release, when the request of
    /// this number was carried out and is not answered yet.
    pub fn overtake(&self, request: usize, tags: &[&str], commit: &str) {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.with(|state| state.overtaking.insert(request, (tags, commit.to_owned())));
    }

    /// Orders trouble for the request of this number, from 0, counted from when requests were last forgotten.
    pub fn trouble(&self, request: usize, trouble: Trouble) {
        self.with(|state| state.faults.order(request, trouble));
    }

    /// Orders that `act` is done when the request of this number is carried out, and not answered yet.
    pub fn at_request(&self, request: usize, act: impl FnOnce() + Send + 'static) {
        self.with(|state| state.faults.call(request, Box::new(act)));
    }

    /// The published releases and the drafts, by their git tags.
    pub fn release(&self, tag: &str) -> Value {
        let releases = self.releases();
        let of_tag: Vec<&Value> = releases
            .as_array()
            .into_iter()
            .flatten()
            .filter(|release| release["tag_name"] == tag)
            .collect();
        match of_tag.as_slice() {
            [] => Value::Null,
            [one] => (*one).clone(),
            several => panic!("there are {} releases of `{tag}`", several.len()),
        }
    }

    /// The git tag of the latest release.
    pub fn latest(&self) -> Option<String> {
        let releases = self.releases();
        let latest = releases
            .as_array()?
            .iter()
            .find(|release| release["is_latest"] == true)?;
        Some(latest["tag_name"].as_str()?.to_owned())
    }

    /// Spends a git tag's name, as an immutable release that was deleted does.
    pub fn spend(&self, tag: &str) {
        self.with(|state| state.releases.spend(tag));
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
        let number = state.requests.len();
        state.requests.push(format!("{} {path}", request.method));
        let trouble = state.faults.trouble(number);
        if let Some(answer) = trouble.as_ref().and_then(Trouble::instead) {
            return answer;
        }
        let answer = state.respond(request, &path);
        state.faults.reach(number);
        if let Some((tags, commit)) = state.overtaking.remove(&number) {
            // The other run keeps the rules too: it moves no version.
            if state.repository.reference(&tags[0]).is_none() {
                for tag in &tags {
                    state.repository.put_tag(tag, &commit);
                }
                state.releases.publish_other(&tags[0]);
            }
        }
        match trouble {
            Some(Trouble::Lost) => ResponseTemplate::new(502).set_body_string("<html>Bad Gateway</html>"),
            _ => answer,
        }
    }
}

impl State {
    fn respond(&mut self, request: &Request, path: &str) -> ResponseTemplate {
        let token = request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if token != Some(&format!("Bearer {TOKEN}")) {
            return ResponseTemplate::new(401).set_body_json(json!({ "message": "Bad credentials" }));
        }
        if request.method.as_str() != "GET" {
            if !self.may_write {
                let message = json!({ "message": "Resource not accessible by integration" });
                return ResponseTemplate::new(403)
                    .insert_header("x-accepted-github-permissions", "contents=write")
                    .set_body_json(message);
            }
            if self.writes_allowed == Some(self.writes.len()) {
                return ResponseTemplate::new(502);
            }
            self.writes.push(format!("{} {path}", request.method));
        }
        let (status, body) = self.answer(request);
        match (request.method.as_str(), &body) {
            ("GET", Value::Array(entries)) => paged(request, entries, |entries| json!(entries)),
            ("GET", Value::Object(fields)) if fields.contains_key("merge_base_commit") => {
                let commits = fields["commits"].as_array().expect("it is a list");
                paged(request, commits, |commits| {
                    let mut comparison = body.clone();
                    comparison["commits"] = json!(commits);
                    comparison
                })
            }
            _ if status == 204 => ResponseTemplate::new(status),
            _ => ResponseTemplate::new(status).set_body_json(body),
        }
    }
}

/// One page of a list, of 30 entries if the request does not say how many.
fn paged(request: &Request, entries: &[Value], body: impl Fn(&[&Value]) -> Value) -> ResponseTemplate {
    let number = |name: &str, default: usize| {
        let found = request.url.query_pairs().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
    };
    let (page, size) = (number("page", 1).max(1), number("per_page", 30).clamp(1, 100));
    let shown: Vec<&Value> = entries.iter().skip((page - 1) * size).take(size).collect();
    let answer = ResponseTemplate::new(200).set_body_json(body(&shown));
    if page * size >= entries.len() {
        return answer;
    }
    let next = format!("<http://next.invalid/?page={}>; rel=\"next\"", page + 1);
    answer.insert_header("link", next.as_str())
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
        let Some(path) = path.strip_prefix(&format!("/repos/{REPOSITORY}")) else {
            return refused(404, "Not Found");
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", [""]) => (200, json!({ "name": "tagship", "full_name": REPOSITORY })),
            ("GET", ["compare", commits]) => found(self.repository.compared(commits)),
            ("GET", ["git", "tags", sha]) => found(self.repository.tag_object(sha)),
            ("POST", ["git", "tags"]) => self.repository.make_tag_object(&body, self.account),
            ("GET", ["git", "commits", sha]) => found(self.repository.commit(sha)),
            ("GET", ["git", "ref", "tags", tag @ ..]) => found(self.repository.reference(&decoded(tag))),
            ("GET", ["git", "matching-refs", "tags", prefix @ ..]) => {
                (200, self.repository.matching(&decoded(prefix)))
            }
            ("GET", ["contents", file @ ..]) => {
                let revision = request.url.query_pairs().find(|(key, _)| key == "ref");
                let revision = revision.map_or_else(|| "HEAD".into(), |(_, value)| value);
                let content = self.repository.file(&revision, &file.join("/"));
                let encode = |content| base64::engine::general_purpose::STANDARD.encode::<Vec<u8>>(content);
                found(content.map(|content| json!({ "encoding": "base64", "content": encode(content) })))
            }
            ("POST", ["git", "trees"]) => self.repository.make_tree(&body),
            ("POST", ["git", "commits"]) => self.repository.make_commit(&body),
            ("GET", ["git", "ref", "heads", branch @ ..]) => found(self.repository.branch(&decoded(branch))),
            ("POST", ["git", "refs"]) => {
                let refusal = self.rules.of_creation(body["ref"].as_str().unwrap_or_default());
                refusal.unwrap_or_else(|| self.repository.make_reference(&body))
            }
            ("PATCH", ["git", "refs", kind, name @ ..]) => {
                let name = format!("refs/{kind}/{}", decoded(name));
                let refusal = self.rules.of_update(&name);
                refusal.unwrap_or_else(|| self.repository.move_reference(&name, &body))
            }
            ("GET", ["pulls"]) => {
                let asked = |key: &str| {
                    let mut pairs = request.url.query_pairs();
                    pairs.find_map(|(name, value)| (name == key).then(|| value.into_owned()))
                };
                self.pulls
                    .open(asked("head").as_deref(), asked("base").as_deref())
            }
            ("POST", ["pulls"]) => self.pulls.make(&body, &self.repository),
            ("PATCH", ["pulls", number]) => self.pulls.change(number, &body),
            ("POST", ["code-scanning", "sarifs"]) => self.take_analysis(&body),
            ("POST", ["statuses", commit]) => self.statuses.take(commit, &body, &self.repository),
            ("POST", ["actions", "workflows", file, "dispatches"]) => {
                self.workflows.start(file, &body, &self.repository)
            }
            ("POST", ["deployments"]) => self.deployments.make(&body, &self.repository, &self.statuses),
            ("POST", ["deployments", id, "statuses"]) => self.deployments.set(id, &body),
            ("GET", ["issues", number, "comments"]) => self.comments.list(number),
            ("POST", ["issues", number, "comments"]) => self.comments.make(number, &body),
            ("PATCH", ["issues", "comments", id]) => self.comments.change(id, &body),
            ("GET", ["releases"]) => (200, self.releases.list_for(self.may_write)),
            ("GET", ["releases", "tags", tag]) => found(self.releases.published(&decoded(&[*tag]))),
            ("GET", ["releases", id, "assets"]) => found(self.releases.assets(id)),
            ("POST", ["releases"]) => {
                let host = request.headers.get("host").and_then(|value| value.to_str().ok());
                let uploads = format!("http://{}/uploads", host.expect("HTTP/1.1 has it"));
                self.releases.draft(&body, &uploads, self.account)
            }
            ("PATCH", ["releases", id]) => self.releases.change(id, &body, &self.repository),
            ("DELETE", ["releases", "assets", id]) => self.releases.remove_asset(id),
            _ => refused(404, "Not Found"),
        }
    }
}

impl State {
    /// Source: `code-scanning/code-scanning`, "Upload an analysis as SARIF data".
    fn take_analysis(&mut self, body: &Value) -> Answer {
        if !self.may_show_findings {
            return refused(403, "Resource not accessible by integration");
        }
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let (commit, git_ref) = (text("commit_sha"), text("ref"));
        let is_ref = git_ref.starts_with("refs/heads/")
            || git_ref.starts_with("refs/tags/")
            || (git_ref.starts_with("refs/pull/")
                && (git_ref.ends_with("/merge") || git_ref.ends_with("/head")));
        let sent = base64::engine::general_purpose::STANDARD.decode(text("sarif"));
        let findings = sent.ok().and_then(|sent| {
            let mut read = String::new();
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(sent.as_slice()), &mut read)
                .ok()?;
            serde_json::from_str::<Value>(&read).ok()
        });
        match findings {
            Some(findings) if is_ref && commit.len() == 40 => {
                self.analyses.push((commit, git_ref, findings));
                (202, json!({ "id": "47177e22", "url": "https://api.github.com/" }))
            }
            Some(_) => refused(422, "Validation Failed"),
            None => refused(400, "Bad Request"),
        }
    }
}

/// Parts of a path as the name that they stand for.
fn decoded(parts: &[&str]) -> String {
    let path = parts.join("/");
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).expect("names are UTF-8")
}

fn found(answer: Option<Value>) -> Answer {
    answer.map_or_else(|| refused(404, "Not Found"), |answer| (200, answer))
}

fn refused(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message }))
}
