//! A commit becomes an image under two tags: the built program, real engines, the embedded ECR over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use tagship_domain::immutability::Mutability;
use test_support::clients::{crane, crane_pulls, docker_pulls, docker_runs, skopeo_pulls};
use test_support::engines;
use test_support::local::{Ecr, is_tag_put, shown};
use test_support::process::{Finished, finish, running};
use test_support::schema::problems;
use test_support::shipping::{NO_ENGINE, Shipyard};

fn both(yard: &Shipyard, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("1.0.0".to_owned(), value.to_owned()),
        (yard.commit_tag(), value.to_owned()),
    ])
}

#[test]
fn what_is_shipped_is_what_every_client_pulls_by_both_tags_and_digest() {
    let content = |yard: &Shipyard| {
        let hello = yard.checkout.path().join("hello");
        std::fs::read_to_string(hello).expect("it is there")
    };
    for engine in engines::all() {
        let mut yard = Shipyard::new();
        yard.ship_on(&engine.host(), &["--version", "0.9.0"]).code(0);
        yard.commit_more();
        yard.checkout.tag("v1.1.0");
        let shipped = yard.ship(engine, &[]).code(0);
        assert_eq!(shipped.status(), "published", "{}", engine.name);
        let digest = shipped.digest();
        let registry = yard.ecr.login();
        let name = yard.image();
        for reference in [
            format!("{name}:1.1.0"),
            format!("{name}:{}", yard.commit_tag()),
            format!("{name}@{digest}"),
        ] {
            for puller in engines::all() {
                let pulled = docker_pulls(puller, &registry, &reference);
                assert_eq!(pulled, digest, "{} by {}", engine.name, puller.name);
            }
            assert_eq!(skopeo_pulls(&registry, &reference), digest, "{}", engine.name);
            assert_eq!(crane_pulls(&registry, &reference), digest, "{}", engine.name);
        }
        let run = [&format!("{name}@{digest}"), "cat", "/copy"];
        for runner in engines::all() {
            let printed = docker_runs(runner, &registry, &run);
            assert_eq!(printed, content(&yard), "{} on {}", engine.name, runner.name);
        }
        // The base image of the tests was loaded, and a containerd store keeps such layers uncompressed, which this judge does
        // not read.
        if !engine.name.ends_with("containerd") {
            crane(&registry, &["validate", "--remote", &format!("{name}@{digest}")]);
        }
        assert_eq!(yard.tags().len(), 4, "two commits with two tags each");
    }
}

/// A base that was pulled keeps its compressed layers in a containerd store too, as bases of users do.
#[test]
fn an_image_on_a_base_out_of_a_registry_is_whole_to_every_judge() {
    let mut yard = Shipyard::new();
    yard.ship(engines::named("docker28-classic"), &[]).code(0);
    let base = format!("{}:1.0.0", yard.image());
    let registry = yard.ecr.login();
    for (number, engine) in engines::all().iter().enumerate() {
        let dockerfile = format!("FROM {base}\nCOPY hello /on-top\n");
        yard.checkout.write("hello", test_support::unique::hex64());
        yard.checkout.commit(&[("Dockerfile", &dockerfile)]);
        let version = format!("2.{number}.0");
        let digest = yard.ship(engine, &["--version", &version]).code(0).digest();
        let reference = format!("{}:{version}", yard.image());
        crane(&registry, &["validate", "--remote", &reference]);
        for puller in engines::all() {
            let pulled = docker_pulls(puller, &registry, &reference);
            assert_eq!(pulled, digest, "{} by {}", engine.name, puller.name);
            let printed = docker_runs(puller, &registry, &[&reference, "cat", "/on-top"]);
            let hello = std::fs::read_to_string(yard.checkout.path().join("hello"));
            assert_eq!(
                printed,
                hello.expect("it is there"),
                "{} on {}",
                engine.name,
                puller.name
            );
        }
    }
}

#[test]
fn a_published_commit_is_left_alone_in_at_most_three_requests_and_without_engine() {
    let yard = Shipyard::new();
    let first = yard.ship(engines::named("docker28-containerd"), &[]).code(0);
    yard.ecr.forget_journal();
    let second = yard.ship_on(NO_ENGINE, &[]).code(0);
    assert_eq!(second.status(), "already-published");
    assert_eq!(second.digest(), first.digest());
    assert_eq!(second.tags(), both(&yard, "kept"));
    let requests = yard.ecr.journal_after_login();
    assert!(requests.len() <= 3, "{}", shown(&requests));
    assert_eq!(yard.ecr.writes(), []);
}

/// What one push may cost. Source of twelve: one request each to ask for the layers that are known and for the new one, two
/// to upload each of it and the config, one each to put the manifest and to read it, to ask for all blobs, two tags, and one to
/// see that they are there.
#[test]
fn one_new_layer_and_two_tags_take_few_requests_and_connections() {
    for engine in engines::all() {
        let one_step = [("Dockerfile", "FROM busybox:1\nCOPY hello /hello\n")];
        let mut yard = Shipyard::with(Ecr::start(), &one_step);
        yard.ship(engine, &[]).code(0);
        yard.commit_more();
        yard.checkout.tag("v1.1.0");
        yard.ecr.forget_journal();
        yard.ship(engine, &[]).code(0);
        let name = &engine.name;
        let requests = yard.ecr.journal_after_login();
        // A token of GitHub's, a session of STS, a password of ECR: each once.
        let logins = yard.ecr.journal().len() - requests.len();
        assert!(logins <= 3, "{name}: {logins} logins");
        // Three writes that the registry refuses show, before the build, that the role may push.
        let rights = requests.iter().rposition(|entry| entry.status == Some(400));
        let (before, push) = requests.split_at(rights.expect("rights are looked at") + 1);
        let plan = before.iter().filter(|entry| entry.status == Some(200)).count();
        assert!(plan <= 3 && before.len() - plan == 3, "{name}: {}", shown(before));
        if name == "docker28-containerd" {
            // The engine pushes as it does for others, and is asked for its password on each connection.
            let engines_last = push.iter().rposition(|entry| entry.operation == "HeadManifest");
            let own = &push[engines_last.expect("the engine looks for its manifest") + 2..];
            assert!(own.len() <= 6, "{name}: {}", shown(own));
            assert!(
                own.iter().all(|entry| entry.operation != "GetManifest"),
                "{}",
                shown(own)
            );
        } else {
            assert!(push.len() <= 12, "{name}: {}", shown(push));
            // Neither needs the right to read blobs.
            let is_read = |operation: &str| ["HeadBlob", "GetBlob", "GetManifest"].contains(&operation);
            assert!(
                push.iter().all(|entry| !is_read(&entry.operation)),
                "{name}: {}",
                shown(push)
            );
        }
        // Only an engine that pushes by itself asks for blobs one by one.
        let peers = |is_engines: bool| -> BTreeSet<_> {
            let asked = |operation: &str| {
                ["HeadBlob", "StartUpload"].contains(&operation) && name.ends_with("containerd")
            };
            let entries = requests
                .iter()
                .filter(|entry| asked(&entry.operation) == is_engines);
            entries.filter_map(|entry| entry.peer).collect()
        };
        let connections = &peers(false) - &peers(true);
        // Two for the API and one for the content are enough. A pool may open one more of each while another is on its way
        // back to it.
        assert!(connections.len() <= 5, "{name}: {connections:?}");
        // Once the first tag is put everything goes over connections that stand.
        let first_tag = requests.iter().position(is_tag_put);
        let (before, tagging) = requests.split_at(first_tag.expect("tags are put"));
        let standing: BTreeSet<_> = before.iter().filter_map(|entry| entry.peer).collect();
        let reconnects: BTreeSet<_> = tagging.iter().filter_map(|entry| entry.peer).collect();
        assert!(reconnects.is_subset(&standing), "{name}: {}", shown(tagging));
    }
}

#[test]
fn a_missing_sibling_tag_is_completed_without_a_build() {
    let yard = Shipyard::new();
    let first = yard
        .ship(engines::named("docker28-classic"), &["--tags", "type=sha"])
        .code(0);
    let second = yard.ship_on(NO_ENGINE, &[]).code(0);
    assert_eq!(second.status(), "published");
    let expected = BTreeMap::from([
        ("1.0.0".to_owned(), "created".to_owned()),
        (yard.commit_tag(), "kept".to_owned()),
    ]);
    assert_eq!(second.tags(), expected);
    assert_eq!(yard.tags(), both(&yard, &first.digest()));
}

#[test]
fn a_version_of_other_content_is_refused_before_the_build_with_both_digests() {
    let mut yard = Shipyard::new();
    let engine = engines::named("docker28-containerd");
    let first = yard.ship(engine, &[]).code(0).digest();
    yard.commit_more();
    let other = yard.ship(engine, &["--tags", "type=sha"]).code(0).digest();
    let before = yard.tags();
    yard.ecr.forget_journal();
    let refused = yard.ship_on(NO_ENGINE, &["--version", "1.0.0"]).code(10);
    for digest in [&first, &other] {
        assert!(refused.0.stderr.contains(digest.as_str()), "{}", refused.0.stderr);
    }
    assert_eq!(yard.ecr.writes(), []);
    assert_eq!(yard.tags(), before);
}

#[test]
fn a_mutable_repository_does_not_let_a_version_be_overwritten_either() {
    let mut yard = Shipyard::new();
    yard.turn_to("team/mutable", &Mutability::Mutable);
    yard.ship(engines::named("docker28-containerd"), &[]).code(0);
    yard.commit_more();
    let before = yard.tags();
    yard.ship_on(NO_ENGINE, &["--version", "1.0.0"]).code(10);
    assert_eq!(yard.tags(), before);
}

#[test]
fn a_dirty_tree_never_gets_its_commits_tag() {
    let mut yard = Shipyard::new();
    // Marked tags stand for whatever the tree was, so they may move.
    yard.turn_to("team/mutable", &Mutability::Mutable);
    let engine = engines::named("docker28-classic");
    yard.checkout.write("hello", "changed");
    let refused = yard.ship(engine, &[]).code(2);
    assert!(refused.0.stderr.contains("`hello`"), "{}", refused.0.stderr);
    assert!(yard.tags().is_empty());
    let marked = yard.ship(engine, &["--allow-dirty"]).code(0);
    let tags = yard.tags();
    assert!(!tags.is_empty());
    for (tag, digest) in &tags {
        assert!(tag.contains("dirty"), "{tag}");
        assert_eq!(*digest, marked.digest());
    }
    let revision = yard.label(&marked.digest(), "org.opencontainers.image.revision");
    assert_eq!(revision, format!("{}-dirty", yard.checkout.head()));
}

#[test]
fn labels_tell_where_an_image_comes_from_and_its_time_is_the_commits() {
    let yard = Shipyard::new();
    yard.checkout.git(&[
        "remote",
        "add",
        "origin",
        "https://github.com/octo-org/octo-app.git",
    ]);
    let shipped = yard
        .ship(
            engines::named("docker28-classic"),
            &["--labels", "com.example.team=blue"],
        )
        .code(0);
    let label = |name: &str| yard.label(&shipped.digest(), name);
    assert_eq!(label("org.opencontainers.image.revision"), yard.checkout.head());
    assert_eq!(label("org.opencontainers.image.version"), "1.0.0");
    assert_eq!(label("org.opencontainers.image.created"), "2026-01-02T03:04:05Z");
    assert_eq!(
        label("org.opencontainers.image.source"),
        "https://github.com/octo-org/octo-app"
    );
    assert_eq!(label("com.example.team"), "blue");
}

#[test]
fn a_rebuild_builds_again_and_compares() {
    for engine in engines::all() {
        let yard = Shipyard::new();
        let first = yard
            .ship(engine, &["--reproducible", "--no-cache"])
            .code(0)
            .digest();
        let same = yard
            .ship(engine, &["--reproducible", "--rebuild", "--no-cache"])
            .code(0);
        assert_eq!(same.status(), "already-published", "{}", engine.name);
        assert_eq!(
            same.digest(),
            first,
            "{}: the build is reproducible, so its tags stay",
            engine.name
        );
        // All files of the steps are as old.
        let image = format!("{}@{first}", yard.image());
        let times = docker_runs(
            engine,
            &yard.ecr.login(),
            &[&image, "stat", "-c", "%Y", "/hello", "/copy"],
        );
        assert_eq!(
            times.split_whitespace().collect::<Vec<_>>(),
            ["315532800"; 2],
            "{}",
            engine.name
        );
        let other = yard
            .ship(
                engine,
                &["--reproducible", "--rebuild", "--labels", "com.example.x=y"],
            )
            .code(10);
        let said = &other.0.stderr;
        assert!(said.contains(&first), "{said}");
        assert!(
            said.contains("in the config `config.Labels.com.example.x`"),
            "{said}"
        );
        assert_eq!(yard.tags(), both(&yard, &first));
    }
}

#[test]
fn a_plan_tells_and_writes_nothing() {
    let yard = Shipyard::new();
    let planned = finish(&mut yard.command("plan", NO_ENGINE, &[]));
    planned.expect_code(0);
    for part in ["1.0.0", &yard.commit_tag(), "create"] {
        assert!(planned.stdout.contains(part), "{}", planned.stdout);
    }
    assert_eq!(yard.ecr.writes(), []);
    let dry = yard.ship_on(NO_ENGINE, &["--dry-run"]).code(0);
    assert_eq!(dry.report()["plan"]["tags"][0]["action"], "create");
    assert_eq!(dry.report()["status"], "dry-run");
    assert_eq!(yard.ecr.writes(), []);
}

#[test]
fn a_plan_offline_says_what_it_could_not_check() {
    let yard = Shipyard::new();
    // Nothing listens at this port.
    let planned = finish(&mut yard.command_at("127.0.0.1:9", "plan", NO_ENGINE, &["--json"]));
    planned.expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&planned.stdout).expect("the plan is JSON");
    let tags = plan["tags"].as_array().expect("`tags` is a list");
    assert_eq!(tags.len(), 2);
    assert!(tags.iter().all(|tag| tag["action"] == "unchecked"), "{plan}");
    assert!(
        plan["notes"].to_string().contains("could not be checked"),
        "{plan}"
    );
}

#[test]
fn what_runs_print_fits_the_published_schemas() {
    const REPORT: &str = "docs/schemas/report.json";
    const PLAN: &str = "docs/schemas/plan.json";
    let engine = engines::named("docker28-containerd");
    let mut yard = Shipyard::new();
    yard.turn_to("team/moving", &Mutability::Mutable);
    let fits = |schema: &str, finished: &Finished| {
        let printed = serde_json::from_str(&finished.stdout).expect("it is JSON");
        assert_eq!(problems(schema, &printed), "", "{printed}");
    };
    let rules = ["--tags", "type=sha", "--tags", "type=raw,value=edge"];
    fits(REPORT, &yard.ship(engine, &[]).code(0).0);
    fits(REPORT, &yard.ship(engine, &[]).code(0).0);
    fits(REPORT, &yard.ship(engine, &["--dry-run"]).code(0).0);
    let plan = |yard: &Shipyard, more: &[&str], code| {
        let arguments: Vec<&str> = ["--json"].iter().chain(more).copied().collect();
        let finished = finish(&mut yard.command("plan", &engine.host(), &arguments));
        finished.expect_code(code);
        fits(PLAN, &finished);
    };
    plan(&yard, &[], 0);
    yard.ship(engine, &rules).code(0);
    yard.commit_more();
    plan(&yard, &rules, 0);
    fits(REPORT, &yard.ship(engine, &rules).code(0).0);
    // The version is taken.
    yard.checkout.tag("v0.9.0");
    plan(&yard, &["--version", "1.0.0"], 10);
    fits(REPORT, &yard.ship(engine, &["--version", "1.0.0"]).code(10).0);
    // `latest` stays where it is.
    fits(
        REPORT,
        &yard
            .ship(
                engine,
                &["--tags", "type=semver,pattern={{version}}", "--version", "0.9.0"],
            )
            .code(0)
            .0,
    );
    plan(&yard, &["--flavor", "latest=true", "--version", "0.9.1"], 0);
    // Built, and not published.
    let arguments = [
        "--json",
        "--load",
        "--platforms",
        "linux/amd64",
        "--add-hosts",
        "a:10.0.0.1",
    ];
    let built = finish(
        yard.command("build", &engine.host(), &arguments)
            .arg("--no-cache-filters=x"),
    );
    built.expect_code(0);
    fits(REPORT, &built);
}

/// `RUN` steps of these sleep for longer than the tests may take.
fn sleeper(checkout: &mut test_support::checkout::Checkout, seconds: u64) {
    let dockerfile = format!("FROM busybox:1\nRUN [\"sleep\", \"{seconds}\"]\n");
    checkout.commit(&[("Dockerfile", &dockerfile)]);
}

#[test]
fn a_build_that_takes_too_long_or_says_nothing_is_ended_on_the_engine_and_burns_no_tag() {
    for (number, engine) in engines::all().iter().enumerate() {
        let mut yard = Shipyard::new();
        let seconds = 9000 + u64::from(std::process::id() % 500) * 8 + number as u64 * 2;
        for (input, word, seconds) in [
            ("--timeout", "`timeout`", seconds),
            ("--stall-timeout", "it said nothing for 5 s", seconds + 1),
        ] {
            sleeper(&mut yard.checkout, seconds);
            let ended = yard.ship(engine, &["--version", "1.2.0", input, "5"]).code(1);
            let said = &ended.0.stderr;
            assert!(
                said.contains(word) && said.contains("sleep"),
                "{}: {said}",
                engine.name
            );
            let seconds = seconds.to_string();
            let is_running = || running(&["sleep", &seconds]) > 0;
            for _ in 0..100 {
                if !is_running() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            assert!(!is_running(), "{}: the step is gone", engine.name);
        }
        assert_eq!(yard.tags(), BTreeMap::new());
    }
}

#[test]
fn an_image_that_is_too_large_gets_no_tag_and_leaves_no_file() {
    for engine in engines::all() {
        let yard = Shipyard::new();
        let file = yard.home().join("digest");
        let of_an_earlier_run = format!("sha256:{}", "0".repeat(64));
        std::fs::write(&file, of_an_earlier_run).expect("the file can be written");
        let path = file.display().to_string();
        let refused = yard
            .ship(engine, &["--max-size", "1k", "--digest-file", &path])
            .code(1);
        let said = &refused.0.stderr;
        assert!(said.contains("`max-size` allows 1024"), "{}: {said}", engine.name);
        assert_eq!(yard.tags(), BTreeMap::new());
        assert!(!file.exists(), "a failed run leaves no digest");
        let shipped = yard
            .ship(engine, &["--max-size", "1g", "--digest-file", &path])
            .code(0);
        assert_eq!(
            std::fs::read_to_string(&file).expect("it is there"),
            shipped.digest()
        );
    }
}

#[test]
fn a_file_that_cannot_be_written_ends_the_run_before_anything_is_built() {
    let yard = Shipyard::new();
    let refused = yard.ship_on(NO_ENGINE, &["--iidfile", "/dev/null"]).code(2);
    assert!(refused.0.stderr.contains("`iidfile`"), "{}", refused.0.stderr);
    assert_eq!(yard.ecr.writes(), []);
}
