//! State that was damaged from outside is never served, never forgotten and never a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ecr_local::{LocalEcr, LocalError, Options};
use reqwest::{Method, StatusCode};
use tagship_domain::error::Diagnose as _;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, options};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found
}

// With the issuer's key, which is in the database, another user of the machine could sign tokens.
#[tokio::test]
async fn only_the_owner_reads_the_state_whatever_the_folders_mode() {
    let wide = |options: &mut Options| {
        options.tls = Some(0);
        fs::create_dir_all(&options.data).unwrap();
        fs::set_permissions(&options.data, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(options.data.join("blobs/sha256")).unwrap();
        for name in ["lock", "access.json.new"] {
            fs::write(options.data.join(name), "").unwrap();
        }
    };
    let bench = Bench::start_with(wide).await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "content").await;
    let upload = bench.registry().await.upload(REPOSITORY).await;
    let part = bench.registry().await.at(Method::PATCH, &upload).body("part");
    assert!(part.send().await.unwrap().status().is_success());
    let data = bench.folder.path().join("data");
    let paths = files(&data);
    assert!(paths.iter().any(|path| path.ends_with("state.redb")), "{paths:?}");
    assert!(
        paths
            .iter()
            .any(|path| path.parent().unwrap().ends_with("uploads")),
        "{paths:?}"
    );
    for path in paths {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let is_private = mode.trailing_zeros() >= 6;
        // `blobs` itself holds one folder, which is private.
        assert!(
            is_private || path.ends_with("blobs"),
            "{}: {mode:o}",
            path.display()
        );
    }
}

#[tokio::test]
async fn a_damaged_blob_is_not_served_and_heals_when_it_is_pushed_again() {
    for redirect in [false, true] {
        let bench = Bench::start_with(|options| options.quirks.redirect_blobs = redirect).await;
        let registry = bench.registry().await;
        let digest = registry.blob(REPOSITORY, b"content").await;
        let path = format!("{REPOSITORY}/blobs/{digest}");
        let hex = digest.hex();
        let file = bench
            .folder
            .path()
            .join("data/blobs/sha256")
            .join(&hex[..2])
            .join(&hex);
        for damage in [&b"c0ntent"[..], b"cont", b""] {
            assert_eq!(registry.get(&path).await.status(), StatusCode::OK);
            fs::write(&file, damage).unwrap();
            assert_eq!(
                registry.get(&path).await.status(),
                StatusCode::INTERNAL_SERVER_ERROR
            );
            let head = registry.request(Method::HEAD, &path).send().await.unwrap();
            assert!(
                redirect || head.status() == StatusCode::INTERNAL_SERVER_ERROR,
                "{head:?}"
            );
            registry.blob(REPOSITORY, b"content").await;
            let healed = registry.get(&path).await;
            assert_eq!(healed.bytes().await.unwrap(), &b"content"[..]);
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(
            registry.get(&path).await.status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
}

#[tokio::test]
async fn a_blob_that_was_damaged_while_nothing_ran_is_not_served() {
    let bench = Bench::start().await;
    let digest = bench.registry().await.blob(REPOSITORY, b"content").await;
    let Bench { local, folder, http } = bench;
    local.stop().await;
    let hex = digest.hex();
    fs::write(
        folder.path().join("data/blobs/sha256").join(&hex[..2]).join(&hex),
        "c0ntent",
    )
    .unwrap();
    let local = LocalEcr::start(options(folder.path())).await.unwrap();
    let registry = crate::bench::Registry::of(local.access(), &http).await;
    let answer = registry.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_database_that_is_emptied_or_gone_is_no_new_beginning() {
    let bench = Bench::start().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "content").await;
    let Bench { local, folder, .. } = bench;
    local.stop().await;
    let database = folder.path().join("data/state.redb");
    let blobs = files(&folder.path().join("data/blobs"));
    for empty in [true, false] {
        fs::remove_file(&database).unwrap();
        if empty {
            fs::write(&database, "").unwrap();
        }
        let error = LocalEcr::start(options(folder.path())).await.unwrap_err();
        assert!(matches!(error, LocalError::Database { .. }), "{error:?}");
        assert!(
            error.to_string().contains("`state.redb` is missing or empty"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("remove this one"));
        assert_eq!(files(&folder.path().join("data/blobs")), blobs);
        fs::write(&database, "").unwrap();
    }
}

#[tokio::test]
async fn a_damaged_database_is_an_error_that_names_a_way_out() {
    let bench = Bench::start().await;
    for number in 0..20 {
        bench
            .registry()
            .await
            .image(REPOSITORY, &format!("1.0.{number}"), &number.to_string())
            .await;
    }
    let Bench { local, folder, .. } = bench;
    local.stop().await;
    let database = folder.path().join("data/state.redb");
    let good = fs::read(&database).unwrap();
    let mut damaged = vec![b"not a database".repeat(1000), vec![0; good.len()]];
    damaged.extend([1, 100, 512, 4096, good.len() / 2].map(|length| good[..length].to_vec()));
    // Every page once; some are not in use.
    let pages = good.len() / 4096;
    damaged.extend((0..pages).step_by(pages.div_ceil(60)).map(|page| {
        let mut bytes = good.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        bytes
    }));
    let mut refused = 0;
    for bytes in damaged {
        fs::write(&database, bytes).unwrap();
        match LocalEcr::start(options(folder.path())).await {
            Ok(local) => local.stop().await,
            Err(error) => {
                assert!(matches!(error, LocalError::Database { .. }), "{error:?}");
                assert!(error.hint().is_some());
                refused += 1;
            }
        }
    }
    assert!(refused >= 8, "{refused}");
    fs::write(&database, good).unwrap();
    LocalEcr::start(options(folder.path()))
        .await
        .unwrap()
        .stop()
        .await;
}

// A page that is open in a browser may not read or order anything, by whatever name it reaches this machine.
#[tokio::test]
async fn web_pages_see_nothing_of_what_tests_order() {
    let bench = Bench::start_with(|options| options.admin = true).await;
    for path in [
        "/_local/health",
        "/_local/journal",
        "/_local/faults",
        "/_local/clock",
    ] {
        let status = async |name: &str, value: &str| {
            let request = bench.http.get(bench.url(path)).header(name, value);
            request.send().await.unwrap().status()
        };
        assert_eq!(
            status("host", "evil.example:5510").await,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        assert_eq!(
            status("origin", "https://evil.example").await,
            StatusCode::FORBIDDEN,
            "{path}"
        );
        assert_eq!(status("origin", "null").await, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(status("host", "localhost:5510").await, StatusCode::OK, "{path}");
    }
    let delete = bench
        .http
        .delete(bench.url("/_local/state"))
        .header("origin", "https://evil.example");
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_content_range_that_is_malformed_writes_nothing() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    for range in ["0", "0-", "5-2", "0-abc", "0-9", "bytes0-6", "0-6-7"] {
        let upload = registry.upload(REPOSITORY).await;
        let part = registry
            .at(Method::PATCH, &upload)
            .header("content-range", range)
            .body("content");
        assert_eq!(
            part.send().await.unwrap().status(),
            StatusCode::RANGE_NOT_SATISFIABLE,
            "{range}"
        );
        let digest = Digest::of(b"content");
        let whole = registry
            .at(Method::PUT, &format!("{upload}?digest={digest}"))
            .body("content");
        assert_eq!(
            whole.send().await.unwrap().status(),
            StatusCode::CREATED,
            "{range}"
        );
    }
}
