//! The knobs of a build reach it, on every engine that has them.

use std::collections::BTreeSet;
use std::path::Path;

use tagship::ports::{BuildError, Builder as _};
use tagship_domain::build::{
    Annotation, BuildArgs, BuildRequest, Entitlement, HostEntry, NamedContext, Network, Ulimit, named_context,
};
use tagship_domain::capability::Feature;
use tagship_domain::content::{Content, Manifest, OCI_INDEX, Platform};
use tagship_domain::error::Diagnose as _;

use super::image::Image;
use super::support::{Bench, Engine, Outcome, engines, folder, request, write};

/// Publishes, and gives what a step wrote to `/said`.
async fn said(engine: &Engine, request: &BuildRequest) -> String {
    let bench = Bench::new(engine).await;
    let digest = bench.publish(request).await.unwrap();
    Image::read(&bench.registry, digest)
        .file("said")
        .unwrap_or_else(|| panic!("{}: nothing was said", engine.name))
}

/// A build of one step, whose command says something.
fn saying(command: &str) -> (tempfile::TempDir, BuildRequest) {
    let dockerfile = format!("FROM busybox\nRUN ({command}) > /said\n");
    let context = folder(&[("Dockerfile", &dockerfile)]);
    let mut request = request(context.path());
    // Hosts, limits and the like are no part of what a step depends on.
    request.no_cache = true;
    (context, request)
}

#[tokio::test]
async fn hosts_limits_and_sizes_reach_the_steps() {
    let command = "grep -w db /etc/hosts; ulimit -Sn; ulimit -Hn; df -k /dev/shm | tail -n 1";
    for engine in engines() {
        let (_context, mut request) = saying(command);
        request.options.add_hosts = vec![HostEntry::parse("db:10.20.30.40").unwrap()];
        if engine.is_20() {
            assert!(said(&engine, &request).await.starts_with("10.20.30.40\tdb"));
            continue;
        }
        request.options.ulimits = vec![Ulimit::parse("nofile=512:1024").unwrap()];
        request.options.shm_size = Some(128 << 20);
        let said = said(&engine, &request).await;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "10.20.30.40\tdb", "{}", engine.name);
        assert_eq!(lines[1..3], ["512", "1024"], "{}", engine.name);
        let size = lines[3].split_whitespace().nth(1);
        assert_eq!(size, Some("131072"), "{}: {said}", engine.name);
    }
}

#[tokio::test]
async fn steps_have_the_network_that_is_asked_for() {
    let command = "ls /sys/class/net | tr '\\n' ' '; cat /proc/net/dev | wc -l";
    for engine in engines() {
        let (_context, mut request) = saying(command);
        request.options.network = Some(Network::None);
        let none = said(&engine, &request).await;
        let lines: Vec<&str> = none.lines().collect();
        // Two lines of heading, and the loopback device.
        assert_eq!(
            lines[0].split_whitespace().last(),
            Some("3"),
            "{}: {none}",
            engine.name
        );
        request.options.network = Some(Network::Host);
        let host = said(&engine, &request).await;
        assert_ne!(host, none, "{}", engine.name);
    }
}

#[tokio::test]
async fn an_entitlement_that_the_engine_does_not_grant_is_named() {
    for engine in engines() {
        let dockerfile = "# syntax is the engine's own\nFROM busybox\nRUN --security=insecure true\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let mut request = request(context.path());
        request.options.allow = BTreeSet::from([Entitlement::SecurityInsecure]);
        let error = Bench::new(&engine).await.publish(&request).await.unwrap_err();
        assert!(
            error.to_string().contains("security.insecure") || engine.is_20(),
            "{}: {error}",
            engine.name
        );
    }
}

#[tokio::test]
async fn named_contexts_are_folders_images_and_nothing_else() {
    let dockerfile =
        "FROM base AS start\nFROM base\nCOPY --from=shared . /shared/\nCOPY --from=context own /own\n";
    for engine in engines() {
        let work = folder(&[
            ("app/Dockerfile", dockerfile),
            ("app/own", "the main one"),
            ("shared/.dockerignore", "*.log\n"),
            ("shared/kept", "kept"),
            ("shared/left.log", "left out"),
            ("other/own", "the other one"),
        ]);
        let mut request = request(&work.path().join("app"));
        let named = |line: &str| named_context(line).unwrap();
        let folder = |path: &str| NamedContext::Folder(work.path().join(path));
        request.options.contexts = [
            named("base=docker-image://busybox"),
            ("shared".to_owned(), folder("shared")),
            ("context".to_owned(), folder("other")),
        ]
        .into();
        let bench = Bench::new(&engine).await;
        if engine.is_20() {
            let error = bench.builder.check(&request).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("`build-contexts`: engines before 23.0 ignore it"),
                "{error}"
            );
            assert!(error.hint().unwrap().contains("update the engine to 23.0"));
            continue;
        }
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        assert_eq!(
            image.file("shared/kept").as_deref(),
            Some("kept"),
            "{}",
            engine.name
        );
        assert_eq!(image.file("shared/left.log"), None, "{}", engine.name);
        assert_eq!(
            image.file("own").as_deref(),
            Some("the other one"),
            "{}",
            engine.name
        );
        // A change is sent anew.
        write(work.path(), &[("shared/kept", "kept again")]);
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        assert_eq!(
            image.file("shared/kept").as_deref(),
            Some("kept again"),
            "{}",
            engine.name
        );
    }
}

#[tokio::test]
async fn stages_run_again_whose_cache_is_left_aside() {
    let nonce = tempfile::tempdir().unwrap();
    for engine in engines() {
        let nonce = nonce.path().display();
        let dockerfile = format!(
            "FROM busybox AS one\nRUN echo {nonce} one > /one\nFROM busybox AS two\nRUN echo {nonce} two > /two\n\
             FROM scratch\nCOPY --from=one /one /\nCOPY --from=two /two /\n"
        );
        let context = folder(&[("Dockerfile", &dockerfile)]);
        let mut request = request(context.path());
        Bench::new(&engine).await.publish(&request).await.unwrap();
        request.options.no_cache_filters = vec!["two".to_owned()];
        let bench = Bench::new(&engine).await;
        bench.publish(&request).await.unwrap();
        let steps = bench.heard.log().steps;
        let ran = |name: &str| {
            let step = steps.iter().find(|step| step.name.contains(name)).unwrap();
            step.outcome != Some(Outcome::Cached)
        };
        assert!(
            !ran("one > /one") && ran("two > /two"),
            "{}: {steps:?}",
            engine.name
        );
    }
}

/// With its configs, by the digests that the index has.
fn children(bench: &Bench, index: &Manifest) -> Vec<(String, serde_json::Value)> {
    let Content::Index(content) = index.content().unwrap() else {
        panic!("{} is no index", index.media_type());
    };
    let images = content.manifests.iter().filter(|entry| !entry.is_about_another());
    images
        .map(|entry| {
            let platform = entry.platform.as_ref().unwrap().to_string();
            (platform, Image::read(&bench.registry, entry.digest).config)
        })
        .collect()
}

#[tokio::test]
async fn several_platforms_make_one_index_where_the_store_holds_one() {
    for engine in engines() {
        let dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY files/$TARGETARCH /file\n";
        let context = folder(&[
            ("Dockerfile", dockerfile),
            ("files/amd64", "for amd64"),
            ("files/arm64", "for arm64"),
        ]);
        let mut request = request(context.path());
        let platforms = ["linux/amd64", "linux/arm64"];
        request.platforms = platforms.map(|text| Platform::parse(text).unwrap()).to_vec();
        let bench = Bench::new(&engine).await;
        if !engine.is_containerd() {
            let error = bench.builder.check(&request).await.unwrap_err();
            assert!(matches!(error, BuildError::Unsupported { .. }), "{error:?}");
            assert!(error.to_string().contains("several `platforms`"), "{error}");
            assert!(error.hint().unwrap().contains("containerd"));
            continue;
        }
        bench.builder.check(&request).await.unwrap();
        let digest = bench.publish(&request).await.unwrap();
        let index = bench.manifest(&digest);
        assert_eq!(index.media_type(), OCI_INDEX);
        let children = children(&bench, &index);
        let found: Vec<&str> = children.iter().map(|(platform, _)| platform.as_str()).collect();
        assert_eq!(found, platforms);
        for (platform, config) in &children {
            let architecture = config["architecture"].as_str().unwrap();
            assert_eq!(format!("linux/{architecture}"), *platform);
        }

        // For one, a plain manifest.
        request.platforms.remove(0);
        let digest = bench.publish(&request).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        assert_eq!(image.config["architecture"], "arm64");
        assert_eq!(image.file("file").as_deref(), Some("for arm64"));
    }
}

#[tokio::test]
async fn annotations_are_on_the_manifest_and_the_index() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let mut request = request(context.path());
        let parse = |line: &str| Annotation::parse(line).unwrap();
        request.options.annotations = [parse("org.example.a=1"), parse("index:org.example.b=2")].concat();
        request.platforms = ["linux/amd64", "linux/arm64"]
            .map(|text| Platform::parse(text).unwrap())
            .to_vec();
        let bench = Bench::new(&engine).await;
        if !engine.is_containerd() {
            request.platforms.clear();
            let error = bench.builder.check(&request).await.unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("`annotations`: that store keeps no manifests"),
                "{error}"
            );
            continue;
        }
        let digest = bench.publish(&request).await.unwrap();
        let index = bench.manifest(&digest);
        let Content::Index(entries) = index.content().unwrap() else {
            panic!("{index:?}")
        };
        assert_eq!(entries.annotations["org.example.b"], "2");
        for entry in &entries.manifests {
            let manifest = bench.manifest(&entry.digest);
            let Content::Image(image) = manifest.content().unwrap() else {
                panic!("{manifest:?}")
            };
            assert_eq!(image.annotations["org.example.a"], "1");
        }
    }
}

/// Everything that an engine would ignore is refused, all at once.
#[tokio::test]
async fn what_an_engine_would_leave_out_is_refused_together() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let request = everything(context.path());
        let outcome = Bench::new(&engine).await.builder.check(&request).await;
        let refused: BTreeSet<Feature> = match outcome {
            Ok(_) => BTreeSet::new(),
            Err(BuildError::Unsupported { refusals, .. }) => {
                refusals.iter().map(|refusal| refusal.feature).collect()
            }
            Err(other) => panic!("{}: {other:?}", engine.name),
        };
        let mut expected = BTreeSet::new();
        if !engine.is_containerd() {
            expected.extend([Feature::SeveralPlatforms, Feature::Annotations]);
        }
        if engine.is_20() {
            expected.extend([
                Feature::BuildContexts,
                Feature::ShmSize,
                Feature::Ulimit,
                Feature::CgroupParent,
            ]);
        }
        assert_eq!(refused, expected, "{}", engine.name);
    }
}

fn everything(context: &Path) -> BuildRequest {
    let mut request = request(context);
    request.platforms = ["linux/amd64", "linux/arm64"]
        .map(|text| Platform::parse(text).unwrap())
        .to_vec();
    let options = &mut request.options;
    options.annotations = Annotation::parse("a=b").unwrap();
    options.contexts = [named_context("base=docker-image://busybox").unwrap()].into();
    options.shm_size = Some(1 << 20);
    options.ulimits = vec![Ulimit::parse("nofile=1").unwrap()];
    options.cgroup_parent = Some("build".to_owned());
    request
}

#[tokio::test]
async fn an_argument_that_nothing_takes_is_a_warning() {
    let engine = &engines()[0];
    let context = folder(&[("Dockerfile", "FROM scratch\nARG USED\nCOPY Dockerfile /\n")]);
    let mut request = request(context.path());
    let pairs = ["USED", "MISSPELT"].map(|name| (name.to_owned(), "hidden".to_owned()));
    request.build_args = BuildArgs::new(pairs.into());
    let bench = Bench::in_workspace(engine, context.path().to_owned()).await;
    bench.builder.check(&request).await.unwrap();
    let warnings = bench.heard.log().warnings;
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert_eq!(
        warning.message,
        "build argument `MISSPELT` is taken by no `ARG` of the Dockerfile"
    );
    assert_eq!(warning.file.as_deref(), Some("Dockerfile"));
}
