//! `docker build` is the judge of what a context comes to.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use futures_util::StreamExt as _;

use tagship_domain::reference::Digest;

use super::image::{Image, listing};
use super::support::{Bench, Engine, engines, folder, request, write};

/// Every kind of thing that a context may have.
fn curiosities(root: &Path) {
    write(
        root,
        &[
            ("plain", "x"),
            ("empty", ""),
            ("empty-folder/", ""),
            ("deep/er/still", "y"),
            ("a b/ünïcode ☺", "z"),
            ("a.b", "order"),
            ("a/z", "order"),
            ("-dash", ""),
            ("shared", "shared"),
            ("tool", "#!/bin/sh\n"),
        ],
    );
    let mode = |path: &str, mode| {
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("tool", 0o4755);
    mode("plain", 0o640);
    mode("empty-folder", 0o1777);
    symlink("plain", root.join("link")).unwrap();
    symlink("/etc/passwd", root.join("absolute-link")).unwrap();
    symlink("../../..", root.join("deep/up")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    std::fs::hard_link(root.join("shared"), root.join("z-also-shared")).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(pipe.success());
}

async fn ours(engine: &Engine, context: &Path) -> Vec<String> {
    let bench = Bench::new(engine).await;
    let digest = bench.publish(&request(context)).await.unwrap();
    let image = Image::read(&bench.registry, digest);
    image.layers.iter().flat_map(|layer| listing(layer)).collect()
}

/// The layers of what the docker client makes of the same context.
async fn theirs(engine: &Engine, context: &Path) -> Vec<String> {
    let name = format!(
        "tagship-parity-{}",
        &Digest::of(context.as_os_str().as_encoded_bytes()).hex()[..12]
    );
    engine
        .docker(&[
            "build",
            "--quiet",
            "--no-cache",
            "--provenance=false",
            "--tag",
            &name,
            context.to_str().unwrap(),
        ])
        .await;
    let saved = engine.docker(&["save", &name]).await;
    engine.docker(&["rmi", &name]).await;
    let image = Image::saved(&saved);
    image.layers.iter().flat_map(|layer| listing(layer)).collect()
}

#[tokio::test]
async fn a_context_comes_to_what_docker_makes_of_it() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY . /context/\n")]);
        curiosities(context.path());
        let (ours, theirs) = (
            ours(&engine, context.path()).await,
            theirs(&engine, context.path()).await,
        );
        assert!(theirs.len() > 15, "{theirs:?}");
        assert_eq!(ours, theirs, "{}", engine.name);
    }
}

#[tokio::test]
async fn copies_by_name_follow_links_as_docker_does() {
    for engine in engines() {
        let dockerfile =
            "FROM scratch\nCOPY folder-link/file link /one/\nCOPY li*k deep/er /two/\nCOPY abs /three\n";
        let context = folder(&[
            ("Dockerfile", dockerfile),
            ("real/folder/file", "x"),
            ("deep/er/file", "y"),
        ]);
        symlink("real/folder", context.path().join("folder-link")).unwrap();
        symlink("real/folder/file", context.path().join("link")).unwrap();
        symlink("/deep/er/file", context.path().join("abs")).unwrap();
        assert_eq!(
            ours(&engine, context.path()).await,
            theirs(&engine, context.path()).await,
            "{}",
            engine.name
        );
    }
}

/// The record that our own walk is tested by is still what the docker client does. The walk is the client's,
/// so that one engine will do.
#[tokio::test]
async fn the_record_of_ignored_files_is_dockers() {
    let record = include_str!("../../../crates/buildkit-session/testdata/dockerignore.txt");
    let mut blocks = record.trim_end().split("\n\n").skip(1);
    let files: Vec<&str> = blocks.next().unwrap().lines().collect();
    let engine = &engines()
        .into_iter()
        .rfind(|engine| !engine.is_20())
        .expect("an engine with exporters");
    let judged = blocks.map(|block| {
        let (patterns, expected) = block.split_once("\n=>\n").unwrap();
        let files = &files;
        async move {
            assert_eq!(
                dockers_difference(engine, files, patterns).await,
                expected,
                "{patterns}"
            );
        }
    });
    // The client takes longer than its work.
    futures_util::stream::iter(judged)
        .buffer_unordered(6)
        .collect::<()>()
        .await;
}

async fn dockers_difference(engine: &Engine, files: &[&str], patterns: &str) -> String {
    // Re-included, these two would be no files of the record.
    let patterns = format!("{patterns}\nDockerfile\nDockerfile.dockerignore\n");
    let context = folder(&[
        ("Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("Dockerfile.dockerignore", &patterns),
    ]);
    for file in files {
        write(context.path(), &[(file, file)]);
    }
    let out = tempfile::tempdir().unwrap();
    let output = tokio::process::Command::new("docker")
        .args(["--host", &engine.address, "build", "--quiet", "--output"])
        .args([out.path(), context.path()])
        .output()
        .await
        .unwrap();
    if output.status.success() {
        return difference(files, out.path());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("syntax error in pattern"), "{patterns}: {words}");
    "error".to_owned()
}

/// In the form of the record.
fn difference(files: &[&str], folder: &Path) -> String {
    let mut found = BTreeSet::new();
    let mut empty = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let relative = at.strip_prefix(folder).unwrap().display().to_string();
        let entries: Vec<_> = std::fs::read_dir(&at)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        if entries.is_empty() && !relative.is_empty() {
            empty.insert(format!("+ {relative}/"));
        }
        for entry in entries {
            if entry.is_dir() {
                open.push(entry);
            } else {
                found.insert(entry.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    let missing = files
        .iter()
        .filter(|file| !found.contains(**file))
        .map(|file| format!("- {file}"));
    let lines: Vec<String> = missing.chain(empty).collect();
    if lines.is_empty() {
        "nothing".to_owned()
    } else {
        lines.join("\n")
    }
}
