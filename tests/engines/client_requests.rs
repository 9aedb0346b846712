//! How many requests each client sends, and how they are answered: golden files of what an ECR is asked for.
//!
//! A client that begins to ask for more, or an answer that makes it ask again, shows as a difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::clients::{Registry, client, crane, login};
use test_support::engines::{self, Engine};
use test_support::local::Ecr;
use test_support::process::{Finished, finish, scrubbed};
use test_support::unique;

const APP: &str = "team/app";
const COPY: &str = "team/copy";

/// An emulator with two immutable repositories, and a client's home with a login to it.
struct ClientBench {
    ecr: Ecr,
    registry: Registry,
    home: tempfile::TempDir,
    /// Whether reads are counted: a client that asks side by side asks a different number of times in each run.
    counts_reads: bool,
    recorded: String,
}

impl ClientBench {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository(APP, &Mutability::Immutable);
        ecr.create_repository(COPY, &Mutability::Immutable);
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let registry = ecr.login();
        login(home.path(), &registry);
        Self {
            ecr,
            registry,
            home,
            counts_reads: true,
            recorded: String::new(),
        }
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/{APP}:{tag}", self.ecr.host())
    }

    fn copy(&self, tag: &str) -> String {
        format!("{}/{COPY}:{tag}", self.ecr.host())
    }

    /// The program in the client's home, with its login.
    fn run(&self, program: &str, arguments: &[&str]) -> Finished {
        let mut command = scrubbed(client(program), self.home.path());
        command
            .env("COSIGN_PASSWORD", "")
            .env("COSIGN_YES", "true")
            .current_dir(self.home.path())
            .args(arguments);
        finish(&mut command)
    }

    /// An image with one layer, under a tag.
    fn put(&self, tag: &str) {
        let files = Checkout::with(&[("content", &unique::hex64())]);
        let layer = self.home.path().join("layer.tar");
        let layer = layer.to_str().expect("a path is text");
        let folder = files.path().to_str().expect("a path is text");
        self.run(
            "tar",
            &["--create", "--file", layer, "--directory", folder, "content"],
        )
        .expect_code(0);
        let arguments = [
            "append",
            "--oci-empty-base",
            "--new_tag",
            &self.image(tag),
            "--new_layer",
            layer,
        ];
        crane(&self.registry, &arguments);
    }

    /// Notes what `action` asks for; whether it is to succeed is part of it.
    fn record(&mut self, what: &str, succeeds: bool, action: impl FnOnce(&Self) -> Finished) {
        self.ecr.forget_journal();
        let finished = action(self);
        assert_eq!(
            finished.code == Some(0),
            succeeds,
            "{what}: {}{}",
            finished.stdout,
            finished.stderr
        );
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for entry in self.ecr.journal() {
            let is_read = ["Head", "Get", "List"]
                .iter()
                .any(|read| entry.operation.starts_with(read));
            // Connections are asked for a login one by one, as they happen to be opened.
            if entry.status == Some(401) || (is_read && !self.counts_reads) {
                continue;
            }
            let status = entry
                .status
                .map_or_else(|| "-".to_owned(), |status| status.to_string());
            *counts.entry((entry.operation, status)).or_default() += 1;
        }
        writeln!(self.recorded, "{what}").expect("a string can be written to");
        for ((operation, status), count) in counts {
            writeln!(self.recorded, "  {count} {operation} {status}").expect("a string can be written to");
        }
    }
}

/// A docker client on an engine, with the yard's login.
fn docker(yard: &ClientBench, engine: &Engine, arguments: &[&str]) -> Finished {
    finish(
        scrubbed("docker", yard.home.path())
            .args(["--host", &engine.host()])
            .args(arguments),
    )
}

/// Builds an image of one layer with new content.
fn built(engine: &'static Engine) -> engines::Image {
    let files = Checkout::with(&[
        ("Dockerfile", "FROM scratch\nCOPY content /\n"),
        ("content", &unique::hex64()),
    ]);
    engine.build(files.path())
}

#[test]
fn docker_on_every_engine() {
    for engine in engines::all() {
        let mut yard = ClientBench::new();
        let (one, other) = (built(engine), built(engine));
        let reference = yard.image("1.0.0");
        let _removed_after = engines::Image::named(engine, reference.as_str());
        engine.run(&["tag", &one.name, &reference]);
        yard.record("push", true, |yard| docker(yard, engine, &["push", &reference]));
        let again = engine.name == "docker28-containerd";
        yard.record("push the same again, to an immutable tag", again, |yard| {
            docker(yard, engine, &["push", &reference])
        });
        engine.run(&["tag", &other.name, &reference]);
        yard.record("push another image to the tag", false, |yard| {
            docker(yard, engine, &["push", &reference])
        });
        let second = yard.image("1.0.1");
        let _removed_after = engines::Image::named(engine, second.as_str());
        engine.run(&["tag", &one.name, &second]);
        yard.record("push the same under another tag", true, |yard| {
            docker(yard, engine, &["push", &second])
        });
        engine.run(&["rmi", "--force", &second, &reference, &one.name, &other.name]);
        yard.record("pull by tag", true, |yard| {
            docker(yard, engine, &["pull", &second])
        });
        let digest = crane(&yard.registry, &["digest", &reference]);
        let by_digest = format!("{}/{APP}@{digest}", yard.ecr.host());
        let _removed_after = engines::Image::named(engine, by_digest.as_str());
        yard.record("pull by digest what is there", true, |yard| {
            docker(yard, engine, &["pull", &by_digest])
        });
        insta::assert_snapshot!(engine.name.as_str(), yard.recorded);
    }
}

#[test]
fn buildx() {
    let engine = engines::named("docker28-containerd");
    let mut yard = ClientBench::new();
    yard.counts_reads = false;
    let files = Checkout::with(&[
        ("Dockerfile", "FROM scratch\nCOPY content /\n"),
        ("content", &unique::hex64()),
    ]);
    let folder = files.path().to_str().expect("a path is text");
    let run = |yard: &ClientBench, arguments: &[&str]| {
        let to = yard.home.path().join(".docker/cli-plugins");
        if !to.exists() {
            std::os::unix::fs::symlink(engines::client_plugins(), &to).expect("a link can be made");
        }
        docker(yard, engine, &[&["buildx"], arguments].concat())
    };
    let (one, two) = (yard.image("1.0.0"), yard.image("stable"));
    yard.record(
        "build and push two platforms with provenance under two tags",
        true,
        |yard| {
            let platforms = [
                "build",
                "--platform",
                "linux/amd64,linux/arm64",
                "--provenance",
                "mode=max",
            ];
            run(
                yard,
                &[&platforms[..], &["--push", "--tag", &one, "--tag", &two, folder]].concat(),
            )
        },
    );
    let three = yard.image("again");
    yard.record("retag with imagetools", true, |yard| {
        run(yard, &["imagetools", "create", "--tag", &three, &one])
    });
    yard.record("inspect with imagetools", true, |yard| {
        run(yard, &["imagetools", "inspect", &one])
    });
    insta::assert_snapshot!("buildx", yard.recorded);
}

#[test]
fn skopeo() {
    let mut yard = ClientBench::new();
    yard.put("1.0.0");
    yard.put("2.0.0");
    let copy = |yard: &ClientBench, from: &str, to: &str| {
        let flags = [
            "--insecure-policy",
            "copy",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
        ];
        let login = "--authfile=.docker/config.json";
        yard.run("skopeo", &[&flags[..], &[login, from, to]].concat())
    };
    let at = |reference: String| format!("docker://{reference}");
    let (one, two) = (at(yard.image("1.0.0")), at(yard.image("2.0.0")));
    yard.record("pull into a folder", true, |yard| {
        copy(yard, &one, "oci:layout:one")
    });
    let to = at(yard.copy("1.0.0"));
    yard.record("push from a folder", true, |yard| {
        copy(yard, "oci:layout:one", &to)
    });
    let to = at(yard.copy("2.0.0"));
    yard.record("copy between repositories", true, |yard| copy(yard, &two, &to));
    yard.record("copy another image to an immutable tag", false, |yard| {
        copy(yard, &two, &one)
    });
    insta::assert_snapshot!("skopeo", yard.recorded);
}

#[test]
fn crane_by_itself() {
    let mut yard = ClientBench::new();
    yard.put("1.0.0");
    yard.put("2.0.0");
    let run =
        |yard: &ClientBench, arguments: &[&str]| yard.run("crane", &[arguments, &["--insecure"]].concat());
    let (one, copy) = (yard.image("1.0.0"), yard.copy("1.0.0"));
    yard.record("pull", true, |yard| {
        run(yard, &["pull", "--format=oci", &one, "layout"])
    });
    yard.record("push", true, |yard| run(yard, &["push", "layout", &copy]));
    yard.record("push the same again, to an immutable tag", true, |yard| {
        run(yard, &["push", "layout", &copy])
    });
    yard.record("tag", true, |yard| run(yard, &["tag", &one, "stable"]));
    yard.record("move an immutable tag", false, |yard| {
        run(yard, &["tag", &yard.image("2.0.0"), "1.0.0"])
    });
    let two = yard.copy("2.0.0");
    yard.record("copy between repositories", true, |yard| {
        run(yard, &["copy", &yard.image("2.0.0"), &two])
    });
    yard.record("list tags", true, |yard| {
        run(yard, &["ls", &format!("{}/{APP}", yard.ecr.host())])
    });
    insta::assert_snapshot!("crane", yard.recorded);
}

#[test]
fn oras() {
    let mut yard = ClientBench::new();
    yard.put("1.0.0");
    std::fs::write(yard.home.path().join("report.txt"), unique::hex64()).expect("a file can be written");
    let image = yard.image("1.0.0");
    yard.record("attach", true, |yard| {
        let kind = ["attach", "--plain-http", "--artifact-type", "example/report"];
        yard.run("oras", &[&kind[..], &[&image, "report.txt:text/plain"]].concat())
    });
    yard.record("discover", true, |yard| {
        yard.run("oras", &["discover", "--plain-http", &image])
    });
    let copy = yard.copy("1.0.0");
    yard.record("copy with what refers to it", true, |yard| {
        let plain = ["copy", "--recursive", "--from-plain-http", "--to-plain-http"];
        yard.run("oras", &[&plain[..], &[&image, &copy]].concat())
    });
    insta::assert_snapshot!("oras", yard.recorded);
}

#[test]
fn cosign() {
    let mut yard = ClientBench::new();
    yard.put("1.0.0");
    let digest = crane(&yard.registry, &["digest", &yard.image("1.0.0")]);
    let image = format!("{}/{APP}@{digest}", yard.ecr.host());
    let insecure = ["--allow-http-registry", "--allow-insecure-registry", &image];
    yard.run("cosign", &["generate-key-pair"]).expect_code(0);
    yard.run("cosign", &["signing-config", "create", "--out", "config.json"])
        .expect_code(0);
    yard.record("sign", true, |yard| {
        let sign = ["sign", "--key", "cosign.key", "--signing-config", "config.json"];
        yard.run("cosign", &[&sign[..], &insecure].concat())
    });
    yard.record("verify", true, |yard| {
        let verify = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true"];
        yard.run("cosign", &[&verify[..], &insecure].concat())
    });
    insta::assert_snapshot!("cosign", yard.recorded);
}
