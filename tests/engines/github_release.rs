//! Versions that become releases: `examples/hello` from commit to image, git tag and GitHub release, and what happens when
//! a run is killed, refused or overtaken. A real engine, the embedded ECR and a fake of GitHub that keeps its rules.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ecr_local::FaultAction;
use serde_json::{Value, json};
use tagship_domain::immutability::{Mutability, TagFilter};
use test_support::engines;
use test_support::github::{Github, Trouble};
use test_support::local::{Ecr, is_tag_put, positions, shown};
use test_support::process::{Finished, Process, Signal, finish, output_of, repository_root};
use test_support::schema::sarif_problems;
use test_support::shipping::{NO_ENGINE, Shipyard};
use test_support::unique;

/// What the action's workflow says.
const RELEASE: [&str; 10] = [
    "--version",
    "auto",
    "--tags",
    "type=sha\ntype=semver\nlatest",
    "--release",
    "true",
    "--release-moving-tags",
    "major",
    "--provenance",
    "mode=min",
];

/// A checkout of `examples/hello`, a registry and GitHub.
struct World {
    yard: Shipyard,
    github: Github,
}

impl World {
    fn new() -> Self {
        let example = |name: &str| {
            let path = repository_root().join("examples/hello").join(name);
            std::fs::read_to_string(path).expect("the example is there")
        };
        let files = [
            ("Dockerfile", example("Dockerfile")),
            ("greeting.txt", example("greeting.txt")),
        ];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let mut yard = Shipyard::with(Ecr::start(), &files);
        yard.checkout.git(&["tag", "--delete", "v1.0.0"]);
        let latest = TagFilter::parse("latest").expect("it is legal");
        yard.turn_to("team/hello", &Mutability::ImmutableWithExclusion(vec![latest]));
        let github = Github::of(yard.checkout.path());
        let mut world = Self { yard, github };
        world.commit("feat: hello\n\nRelease-As: 1.0.0");
        world
    }

    /// The same where the registry scans what is pushed, and finds nothing yet.
    fn scanned_on_push() -> Self {
        let world = Self::new();
        world.yard.ecr.scan_with("BASIC", "SCAN_ON_PUSH", "team/*");
        scanned(&world, &json!([]));
        world
    }

    /// Commits and pushes another greeting; gives the commit.
    fn commit(&mut self, message: &str) -> String {
        let greeting = format!("Hello, {}!\n", unique::hex64());
        self.yard.checkout.write("greeting.txt", greeting);
        self.yard
            .checkout
            .git(&["commit", "--all", "--quiet", "--message", message]);
        self.github.push_from(self.yard.checkout.path());
        self.github.forget();
        self.yard.checkout.head()
    }

    fn command(&self, command: &str, engine: &str, more: &[&str]) -> Command {
        let mut program = self.yard.command(command, engine, more);
        program.envs(self.github.job());
        program
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let arguments = [&RELEASE[..], &["--json"], more].concat();
        finish(&mut self.command("ship", &engine(), &arguments))
    }

    /// Ships to the end, and gives the report.
    #[track_caller]
    fn release(&self) -> Value {
        let run = self.ship(&[]);
        run.expect_code(0);
        report(&run)
    }

    /// As [`World::release`], of an image that the registry scans.
    #[track_caller]
    fn release_gated(&self) -> Value {
        let run = self.ship(&["--scan", "wait"]);
        run.expect_code(0);
        report(&run)
    }

    /// Begins to ship an image that the registry scans.
    fn start_gated(&self) -> Process {
        let arguments = [&RELEASE[..], &["--json", "--scan", "wait"]].concat();
        Process::start(&mut self.command("ship", &engine(), &arguments))
    }

    /// Everything that a released version promises.
    #[track_caller]
    fn expect_released(&self, version: &str, report: &Value) {
        let head = self.yard.checkout.head();
        let tag = format!("v{version}");
        let digest = text(&report["digest"]);
        let images = self.yard.tags();
        assert_eq!(images.get(version), Some(&digest), "{images:?}");
        assert_eq!(images.get("latest"), Some(&digest), "{images:?}");
        let tags = self.github.tags();
        assert_eq!(tags.get(&tag), Some(&head), "{tags:?}");
        assert_eq!(tags.get("v1"), Some(&head), "{tags:?}");
        let release = self.github.release(&tag);
        assert_eq!(release["draft"], false, "{release}");
        assert_eq!(self.github.latest(), Some(tag.clone()));
        let record = self.download(&tag, "image.json");
        assert_eq!(record["digest"], digest.as_str());
        assert_eq!(record["revision"], head.as_str());
        let provenance = self.download(&tag, "provenance-linux-amd64.json");
        let kind = text(&provenance["predicateType"]);
        assert!(kind.starts_with("https://slsa.dev/provenance/"), "{provenance}");
        let body = text(&release["body"]);
        assert!(
            body.contains(&format!("docker pull {}@{digest}", self.yard.image())),
            "{body}"
        );
        assert_eq!(report["release"]["git-tags"][0]["tag"], tag.as_str());
    }

    /// An asset, as everybody downloads it.
    #[track_caller]
    fn download(&self, tag: &str, name: &str) -> Value {
        let url = format!("{}/download/{tag}/{name}", self.github.releases_url());
        let content = output_of(Command::new("curl").args(["--silent", "--fail", &url]));
        serde_json::from_str(&content).expect("it is JSON")
    }

    /// What no moment may show: what is promised is there whole.
    #[track_caller]
    fn expect_nothing_half_done(&self) {
        let images = self.yard.tags();
        for tag in self.github.tags().keys().filter(|tag| tag.contains('.')) {
            assert!(
                images.contains_key(tag.trim_start_matches('v')),
                "`{tag}` has no image: {images:?}"
            );
        }
        for release in self.github.releases().as_array().expect("it is a list") {
            let is_whole = release["assets"]
                .as_array()
                .is_some_and(|assets| !assets.is_empty());
            assert!(release["draft"] == true || is_whole, "{release}");
        }
    }
}

fn engine() -> String {
    engines::named("docker28-containerd").host()
}

#[track_caller]
fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("`{value}` is not text"))
        .to_owned()
}

#[track_caller]
fn report(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("no report:\n{}", run.stdout))
}

/// Ships a scanned image, and is killed when GitHub has carried out the request of this number; `false` if it ended before.
fn killed_at(world: &World, request: usize) -> bool {
    let id = Arc::new(OnceLock::<u32>::new());
    let victim = Arc::clone(&id);
    world.github.at_request(request, move || {
        let id = loop {
            match victim.get() {
                Some(id) => break id,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let killed = Command::new("sh")
            .args(["-c", "kill -s KILL \"$1\"", "sh", &id.to_string()])
            .status();
        assert!(killed.expect("`sh` runs").success());
    });
    let process = world.start_gated();
    id.set(process.id()).expect("it is set once");
    let ended = process.wait();
    assert!(ended.signal == Some(9) || ended.code == Some(0), "{ended:?}");
    ended.signal == Some(9)
}

/// The registry scans what is pushed, and finds this.
fn scanned(world: &World, findings: &Value) {
    world
        .yard
        .ecr
        .order_scans(json!({"takes_seconds": 0, "findings": findings}));
}

/// What the registry finds in an image that does not pass.
fn backdoor() -> Value {
    json!([{"name": "CVE-2024-3094", "severity": "CRITICAL", "package": "xz-utils", "version": "5.6.0"}])
}

/// Three versions: one passes, one is stopped by the gate, and one is killed at each request to GitHub.
#[test]
fn of_three_versions_one_passes_one_is_stopped_and_one_converges_wherever_it_is_killed() {
    let mut world = World::scanned_on_push();
    let first = world.release_gated();
    world.expect_released("1.0.0", &first);
    let (images, tags, releases) = (world.yard.tags(), world.github.tags(), world.github.releases());

    world.commit("feat: another greeting (#7)");
    scanned(&world, &backdoor());
    let findings = world.yard.home().join("findings.sarif");
    let file = findings.to_str().expect("a path is text");
    let stopped = world.ship(&["--scan", "wait", "--sarif-file", file]);
    stopped.expect_code(11);
    assert!(stopped.stderr.contains("CVE-2024-3094"), "{}", stopped.stderr);
    assert_eq!(report(&stopped)["release"]["outcome"], "pending");
    assert_eq!(world.yard.tags(), images);
    assert_eq!(world.github.tags(), tags);
    assert_eq!(world.github.releases(), releases);
    assert_eq!(sarif_problems(&findings), "");
    let written: Value =
        serde_json::from_slice(&std::fs::read(&findings).expect("it is written")).expect("JSON");
    assert_eq!(written["runs"][0]["results"][0]["ruleId"], "CVE-2024-3094");

    let published = world.github.release("v1.0.0");
    let names = published["assets"]
        .as_array()
        .expect("it is a list")
        .iter()
        .map(|asset| text(&asset["name"]));
    let files = ["image.json", "findings.sarif", "provenance-linux-amd64.json"];
    assert_eq!(names.collect::<Vec<_>>(), files);
    assert_eq!(world.download("v1.0.0", "findings.sarif")["version"], "2.1.0");

    // The number is free, and the commit that was stopped is among the changes.
    world.commit("fix: without the finding");
    scanned(&world, &json!([]));
    let second = world.release_gated();
    world.expect_released("1.1.0", &second);
    let body = text(&world.github.release("v1.1.0")["body"]);
    assert!(
        body.contains("### Features\n\n- another greeting (#7) ([`"),
        "{body}"
    );
    assert!(body.contains("- without the finding"), "{body}");
    assert!(
        !body.contains("- hello"),
        "the first release's change is not this one's: {body}"
    );

    for request in 0.. {
        world.commit(&format!("fix: {request}"));
        let was_killed = killed_at(&world, request);
        world.expect_nothing_half_done();
        world.github.forget();
        let report = world.release_gated();
        world.expect_released(&format!("1.1.{}", request + 1), &report);
        if !was_killed {
            assert_eq!(report["status"], "already-published");
            assert!(request > 10, "a release takes more requests than {request}");
            break;
        }
    }
    // The releases before are what they were.
    assert_eq!(world.download("v1.0.0", "image.json")["digest"], first["digest"]);
    assert_eq!(world.download("v1.1.0", "image.json")["digest"], second["digest"]);
}

#[test]
fn a_version_that_is_killed_at_any_request_to_aws_is_released_by_the_next_run() {
    let mut world = World::scanned_on_push();
    world.release_gated();
    world.commit("fix: as all that follow");
    world.yard.ecr.forget_journal();
    world.release_gated();
    let requests = world.yard.ecr.journal();
    let scan = requests
        .iter()
        .position(|request| request.operation == "DescribeImageScanFindings");
    let scan = scan.expect("the gate asks");
    assert!(
        !requests[..scan].iter().any(is_tag_put),
        "the gate stands before the tags:\n{}",
        shown(&requests)
    );
    let mut latest = world.github.tags();
    for (number, (operation, skip)) in positions(&requests).into_iter().enumerate() {
        let version = format!("1.0.{}", number + 2);
        let when = format!("{version}: killed at {operation} after {skip} of them");
        world.commit(&format!("fix: {number}"));
        world.yard.ecr.forget_journal();
        world.yard.ecr.fail(&operation, skip, 1, FaultAction::Hang);
        let run = world.start_gated();
        world.yard.ecr.wait_for(|request| request.held.is_some());
        run.signal(Signal::Kill);
        assert_eq!(run.wait().signal, Some(9), "{when}");
        world.yard.ecr.forgive();
        // What AWS is asked comes before GitHub is given anything.
        assert_eq!(world.github.tags(), latest, "{when}");
        if number <= scan {
            let images = world.yard.tags();
            assert!(!images.contains_key(&version), "{when}: {images:?}");
        }
        let report = world.release_gated();
        world.expect_released(&version, &report);
        latest = world.github.tags();
    }
}

#[test]
fn a_release_is_made_once_and_a_second_run_only_reads() {
    let world = World::new();
    let first = world.release();
    assert_eq!(first["status"], "published");
    world.github.forget();
    world.yard.ecr.forget_journal();
    let run = finish(&mut world.command("ship", NO_ENGINE, &[&RELEASE[..], &["--json"]].concat()));
    run.expect_code(0);
    let second = report(&run);
    assert_eq!(second["status"], "already-published");
    assert_eq!(second["release"]["outcome"], "kept");
    assert_eq!(second["release"]["url"], first["release"]["url"]);
    assert_eq!(world.github.writes(), [] as [String; 0]);
    assert_eq!(world.yard.ecr.writes(), []);
    world.expect_released("1.0.0", &second);
}

#[test]
fn lost_answers_and_hiccups_leave_one_release() {
    let mut world = World::new();
    world.release();
    let requests = {
        world.commit("fix: count");
        world.release();
        world.github.requests().len()
    };
    // Each request is in trouble once, and what repeats it is not.
    let troubles = (0..5).flat_map(|offset| [(Trouble::Lost, offset), (Trouble::Failed(502), offset)]);
    for (trouble, offset) in troubles.chain([(Trouble::Limited(1), 0)]) {
        world.commit(&format!("fix: {trouble:?} {offset}"));
        for request in (offset..requests * 2).step_by(5) {
            world.github.trouble(request, trouble);
        }
        let report = world.release();
        let version = text(&report["version"]);
        world.expect_released(&version, &report);
    }
}

#[test]
fn a_fix_of_an_older_version_moves_nothing_that_a_later_one_has() {
    let mut world = World::new();
    world.release();
    let old = world.yard.checkout.head();
    let newest = world.commit("feat: newer");
    world.release();
    let newest_image = world.yard.tags()["latest"].clone();
    world
        .yard
        .checkout
        .git(&["checkout", "--quiet", "--detach", &old]);
    world.commit("fix: of the older one");
    let report = world.release();
    assert_eq!(report["version"], "1.0.1");
    assert_eq!(report["release"]["is-latest"], false);
    assert_eq!(report["release"]["git-tags"][1]["outcome"], "held");
    assert_eq!(world.github.latest().as_deref(), Some("v1.1.0"));
    assert_eq!(world.github.tags()["v1"], newest);
    assert_eq!(world.yard.tags()["latest"], newest_image);
}

#[test]
fn a_version_that_is_taken_is_refused_before_anything_is_built() {
    let mut world = World::new();
    let other = world.yard.checkout.head();
    world.commit("fix: mine");
    world.github.put_tag("v3.0.0", &other);
    let arguments = ["--version", "3.0.0", "--release", "git-tag"];
    let run = finish(&mut world.command("ship", NO_ENGINE, &arguments));
    run.expect_code(10);
    let expected = format!(
        "error: git tag `v3.0.0` must not move and already points to commit {}; commit {} would be released",
        &other[..12],
        &world.yard.checkout.head()[..12]
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert_eq!(world.yard.ecr.writes(), []);
    let plan = finish(&mut world.command("plan", NO_ENGINE, &arguments));
    plan.expect_code(10);
    assert!(
        plan.stdout.contains("conflict  git tag v3.0.0"),
        "{}",
        plan.stdout
    );
}

#[test]
fn a_missing_right_is_named_before_anything_is_built() {
    let world = World::new();
    world.github.let_write(false);
    let run = finish(&mut world.command("ship", NO_ENGINE, &RELEASE));
    run.expect_code(3);
    assert!(run.stderr.contains("it needs contents=write"), "{}", run.stderr);
    assert!(
        run.stderr.contains("`permissions: contents: write`"),
        "{}",
        run.stderr
    );
    assert_eq!(world.yard.ecr.writes(), []);
}

#[test]
fn a_plan_writes_nothing_and_shows_the_release() {
    let world = World::new();
    for (command, more) in [("plan", &[][..]), ("ship", &["--dry-run"])] {
        let run = finish(&mut world.command(command, NO_ENGINE, &[&RELEASE[..], more].concat()));
        run.expect_code(0);
        for row in [
            "create  git tag v1.0.0\n",
            "create  git tag v1\n",
            "create  release           the latest\n",
        ] {
            assert!(run.stdout.contains(row), "{row}: {}", run.stdout);
        }
    }
    assert_eq!(world.github.writes(), [] as [String; 0]);
    assert_eq!(world.yard.ecr.writes(), []);
}

#[test]
fn a_job_releases_what_was_pushed_and_no_pull_request() {
    let world = World::new();
    let head = world.yard.checkout.head();
    let plan = |event: &str, git_ref: &str| {
        let mut plan = world.command("plan", NO_ENGINE, &[&RELEASE[..], &["--json"]].concat());
        plan.env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", event)
            .env("GITHUB_REF", git_ref)
            .env("GITHUB_SHA", &head);
        let run = finish(&mut plan);
        run.expect_code(0);
        report(&run)
    };
    let pushed = plan("push", "refs/heads/main");
    assert_eq!(pushed["release"]["git-tag"]["action"], "create", "{pushed}");
    let proposed = plan("pull_request", "refs/pull/7/merge");
    assert_eq!(proposed["release"], Value::Null);
    let notes = proposed["notes"].as_array().expect("it is a list");
    assert!(
        notes.iter().any(|note| note["code"] == "not-released"),
        "{proposed}"
    );
}

#[test]
fn a_commit_that_calls_for_no_version_is_published_and_not_released() {
    let mut world = World::new();
    world.release();
    world.commit("docs: nothing of note");
    let report = world.release();
    assert_eq!(report["version"], Value::Null);
    assert_eq!(report["release"], Value::Null);
    assert_eq!(world.github.writes(), [] as [String; 0]);
    assert_eq!(world.github.latest().as_deref(), Some("v1.0.0"));
}

#[test]
fn a_git_tag_alone_carries_the_digest() {
    let world = World::new();
    let run = finish(&mut world.command(
        "ship",
        &engine(),
        &["--version", "auto", "--release", "git-tag", "--json"],
    ));
    run.expect_code(0);
    let digest = text(&report(&run)["digest"]);
    let bare = world.github.repository();
    let shown = output_of(Command::new("git").arg("-C").arg(&bare).args([
        "-c",
        "safe.directory=*",
        "for-each-ref",
        "--format=%(objecttype) %(*objectname) %(contents)",
        "refs/tags/v1.0.0",
    ]));
    let expected = format!(
        "tag {} v1.0.0\n\n{}@{digest}",
        world.yard.checkout.head(),
        world.yard.image()
    );
    assert_eq!(shown.trim(), expected);
    assert_eq!(world.github.releases(), serde_json::json!([]));
}

#[test]
fn without_a_token_nothing_is_built() {
    let world = World::new();
    let mut command = world.command("ship", NO_ENGINE, &RELEASE);
    let run = finish(command.env_remove("TAGSHIP_GITHUB_TOKEN"));
    run.expect_code(2);
    assert!(
        run.stderr.contains("`release` needs a token for GitHub"),
        "{}",
        run.stderr
    );
    assert_eq!(world.yard.ecr.writes(), []);
}

#[test]
fn outputs_and_summary_name_the_release() {
    let world = World::new();
    let report = world.release();
    let release = &report["release"];
    assert_eq!(release["outcome"], "published");
    assert!(
        text(&release["url"]).starts_with("https://github.example/releases/"),
        "{release}"
    );
    let tags: BTreeMap<String, String> = release["git-tags"]
        .as_array()
        .expect("it is a list")
        .iter()
        .map(|tag| (text(&tag["tag"]), text(&tag["outcome"])))
        .collect();
    let created = |tag: &str| (tag.to_owned(), "created".to_owned());
    assert_eq!(tags, BTreeMap::from([created("v1"), created("v1.0.0")]));
}
