//! `tagship copy` between registries: one that wants user and password, one that wants tokens of its own issuer, and ECR.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ecr_local::{FaultAction, JournalEntry};
use http::header::AUTHORIZATION;
use http_body_util::BodyExt as _;
use oci_registry::{ReadRepository as _, ReadWhole as _};
use serde_json::{Value, json};
use tagship_domain::content::Descriptor;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{Digest, Tag};
use test_support::clients::{Registry, login};
use test_support::fake::{Answer, answer, serve};
use test_support::images::{Pusher, client_of};
use test_support::local::{Ecr, is_tag_put, shown};
use test_support::page::check;
use test_support::process::{Finished, Process, finish, scrubbed, tagship};

/// A registry with images of two platforms, and the ECR that they go to.
struct Stock {
    source: Ecr,
    target: Ecr,
    home: tempfile::TempDir,
    index: Descriptor,
}

impl Stock {
    fn new() -> Self {
        let (source, target) = (Ecr::start(), Ecr::start());
        source.create_repository("org/app", &Mutability::Mutable);
        let pusher = Pusher::new(&source, "org/app");
        let old = pusher.image("amd64", "old", &json!({}));
        pusher.tag("1.3.0", &old.digest);
        let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &json!({})));
        let index = pusher.index(&images);
        for tag in ["1.4.0", "latest"] {
            pusher.tag(tag, &index.digest);
        }
        pusher.referrer("application/vnd.cncf.notary.signature", &index);
        let home = tempfile::tempdir().unwrap();
        login(home.path(), &source.login());
        Self {
            source,
            target,
            home,
            index,
        }
    }

    fn from(&self, rest: &str) -> String {
        format!("{}/org/app{rest}", self.source.host())
    }

    fn copy(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["copy", "--json"], arguments].concat();
        finish(&mut self.target.command(self.home.path(), &arguments))
    }

    #[track_caller]
    fn copied(&self, arguments: &[&str]) -> Value {
        let finished = self.copy(arguments);
        finished.expect_code(0);
        let mut said: Value = serde_json::from_str(&finished.stdout).unwrap();
        said["copies"][0].take()
    }

    /// What was asked of the target that changes anything.
    fn writes(&self) -> Vec<JournalEntry> {
        let mut writes = self.target.writes();
        writes.retain(|entry| entry.operation != "BatchCheckLayerAvailability");
        writes
    }

    fn tags(&self, repository: &str) -> BTreeMap<String, Digest> {
        let client = client_of(&self.target.login(), repository);
        self.target.run(async {
            let tags = client.list_tags().await.unwrap();
            let found = client.resolve(&tags).await.unwrap();
            let pointed = found
                .into_iter()
                .map(|(tag, manifest)| (tag.to_string(), manifest.digest()));
            pointed.collect()
        })
    }
}

#[test]
fn a_whole_repository_moves_in_one_command_and_a_second_one_writes_nothing() {
    let stock = Stock::new();
    let arguments = [
        &stock.from(""),
        "org/app",
        "--all-tags",
        "--referrers",
        "--create-repository",
    ];
    let dry = stock.copied(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry["images"].as_array().unwrap().len(), 3);
    assert!(dry["images"][0]["bytes"].as_u64().unwrap() > 0);
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));

    let moved = stock.copy(&arguments);
    moved.expect_code(0);
    let to = format!("{}/org/app", stock.target.host());
    let of_images: Vec<&str> = moved
        .stderr
        .lines()
        .filter(|line| line.contains("org/app:"))
        .collect();
    assert_eq!(of_images.len(), 3, "{}", moved.stderr);
    for tag in ["1.3.0", "1.4.0", "latest"] {
        let line = format!("{to}:{tag}: create (");
        let lines = of_images.iter().filter(|said| said.starts_with(&line));
        assert_eq!(lines.count(), 1, "{}", moved.stderr);
    }
    let tags = stock.tags("org/app");
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["1.3.0", "1.4.0", "latest"]);
    assert_eq!(tags["1.4.0"], stock.index.digest, "the digest stays");
    let client = client_of(&stock.target.login(), "org/app");
    let referrers = stock.target.run(client.referrers(&stock.index.digest)).unwrap();
    assert_eq!(referrers.len(), 1);

    stock.target.forget_journal();
    let again = stock.copied(&arguments);
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
    assert_eq!(again["images"][0]["action"], "keep");
}

#[test]
fn tags_and_platforms_can_be_chosen() {
    let stock = Stock::new();
    stock.target.create_repository("org/app", &Mutability::Mutable);
    stock.copied(&[&stock.from(""), "org/app", "--tag-pattern", "1.*"]);
    assert_eq!(stock.tags("org/app").len(), 2);
    let one = stock.copied(&[&stock.from(":1.4.0"), "org/app:arm", "--platform", "linux/arm64"]);
    assert_ne!(one["images"][0]["digest"], stock.index.digest.to_string());
    assert_eq!(
        stock.tags("org/app")["arm"].to_string(),
        one["images"][0]["digest"].as_str().unwrap()
    );
    let none = stock.copy(&[&stock.from(":1.4.0"), "org/app:x", "--platform", "linux/s390x"]);
    none.expect_code(1);
    assert!(none.stderr.contains("linux/s390x"), "{}", none.stderr);
    stock.copy(&[&stock.from(""), "org/app"]).expect_code(2);
    stock.copy(&[&stock.from(":9.9.9"), "org/app"]).expect_code(1);
    stock.copy(&[&stock.from(":1.4.0"), "org/none"]).expect_code(1);
    let nothing = stock.copy(&[&stock.from(""), "org/app", "--tag-pattern", "2.*"]);
    nothing.expect_code(1);
    let said = format!("no tag of `{}` matches `2.*`", stock.from(""));
    assert!(nothing.stderr.contains(&said), "{}", nothing.stderr);
    assert!(
        nothing.stderr.contains("hint: its tags are 1.3.0, 1.4.0, latest"),
        "{}",
        nothing.stderr
    );
    stock.source.create_repository("org/empty", &Mutability::Mutable);
    let empty = format!("{}/org/empty", stock.source.host());
    stock.copy(&[&empty, "org/app", "--all-tags"]).expect_code(1);
}

/// What a user reads of a layout speaks of the layout.
#[test]
fn a_layout_that_is_not_whole_is_named_and_a_copy_to_it_is_repeated() {
    let stock = Stock::new();
    stock.target.create_repository("org/app", &Mutability::Mutable);
    stock.copied(&[&stock.from(":1.4.0"), "oci:image"]);
    let absent = stock.copy(&["oci:image:2.0", "org/app"]);
    absent.expect_code(1);
    assert!(
        absent.stderr.contains("no tag of `oci:image` matches `2.0`"),
        "{}",
        absent.stderr
    );
    assert!(
        absent.stderr.contains("hint: its tags are 1.4.0"),
        "{}",
        absent.stderr
    );
    let image = stock.home.path().join("image");
    for file in std::fs::read_dir(image.join("blobs/sha256")).unwrap() {
        let file = file.unwrap();
        if file.metadata().unwrap().len() < 100 {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let lacking = stock.copy(&["oci:image:1.4.0", "org/app"]);
    lacking.expect_code(1);
    assert!(!lacking.stderr.contains("registry"), "{}", lacking.stderr);
    assert!(lacking.stderr.contains("hint: "), "{}", lacking.stderr);
    // As a copy leaves it that was killed: without the index, which comes last.
    std::fs::remove_file(image.join("index.json")).unwrap();
    let again = stock.copied(&[&stock.from(":1.4.0"), "oci:image"]);
    assert_eq!(again["images"][0]["action"], "create");
    stock.copied(&["oci:image", "org/app:again"]);
}

#[test]
fn processes_that_copy_to_one_folder_at_the_same_time_lose_no_tag() {
    let stock = Stock::new();
    let from = stock.from(":1.4.0");
    let runs: Vec<Process> = (0..6)
        .map(|number| {
            let target = format!("oci:image:tag-{number}");
            let arguments = ["copy", "--json", from.as_str(), target.as_str()];
            Process::start(&mut stock.target.command(stock.home.path(), &arguments))
        })
        .collect();
    for run in runs {
        run.wait().expect_code(0);
    }
    let index = std::fs::read(stock.home.path().join("image/index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter();
    let name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].to_string();
    let mut tags: Vec<String> = entries.map(name).collect();
    tags.sort_unstable();
    let expected: Vec<String> = (0..6).map(|number| format!("\"tag-{number}\"")).collect();
    assert_eq!(tags, expected);
}

#[test]
fn a_version_of_another_image_is_a_conflict_before_anything_is_written() {
    let stock = Stock::new();
    stock.target.create_repository("org/app", &Mutability::Mutable);
    let pusher = Pusher::new(&stock.target, "org/app");
    let other = pusher.image("amd64", "other", &json!({}));
    for tag in ["1.4.0", "latest"] {
        pusher.tag(tag, &other.digest);
    }
    stock.target.forget_journal();
    let refused = stock.copy(&[&stock.from(""), "org/app", "--all-tags"]);
    refused.expect_code(10);
    assert!(
        refused.stderr.contains("`1.4.0`") && !refused.stderr.contains("`latest`"),
        "{}",
        refused.stderr
    );
    assert!(stock.writes().is_empty());
    stock.copied(&[&stock.from(""), "org/app", "--all-tags", "--no-clobber"]);
    let tags = stock.tags("org/app");
    assert_eq!((tags["1.4.0"], tags["latest"]), (other.digest, other.digest));
    assert!(tags.contains_key("1.3.0"));
}

/// A version that another run puts while the content is copied, or after the tag was put, and that the registry would let
/// go: it stays, and the run says so.
#[test]
fn a_version_that_comes_meanwhile_is_not_overwritten_whatever_the_repository_allows() {
    let looks = {
        let stock = Stock::new();
        stock.target.create_repository("org/app", &Mutability::Mutable);
        stock.copied(&[&stock.from(":1.4.0"), "org/app"]);
        let journal = stock.target.journal();
        journal
            .iter()
            .filter(|entry| entry.operation == "BatchGetImage")
            .count()
    };
    let last = u32::try_from(looks).unwrap() - 1;
    let delay = || FaultAction::Delay { milliseconds: 3000 };
    for (operation, skip, more, code) in [
        ("CompleteUpload", 0, &[][..], 10),
        ("CompleteUpload", 0, &["--no-clobber"], 0),
        ("BatchGetImage", last, &[], 10),
        ("BatchGetImage", last, &["--no-clobber"], 0),
    ] {
        let stock = Stock::new();
        stock.target.create_repository("org/app", &Mutability::Mutable);
        let pusher = Pusher::new(&stock.target, "org/app");
        let rival = pusher.image("amd64", "rival", &json!({}));
        stock.target.forget_journal();
        stock.target.fail(operation, skip, 1, delay());
        let from = stock.from(":1.4.0");
        let arguments = [&["copy", "--json", from.as_str(), "org/app"], more].concat();
        let mut command = stock.target.command(stock.home.path(), &arguments);
        let run = Process::start(&mut command);
        let has_begun = |entry: &JournalEntry| entry.operation == "StartUpload";
        let is_put = |entry: &JournalEntry| is_tag_put(entry) && entry.status.is_some();
        if operation == "CompleteUpload" {
            stock.target.wait_for(has_begun);
        } else {
            stock.target.wait_for(is_put);
        }
        pusher.tag("1.4.0", &rival.digest);
        let finished = run.wait();
        finished.expect_code(code);
        assert_eq!(
            stock.tags("org/app")["1.4.0"],
            rival.digest,
            "{operation} {more:?}"
        );
        if code == 10 {
            let taken = format!("must not move and already points to {}", rival.digest);
            assert!(finished.stderr.contains(&taken), "{}", finished.stderr);
        } else {
            let said: Value = serde_json::from_str(&finished.stdout).unwrap();
            let image = &said["copies"][0]["images"][0];
            let left = (&image["action"], &image["at"]);
            assert_eq!(left, (&json!("skip"), &json!(rival.digest)), "{operation}");
            let left = format!("1.4.0: left at {}", rival.digest);
            assert!(finished.stderr.contains(&left), "{}", finished.stderr);
        }
    }
}

/// Images of versions, all of one commit.
fn versioned(ecr: &Ecr, versions: &[&str]) -> (String, Vec<Digest>) {
    let commit = "0123456789".repeat(4);
    let pusher = Pusher::new(ecr, "org/app");
    let digests = versions.iter().map(|version| {
        let labels = json!({
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": commit,
        });
        let image = pusher.image("amd64", version, &labels);
        pusher.tag(version, &image.digest);
        image.digest
    });
    let digests = digests.collect();
    (commit, digests)
}

#[test]
fn no_tag_goes_back_unless_it_is_asked_for() {
    let stock = Stock::new();
    let (_, digests) = versioned(&stock.source, &["2.0.0", "2.1.0"]);
    // Other tools write the git tag.
    versioned(&stock.source, &["v1.9.0"]);
    stock.target.create_repository("org/app", &Mutability::Mutable);
    stock.copied(&[&stock.from(":2.1.0"), "org/app:stable"]);
    stock.target.forget_journal();
    let arguments = [&stock.from(":2.0.0"), "org/app:stable"];
    for more in [&[][..], &["--dry-run"]] {
        let back = stock.copy(&[&arguments[..], more].concat());
        back.expect_code(10);
        let said = format!(
            "stays at {}: it points to version 2.1.0, which is greater than 2.0.0",
            digests[1]
        );
        assert!(back.stderr.contains(&said), "{}", back.stderr);
        assert!(back.stderr.contains("add `--rollback`"), "{}", back.stderr);
        assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
    }
    let old = stock.copy(&[&stock.from(":v1.9.0"), "org/app:stable"]);
    old.expect_code(10);
    assert!(old.stderr.contains("greater than 1.9.0"), "{}", old.stderr);
    let rolled = stock.copied(&[&arguments[..], &["--rollback"]].concat());
    assert_eq!(rolled["images"][0]["action"], "move");
    assert_eq!(stock.tags("org/app")["stable"], digests[0]);
    // A layout has no rules of its own.
    stock.copied(&[&stock.from(":2.1.0"), "oci:folder:stable"]);
    stock
        .copy(&[&stock.from(":2.0.0"), "oci:folder:stable"])
        .expect_code(10);
}

#[test]
fn a_tag_that_moves_on_meanwhile_does_not_go_back() {
    let stock = Stock::new();
    versioned(&stock.source, &["2.1.0"]);
    stock.target.create_repository("org/app", &Mutability::Mutable);
    let (_, there) = versioned(&stock.target, &["2.0.0", "2.2.0"]);
    let pusher = Pusher::new(&stock.target, "org/app");
    pusher.tag("stable", &there[0]);
    stock.target.forget_journal();
    stock
        .target
        .fail("CompleteUpload", 0, 1, FaultAction::Delay { milliseconds: 3000 });
    let from = stock.from(":2.1.0");
    let arguments = ["copy", "--json", from.as_str(), "org/app:stable"];
    let run = Process::start(&mut stock.target.command(stock.home.path(), &arguments));
    stock.target.wait_for(|entry| entry.operation == "StartUpload");
    pusher.tag("stable", &there[1]);
    let finished = run.wait();
    finished.expect_code(10);
    assert_eq!(stock.tags("org/app")["stable"], there[1]);
}

#[test]
fn a_new_name_claims_no_other_commit_and_another_version_is_said() {
    let stock = Stock::new();
    let (commit, _) = versioned(&stock.source, &["2.0.0"]);
    stock.target.create_repository("org/app", &Mutability::Mutable);
    let from = stock.from(":2.0.0");
    let refused = stock.copy(&[&from, "org/app:sha-aaaaaaa"]);
    refused.expect_code(10);
    assert!(
        refused
            .stderr
            .contains("names another commit than the image, which is of 012345678901"),
        "{}",
        refused.stderr
    );
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
    // Nor is a repository made for it.
    let elsewhere = ["org/new:sha-aaaaaaa", "--create-repository"];
    stock
        .copy(&[&[from.as_str()], &elsewhere[..]].concat())
        .expect_code(10);
    assert!(stock.writes().is_empty(), "{}", shown(&stock.writes()));
    let own = format!("org/app:sha-{}", &commit[..7]);
    stock.copied(&[&from, &own]);
    let said = "tag `3.0.0` names another version than the image, which says that it is 2.0.0";
    let other = stock.copy(&[&from, "org/app:3.0.0"]);
    other.expect_code(0);
    assert!(other.stderr.contains(said), "{}", other.stderr);
    let same = stock.copy(&[&from, "org/app:v2.0.0"]);
    assert!(!same.stderr.contains("another version"), "{}", same.stderr);
    // An index is of a commit when all its images are.
    let pusher = Pusher::new(&stock.source, "org/app");
    let of = |platform: &str, commit: &str| {
        pusher.image(
            platform,
            platform,
            &json!({"org.opencontainers.image.revision": commit}),
        )
    };
    let other = "a".repeat(40);
    let images = [of("amd64", &commit), of("arm64", &other)];
    let mixed = pusher.index(&images);
    pusher.tag("mixed", &mixed.digest);
    let from = stock.from(":mixed");
    for (tag, image) in [(&commit[..8], &images[1]), (&other[..8], &images[0])] {
        let refused = stock.copy(&[&from, &format!("org/app:sha-{tag}")]);
        refused.expect_code(10);
        let said = format!("names another commit than the image {} in it", image.digest);
        assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    }
    stock.copied(&[&from, "org/app:mixed"]);
    let tag = format!("sha-{}", &commit[..8]);
    let promote = ["promote", "org/app", "--from", "mixed", "--to", tag.as_str()];
    let refused = finish(&mut stock.target.command(stock.home.path(), &promote));
    refused.expect_code(10);
    assert!(
        refused.stderr.contains("names another commit than the image"),
        "{}",
        refused.stderr
    );
    // Promotions say it too.
    let promote = ["promote", "org/app", "--from", "v2.0.0", "--to", "4.0.0"];
    let promoted = finish(&mut stock.target.command(stock.home.path(), &promote));
    promoted.expect_code(0);
    assert!(
        promoted.stderr.contains("tag `4.0.0` names another version"),
        "{}",
        promoted.stderr
    );
}

#[test]
fn a_list_of_copies_is_done_one_after_the_other() {
    let stock = Stock::new();
    let list = format!(
        "# what moves\n{} one/app\n\n{} two/app:stable\n",
        stock.from(":1.3.0"),
        stock.from(":1.4.0")
    );
    std::fs::write(stock.home.path().join("list"), list).unwrap();
    stock.copied(&["--from-file", "list", "--create-repository"]);
    assert_eq!(stock.tags("one/app").len(), 1);
    assert_eq!(stock.tags("two/app")["stable"], stock.index.digest);
    // One line that fails stops no other.
    let list = format!(
        "{} one/app\n{} three/app\n{} two/app:again\n",
        stock.from(":9.9.9"),
        stock.from(":1.3.0"),
        stock.from(":1.4.0")
    );
    std::fs::write(stock.home.path().join("list"), list).unwrap();
    let some = stock.copy(&["--from-file", "list", "--create-repository"]);
    some.expect_code(1);
    assert!(some.stderr.contains("1 of 3 copies failed"), "{}", some.stderr);
    assert!(some.stderr.contains("9.9.9"), "{}", some.stderr);
    assert_eq!(stock.tags("three/app").len(), 1);
    assert_eq!(stock.tags("two/app")["again"], stock.index.digest);
    // What is cut off is not what was meant.
    std::fs::write(stock.home.path().join("long"), "# \n".repeat(400_000)).unwrap();
    let refused = stock.copy(&["--from-file", "long"]);
    refused.expect_code(2);
    assert!(refused.stderr.contains("longer than 1 MiB"), "{}", refused.stderr);
}

/// Before an embedded ECR has begun, only what the list says is known.
#[test]
fn every_line_of_a_list_that_fails_is_named_as_it_stands_there() {
    let home = tempfile::tempdir().unwrap();
    let list = "team/app:9.9.9 team/other:stable\nteam/app:1.0 oci:image\noci:none team/third:2\n";
    std::fs::write(home.path().join("list"), list).unwrap();
    let mut program = tagship(home.path());
    program.args([
        "copy",
        "--from-file",
        "list",
        "--json",
        "--local",
        "--local-data",
        "data",
    ]);
    let finished = finish(&mut program);
    finished.expect_code(1);
    let said: Value = serde_json::from_str(&finished.stdout).unwrap();
    for (number, (source, target)) in [
        ("team/app:9.9.9", "team/other:stable"),
        ("team/app:1.0", "oci:image:1.0"),
        ("oci:none", "team/third:2"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = format!("`{source}` to `{target}`: ");
        assert!(finished.stderr.contains(&line), "{}", finished.stderr);
        let row = &said["copies"][number];
        let named = (row["source"].as_str(), row["target"].as_str());
        assert_eq!(named, (Some(source), Some(target)), "{row}");
    }
}

#[test]
fn broken_off_at_any_request_the_next_run_sends_what_is_missing() {
    for (operation, count) in [("StartUpload", 4), ("CompleteUpload", 4), ("PutManifest", 4)] {
        for skip in 0..count {
            let stock = Stock::new();
            stock.target.create_repository("org/app", &Mutability::Immutable);
            let action = FaultAction::Status {
                status: 403,
                envelope: false,
            };
            stock.target.fail(operation, skip, 100, action);
            let arguments = [&stock.from(":1.4.0"), "org/app"];
            assert_ne!(stock.copy(&arguments).code, Some(0), "{operation} {skip}");
            assert!(stock.tags("org/app").is_empty(), "{operation} {skip}");
            stock.target.forgive();
            stock.copied(&arguments);
            assert_eq!(stock.tags("org/app")["1.4.0"], stock.index.digest);
        }
    }
}

/// A registry that takes tokens alone, in front of one that takes user and password. A token says whether it may push.
struct TokenRegistry {
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What stands in front of a registry.
#[derive(Clone)]
struct TokenDoor {
    /// The host behind it, and the credential there.
    backend: String,
    credential: String,
    /// Its own host.
    own: String,
    /// Who asked for tokens, and for which.
    asked: Arc<Mutex<Vec<String>>>,
}

impl TokenDoor {
    async fn answer(self, request: http::Request<hyper::body::Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let given = header("authorization").unwrap_or_default();
        let target = parts.uri.to_string();
        if target.starts_with("/token") {
            self.asked.lock().unwrap().push(format!("{given} {target}"));
            let token = if target.contains("push") { "wr1te" } else { "re4d" };
            return answer(200, &[], Bytes::from(format!(r#"{{"token":"{token}"}}"#)));
        }
        let is_read = [http::Method::GET, http::Method::HEAD].contains(&parts.method);
        if !(given == "Bearer wr1te" || is_read && given == "Bearer re4d") {
            let name = target.trim_start_matches("/v2/").split('/').take(2);
            let name = name.collect::<Vec<_>>().join("/");
            let actions = if is_read { "pull" } else { "pull,push" };
            let challenge = format!(
                r#"Bearer realm="http://{}/token",service="fake",scope="repository:{name}:{actions}""#,
                self.own
            );
            return answer(401, &[("www-authenticate", challenge.as_str())], "");
        }
        let Self {
            backend, credential, ..
        } = &self;
        let client = oci_registry::http_client("proxy/1").unwrap();
        let mut forwarded = client
            .request(parts.method.clone(), format!("http://{backend}{target}"))
            .header(AUTHORIZATION, format!("Basic {credential}"))
            .body(body.collect().await.unwrap().to_bytes());
        for name in ["accept", "content-type"] {
            if let Some(value) = header(name) {
                forwarded = forwarded.header(name, value);
            }
        }
        let response = forwarded.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kept = [
            "content-type",
            "location",
            "link",
            "docker-content-digest",
            "content-length",
        ];
        let headers: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| kept.contains(&name.as_str()))
            .filter(|(name, _)| *name != "content-length" || parts.method == http::Method::HEAD)
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.to_str().unwrap().replace(backend, &self.own),
                )
            })
            .collect();
        let shown: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        answer(status, &shown, response.bytes().await.unwrap())
    }
}

impl TokenRegistry {
    fn start(behind: &Ecr) -> Self {
        let Registry { host: backend, token } = behind.login();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::new(Mutex::new(String::new()));
        let (noted, address_of) = (Arc::clone(&asked), Arc::clone(&own));
        let handler = move |request: http::Request<hyper::body::Incoming>| {
            let door = TokenDoor {
                backend: backend.clone(),
                credential: token.clone(),
                own: own.lock().unwrap().clone(),
                asked: Arc::clone(&noted),
            };
            door.answer(request)
        };
        let address = behind.run(serve(handler));
        *address_of.lock().unwrap() = address.to_string();
        Self {
            host: address.to_string(),
            asked,
        }
    }
}

#[test]
fn a_registry_of_tokens_is_asked_at_its_issuer_with_the_login_of_docker() {
    let stock = Stock::new();
    stock.target.create_repository("org/app", &Mutability::Mutable);
    let tokens = TokenRegistry::start(&stock.source);
    let token = "dXNlcjpwYXNz".to_owned();
    login(
        stock.home.path(),
        &Registry {
            host: tokens.host.clone(),
            token: token.clone(),
        },
    );
    let from = format!("{}/org/app:1.4.0", tokens.host);
    stock.copied(&[&from, "org/app"]);
    assert_eq!(stock.tags("org/app")["1.4.0"], stock.index.digest);
    let asked = tokens.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with(&format!("Basic {token} /token?service=fake&scope=")),
        "{asked:?}"
    );

    // Without a login, the token is asked for without one.
    tokens.asked.lock().unwrap().clear();
    std::fs::remove_file(stock.home.path().join(".docker/config.json")).unwrap();
    stock.copied(&[&from, "org/app:again"]);
    let asked = tokens.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with(" /token?"), "{asked:?}");
}

/// From ECR to a registry that wants tokens, with one for what is written, and to one that wants user and password.
#[test]
fn an_image_of_ecr_goes_to_other_registries_with_the_login_of_docker() {
    let stock = Stock::new();
    stock.target.create_repository("team/app", &Mutability::Immutable);
    let ours = Pusher::new(&stock.target, "team/app");
    let images =
        ["amd64", "arm64"].map(|platform| ours.image(platform, &format!("our {platform}"), &json!({})));
    let index = ours.index(&images);
    ours.tag("2.0.0", &index.digest);
    for repository in ["org/tokens", "org/password"] {
        stock.source.create_repository(repository, &Mutability::Immutable);
    }
    let tokens = TokenRegistry::start(&stock.source);
    let token = "dXNlcjpwYXNz".to_owned();
    for (host, repository) in [
        (&tokens.host, "org/tokens"),
        (&stock.source.host(), "org/password"),
    ] {
        if *host == tokens.host {
            login(
                stock.home.path(),
                &Registry {
                    host: host.clone(),
                    token: token.clone(),
                },
            );
        } else {
            login(stock.home.path(), &stock.source.login());
        }
        let to = format!("{host}/{repository}:2.0.0");
        let copied = stock.copied(&["team/app:2.0.0", &to]);
        assert_eq!(copied["images"][0]["action"], "create");
        assert_eq!(copied["images"][0]["blobs"], 4);
        let found = client_of(&stock.source.login(), repository);
        let tag = Tag::parse("2.0.0").unwrap();
        let found = stock
            .source
            .run(found.resolve(std::slice::from_ref(&tag)))
            .unwrap();
        assert_eq!(found[&tag].digest(), index.digest, "{repository}");
        stock.source.forget_journal();
        let again = stock.copied(&["team/app:2.0.0", &to]);
        assert_eq!(again["images"][0]["action"], "keep");
        let writes = ["StartUpload", "CompleteUpload", "PutManifest"];
        let journal = stock.source.journal();
        assert!(
            !journal
                .iter()
                .any(|entry| writes.contains(&entry.operation.as_str())),
            "{}",
            shown(&journal)
        );
    }
    let asked = tokens.asked.lock().unwrap().clone();
    let to_push = |asked: &String| {
        asked.starts_with(&format!("Basic {token} /token?service=fake&"))
            && asked.ends_with("scope=repository%3Aorg%2Ftokens%3Apull%2Cpush")
    };
    assert_eq!(
        asked.iter().filter(|asked| to_push(asked)).count(),
        1,
        "{asked:?}"
    );
}

const PAGE_SOURCE: &str = "ghcr.io";
const PAGE_TARGET: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

fn printed(command: &str, stock: &Stock) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tagship"));
    let folder = program.parent().expect("a program lies in a folder");
    let settings = stock.target.command(stock.home.path(), &[]);
    let settings = settings
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let (source, target) = (stock.source.host(), stock.target.host());
    let command = command
        .replace(PAGE_SOURCE, &source)
        .replace(PAGE_TARGET, &target);
    let mut shell = scrubbed("/bin/sh", stock.home.path());
    shell
        .envs(settings.filter(|(name, _)| *name != "PATH"))
        .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
        .current_dir(stock.home.path())
        .env("PROGRAMS", folder);
    let said = finish(&mut shell).stdout;
    said.replace(&source, PAGE_SOURCE).replace(&target, PAGE_TARGET)
}

#[test]
fn every_example_of_the_page_prints_what_it_says() {
    let stock = Stock::new();
    check(include_str!("../../docs/copying.md"), 5, |command| {
        printed(command, &stock)
    });
    assert!(stock.target.journal().iter().any(is_tag_put));
}

#[test]
fn a_copy_within_one_embedded_ecr_ends_whatever_comes_of_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    for arguments in [
        ["copy", "missing", "other", "--all-tags"],
        ["copy", "missing:1", "other:1", "--json"],
    ] {
        let mut program = tagship(home.path());
        program
            .args(arguments)
            .arg("--local")
            .arg("--local-data")
            .arg(&data);
        let finished = finish(&mut program);
        assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    }
}
