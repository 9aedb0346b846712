//! BuildKit daemons as builders: the engines' own BuildKit behind relays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tagship_domain::immutability::Mutability;
use test_support::clients::crane;
use test_support::engines::{self, Engine};
use test_support::local::Ecr;
use test_support::process::{Process, Signal, running};
use test_support::relay::{Authority, Relay, line, overlap};
use test_support::shipping::{NO_ENGINE, Shipyard};

/// What is built of it needs no emulation: the step runs on the builder's own platform.
const DOCKERFILE: &str = "FROM --platform=$BUILDPLATFORM busybox:1 AS work\n\
    ARG TARGETARCH\n\
    COPY hello /hello\n\
    RUN sleep 2; echo $TARGETARCH > /arch\n\
    FROM scratch\n\
    COPY --from=work /hello /arch /\n";

fn containerd() -> &'static Engine {
    engines::named("docker28-containerd")
}

/// The digests of an index's images, by platform.
fn images(yard: &Shipyard, digest: &str) -> BTreeMap<String, String> {
    let reference = format!("{}@{digest}", yard.image());
    let index: Value = serde_json::from_str(&crane(&yard.ecr.login(), &["manifest", &reference])).unwrap();
    let entries = index["manifests"].as_array().expect("it is an index");
    let of_entry = |entry: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let platform = &entry["platform"];
        (
            format!("{}/{}", text(&platform["os"]), text(&platform["architecture"])),
            text(&entry["digest"]),
        )
    };
    entries.iter().map(of_entry).collect()
}

#[test]
fn a_daemon_behind_mutual_tls_builds_and_pushes_by_digest() {
    let engine = containerd();
    let yard = Shipyard::with(
        Ecr::start_for_containers(),
        &[(
            "Dockerfile",
            "FROM busybox:1\nCOPY hello /hello\nRUN cp /hello /copy\n",
        )],
    );
    // A registry that is on no builder's loopback, so that the daemon pushes itself.
    let registry = yard.ecr.host_from(&engine.gateway());
    let authority = Authority::new();
    let relay = Relay::mutual_tls(engine, &authority);
    let ship = |builder: &str, more: &[&str]| {
        let flags = [&["--json", "--builders", builder][..], more].concat();
        test_support::process::finish(&mut yard.command_at(&registry, "ship", NO_ENGINE, &flags))
    };

    // One without a certificate, one with another authority's, and a daemon that the authority does not vouch for.
    let others = Authority::new();
    let file = |authority: &Authority, name: &str| authority.file(name).display().to_string();
    let address = relay.address().to_owned();
    let ca = file(&authority, "ca.pem");
    let [cert, key] = ["client.pem", "client-key.pem"].map(|name| file(&others, name));
    for (options, reason) in [
        (format!("ca={ca}"), "ertificate"),
        (
            format!("ca={ca},cert={cert},key={key}"),
            "no BuildKit daemon answers at",
        ),
        (others.options(), "invalid peer certificate"),
        (
            format!("{},servername=other.example", authority.options()),
            "not valid for",
        ),
    ] {
        let refused = ship(&format!("{address},{options}"), &[]);
        refused.expect_code(1);
        let shown = refused.stderr.replace('\n', " ");
        assert!(
            shown.contains(&format!("no BuildKit daemon answers at `{address}`")),
            "{options}: {shown}"
        );
        assert!(shown.contains(reason), "{options}: {shown}");
        assert!(shown.contains("hint: check the line in `builders`"), "{shown}");
    }
    assert_eq!(yard.tags(), BTreeMap::new(), "nothing was published");

    let shipped = ship(
        &format!("{address},{}", authority.options()),
        &["--test", "cat /copy"],
    );
    shipped.expect_code(0);
    let report: Value = serde_json::from_str(&shipped.stdout).unwrap();
    assert_eq!(report["status"], "published");
    let digest = report["digest"].as_str().unwrap().to_owned();
    assert_eq!(yard.tags()["1.0.0"], digest);
}

/// As GitLab's `docker:dind` is reached.
#[test]
fn an_engine_behind_mutual_tls_ships_as_one_at_its_socket() {
    let folder = |authority: &Authority| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for (from, to) in [
            ("ca.pem", "ca.pem"),
            ("client.pem", "cert.pem"),
            ("client-key.pem", "key.pem"),
        ] {
            std::fs::copy(authority.file(from), folder.path().join(to)).expect("the file can be copied");
        }
        folder
    };
    for engine in engines::all() {
        let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", DOCKERFILE)]);
        let authority = Authority::new();
        let relay = Relay::of_engine(engine, &authority);
        let ship = |certificates: &tempfile::TempDir| {
            let mut command = yard.command("ship", relay.address(), &["--json"]);
            command
                .env("DOCKER_TLS_VERIFY", "1")
                .env("DOCKER_CERT_PATH", certificates.path());
            test_support::process::finish(&mut command)
        };
        let refused = ship(&folder(&Authority::new()));
        assert_ne!(refused.code, Some(0), "{}", engine.name);
        assert!(
            refused.stderr.contains("invalid peer certificate"),
            "{}",
            refused.stderr
        );
        assert_eq!(yard.tags(), BTreeMap::new(), "nothing was published");
        ship(&folder(&authority)).expect_code(0);
        assert!(yard.tags().contains_key("1.0.0"), "{}", engine.name);
    }
}

#[test]
fn two_builders_work_at_the_same_time_and_their_images_are_one_index() {
    let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", DOCKERFILE)]);
    let authority = Authority::new();
    let arm = Relay::mutual_tls(containerd(), &authority);
    let amd = Relay::unix(containerd());
    let both = ["--platforms", "linux/amd64,linux/arm64"];
    let builders = [
        "--builders".to_owned(),
        line("linux/arm64", &arm, &authority),
        "--builders".to_owned(),
        format!("linux/amd64={}", amd.address()),
    ];
    let flags: Vec<&str> = both
        .iter()
        .copied()
        .chain(builders.iter().map(String::as_str))
        .collect();
    let shipped = yard.ship_on(NO_ENGINE, &flags).code(0);
    assert_eq!(shipped.status(), "published");
    let ways = shipped.report()["engine"]["builders"].clone();
    let platforms: Vec<String> = ways
        .as_array()
        .expect("the report names both")
        .iter()
        .map(|builder| {
            format!(
                "{} {}",
                builder["name"].as_str().unwrap(),
                builder["platforms"][0].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(platforms, ["buildkitd linux/amd64", "127.0.0.1 linux/arm64"]);
    let stderr = &shipped.0.stderr;
    for step in ["127.0.0.1: [work 3/3] RUN", "buildkitd: [work 3/3] RUN"] {
        assert!(stderr.contains(step), "{step}: {stderr}");
    }
    assert!(
        overlap(&arm.spans(), &amd.spans(), Duration::from_millis(1500)),
        "both steps sleep for two seconds, at the same time"
    );
    let spread = images(&yard, &shipped.digest());
    assert_eq!(spread.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);

    // A second run finds the index published.
    let flags: Vec<&str> = both
        .iter()
        .copied()
        .chain(builders.iter().map(String::as_str))
        .collect();
    let again = yard.ship_on(NO_ENGINE, &flags).code(0);
    assert_eq!(again.status(), "already-published");
    assert_eq!(again.digest(), shipped.digest());
}

/// What no line names is the engine's, also where its store holds no index.
#[test]
fn an_engine_with_a_classic_store_and_a_daemon_make_one_index() {
    let mut yard = Shipyard::with(
        Ecr::start(),
        &[(
            "Dockerfile",
            "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n",
        )],
    );
    let arm = Relay::tcp(containerd());
    let builder = format!("linux/arm64={}", arm.address());
    let flags = ["--platforms", "linux/amd64,linux/arm64", "--builders", &builder];
    let shipped = yard.ship(engines::named("docker28-classic"), &flags).code(0);
    assert_eq!(
        images(&yard, &shipped.digest()).into_keys().collect::<Vec<_>>(),
        ["linux/amd64", "linux/arm64"]
    );
    // Without the builder the refusal names it.
    yard.turn_to("team/alone", &Mutability::Immutable);
    let refused = yard.ship(engines::named("docker28-classic"), &flags[..2]);
    let refused = refused.code(2);
    assert!(refused.0.stderr.contains("`builders`"), "{}", refused.0.stderr);
}

#[test]
fn a_builder_that_fails_and_a_signal_end_the_steps_of_all() {
    let seconds = format!("{}", 40_000 + std::process::id() % 10_000);
    let dockerfile = format!(
        "FROM --platform=$BUILDPLATFORM busybox:1 AS work\n\
         ARG TARGETARCH\n\
         ARG FAILS=none\n\
         COPY hello /hello\n\
         RUN if [ $TARGETARCH = $FAILS ]; then sleep 3; exit 9; fi; exec sleep {seconds}\n\
         FROM scratch\n\
         COPY --from=work /hello /\n"
    );
    let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", &dockerfile)]);
    let (arm, amd) = (Relay::tcp(containerd()), Relay::unix(containerd()));
    let builders = format!("linux/arm64={}\nlinux/amd64={}", arm.address(), amd.address());
    let flags = |more: &'static str| {
        [
            "--builders",
            &builders,
            "--platforms",
            "linux/amd64,linux/arm64",
            "--build-args",
            more,
        ]
        .map(str::to_owned)
    };
    let start = |more: &'static str| {
        let flags = flags(more);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Process::start(&mut yard.command("ship", NO_ENGINE, &flags))
    };
    let sleeping = || running(&["sleep", &seconds]);

    let mut failing = start("FAILS=arm64");
    failing.wait_for_line(|line| line.text.contains("failed"));
    assert!(
        failing.ends_within(Duration::from_secs(5)),
        "the other builder is not waited for"
    );
    let failed = failing.wait();
    failed.expect_code(1);
    let error = failed.stderr.rsplit("error:").next().unwrap_or_default();
    assert!(
        error.contains("with exit code 9") && error.contains("on builder `127.0.0.1`"),
        "{}",
        failed.stderr
    );
    assert!(ends_within(&sleeping, Duration::from_secs(2)), "no step runs on");

    for signal in [Signal::Int, Signal::Term] {
        let mut cancelled = start("FAILS=none");
        assert!(
            begins_within(&|| sleeping() == 2, Duration::from_secs(30)),
            "both builders run the step"
        );
        cancelled.signal(signal);
        assert!(
            ends_within(&sleeping, Duration::from_secs(2)),
            "{signal:?}: both are ended"
        );
        assert!(cancelled.ends_within(Duration::from_secs(7)));
        assert_eq!(cancelled.wait().code, Some(130), "{signal:?}");
    }
    assert_eq!(yard.tags(), BTreeMap::new());
}

#[test]
fn a_signal_ends_the_step_of_every_engine() {
    for (number, engine) in (0..).zip(engines::all()) {
        let seconds = format!("{}", 60_000 + std::process::id() % 10_000 + number);
        let dockerfile = format!("FROM busybox:1\nCOPY hello /hello\nRUN exec sleep {seconds}\n");
        let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", &dockerfile)]);
        let sleeping = || running(&["sleep", &seconds]);
        for signal in [Signal::Int, Signal::Term] {
            let mut cancelled = Process::start(&mut yard.command("ship", &engine.host(), &[]));
            assert!(
                begins_within(&|| sleeping() == 1, Duration::from_secs(30)),
                "{}: the step runs",
                engine.name
            );
            cancelled.signal(signal);
            assert!(
                ends_within(&sleeping, Duration::from_secs(2)),
                "{}: {signal:?}: the step runs on",
                engine.name
            );
            assert!(cancelled.ends_within(Duration::from_secs(7)), "{}", engine.name);
            assert_eq!(cancelled.wait().code, Some(130), "{}: {signal:?}", engine.name);
        }
        assert_eq!(yard.tags(), BTreeMap::new());
    }
}

/// The container's image holds a stand-in for `buildctl`, which leads to a relay.
#[test]
fn a_container_on_a_classic_engine_is_made_once_and_builds_what_the_engine_cannot() {
    let engine = engines::named("docker28-classic");
    let relay = Relay::tcp(containerd());
    let port = relay.address().rsplit(':').next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "buildctl",
        &format!("#!/bin/sh\n[ \"$1\" = dial-stdio ] && exec nc 127.0.0.1 {port}\n"),
    );
    write(
        "Dockerfile",
        "FROM busybox:1\nCOPY --chmod=755 buildctl /usr/bin/buildctl\n\
         ENTRYPOINT [\"sh\", \"-c\", \"while :; do sleep 1; done\", \"buildkitd\"]\n",
    );
    let image = engine.build(folder.path());
    write("buildkitd.toml", "debug = true\n");
    let name = test_support::unique::name("tagship-builder");
    let _container = Container {
        engine,
        name: name.clone(),
    };

    let mut yard = Shipyard::with(Ecr::start(), &[("Dockerfile", DOCKERFILE)]);
    let config = folder.path().join("buildkitd.toml").display().to_string();
    let builder = format!("docker-container://{name},image={},config={config}", image.name);
    let flags = ["--platforms", "linux/amd64,linux/arm64", "--builders", &builder];
    let shipped = yard.ship(engine, &flags).code(0);
    assert_eq!(images(&yard, &shipped.digest()).len(), 2);
    let inspect = |what: &str| engine.run(&["inspect", "--format", what, &name]);
    let id = inspect("{{.Id}}");
    assert_eq!(
        inspect("{{.HostConfig.Privileged}} {{.HostConfig.NetworkMode}}"),
        "true host"
    );
    assert_eq!(
        inspect("{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}"),
        format!("{name}_state /var/lib/buildkit")
    );
    let config = engine.run(&["exec", &name, "cat", "/etc/buildkit/buildkitd.toml"]);
    assert_eq!(config.trim(), "debug = true");

    // The next run finds it, also where it was stopped.
    engine.run(&["stop", "--time", "0", &name]);
    yard.commit_more();
    yard.checkout.tag("v1.1.0");
    yard.ship(engine, &flags).code(0);
    assert_eq!(inspect("{{.Id}}"), id);
    // Other wishes do not replace what others may use.
    let other = format!("docker-container://{name},image={}", image.name);
    yard.commit_more();
    let refused = yard.ship(engine, &["--builders", &other, "--by-digest"]).code(1);
    assert!(
        refused
            .0
            .stderr
            .contains("was made of another image or configuration"),
        "{}",
        refused.0.stderr
    );
    assert_eq!(inspect("{{.Id}}"), id);
}

/// A container that is removed with its volume.
struct Container {
    engine: &'static Engine,
    name: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        self.engine.try_run(&["rm", "--force", &self.name]);
        self.engine
            .try_run(&["volume", "rm", "--force", &format!("{}_state", self.name)]);
    }
}

fn begins_within(condition: &dyn Fn() -> bool, time: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    condition()
}

fn ends_within(running: &dyn Fn() -> usize, time: Duration) -> bool {
    begins_within(&|| running() == 0, time)
}
