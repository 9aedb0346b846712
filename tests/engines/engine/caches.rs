//! Caches outside of the engine: what they are to a build, and that none fails one.

use http::Method;
use tagship::ports::Builder as _;
use tagship_domain::build::{BuildRequest, CacheEntry};

use super::image::Image;
use super::support::{Bench, Outcome, engines, folder, request};
use test_support::fake::Fault;

/// A build that nothing else has in its cache.
fn own_build() -> (tempfile::TempDir, BuildRequest) {
    let context = folder(&[]);
    let nonce = context.path().display().to_string();
    let dockerfile = format!("FROM busybox\nRUN echo {nonce} > /said\n");
    super::support::write(context.path(), &[("Dockerfile", &dockerfile)]);
    let request = request(context.path());
    (context, request)
}

#[tokio::test]
async fn a_registry_cache_is_written_as_ecr_takes_it_and_read_again() {
    for engine in engines() {
        let (_context, mut request) = own_build();
        let bench = Bench::new(&engine).await;
        request.options.keep_cache_in(&bench.image(), false);
        if !engine.is_containerd() {
            let error = bench.builder.check(&request).await.unwrap_err();
            assert!(
                error.to_string().contains("`cache-to` with `type=registry`"),
                "{error}"
            );
            continue;
        }
        bench.publish(&request).await.unwrap();
        let log = bench.heard.log();
        assert!(log.warnings.is_empty(), "{:?}", log.warnings);
        let note = format!("there is no cache at `{}:buildcache` yet", bench.image());
        assert_eq!(log.notes, [note], "the first build finds none");
        let cache = bench.registry.state().tags["buildcache"];
        let manifest = bench.manifest(&cache);
        assert_eq!(
            manifest.media_type(),
            "application/vnd.oci.image.manifest.v1+json"
        );

        // What is read makes the steps cached that the engine is asked to forget.
        bench.publish(&request).await.unwrap();
        let log = bench.heard.log();
        let import = log
            .steps
            .iter()
            .find(|step| step.name.starts_with("importing cache manifest"))
            .unwrap();
        assert!(matches!(import.outcome, Some(Outcome::Done(_))), "{import:?}");
        assert_eq!(log.notes.len(), 1, "{:?}", log.notes);
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_a_warning() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let (_context, mut request) = own_build();
        let bench = Bench::new(&engine).await;
        request.options.keep_cache_in(&bench.image(), false);
        bench.registry.fail(
            Method::PUT,
            "/manifests/buildcache",
            Fault::error(403, "DENIED", "not for you"),
        );
        let digest = bench.publish(&request).await.unwrap();
        assert!(Image::read(&bench.registry, digest).file("said").is_some());
        let warnings = bench.heard.log().warnings;
        let [warning] = warnings.as_slice() else {
            panic!("{warnings:?}")
        };
        assert!(
            warning.message.starts_with("the cache could not be written: "),
            "{warning:?}"
        );
        assert!(warning.message.contains("403"), "{warning:?}");
    }
}

/// The same on engines that do not know `ignore-error`: the build is repeated without the cache.
#[tokio::test]
async fn a_cache_that_fails_the_build_is_left_out() {
    for engine in engines()
        .into_iter()
        .filter(super::support::Engine::is_containerd)
    {
        let (_context, mut request) = own_build();
        let bench = Bench::new(&engine).await;
        let line = format!(
            "type=registry,ref={}:buildcache,ignore-error=false",
            bench.image()
        );
        request.options.cache_to = vec![CacheEntry::to(&line).unwrap()];
        bench.registry.fail(
            Method::PUT,
            "/manifests/buildcache",
            Fault::error(403, "DENIED", "not for you"),
        );
        let digest = bench.publish(&request).await.unwrap();
        assert!(Image::read(&bench.registry, digest).file("said").is_some());
        assert_eq!(bench.heard.log().warnings.len(), 1);
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_read_is_a_warning() {
    for engine in engines() {
        let (_context, mut request) = own_build();
        let bench = Bench::new(&engine).await;
        // Nothing listens there.
        request.options.cache_from =
            vec![CacheEntry::from("type=registry,ref=127.0.0.1:9/team/app:c").unwrap()];
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        assert!(
            Image::read(&bench.registry, digest).file("said").is_some(),
            "{}",
            engine.name
        );
        let warnings = bench.heard.log().warnings;
        let [warning] = warnings.as_slice() else {
            panic!("{}: {warnings:?}", engine.name)
        };
        let begin = "the cache at `127.0.0.1:9/team/app:c` could not be read: ";
        assert!(warning.message.starts_with(begin), "{}: {warning:?}", engine.name);
    }
}

#[tokio::test]
async fn an_inline_cache_is_in_the_image() {
    for engine in engines() {
        let (_context, mut request) = own_build();
        request.options.cache_to = vec![CacheEntry::to("type=inline").unwrap()];
        let bench = Bench::new(&engine).await;
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        // Source: BuildKit, `exporter/containerimage/exptypes`, `ExporterInlineCache`; `image/spec`.
        assert!(
            image.config["moby.buildkit.cache.v0"].is_string(),
            "{}: {}",
            engine.name,
            image.config
        );
        assert!(bench.heard.log().warnings.is_empty());
    }
}

#[tokio::test]
async fn an_optional_cache_is_left_out_where_the_engine_takes_none() {
    for engine in engines() {
        let (_context, mut request) = own_build();
        let bench = Bench::new(&engine).await;
        request.options.keep_cache_in(&bench.image(), true);
        bench.builder.check(&request).await.unwrap();
        bench.publish(&request).await.unwrap();
        let notes = bench.heard.log().notes;
        let left_out = notes.iter().any(|note| note.starts_with("without cache: "));
        assert_eq!(left_out, !engine.is_containerd(), "{}: {notes:?}", engine.name);
    }
}

/// What one engine left in a folder is found by another that never built it.
#[tokio::test]
async fn a_cache_in_a_folder_serves_other_engines() {
    let all = engines();
    let writer = all.iter().find(|engine| engine.is_containerd()).unwrap();
    let context = folder(&[(
        "Dockerfile",
        "FROM scratch AS one\nCOPY file /a\nFROM scratch\nCOPY --from=one /a /b\n",
    )]);
    let nonce = context.path().display().to_string();
    super::support::write(context.path(), &[("file", &nonce)]);
    let cache = context.path().join("cache");
    super::support::write(context.path(), &[(".dockerignore", "cache\n")]);
    let mut request = request(context.path());
    let line = format!("type=local,src={}", cache.display());
    request.options.cache_from = vec![CacheEntry::from(&line).unwrap()];
    let line = format!("type=local,dest={},mode=max", cache.display());
    request.options.cache_to = vec![CacheEntry::to(&line).unwrap()];
    let bench = Bench::new(writer).await;
    bench.builder.check(&request).await.unwrap();
    bench.publish(&request).await.unwrap();
    let log = bench.heard.log();
    assert!(log.warnings.is_empty(), "{:?}", log.warnings);
    assert_eq!(
        log.notes,
        [format!("there is no cache in `{}` yet", cache.display())]
    );
    // Another client finds its way in it. Source: OCI image spec, "Image Layout".
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(cache.join("index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    assert_eq!(
        index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
        "latest"
    );
    assert!(
        cache
            .join("blobs/sha256")
            .join(digest.strip_prefix("sha256:").unwrap())
            .is_file()
    );

    request.options.cache_to.clear();
    for engine in &all {
        let bench = Bench::new(engine).await;
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        assert_eq!(
            Image::read(&bench.registry, digest).file("b"),
            Some(nonce.clone())
        );
        let log = bench.heard.log();
        assert!(
            log.warnings.is_empty() && log.notes.is_empty(),
            "{}: {log:?}",
            engine.name
        );
        let copied = log.steps.iter().filter(|step| step.name.contains("COPY"));
        let outcomes: Vec<_> = copied.map(|step| step.outcome.clone()).collect();
        // 20.10 reads the older form of a cache alone, and goes on without.
        assert!(
            engine.is_20()
                || !outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == Some(Outcome::Cached)),
            "{}: {outcomes:?}",
            engine.name
        );
    }
}
