//! The repository of the fake: what the Git database API reads and makes, done by git itself.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, refused};
use crate::process::{output_of, scrubbed};

/// A bare repository, removed when dropped.
#[derive(Debug)]
pub(super) struct Bare {
    folder: TempDir,
}

impl Bare {
    pub(super) fn clone_of(origin: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let bare = Self { folder };
        output_of(bare.git(&["clone", "--quiet", "--bare"]).arg(origin).arg("."));
        // Whatever tags the clone brought are not this GitHub's.
        for tag in bare.tags().into_keys() {
            output_of(&mut bare.git(&["tag", "--delete", &tag]));
        }
        bare
    }

    /// Takes what the HEAD of a checkout contains, as its branch `main`.
    pub(super) fn take_from(&self, checkout: &Path) {
        let fetch = ["fetch", "--quiet", "--no-tags", "--force"];
        output_of(self.git(&fetch).arg(checkout).arg("HEAD:refs/heads/main"));
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let format = "--format=%(refname:strip=2) %(objectname)";
        let listed = output_of(&mut self.git(&["for-each-ref", format, "refs/tags"]));
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        pairs
            .map(|(tag, commit)| (tag.to_owned(), commit.to_owned()))
            .collect()
    }

    pub(super) fn put_tag(&self, tag: &str, commit: &str) {
        output_of(&mut self.git(&["update-ref", &format!("refs/tags/{tag}"), commit]));
    }

    pub(super) fn commit(&self, sha: &str) -> Option<Value> {
        let shown = self.ask(&[
            "show",
            "--no-patch",
            "--format=%H %T %P",
            &format!("{sha}^{{commit}}"),
        ])?;
        let mut words = shown.split_whitespace();
        let (sha, tree) = (words.next()?, words.next()?);
        let parents: Vec<Value> = words.map(|parent| json!({ "sha": parent })).collect();
        let message = self.ask(&["show", "--no-patch", "--format=%B", sha])?;
        Some(json!({ "sha": sha, "tree": { "sha": tree }, "parents": parents, "message": message }))
    }

    /// Two commits, `BASE...HEAD`, compared; with all commits, the oldest first.
    /// Source: docs.github.com/en/rest/commits/commits, "Compare two commits".
    pub(super) fn compared(&self, commits: &str) -> Option<Value> {
        let (base, head) = commits.split_once("...")?;
        let merge_base = self.ask(&["merge-base", base, head])?;
        let full = |revision: &str| self.ask(&["rev-parse", &format!("{revision}^{{commit}}")]);
        let (base, head) = (full(base)?, full(head)?);
        let status = match (merge_base == base, merge_base == head) {
            (true, true) => "identical",
            (true, false) => "ahead",
            (false, true) => "behind",
            (false, false) => "diverged",
        };
        let listed = self.ask(&[
            "rev-list",
            "--reverse",
            "--topo-order",
            &format!("{base}..{head}"),
        ])?;
        let commits: Vec<Value> = listed
            .lines()
            .map(|sha| {
                let message = self.ask(&["show", "--no-patch", "--format=%B", sha]);
                json!({ "sha": sha, "commit": { "message": message } })
            })
            .collect();
        Some(json!({
            "status": status,
            "total_commits": commits.len(),
            "commits": commits,
            "merge_base_commit": { "sha": merge_base },
        }))
    }

    pub(super) fn reference(&self, tag: &str) -> Option<Value> {
        let shown = |object: &String| self.shown(&format!("refs/tags/{tag}"), object);
        self.tags().get(tag).map(shown)
    }

    pub(super) fn matching(&self, prefix: &str) -> Value {
        let tags = self.tags();
        let matching = tags.iter().filter(|(tag, _)| tag.starts_with(prefix));
        let shown = |(tag, object): (&String, &String)| self.shown(&format!("refs/tags/{tag}"), object);
        matching.map(shown).collect()
    }

    pub(super) fn file(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        let output = self.git(&["show", &format!("{revision}:{path}")]).output().ok()?;
        output.status.success().then_some(output.stdout)
    }

    pub(super) fn make_tree(&self, body: &Value) -> Answer {
        let Some(base) = body["base_tree"].as_str().filter(|base| self.has(base)) else {
            return refused(422, "base_tree is not a valid tree oid");
        };
        let index = self.path().join("index-of-a-tree");
        let with_index = |arguments: &[&str]| {
            let mut command = self.git(arguments);
            command.env("GIT_INDEX_FILE", &index);
            output_of(&mut command)
        };
        with_index(&["read-tree", base]);
        for entry in body["tree"].as_array().into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            let blob = self.make_blob(text("content"));
            let cached = format!("{},{blob},{}", text("mode"), text("path"));
            with_index(&["update-index", "--add", "--cacheinfo", &cached]);
        }
        let tree = with_index(&["write-tree"]);
        std::fs::remove_file(&index).expect("git wrote it");
        (201, json!({ "sha": tree }))
    }

    pub(super) fn make_commit(&self, body: &Value) -> Answer {
        let (Some(tree), Some(message)) = (body["tree"].as_str(), body["message"].as_str()) else {
            return refused(422, "Invalid request");
        };
        if !self.has(tree) {
            return refused(422, "Tree SHA does not exist");
        }
        let mut command = self.git(&["commit-tree", tree, "-m", message]);
        for parent in body["parents"].as_array().into_iter().flatten() {
            command.args(["-p", parent.as_str().unwrap_or_default()]);
        }
        // A commit that names no author is that of the token's account, at the time of the request.
        command
            .env("GIT_AUTHOR_NAME", "github-actions[bot]")
            .env("GIT_AUTHOR_EMAIL", "bot@example.com")
            .env("GIT_COMMITTER_NAME", "GitHub")
            .env("GIT_COMMITTER_EMAIL", "noreply@example.com");
        (201, json!({ "sha": output_of(&mut command) }))
    }

    pub(super) fn make_reference(&self, body: &Value) -> Answer {
        let (Some(name), Some(sha)) = (body["ref"].as_str(), body["sha"].as_str()) else {
            return refused(422, "Invalid request");
        };
        if !name.starts_with("refs/tags/") && !name.starts_with("refs/heads/") {
            return refused(422, "Reference name must start with 'refs/'.");
        }
        if self.at(name).is_some() {
            return refused(422, "Reference already exists");
        }
        if !self.has(sha) {
            return refused(422, "Object does not exist");
        }
        self.put(name, sha);
        (201, self.shown(name, sha))
    }

    /// A branch, by its name without `refs/heads/`.
    pub(super) fn branch(&self, branch: &str) -> Option<Value> {
        let name = format!("refs/heads/{branch}");
        self.at(&name).map(|sha| self.shown(&name, &sha))
    }

    pub(super) fn move_reference(&self, name: &str, body: &Value) -> Answer {
        let Some(sha) = body["sha"].as_str().filter(|sha| self.has(sha)) else {
            return refused(422, "Object does not exist");
        };
        let Some(current) = self.at(name) else {
            return refused(422, "Reference does not exist");
        };
        let is_forward = self
            .ask(&["merge-base", "--is-ancestor", &current, sha])
            .is_some();
        if !is_forward && body["force"] != true {
            return refused(422, "Update is not a fast forward");
        }
        self.put(name, sha);
        (200, self.shown(name, sha))
    }

    /// What a whole reference points to.
    pub(super) fn at(&self, name: &str) -> Option<String> {
        self.ask(&["rev-parse", "--verify", "--quiet", name])
    }

    pub(super) fn put(&self, name: &str, sha: &str) {
        output_of(&mut self.git(&["update-ref", name, sha]));
    }

    pub(super) fn remove(&self, name: &str) {
        output_of(&mut self.git(&["update-ref", "-d", name]));
    }

    /// Whether a branch has commits that another one lacks.
    pub(super) fn has_more(&self, branch: &str, than: &str) -> bool {
        let range = format!("refs/heads/{than}..refs/heads/{branch}");
        self.ask(&["rev-list", "--max-count=1", &range])
            .is_some_and(|found| !found.is_empty())
    }

    /// Makes a tag object; no reference points to it.
    pub(super) fn make_tag_object(&self, body: &Value, account: &str) -> Answer {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let (tag, message, object) = (text("tag"), text("message"), text("object"));
        if tag.is_empty() || message.is_empty() || !self.has(&object) {
            return refused(422, "Invalid request");
        }
        let content = format!(
            "object {object}\ntype commit\ntag {tag}\ntagger {account} <bot@example.com> 1767323045 +0000\n\n{message}\n"
        );
        let sha = self.written(&["mktag", "--no-strict"], &content);
        let shown = self.tag_object(&sha).expect("it was made");
        (201, shown)
    }

    pub(super) fn tag_object(&self, sha: &str) -> Option<Value> {
        let shown = self.ask(&["cat-file", "tag", sha])?;
        let line = |key: &str| {
            shown
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let object = json!({ "type": line("type")?, "sha": line("object")? });
        let tagger = line("tagger")?.split(" <").next()?;
        Some(json!({ "sha": sha, "tag": line("tag")?, "object": object, "tagger": { "name": tagger } }))
    }

    /// A reference, with the kind of what it points to.
    fn shown(&self, name: &str, object: &str) -> Value {
        let kind = self
            .ask(&["cat-file", "-t", object])
            .expect("a reference points to something");
        json!({ "ref": name, "object": { "type": kind, "sha": object } })
    }

    fn make_blob(&self, content: &str) -> String {
        self.written(&["hash-object", "-w", "--stdin"], content)
    }

    /// What git prints of what it reads.
    fn written(&self, arguments: &[&str], content: &str) -> String {
        let mut command = self.git(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("git starts");
        let mut stdin = child.stdin.take().expect("it is a pipe");
        stdin.write_all(content.as_bytes()).expect("git reads");
        drop(stdin);
        let output = child.wait_with_output().expect("git ends");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn has(&self, sha: &str) -> bool {
        self.ask(&["cat-file", "-e", sha]).is_some()
    }

    /// What git prints, if it succeeds.
    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = self.git(arguments).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    fn git(&self, arguments: &[&str]) -> Command {
        let folder: PathBuf = self.path().to_owned();
        let mut command = scrubbed("git", &folder);
        command
            .current_dir(&folder)
            .args(["-c", "safe.directory=*"])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }
}
