//! `tagship push` against the embedded ECR: archives of `docker save`, layouts, Helm charts and WebAssembly.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oci_registry::{ReadRepository as _, verify};
use serde_json::{Value, json};
use tagship_domain::content::{Content, ImageManifest, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{Digest, Tag};
use test_support::images::client_of;
use test_support::local::Ecr;
use test_support::page::{check, run_at};
use test_support::process::{Finished, finish};
use test_support::schema::problems;

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";
const LAYER: &[u8] = &[0; 10240];

struct World {
    ecr: Ecr,
    home: tempfile::TempDir,
}

fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// What `docker save` of Docker 24 writes. Source: Docker Image Specification v1.2.
fn saved(name: &str, version: &str) -> (Vec<u8>, Digest) {
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "2026-01-02T03:04:05Z",
        "config": {"Labels": {
            "org.opencontainers.image.revision": REVISION, "org.opencontainers.image.version": version,
        }},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(LAYER)]},
    });
    let config = config.to_string();
    let id = Digest::of(config.as_bytes());
    let file = format!("{}.json", id.hex());
    let list = json!([{"Config": file, "RepoTags": [name], "Layers": ["one/layer.tar"]}]).to_string();
    let archive = tar_of(&[
        (&file, config.as_bytes()),
        ("one/layer.tar", LAYER),
        ("manifest.json", list.as_bytes()),
    ]);
    (archive, id)
}

fn chart() -> Vec<u8> {
    let chart =
        "apiVersion: v2\nname: web\nversion: 1.2.3+5\nappVersion: \"1.10\"\ndescription: A web server\n";
    let files = tar_of(&[
        ("web/values.yaml", b"a: 1\n"),
        ("web/Chart.yaml", chart.as_bytes()),
    ]);
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&files).unwrap();
    gzip.finish().unwrap()
}

impl World {
    fn new() -> Self {
        let world = Self {
            ecr: Ecr::start(),
            home: tempfile::tempdir().unwrap(),
        };
        for name in ["team/app", "charts/web", "team/filter"] {
            world.ecr.create_repository(name, &Mutability::Mutable);
        }
        world.write("app.tar", &saved("app:1.4.0", "1.4.0").0);
        world.write("web-1.2.3+5.tgz", &chart());
        world.write("filter.wasm", b"\0asm\x01\0\0\0");
        world.ecr.forget_journal();
        world
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.home.path()).join(name)
    }

    fn push(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["push", "--json"], arguments].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.home.path()))
    }

    #[track_caller]
    fn pushed(&self, arguments: &[&str]) -> Value {
        let finished = self.push(arguments);
        finished.expect_code(0);
        let report = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(problems("docs/schemas/push.json", &report), "");
        report
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32, said: &str) {
        let finished = self.push(arguments);
        finished.expect_code(code);
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    }

    fn image(&self, repository: &str, tag: &str) -> (Manifest, ImageManifest) {
        let client = client_of(&self.ecr.login(), repository);
        let tag = Tag::parse(tag).unwrap();
        let manifest = self.ecr.run(client.resolve(std::slice::from_ref(&tag))).unwrap();
        let manifest = manifest[&tag].clone();
        let Ok(Content::Image(image)) = manifest.content() else {
            panic!("{manifest:?}")
        };
        (manifest, image)
    }

    fn blob(&self, repository: &str, blob: &tagship_domain::content::Descriptor) -> Vec<u8> {
        let client = client_of(&self.ecr.login(), repository);
        self.ecr.run(client.blob(blob)).unwrap().to_vec()
    }
}

#[test]
fn an_archive_of_a_classic_store_is_compressed_pushed_verified_and_tagged() {
    let world = World::new();
    let (_, id) = saved("app:1.4.0", "1.4.0");
    let planned = world.pushed(&["app.tar", "team/app", "--dry-run"]);
    assert_eq!(
        (&planned["status"], &planned["digest"]),
        (&json!("planned"), &Value::Null)
    );
    assert!(world.ecr.writes().is_empty());

    let report = world.pushed(&["app.tar", "team/app", "--to", "latest"]);
    assert_eq!(report["status"], "pushed");
    assert_eq!(report["version"], "1.4.0");
    let (manifest, image) = world.image("team/app", "latest");
    assert_eq!(report["digest"], manifest.digest().to_string());
    assert_eq!(
        image.config.digest, id,
        "the config is what the engine has, byte for byte"
    );
    let mut layer = Vec::new();
    let packed = world.blob("team/app", &image.layers[0]);
    GzDecoder::new(packed.as_slice()).read_to_end(&mut layer).unwrap();
    assert!(layer == LAYER);
    let client = client_of(&world.ecr.login(), "team/app");
    world.ecr.run(verify(&manifest.digest(), &client)).unwrap();

    // Under its own tag: the image is there, so nothing of it is sent.
    world.ecr.forget_journal();
    let own = world.pushed(&["app.tar", "team/app", "--to", "latest", "--to", "1.4.0"]);
    assert_eq!(
        (&own["bytes"], &own["tags"][0]["outcome"]),
        (&json!(0), &json!("created"))
    );
    assert!(
        !world
            .ecr
            .writes()
            .iter()
            .any(|entry| entry.operation.contains("Upload"))
    );
    world.ecr.forget_journal();
    let again = world.pushed(&["docker-archive:app.tar", "team/app"]);
    assert_eq!(again["status"], "already-pushed");
    assert_eq!(again["digest"], report["digest"]);
    assert!(world.ecr.writes().is_empty());
}

#[test]
fn a_version_never_leaves_its_image_and_nothing_is_sent_then() {
    let world = World::new();
    world.pushed(&["app.tar", "team/app"]);
    world.write("other.tar", &saved("app:1.4.0", "1.4.1").0);
    world.ecr.forget_journal();
    world.refused(&["other.tar", "team/app"], 10, "tag `1.4.0`");
    world.refused(&["other.tar", "team/app:1.4.0", "--rollback"], 10, "tag `1.4.0`");
    assert!(world.ecr.writes().is_empty());
    world.pushed(&["other.tar", "team/app", "--to", "dev"]);
}

/// Source: Helm documentation, "Use OCI-based registries"; HIP 17.
#[test]
fn a_chart_becomes_what_helm_pushes() {
    let world = World::new();
    world.write("web-1.2.3+5.tgz.prov", b"signed");
    let report = world.pushed(&["web-1.2.3+5.tgz", "charts/web"]);
    assert_eq!(
        (&report["kind"], &report["tags"][0]["tag"]),
        (&json!("helm-chart"), &json!("1.2.3_5"))
    );
    let (manifest, image) = world.image("charts/web", "1.2.3_5");
    assert_eq!(
        image.config.media_type,
        "application/vnd.cncf.helm.config.v1+json"
    );
    let types: Vec<&str> = image
        .layers
        .iter()
        .map(|layer| layer.media_type.as_str())
        .collect();
    assert_eq!(
        types,
        [
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "application/vnd.cncf.helm.chart.provenance.v1.prov",
        ]
    );
    assert!(world.blob("charts/web", &image.layers[0]) == chart());
    let config: Value = serde_json::from_slice(&world.blob("charts/web", &image.config)).unwrap();
    let expected = json!({
        "apiVersion": "v2", "name": "web", "version": "1.2.3+5", "appVersion": "1.10", "description": "A web server",
    });
    assert_eq!(config, expected);
    let manifest: Value = serde_json::from_slice(manifest.bytes()).unwrap();
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.version"],
        "1.2.3+5"
    );
    assert_eq!(
        world.pushed(&["web-1.2.3+5.tgz", "charts/web"])["status"],
        "already-pushed"
    );
    world.refused(
        &["web-1.2.3+5.tgz", "team/app"],
        2,
        "Helm finds a chart by the last part",
    );
    // A version is one, whatever stands for its `+`.
    world.write("web-1.2.3+5.tgz.prov", b"signed anew");
    world.refused(&["web-1.2.3+5.tgz", "charts/web"], 10, "1.2.3_5");
}

/// Source: CNCF TAG Runtime, "Wasm OCI Artifact Layout".
#[test]
fn webassembly_becomes_an_artifact_under_the_tag_that_is_given() {
    let world = World::new();
    world.refused(
        &["filter.wasm", "team/filter"],
        2,
        "has no tag to be pushed under",
    );
    world.pushed(&["filter.wasm", "team/filter:0.3.0"]);
    let (_, image) = world.image("team/filter", "0.3.0");
    assert_eq!(image.config.media_type, "application/vnd.wasm.config.v0+json");
    assert_eq!(image.layers[0].media_type, "application/wasm");
    let config: Value = serde_json::from_slice(&world.blob("team/filter", &image.config)).unwrap();
    assert_eq!(config["layerDigests"], json!([image.layers[0].digest]));
}

#[test]
fn a_layout_is_pushed_byte_for_byte_and_one_that_lacks_a_platform_says_so() {
    let world = World::new();
    world.pushed(&["app.tar", "team/app"]);
    let mut copy = world
        .ecr
        .command(world.home.path(), &["copy", "team/app:1.4.0", "oci:image"]);
    finish(copy.current_dir(world.home.path())).expect_code(0);
    world.ecr.create_repository("team/second", &Mutability::Mutable);
    let report = world.pushed(&["oci:image", "team/second"]);
    let (manifest, _) = world.image("team/app", "1.4.0");
    assert_eq!(report["digest"], manifest.digest().to_string());
    assert_eq!(world.image("team/second", "1.4.0").0, manifest);
    // Of one platform, and of no other that is asked for, by a push or a copy.
    let other = ["--platform", "linux/s390x"];
    world.refused(
        &[&["oci:image", "team/second"], &other[..]].concat(),
        1,
        "linux/s390x",
    );
    let copy = [&["copy", "oci:image", "team/second:other"], &other[..]].concat();
    let mut copy = world.ecr.command(world.home.path(), &copy);
    let refused = finish(copy.current_dir(world.home.path()));
    refused.expect_code(1);
    assert!(
        refused.stderr.contains("it has linux/amd64"),
        "{}",
        refused.stderr
    );
    world.refused(
        &["oci:image:2.0", "team/second"],
        1,
        "no tag of `oci:image` matches `2.0`",
    );

    // As an engine saves an image for two platforms of which it pulled one.
    let bytes = manifest.bytes().len();
    let child = |digest: &str, architecture: &str| {
        json!({
            "mediaType": manifest.media_type(), "digest": digest, "size": bytes,
            "platform": {"os": "linux", "architecture": architecture},
        })
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            child(&manifest.digest().to_string(), "amd64"),
            child(&Digest::of(b"absent").to_string(), "arm64"),
        ],
    })
    .to_string();
    let digest = Digest::of(index.as_bytes());
    world.write(&format!("image/blobs/sha256/{}", digest.hex()), index.as_bytes());
    let list = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": index.len(),
        "annotations": {"org.opencontainers.image.ref.name": "1.5.0"},
    }]});
    world.write("image/index.json", list.to_string().as_bytes());
    world.refused(
        &["oci:image", "team/second"],
        1,
        "those of linux/amd64 alone are there",
    );
    let one = world.pushed(&["oci:image", "team/second", "--platform", "linux/amd64"]);
    assert_eq!(one["digest"], manifest.digest().to_string());
    world.refused(
        &["oci:image", "team/second", "--platform", "linux/arm64"],
        1,
        "linux/arm64",
    );
}

/// A layer that waits to be pushed is kept in a file: one that cannot be made is no reason to read the image again.
#[test]
fn a_folder_that_takes_no_temporary_file_is_named_and_nothing_is_tried_again() {
    let world = World::new();
    let layer: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| Digest::of(&number.to_le_bytes()).hex().into_bytes())
        .collect();
    let layer = tar_of(&[("file", &layer)]);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]},
    });
    let config = config.to_string();
    let file = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let list = json!([{"Config": file, "RepoTags": ["app:1.4.0"], "Layers": ["one/layer.tar"]}]).to_string();
    let archive = tar_of(&[
        (&file, config.as_bytes()),
        ("one/layer.tar", &layer),
        ("manifest.json", list.as_bytes()),
    ]);
    world.write("large.tar", &archive);
    let mut command = world
        .ecr
        .command(world.home.path(), &["push", "large.tar", "team/app:1.4.0"]);
    // No file can be made there, by root neither.
    command.current_dir(world.home.path()).env("TMPDIR", "/proc");
    let failed = finish(&mut command);
    failed.expect_code(1);
    let said = &failed.stderr;
    assert!(
        said.contains("`/proc` does not take what waits to be pushed"),
        "{said}"
    );
    assert!(said.contains("hint: ") && said.contains("`TMPDIR`"), "{said}");
    assert!(!said.contains("tried again"), "{said}");
    let tag_puts = world
        .ecr
        .journal()
        .into_iter()
        .filter(test_support::local::is_tag_put);
    assert_eq!(tag_puts.count(), 0);
}

#[test]
fn what_cannot_be_pushed_is_named() {
    let world = World::new();
    world.write("text.tgz", b"text");
    world.write("text.wasm", b"text");
    world.write("broken.tgz", &[0x1f, 0x8b, 0]);
    for (source, code, said) in [
        ("none.tgz", 1, "`none.tgz` cannot be read"),
        ("./none", 1, "`./none` cannot be read"),
        ("text.tgz", 2, "no image and no artifact"),
        ("text.wasm", 2, "no image and no artifact"),
        ("broken.tgz", 1, "cannot be read"),
        ("oci:none", 1, "there is no such file or folder"),
    ] {
        world.refused(&[source, "team/app:1.0.0"], code, said);
    }
    let digest = format!("team/app@{}", Digest::of(b""));
    world.refused(&["app.tar", &digest], 2, "names a digest");
    world.refused(&["app.tar", "team/none"], 1, "does not exist");
    // What the repository is made as decides on tags that move, as it does where it is there.
    let moving = [
        "app.tar",
        "team/none",
        "--create-repository",
        "--to",
        "type=raw,value=edge",
    ];
    world.refused(&[&moving[..], &["--dry-run"]].concat(), 10, "`edge`");
    let made = world.pushed(&["app.tar", "team/none", "--create-repository", "--dry-run"]);
    assert_eq!(made["tags"][0]["outcome"], "create");
    world.pushed(&["app.tar", "team/none", "--create-repository"]);
    assert_eq!(world.ecr.tags("team/none").len(), 1);
}

#[test]
fn every_example_of_the_page_prints_what_it_says() {
    let world = World::new();
    check(include_str!("../../docs/pushing.md"), 4, |command| {
        run_at(&world.ecr, world.home.path(), command)
    });
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

/// An archive with the names that other tools give: skopeo and podman (`plain`), crane with compressed layers. Two images that
/// have one tag are in it. Source: containers/image, `docker/internal/tarfile`; go-containerregistry, `pkg/v1/tarball`.
fn of_other_tools(is_plain: bool) -> Vec<u8> {
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    let mut list = Vec::new();
    for name in ["a", "b"] {
        let layer = tar_of(&[(name, name.as_bytes())]);
        let diff_id = Digest::of(&layer);
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        });
        let config = config.to_string().into_bytes();
        let id = Digest::of(&config);
        let (of_config, of_layer, layer) = if is_plain {
            (
                format!("{}.json", id.hex()),
                format!("{}.tar", diff_id.hex()),
                layer,
            )
        } else {
            let layer = gzipped(&layer);
            (
                id.to_string(),
                format!("{}.tar.gz", Digest::of(&layer).hex()),
                layer,
            )
        };
        list.push(json!({
            "Config": of_config, "RepoTags": [format!("docker.io/library/{name}:1")], "Layers": [of_layer],
        }));
        entries.extend([(of_config, config), (of_layer, layer)]);
    }
    entries.push((
        "manifest.json".to_owned(),
        Value::Array(list).to_string().into_bytes(),
    ));
    let entries: Vec<(&str, &[u8])> = entries
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    tar_of(&entries)
}

#[test]
fn archives_of_other_tools_become_the_same_image_and_each_is_named_in_full() {
    let world = World::new();
    world.write("skopeo.tar", &of_other_tools(true));
    world.write("crane.tar", &of_other_tools(false));
    world.refused(&["skopeo.tar", "team/app:x"], 2, "holds several images");
    let both = world.push(&["docker-archive:skopeo.tar:1", "team/app:x"]);
    both.expect_code(2);
    assert!(
        both.stderr
            .contains("`docker-archive:skopeo.tar:docker.io/library/a:1`"),
        "{}",
        both.stderr
    );
    for (name, tag) in [("a", "one"), ("b", "two")] {
        let target = format!("team/app:{tag}");
        let report = world.pushed(&[&format!("docker-archive:skopeo.tar:{name}:1"), &target]);
        assert_eq!(report["status"], "pushed");
        let (_, image) = world.image("team/app", tag);
        let mut layer = Vec::new();
        GzDecoder::new(&*world.blob("team/app", &image.layers[0]))
            .read_to_end(&mut layer)
            .unwrap();
        assert_eq!(layer, tar_of(&[(name, name.as_bytes())]));
        let config: Value = serde_json::from_slice(&world.blob("team/app", &image.config)).unwrap();
        assert_eq!(config["config"]["Labels"]["name"], name);
        let crane = world.pushed(&[&format!("docker-archive:crane.tar:{name}:1"), &target]);
        assert_eq!(
            (&crane["status"], &crane["digest"]),
            (&json!("already-pushed"), &report["digest"])
        );
    }
    let none = world.push(&["docker-archive:crane.tar:c:1", "team/app:x"]);
    assert_ne!(none.code, Some(0), "{}", none.stderr);
}

#[test]
fn an_archive_may_be_compressed_as_a_whole() {
    let world = World::new();
    let archive = saved("app:1.4.0", "1.4.0").0;
    let plain = world.pushed(&["app.tar", "team/app"]);
    for name in ["app.tar.gz", "app.tgz", "packed.tar"] {
        world.write(name, &gzipped(&archive));
        let report = world.pushed(&[name, "team/app"]);
        assert_eq!(report["digest"], plain["digest"], "{name}");
        assert_eq!(report["kind"], "archive", "{name}");
    }
    world.write("broken.tar.gz", &gzipped(&archive)[..200]);
    world.write("other.tgz", &gzipped(&tar_of(&[("readme", b"text")])));
    for name in ["broken.tar.gz", "other.tgz"] {
        let finished = world.push(&[name, "team/app:x"]);
        finished.expect_code(1);
        assert!(
            finished.stderr.contains(&format!("`{name}`")),
            "{}",
            finished.stderr
        );
        assert!(!finished.stderr.contains("tmp"), "{}", finished.stderr);
    }
}

#[test]
fn what_is_no_name_and_no_file_is_said_at_once_in_few_words() {
    let world = World::new();
    for name in ["pipe.tar", "pipe.tgz", "pipe.wasm", "pipe.tar.gz"] {
        let made = std::process::Command::new("mkfifo")
            .arg(world.path(name))
            .status();
        assert!(made.unwrap().success());
        let finished = world.push(&[name, "team/app:x"]);
        finished.expect_code(1);
        assert!(finished.stderr.contains("no regular file") || finished.stderr.contains("it is no file"));
        assert!(!finished.stderr.contains("the engine"), "{}", finished.stderr);
    }
    for name in ["docker://…", "docker://", "docker://a b"] {
        let finished = world.push(&[name, "team/app:x"]);
        finished.expect_code(2);
        assert!(
            finished.stderr.contains("is no name of an engine's image"),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.split_whitespace().count() < 40,
            "{}",
            finished.stderr
        );
    }
    let evil = "apiVersion: v2\nname: ../evil\nversion: 1.0.0\n";
    world.write(
        "evil.tgz",
        &gzipped(&tar_of(&[("evil/Chart.yaml", evil.as_bytes())])),
    );
    world.refused(
        &["evil.tgz", "charts/web"],
        2,
        "its name `../evil` cannot be the last part",
    );
    let shown = world.push(&["evil.tgz", "charts/web"]).stderr;
    assert!(shown.contains("lower-case letters"), "{shown}");
}
