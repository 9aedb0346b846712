//! Images are signed before any tag: by cosign, by notation and by ECR itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use ecr_local::{FaultAction, JournalEntry};
use serde_json::{Value, json};
use tagship_domain::immutability::{Mutability, TagFilter};
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::images::Pusher;
use test_support::local::{Ecr, is_tag_put, shown};
use test_support::page::{REGISTRY, check};
use test_support::process::{Finished, Process, Signal, finish, path_behind, scrubbed, tagship_program};
use test_support::schema::problems;

/// A commit whose image has its commit tag and lacks that of its version.
struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
    digest: String,
}

impl World {
    fn new() -> Self {
        let ecr = Ecr::start();
        let stable = TagFilter::parse("stable").unwrap();
        ecr.create_repository("team/app", &Mutability::ImmutableWithExclusion(vec![stable]));
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            (".dockerignore", "*.key\n*.pub\ntrust-policy.json\n"),
            ("tagship.yaml", "repository: team/app\n"),
        ]);
        checkout.tag("v1.4.0");
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({
            "org.opencontainers.image.revision": checkout.head(),
            "org.opencontainers.image.version": "1.4.0",
        });
        let digest = pusher.image("amd64", "content", &labels).digest;
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
        ecr.forget_journal();
        Self {
            home: tempfile::tempdir().unwrap(),
            digest: digest.to_string(),
            ecr,
            checkout,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Makes a pair of keys of cosign under this name.
    fn keys(&self, name: &str) -> String {
        let prefix = self.path(name);
        let made = self.tool(
            "cosign",
            &[
                "generate-key-pair",
                "--output-key-prefix",
                prefix.to_str().unwrap(),
            ],
        );
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        prefix.with_extension("key").display().to_string()
    }

    /// Runs another tool as a user of this home does.
    fn tool(&self, name: &str, arguments: &[&str]) -> std::process::Output {
        let login = self.ecr.login();
        let config = self.path("docker");
        fs::create_dir_all(&config).unwrap();
        let auths = json!({"auths": {self.ecr.host(): {"auth": login.token}}});
        fs::write(config.join("config.json"), auths.to_string()).unwrap();
        let mut command = Command::new(client(name));
        command
            .args(arguments)
            .env("HOME", self.home.path())
            .env("COSIGN_PASSWORD", "of the key")
            .env("DOCKER_CONFIG", config);
        command.output().unwrap()
    }

    fn image(&self) -> String {
        format!("{}/team/app@{}", self.ecr.host(), self.digest)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.ecr.command(self.home.path(), arguments);
        command
            .current_dir(self.checkout.path())
            .env("PATH", path_behind(&[]))
            .env("TMPDIR", self.scratch())
            .env("COSIGN_PASSWORD", "of the key");
        command
    }

    /// Where programs have their files while they run.
    fn scratch(&self) -> PathBuf {
        let folder = self.path("tmp");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let run = finish(&mut self.command(&[&["ship", "--json"], more].concat()));
        let left = fs::read_dir(self.scratch()).unwrap().count();
        assert_eq!(left, 0, "no login is left behind");
        run
    }

    #[track_caller]
    fn report(&self, more: &[&str]) -> Value {
        let run = self.ship(more);
        run.expect_code(0);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        report
    }

    fn has_version(&self) -> bool {
        self.ecr.tags("team/app").contains_key("1.4.0")
    }
}

#[test]
fn cosign_signs_once_before_the_first_tag_and_verifies() {
    let world = World::new();
    let key = world.keys("release");
    let report = world.report(&["--sign", "cosign", "--sign-key", &key]);
    assert_eq!(report["signature"], json!({"by": "cosign", "outcome": "created"}));
    let journal = world.ecr.journal();
    let signed = journal.iter().position(|entry| entry.operation == "PutManifest");
    let tagged = journal.iter().position(is_tag_put);
    assert!(signed < tagged && tagged.is_some(), "{signed:?} {tagged:?}");
    assert!(
        world
            .ecr
            .tags("team/app")
            .keys()
            .all(|tag| !tag.starts_with("sha256-")),
        "a signature has no tag"
    );
    let public = key.replace(".key", ".pub");
    let verified = world.tool(
        "cosign",
        &[
            "verify",
            "--key",
            &public,
            "--insecure-ignore-tlog=true",
            &world.image(),
        ],
    );
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    world.ecr.forget_journal();
    let again = world.report(&["--sign", "cosign", "--sign-key", &key]);
    assert_eq!(again["signature"]["outcome"], "kept");
    assert_eq!(again["status"], "already-published");
    assert_eq!(world.ecr.writes(), []);
    // Another key's signature comes beside it.
    let other = world.keys("other");
    let beside = world.report(&["--sign", "cosign", "--sign-key", &other]);
    assert_eq!(beside["signature"]["outcome"], "created");
    assert_eq!(
        world.report(&["--sign", "cosign", "--sign-key", &key])["signature"]["outcome"],
        "kept"
    );
}

#[test]
fn the_image_is_signed_in_every_target_before_the_first_tag_of_any() {
    let world = World::new();
    world.ecr.create_repository("team/second", &Mutability::Immutable);
    let key = world.keys("release");
    let arguments = ["--sign", "cosign", "--sign-key", &key, "--targets", "team/second"];
    let report = world.report(&arguments);
    assert_eq!(report["signature"], json!({"by": "cosign", "outcome": "created"}));
    let journal = world.ecr.journal();
    let is_put = |entry: &JournalEntry| entry.operation == "PutManifest" && !is_tag_put(entry);
    let signed = journal.iter().rposition(is_put);
    let tagged = journal.iter().position(is_tag_put);
    assert!(signed < tagged && tagged.is_some(), "{}", shown(&journal));
    let public = key.replace(".key", ".pub");
    for repository in ["team/app", "team/second"] {
        assert!(world.ecr.tags(repository).contains_key("1.4.0"), "{repository}");
        let image = format!("{}/{repository}@{}", world.ecr.host(), world.digest);
        let arguments = ["verify", "--key", &public, "--insecure-ignore-tlog=true", &image];
        let verified = world.tool("cosign", &arguments);
        assert!(
            verified.status.success(),
            "{repository}: {}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
    world.ecr.forget_journal();
    assert_eq!(world.report(&arguments)["signature"]["outcome"], "kept");
    assert_eq!(world.ecr.writes(), []);
}

#[test]
fn a_target_that_takes_no_signature_keeps_every_tag_away() {
    let world = World::new();
    world.ecr.create_repository("team/second", &Mutability::Immutable);
    let key = world.keys("release");
    // The copy puts one manifest, the first signature another; the third is the target's signature.
    let refused = FaultAction::Status {
        status: 403,
        envelope: false,
    };
    world.ecr.fail("PutManifest", 2, 100, refused);
    let run = world.ship(&["--sign", "cosign", "--sign-key", &key, "--targets", "team/second"]);
    assert_ne!(run.code, Some(0), "{}", run.stderr);
    let place = format!("target `{}/team/second`", world.ecr.host());
    assert!(run.stderr.contains(&place), "{}", run.stderr);
    assert!(!world.has_version());
    assert!(world.ecr.tags("team/second").is_empty());
    world.ecr.forgive();
    world.report(&["--sign", "cosign", "--sign-key", &key, "--targets", "team/second"]);
    assert!(world.has_version());
}

#[test]
fn notation_signs_and_verifies_by_its_trust_policy() {
    let world = World::new();
    let run = |arguments: &[&str]| {
        let ran = world.tool("notation", arguments);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    run(&["cert", "generate-test", "--default", "example.com"]);
    let sign = ["--sign", "notation", "--sign-key", "example.com"];
    let missing = world.ship(&sign);
    missing.expect_code(1);
    assert!(missing.stderr.contains("trust policy"), "{}", missing.stderr);
    assert!(!world.has_version());
    assert_eq!(
        world.ecr.writes(),
        [],
        "what is never verified is not signed either"
    );
    let policy = world.path("policy.json");
    fs::write(&policy, POLICY).unwrap();
    run(&["policy", "import", policy.to_str().unwrap()]);
    assert_eq!(
        world.report(&sign)["signature"],
        json!({"by": "notation", "outcome": "created"})
    );
    assert!(world.has_version());
    run(&["verify", "--insecure-registry", &world.image()]);
    assert!(
        world
            .ecr
            .tags("team/app")
            .keys()
            .all(|tag| !tag.starts_with("sha256-"))
    );
    assert_eq!(world.report(&sign)["signature"]["outcome"], "kept");
    world
        .ship(&["--sign", "notation", "--sign-key", "no-such-key"])
        .expect_code(1);
}

const POLICY: &str = r#"{"version": "1.0", "trustPolicies": [{"name": "all", "registryScopes": ["*"],
    "signatureVerification": {"level": "strict"}, "trustStores": ["ca:example.com"], "trustedIdentities": ["*"]}]}"#;

#[test]
fn a_key_that_cannot_be_used_is_found_before_anything_is_written() {
    let world = World::new();
    let key = world.keys("release");
    let mut command = world.command(&["ship", "--sign", "cosign", "--sign-key", &key]);
    let run = finish(command.env("COSIGN_PASSWORD", "another"));
    run.expect_code(1);
    assert!(
        run.stderr.contains("`cosign` fails, reading the key"),
        "{}",
        run.stderr
    );
    let mut command = world.command(&["ship", "--sign", "cosign", "--sign-key", &key]);
    let run = finish(command.env("PATH", "/nonexistent"));
    run.expect_code(1);
    assert!(run.stderr.contains("install `cosign`"), "{}", run.stderr);
    assert_eq!(world.ecr.writes(), []);
    assert!(!world.has_version());
}

#[test]
fn a_program_sees_no_token_of_the_job_and_is_gone_with_a_cancelled_run() {
    let world = World::new();
    let programs = world.path("programs");
    fs::create_dir_all(&programs).unwrap();
    let seen = world.path("seen");
    // Stands in for cosign: prepares as it does, and then hangs.
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = public-key ]; then echo key; exit; fi\nif [ \"$2\" = create ]; then exit; fi\nenv >{0}.new\nstat -c %a \"$DOCKER_CONFIG\" \"$DOCKER_CONFIG/config.json\" >>{0}.new\nmv {0}.new {0}\nexec sleep 600\n",
        seen.display()
    );
    let program = programs.join("cosign");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.command(&[
        "ship",
        "--sign",
        "cosign",
        "--sign-key",
        "env://COSIGN_PRIVATE_KEY",
    ]);
    command
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("TAGSHIP_GITHUB_TOKEN", "ghs_secret")
        .env("GITHUB_TOKEN", "ghs_secret")
        .env("COSIGN_PRIVATE_KEY", "of the program");
    let process = Process::start(&mut command);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !seen.exists() && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let environment = fs::read_to_string(&seen).unwrap();
    assert!(
        environment.contains("COSIGN_PRIVATE_KEY=of the program"),
        "{environment}"
    );
    for hidden in ["ghs_secret", "ACTIONS_ID_TOKEN", "TAGSHIP_"] {
        assert!(!environment.contains(hidden), "{hidden}: {environment}");
    }
    assert!(environment.ends_with("700\n600\n"), "{environment}");
    process.signal(Signal::Int);
    process.wait().expect_code(130);
    assert_eq!(
        fs::read_dir(world.scratch()).unwrap().count(),
        0,
        "the login is gone"
    );
    assert!(!world.has_version());
}

#[test]
fn managed_signing_is_waited_for_and_its_absence_is_found_first() {
    let world = World::new();
    let run = world.ship(&["--sign", "managed"]);
    run.expect_code(1);
    assert!(
        run.stderr
            .contains("no signing rule of the registry is for `team/app`"),
        "{}",
        run.stderr
    );
    world.ecr.sign_with(
        "arn:aws:signer:eu-central-1:000000000000:/signing-profiles/release",
        "team/*",
    );
    let run = world.ship(&["--sign", "managed"]);
    run.expect_code(1);
    assert!(
        run.stderr.contains("ECR has begun no signature"),
        "{}",
        run.stderr
    );
    assert!(!world.has_version());
    // An image that is pushed under the rule.
    let pusher = Pusher::new(&world.ecr, "team/app");
    let labels = json!({"org.opencontainers.image.revision": "0".repeat(40)});
    let digest = pusher.image("amd64", "other", &labels).digest.to_string();
    world.ecr.set_clock_offset(60);
    let arguments = [
        "promote",
        "team/app",
        "--from",
        &digest,
        "--to",
        "stable",
        "--require-signed",
        "managed",
    ];
    finish(&mut world.command(&arguments)).expect_code(0);
    assert_eq!(world.ecr.tags("team/app")["stable"], digest);
}

#[test]
fn a_promotion_takes_only_what_is_signed() {
    let world = World::new();
    let key = world.keys("release");
    let public = key.replace(".key", ".pub");
    let from = world.digest.clone();
    let promote = |key: &str| {
        let arguments = [
            "promote",
            "team/app",
            "--from",
            &from,
            "--to",
            "stable",
            "--require-signed",
            "cosign",
            "--verify-key",
            key,
        ];
        finish(&mut world.command(&arguments))
    };
    for (wrong, problem) in [
        ("missing.pub", "`missing.pub` cannot be read"),
        (&key, "holds no public key in PEM"),
        ("env://NO_KEY", "variable `NO_KEY` is not set"),
    ] {
        let refused = promote(wrong);
        refused.expect_code(2);
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
    let unsigned = promote(&public);
    unsigned.expect_code(1);
    assert!(
        unsigned
            .stderr
            .contains("has no signature that `cosign` verifies"),
        "{}",
        unsigned.stderr
    );
    world.report(&["--sign", "cosign", "--sign-key", &key]);
    let other = world.keys("other").replace(".key", ".pub");
    promote(&other).expect_code(1);
    assert!(!world.ecr.tags("team/app").contains_key("stable"));
    promote(&public).expect_code(0);
    assert_eq!(world.ecr.tags("team/app")["stable"], world.digest);
}

#[test]
fn every_example_prints_what_the_page_says() {
    let world = World::new();
    world.keys("other");
    fs::copy(world.path("other.pub"), world.checkout.path().join("other.pub")).unwrap();
    fs::write(world.checkout.path().join("trust-policy.json"), POLICY).unwrap();
    let command = world.command(&[]);
    let settings: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let printed = |command: &str| {
        let mut shell = scrubbed("/bin/sh", world.home.path());
        shell
            .envs(settings.clone())
            .env("PROGRAMS", tagship_program().parent().unwrap())
            .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
            .current_dir(world.checkout.path());
        let said = finish(&mut shell).stdout;
        said.replace(&world.ecr.host(), REGISTRY)
            .replace(&world.digest, "DIGEST")
    };
    check(include_str!("../../docs/signing.md"), 6, printed);
}
