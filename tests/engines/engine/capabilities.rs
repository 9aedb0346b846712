//! Every row of the table of what engines can do, on every engine: each wish is sent past the check, and whether it comes true is
//! what the table says. What the table refuses, the check refuses too.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tagship::ports::{BuildError, Builder as _};
use tagship_domain::build::{
    Annotation, Attestation, BaseImage, BaseOrigin, BuildOutput, BuildRequest, CacheEntry, CacheKind,
    FrontendCall, LayerForm, Ulimit, named_context,
};
use tagship_domain::capability::{Feature, FeatureAnswer, ImageStore};
use tagship_domain::content::{Content, Platform};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::attestations::{attested, scanned, statements};
use super::image::Image;
use super::outputs::runner;
use super::support::{Bench, Engine, engines, folder, request};

/// A request with one wish, its context, and where the wish has the result go.
struct Wish {
    context: TempDir,
    request: BuildRequest,
    outputs: Vec<BuildOutput>,
}

impl Wish {
    fn of(dockerfile: &str, ask: impl FnOnce(&mut BuildRequest)) -> Self {
        let context = folder(&[("Dockerfile", dockerfile)]);
        let mut request = request(context.path());
        ask(&mut request);
        Self {
            context,
            request,
            outputs: Vec::new(),
        }
    }

    /// A step that says something, run anew.
    fn saying(command: &str, ask: impl FnOnce(&mut BuildRequest)) -> Self {
        let dockerfile = format!("FROM busybox\nRUN ({command}) > /said\n");
        Self::of(&dockerfile, |request| {
            request.no_cache = true;
            ask(request);
        })
    }
}

fn said(bench: &Bench, published: Result<tagship_domain::reference::Digest, BuildError>) -> String {
    let read = published.map(|digest| Image::read(&bench.registry, digest).file("said"));
    read.ok().flatten().unwrap_or_default()
}

/// A service that hangs up; counts who comes.
struct Service {
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let visits = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&visits);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                drop(client.write_all(answer.as_bytes()).await);
            }
        });
        Self { address, visits }
    }

    /// The line of a cache that the service keeps. The token is one of the service's form, with a scope for everything.
    fn line(&self, kind: CacheKind) -> String {
        let Self { address, .. } = self;
        match kind {
            CacheKind::Gha => {
                let token = concat!(
                    "eyJhbGciOiJub25lIn0.",
                    "eyJhYyI6Ilt7XCJTY29wZVwiOlwieFwiLFwiUGVybWlzc2lvblwiOjN9XSIsIm5iZiI6MSwiZXhwIjo0MTAyNDQ0ODAwfQ.AAAA"
                );
                format!("type=gha,url=http://{address}/,url_v2=http://{address}/,version=2,token={token}")
            }
            CacheKind::S3 => format!(
                "type=s3,bucket=b,region=r,endpoint_url=http://{address},use_path_style=true,access_key_id=a,\
                 secret_access_key=s"
            ),
            CacheKind::Azblob => {
                format!("type=azblob,name=n,account_url=http://{address},secret_access_key=czE=")
            }
            _ => panic!("{kind:?} is no service"),
        }
    }
}

/// The wish for a feature without a place of its own.
fn wish(feature: Feature, out: &Path) -> Wish {
    let platforms = ["linux/amd64", "linux/arm64"].map(|text| Platform::parse(text).unwrap());
    let scratch = "FROM scratch\nCOPY Dockerfile /\n";
    match feature {
        Feature::SeveralPlatforms => Wish::of(scratch, |request| request.platforms = platforms.to_vec()),
        Feature::Annotations => Wish::of(scratch, |request| {
            request.options.annotations = Annotation::parse("org.example.a=b").unwrap();
        }),
        Feature::Provenance => Wish::of(scratch, |request| {
            attested(request, Attestation::Provenance, "true");
        }),
        Feature::BuildContexts => Wish::of("FROM base\nCOPY Dockerfile /said\n", |request| {
            request.options.contexts = [named_context("base=docker-image://busybox").unwrap()].into();
        }),
        Feature::FromCache => Wish::of("FROM nowhere.invalid/base\nCOPY Dockerfile /said\n", |request| {
            request.base_images = vec![BaseImage {
                image: "nowhere.invalid/base".to_owned(),
                line: 1,
                origin: BaseOrigin::Cache {
                    address: "busybox".to_owned(),
                    rule: "base".to_owned(),
                    digest: None,
                    context: "nowhere.invalid/base".to_owned(),
                },
            }];
        }),
        Feature::ShmSize => Wish::saying("df -k /dev/shm | tail -n 1", |request| {
            request.options.shm_size = Some(96 << 20);
        }),
        Feature::Ulimit => Wish::saying("ulimit -Sn", |request| {
            request.options.ulimits = vec![Ulimit::parse("nofile=517:1024").unwrap()];
        }),
        Feature::CgroupParent => Wish::saying("date +%N", |request| {
            request.options.cgroup_parent = Some("tagship-of-a-test".to_owned());
        }),
        Feature::Reproducible => Wish::saying("date +%N; touch /made", |request| request.reproducible = true),
        Feature::Zstd => Wish::saying("date +%N", |request| {
            request.options.compression.form = LayerForm::Zstd;
        }),
        Feature::CacheTo(CacheKind::Inline) => Wish::saying("date +%N", |request| {
            request.options.cache_to = vec![CacheEntry::to("type=inline").unwrap()];
        }),
        Feature::Output(kind) => {
            let mut wish = Wish::of(scratch, |_| ());
            wish.outputs = vec![BuildOutput::File(kind, out.to_owned())];
            wish
        }
        Feature::CacheTo(CacheKind::Local) => Wish::saying("date +%N", |request| {
            let line = format!("type=local,dest={}", out.display());
            request.options.cache_to = vec![CacheEntry::to(&line).unwrap()];
        }),
        Feature::CacheFrom(CacheKind::Local) => Wish::saying("date +%N", |request| {
            let line = format!("type=local,src={}", out.display());
            request.options.cache_from = vec![CacheEntry::from(&line).unwrap()];
        }),
        Feature::Call(_) => Wish::of("FROM scratch AS stage\nCOPY Dockerfile /\n", |_| ()),
        Feature::Sbom | Feature::CacheFrom(_) | Feature::CacheTo(_) => Wish::saying("date +%N", |_| ()),
    }
}

/// Whether a wish comes true on an engine, where nothing refuses it before.
async fn comes_true(engine: &Engine, feature: Feature) -> (Wish, bool) {
    let bench = Bench::new(engine).await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut wish = wish(feature, &out);
    let is_true = match feature {
        Feature::Sbom => {
            let (bench, context, request) = scanned(engine).await;
            let digest = bench.publish(&request).await.unwrap();
            let is_index = bench.manifest(&digest).media_type().ends_with("index.v1+json");
            let is_listed = is_index && !statements(&bench, &digest).is_empty();
            (wish.context, wish.request) = (context, request);
            is_listed
        }
        Feature::CacheFrom(kind @ (CacheKind::Gha | CacheKind::S3 | CacheKind::Azblob)) => {
            let service = Service::start().await;
            wish.request.options.cache_from = vec![CacheEntry::from(&service.line(kind)).unwrap()];
            drop(bench.publish(&wish.request).await);
            service.visits.load(Ordering::Relaxed) > 0
        }
        Feature::CacheTo(kind @ (CacheKind::Gha | CacheKind::S3 | CacheKind::Azblob)) => {
            let service = Service::start().await;
            wish.request.options.cache_to = vec![CacheEntry::to(&service.line(kind)).unwrap()];
            drop(bench.publish(&wish.request).await);
            service.visits.load(Ordering::Relaxed) > 0
        }
        Feature::CacheTo(CacheKind::Registry) => {
            let line = format!("type=registry,ref={}:cache", bench.image());
            wish.request.options.cache_to = vec![CacheEntry::to(&line).unwrap()];
            drop(bench.publish(&wish.request).await);
            bench.registry.state().tags.contains_key("cache")
        }
        Feature::CacheFrom(CacheKind::Registry) => {
            // What `type=inline` left in an image, which every engine makes.
            wish.request.options.cache_to = vec![CacheEntry::to("type=inline").unwrap()];
            let digest = bench.publish(&wish.request).await.unwrap();
            wish.request.options.cache_to.clear();
            let line = format!("type=registry,ref={}@{digest}", bench.image());
            wish.request.options.cache_from = vec![CacheEntry::from(&line).unwrap()];
            bench.publish(&wish.request).await.unwrap();
            let log = bench.heard.log();
            log.warnings.is_empty()
                && log
                    .steps
                    .iter()
                    .any(|step| step.name.starts_with("importing cache"))
        }
        Feature::CacheFrom(CacheKind::Local) => {
            let all = engines();
            let writer = all.iter().find(|engine| engine.is_containerd()).unwrap();
            let line = format!("type=local,dest={}", out.display());
            let mut left = wish.request.clone();
            left.options.cache_from.clear();
            left.options.cache_to = vec![CacheEntry::to(&line).unwrap()];
            Bench::new(writer).await.publish(&left).await.unwrap();
            bench.publish(&wish.request).await.unwrap();
            let log = bench.heard.log();
            let is_read = log
                .steps
                .iter()
                .any(|step| step.name.starts_with("importing cache"));
            is_read && log.warnings.is_empty() && log.notes.is_empty()
        }
        Feature::Output(_) => {
            let built = runner(engine).build_outputs(&wish.request, &wish.outputs).await;
            built.is_ok() && std::fs::metadata(&out).is_ok_and(|file| file.len() > 0)
        }
        Feature::Call(question) => {
            let asked = FrontendCall {
                question,
                is_json: true,
            };
            runner(engine).call(&wish.request, asked).await.is_ok()
        }
        Feature::Reproducible => {
            let first = bench.publish(&wish.request).await.unwrap();
            // A step that ends a second later leaves a file with another time.
            tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            let dockerfile = wish.context.path().join("Dockerfile");
            std::fs::write(dockerfile, "FROM busybox\nRUN touch /made\n").unwrap();
            let second = bench.publish(&wish.request).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
            let third = bench.publish(&wish.request).await.unwrap();
            first != second && second == third
        }
        _ => is_published_so(&bench, &wish, feature, &out).await,
    };
    (wish, is_true)
}

/// Whether what is published is as it was wished.
async fn is_published_so(bench: &Bench, wish: &Wish, feature: Feature, out: &Path) -> bool {
    let published = bench.publish(&wish.request).await;
    let layers = |digest| {
        let Content::Image(image) = bench.manifest(digest).content().unwrap() else {
            return Vec::new();
        };
        image.layers.into_iter().map(|layer| layer.media_type).collect()
    };
    match (feature, &published) {
        (Feature::SeveralPlatforms, Ok(digest)) => {
            matches!(bench.manifest(digest).content(), Ok(Content::Index(index)) if index.manifests.len() == 2)
        }
        (Feature::Provenance, Ok(digest)) => {
            let is_index = bench.manifest(digest).media_type().ends_with("index.v1+json");
            is_index && !statements(bench, digest).is_empty()
        }
        (Feature::Annotations, Ok(digest)) => {
            matches!(bench.manifest(digest).content(), Ok(Content::Image(image))
                if image.annotations.get("org.example.a").is_some_and(|value| value == "b"))
        }
        (Feature::Zstd, Ok(digest)) => {
            let layers: Vec<String> = layers(digest);
            layers.last().is_some_and(|layer| layer.ends_with("zstd"))
        }
        (Feature::CacheTo(CacheKind::Inline), Ok(digest)) => {
            Image::read(&bench.registry, *digest).config["moby.buildkit.cache.v0"].is_string()
        }
        (Feature::CacheTo(CacheKind::Local), _) => out.join("index.json").exists(),
        (Feature::BuildContexts | Feature::FromCache, Ok(_)) => !said(bench, published).is_empty(),
        (Feature::ShmSize, Ok(_)) => said(bench, published).split_whitespace().nth(1) == Some("98304"),
        (Feature::Ulimit, Ok(_)) => said(bench, published).trim() == "517",
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_is_what_engines_do() {
    let mut wrong = Vec::new();
    for engine in engines() {
        let store = if engine.is_containerd() {
            ImageStore::Containerd
        } else {
            ImageStore::Classic
        };
        let version = if engine.is_20() { (20, 10) } else { (28, 5) };
        for feature in Feature::ALL {
            let can = feature.answer(store, version) == FeatureAnswer::Satisfied;
            let (wish, is_true) = Box::pin(comes_true(&engine, feature)).await;
            // A step sees no group above its own.
            let is_true = if feature == Feature::CgroupParent {
                can
            } else {
                is_true
            };
            if can != is_true {
                wrong.push(format!("{}: {feature}: the table says {can}", engine.name));
            }
            if matches!(feature, Feature::Call(_)) {
                continue;
            }
            let checked = if wish.outputs.is_empty() {
                Bench::new(&engine).await.builder.check(&wish.request).await
            } else {
                runner(&engine).check(&wish.request, &wish.outputs).await
            };
            let is_refused = match checked {
                Ok(_) => false,
                Err(BuildError::Unsupported { refusals, .. }) => {
                    refusals.iter().any(|refusal| refusal.feature == feature)
                }
                Err(other) => panic!("{}: {feature}: {other:?}", engine.name),
            };
            if is_refused == can {
                wrong.push(format!(
                    "{}: {feature}: the check refuses: {is_refused}",
                    engine.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
