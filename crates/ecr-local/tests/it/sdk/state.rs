//! The state: kept, locked, swept, and whole after a kill.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use ecr_local::{LocalEcr, LocalError};
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use tagship_domain::error::{Diagnose as _, FailureKind};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::RepositoryName;

use crate::bench::{Bench, REPOSITORY, Registry, digest_of, options};

#[tokio::test]
async fn a_restart_keeps_content_keys_and_tokens() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let login = registry.login.clone();
    let Bench { local, folder, http } = bench;
    let secret = local.admin().secret.expose_secret().to_owned();
    local.stop().await;

    let local = LocalEcr::start(options(folder.path())).await.unwrap();
    assert_eq!(local.admin().secret.expose_secret(), secret);
    let name = RepositoryName::parse(REPOSITORY).unwrap();
    assert!(
        !local
            .ensure_repository(&name, &Mutability::Mutable)
            .await
            .unwrap()
    );
    let url = format!("http://{}/v2/{REPOSITORY}/manifests/1.0.0", local.registry_host());
    let answer = http.get(url).header("authorization", login).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), manifest);
}

#[tokio::test]
async fn one_process_serves_a_folder_and_others_find_it() {
    let bench = Bench::start().await;
    let data = bench.folder.path().join("data");
    let Err(LocalError::Locked { endpoint, .. }) = LocalEcr::start(options(bench.folder.path())).await else {
        panic!("the folder was not locked");
    };
    assert_eq!(endpoint, Some(bench.local.endpoint()));
    assert_eq!(LocalEcr::running_at(&data).await, Some(bench.local.endpoint()));
    let access = LocalEcr::access_at(&data).await.unwrap();
    assert_eq!(access.administrator.id, bench.local.admin().id);
    assert_eq!(access.registry, bench.local.registry_host());
    let Bench { local, folder, .. } = bench;
    let address = local.address();
    local.stop().await;
    assert_eq!(LocalEcr::running_at(&data).await, None);
    // Another emulator at the same address is not taken for the one that has ended.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = options(elsewhere.path());
    other.listen = address;
    let other = LocalEcr::start(other).await.unwrap();
    assert_eq!(LocalEcr::running_at(&data).await, None);
    other.stop().await;
    drop(folder);
    assert_eq!(LocalEcr::running_at(&data).await, None);
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let bench = Bench::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.listen = bench.local.address();
    let error = LocalEcr::start(options).await.unwrap_err();
    assert!(matches!(error, LocalError::AddressInUse { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_wrong_roles_file_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    std::fs::create_dir_all(&options.data).unwrap();
    std::fs::write(options.data.join("roles.yaml"), "Roles:\n  - RoleNam: x\n").unwrap();
    let error = LocalEcr::start(options).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Usage);
    let message = error.to_string();
    assert!(
        message.contains("RoleNam") && message.contains("line 2"),
        "{message}"
    );
}

#[tokio::test]
async fn unfinished_and_unknown_files_are_swept_at_the_start() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let known = registry.blob(REPOSITORY, b"known").await;
    registry.upload(REPOSITORY).await;
    let data = bench.folder.path().join("data");
    let blob_path = |hex: &str| data.join("blobs/sha256").join(&hex[..2]).join(hex);
    let orphan = digest_of("orphan");
    let orphan = blob_path(orphan.strip_prefix("sha256:").unwrap());
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "orphan").unwrap();
    let Bench { local, folder, .. } = bench;
    local.stop().await;
    std::fs::write(data.join("uploads/left-over"), "x").unwrap();
    let local = LocalEcr::start(options(folder.path())).await.unwrap();
    assert!(!orphan.exists());
    assert!(blob_path(&known.hex()).exists());
    assert_eq!(std::fs::read_dir(data.join("uploads")).unwrap().count(), 0);
    local.stop().await;
}

#[tokio::test]
async fn tls_on_the_plain_port_gets_an_answer_of_http() {
    // Docker takes plain HTTP for a local registry only after such an answer to its TLS greeting.
    let bench = Bench::start().await;
    let address = bench.local.address();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03")
            .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        answer
    });
    assert_eq!(&answer.await.unwrap(), b"HTTP/1.1 400");
}

/// Set for the process that [`killed_under_load_it_has_all_that_it_acknowledged`] kills.
const CHILD: &str = "TAGSHIP_TEST_LOCAL_CHILD";

/// Serves until it is killed; a test only in the child process.
#[expect(
    clippy::disallowed_methods,
    reason = "the parent tells the child by a variable"
)]
#[tokio::test]
async fn child_server() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let _local = LocalEcr::start(options(folder.as_ref())).await.unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn killed_under_load_it_has_all_that_it_acknowledged() {
    let bench = Bench::start().await;
    let Bench { local, folder, http } = bench;
    local.stop().await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sdk::state::child_server", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let data = folder.path().join("data");
    let access = loop {
        if let Some(access) = LocalEcr::access_at(&data).await {
            break access;
        }
        assert_eq!(child.try_wait().unwrap(), None, "the server did not start");
        tokio::task::yield_now().await;
    };
    // Four clients push as fast as they can; the server is killed after some images.
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut clients = tokio::task::JoinSet::new();
    let login = Registry::of(&access, &http).await;
    for client in 0..4 {
        let (sender, login) = (sender.clone(), login.clone());
        clients.spawn(async move {
            for number in 0.. {
                let tag = format!("{client}-{number}");
                let Some(manifest) = login.try_image(REPOSITORY, &tag).await else {
                    break;
                };
                sender.send((tag, manifest)).unwrap();
            }
        });
    }
    drop(sender);
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 20 {
        acknowledged.push(receiver.recv().await.unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(more) = receiver.recv().await {
        acknowledged.push(more);
    }
    clients.join_all().await;

    let local = LocalEcr::start(options(folder.path())).await.unwrap();
    let login = Registry::of(local.access(), &http).await;
    for (tag, manifest) in acknowledged {
        let answer = login.get(&format!("{REPOSITORY}/manifests/{tag}")).await;
        assert_eq!(answer.text().await.unwrap(), manifest, "{tag}");
        for digest in manifest
            .match_indices("sha256:")
            .map(|(at, _)| &manifest[at..at + 71])
        {
            let blob = login.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
            assert_eq!(blob.status(), StatusCode::OK);
            let content = blob.bytes().await.unwrap();
            assert_eq!(
                tagship_domain::reference::Digest::of(&content).to_string(),
                digest
            );
        }
    }
}
