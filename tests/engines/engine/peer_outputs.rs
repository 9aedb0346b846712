//! The same Dockerfiles by Tagship and by `docker buildx build`: what they leave in folders and archives, and images of several
//! platforms, are the same.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tagship::ports::Builder as _;
use tagship_domain::build::{ArchiveKind, BuildOutput};
use tagship_domain::content::{Content, Platform};

use super::image::{Image, listing, path_of};
use super::outputs::runner;
use super::peer::{Seen, seen};
use super::support::{Bench, engines, folder, request};

const FILES: &str = "FROM busybox AS made\nRUN mkdir -p /out/deep && echo x > /out/deep/file && ln -s deep/file /out/link \
                     && chmod 640 /out/deep/file\nFROM scratch\nCOPY --from=made /out /\n";

/// Everything below a folder: names, modes, links and contents.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let mode = metadata.permissions().mode();
            let what = if metadata.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                open.push(path.clone());
                format!("folder {mode:o}")
            } else {
                format!("{mode:o} {}", std::fs::read_to_string(&path).unwrap())
            };
            found.insert(path.strip_prefix(folder).unwrap().display().to_string(), what);
        }
    }
    found
}

#[tokio::test]
async fn folders_and_archives_are_the_same() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", FILES)]);
        let work = tempfile::tempdir().unwrap();
        let at = |name: &str| work.path().join(name);
        for (kind, dest) in [("local", "theirs"), ("tar", "theirs.tar")] {
            let output = format!("type={kind},dest={}", at(dest).display());
            let context = context.path().to_str().unwrap();
            engine
                .docker(&["buildx", "build", "--quiet", "--output", &output, context])
                .await;
        }
        let outputs = [
            BuildOutput::Folder(at("ours")),
            BuildOutput::File(ArchiveKind::Tar, at("ours.tar")),
        ];
        let request = request(context.path());
        runner(&engine).build_outputs(&request, &outputs).await.unwrap();
        assert_eq!(tree(&at("ours")), tree(&at("theirs")), "{}", engine.name);
        assert_eq!(tree(&at("ours")).len(), 3);
        let archive = |name: &str| listing(&std::fs::read(at(name)).unwrap());
        assert_eq!(archive("ours.tar"), archive("theirs.tar"), "{}", engine.name);
    }
}

const CROSS: &str = "FROM --platform=$BUILDPLATFORM busybox AS made\nARG TARGETARCH\nRUN echo $TARGETARCH > /arch\n\
                     FROM scratch\nLABEL a=b\nCOPY --from=made /arch /arch\n";

#[tokio::test]
async fn images_of_several_platforms_are_the_same() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let context = folder(&[("Dockerfile", CROSS)]);
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("theirs.tar");
        let output = format!("type=oci,dest={}", file.display());
        let flags = ["--platform", "linux/amd64,linux/arm64", "--provenance=false"];
        let context_path = context.path().to_str().unwrap();
        let begin = ["buildx", "build", "--quiet", "--output", &output];
        engine
            .docker(&[&begin[..], &flags, &[context_path]].concat())
            .await;
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(std::fs::File::open(&file).unwrap())
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), bytes);
        }
        let json = |path: &str| -> Value { serde_json::from_slice(&files[path]).unwrap() };
        let root = json("index.json")["manifests"][0]["digest"]
            .as_str()
            .unwrap()
            .to_owned();
        let index = json(&path_of(&root));
        let theirs: BTreeMap<String, Seen> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|child| {
                let image = Image::of_layout(&files, child["digest"].as_str().unwrap());
                let platform = &child["platform"];
                let text = |key: &str| platform[key].as_str().unwrap().to_owned();
                let name = format!("{}/{}", text("os"), text("architecture"));
                (name, seen(&image.config, &image.layers))
            })
            .collect();

        let mut request = request(context.path());
        request.platforms = ["linux/amd64", "linux/arm64"]
            .map(|text| Platform::parse(text).unwrap())
            .to_vec();
        let bench = Bench::new(&engine).await;
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let Content::Index(index) = bench.manifest(&digest).content().unwrap() else {
            panic!("it is no index");
        };
        let ours: BTreeMap<String, Seen> = index
            .manifests
            .iter()
            .map(|child| {
                let image = Image::read(&bench.registry, child.digest);
                let name = child.platform.as_ref().unwrap().to_string();
                (name, seen(&image.config, &image.layers))
            })
            .collect();
        assert_eq!(ours.len(), 2);
        assert_eq!(ours, theirs, "{}", engine.name);
    }
}
