//! What a release carries beside its text: the registry's own documents about the image, each once, whatever breaks off.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use ecr_local::FaultAction;
use serde_json::{Value, json};
use tagship_domain::content::{Descriptor, OCI_MANIFEST};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::github::{Github, Trouble};
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish, output_of};
use test_support::schema::problems;

/// Version 1.4.0 for two platforms, with attestations of one of them.
struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
    index: Descriptor,
}

fn bill() -> Value {
    json!({"spdxVersion": "SPDX-2.3", "name": "app", "packages": [{"name": "zlib", "versionInfo": "1.3.1"}]})
}

fn statement(predicate_type: &str, predicate: &Value) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate_type,
        "subject": [{"name": "app", "digest": {"sha256": "00"}}],
        "predicate": predicate,
    })
    .to_string()
}

const SPDX: &str = "https://spdx.dev/Document";
const SLSA: &str = "https://slsa.dev/provenance/v1";

impl World {
    fn new() -> Self {
        let checkout = Checkout::with(&[("a", "a"), ("Dockerfile", "FROM scratch\nCOPY a /\n")]);
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let labels = json!({
            "org.opencontainers.image.version": "1.4.0",
            "org.opencontainers.image.revision": checkout.head(),
        });
        let pusher = Pusher::new(&ecr, "team/app");
        let mut entries = ["amd64", "arm64"]
            .map(|platform| pusher.image(platform, platform, &labels))
            .to_vec();
        entries.push(attestation(&pusher, &entries[1].digest));
        let index = pusher.index(&entries);
        pusher.tag("1.4.0", &index.digest);
        ecr.forget_journal();
        Self {
            github: Github::of(checkout.path()),
            home: tempfile::tempdir().unwrap(),
            ecr,
            checkout,
            index,
        }
    }

    fn release(&self) -> Finished {
        let arguments = ["release", "--json", "team/app:1.4.0"];
        let mut command = self.ecr.command(self.home.path(), &arguments);
        command.current_dir(self.checkout.path()).envs(self.github.job());
        finish(&mut command)
    }

    #[track_caller]
    fn report(&self) -> Value {
        let run = self.release();
        run.expect_code(0);
        let report = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        report
    }

    /// The files of the published release, as everybody downloads them.
    fn files(&self) -> BTreeMap<String, String> {
        let release = self.github.release("v1.4.0");
        assert_eq!(release["draft"], false, "{release}");
        let assets = release["assets"].as_array().unwrap().iter();
        let files = assets.map(|asset| {
            let name = asset["name"].as_str().unwrap().to_owned();
            let url = format!("{}/download/v1.4.0/{name}", self.github.releases_url());
            let content = output_of(Command::new("curl").args(["--silent", "--fail", &url]));
            (name, content)
        });
        let count = release["assets"].as_array().unwrap().len();
        let files: BTreeMap<String, String> = files.collect();
        assert_eq!(files.len(), count, "each once: {release}");
        files
    }

    /// Runs cosign as a user of this home does.
    #[track_caller]
    fn cosign(&self, arguments: &[&str]) {
        let config = self.home.path().join("docker");
        fs::create_dir_all(&config).unwrap();
        let auths = json!({"auths": {self.ecr.host(): {"auth": self.ecr.login().token}}});
        fs::write(config.join("config.json"), auths.to_string()).unwrap();
        let mut command = Command::new(client("cosign"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("COSIGN_PASSWORD", "")
            .env("DOCKER_CONFIG", config);
        let run = command.output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
}

/// An attestation as BuildKit stores it: a manifest with a statement in each layer.
fn attestation(pusher: &Pusher<'_>, about: &Digest) -> Descriptor {
    let layer = |predicate: &str, content: String| {
        let mut layer = pusher.blob("application/vnd.in-toto+json", content);
        let annotation = ("in-toto.io/predicate-type".to_owned(), predicate.to_owned());
        layer.annotations.extend([annotation]);
        layer
    };
    let layers = [
        layer(SPDX, statement(SPDX, &bill())),
        layer(SLSA, statement(SLSA, &json!({"buildDefinition": {}}))),
    ];
    let config = pusher.blob("application/vnd.oci.image.config.v1+json", "{}");
    let content = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
    let mut attestation = pusher.manifest(OCI_MANIFEST, &content);
    let annotations = [
        ("vnd.docker.reference.type", "attestation-manifest".to_owned()),
        ("vnd.docker.reference.digest", about.to_string()),
    ];
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
    attestation.annotations.extend(annotations);
    attestation
}

#[test]
fn a_release_carries_what_the_registry_holds_about_its_image() {
    let world = World::new();
    let image = format!("{}/team/app@{}", world.ecr.host(), world.index.digest);
    world.cosign(&["generate-key-pair"]);
    world.cosign(&["signing-config", "create", "--out", "config.json"]);
    world.cosign(&["trusted-root", "create", "--out", "root.json"]);
    let sign = [
        "sign",
        "--yes",
        "--key",
        "cosign.key",
        "--signing-config",
        "config.json",
    ];
    world.cosign(&[&sign[..], &["--trusted-root", "root.json", &image]].concat());
    // What is attached besides is none of the release's business.
    let pusher = Pusher::new(&world.ecr, "team/app");
    pusher.referrer("application/spam", &world.index);

    let report = world.report();
    let files = world.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "image.json",
            "provenance-linux-arm64.json",
            "sbom-linux-arm64.spdx.json",
            "signature.sigstore.json"
        ]
    );
    let mut reported: Vec<&str> = report["release"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    reported.sort_unstable();
    assert_eq!(reported, names);
    let sbom: Value = serde_json::from_str(&files["sbom-linux-arm64.spdx.json"]).unwrap();
    assert_eq!(sbom, bill());
    let provenance: Value = serde_json::from_str(&files["provenance-linux-arm64.json"]).unwrap();
    assert_eq!(provenance["predicateType"], SLSA);

    // The signature verifies without the registry, by the bytes of the image's index.
    let bundle = world.home.path().join("signature.sigstore.json");
    fs::write(bundle, &files["signature.sigstore.json"]).unwrap();
    let index = format!(
        "http://{}/v2/team/app/manifests/{}",
        world.ecr.host(),
        world.index.digest
    );
    let login = format!("Authorization: Basic {}", world.ecr.login().token);
    let accept = "Accept: application/vnd.oci.image.index.v1+json";
    let bytes =
        output_of(Command::new("curl").args(["--silent", "--fail", "-H", &login, "-H", accept, &index]));
    fs::write(world.home.path().join("index.json"), bytes).unwrap();
    let verify = [
        "verify-blob-attestation",
        "--bundle",
        "signature.sigstore.json",
        "--key",
        "cosign.pub",
    ];
    let kind = [
        "--type",
        "https://sigstore.dev/cosign/sign/v1",
        "--insecure-ignore-tlog=true",
    ];
    world.cosign(&[&verify[..], &kind, &["index.json"]].concat());
}

#[test]
fn a_release_that_breaks_off_anywhere_has_each_file_once_in_the_end() {
    let world = World::new();
    world.report();
    let whole = world.files();
    assert_eq!(whole.len(), 3);
    let requests = world.github.requests();
    let first = requests
        .iter()
        .position(|request| request.contains("/assets"))
        .unwrap();
    for request in first - 1..requests.len() {
        for trouble in [Trouble::Lost, Trouble::Failed(403)] {
            let world = World::new();
            world.github.trouble(request, trouble);
            let run = world.release();
            if run.code != Some(0) {
                assert_ne!(trouble, Trouble::Lost, "{}", run.stderr);
                world.report();
            }
            let files = world.files();
            assert_eq!(files.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
            assert!(files.values().all(|content| !content.is_empty()));
        }
    }
}

#[test]
fn what_the_role_may_not_read_is_left_out_and_said() {
    let world = World::new();
    let forbidden = FaultAction::Error {
        code: "DENIED".to_owned(),
        message: "User is not authorized to perform: ecr:BatchGetImage on resource".to_owned(),
        status: 403,
    };
    world.ecr.fail("ListReferrers", 0, 9, forbidden);
    let report = world.report();
    assert_eq!(report["notes"][0]["code"], "documents-unread", "{report}");
    assert_eq!(world.files().len(), 3);
}

#[test]
fn a_run_leaves_the_bill_of_materials_in_a_file() {
    let world = World::new();
    let file = world.home.path().join("sbom.json");
    let ship = |repository: &str| {
        let arguments = [
            "ship",
            "--repository",
            repository,
            "--version",
            "1.4.0",
            "--tags",
            "type=semver",
        ];
        let mut command = world.ecr.command(world.home.path(), &arguments);
        command.current_dir(world.checkout.path());
        finish(command.arg("--sbom-file").arg(&file))
    };
    ship("team/app").expect_code(0);
    let read = || serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(read(), bill());
    ship("team/app").expect_code(0);
    assert_eq!(read(), bill());
    // Of an image without one there is no file, and an earlier run's is gone.
    world.ecr.create_repository("team/plain", &Mutability::Immutable);
    let labels = json!({"org.opencontainers.image.revision": world.checkout.head()});
    let pusher = Pusher::new(&world.ecr, "team/plain");
    pusher.tag("1.4.0", &pusher.image("amd64", "plain", &labels).digest);
    let run = ship("team/plain");
    run.expect_code(0);
    let said =
        "`sbom-file` is not written: the image has no bill of materials; a build with `sbom: true` makes one";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!file.exists());
}
