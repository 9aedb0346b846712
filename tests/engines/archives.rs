//! Images out of real engines, pushed and pulled back.
//!
//! `TAGSHIP_TEST_ENGINES` names the engines: `name=unix://socket`, separated by spaces.

use std::collections::BTreeSet;
use std::io;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{StreamExt as _, TryStreamExt as _};
use oci_registry::verify;
use tagship::engine::{ImageForm, push_archive};
use tagship::ports::BuildError;
use tagship::ports::{ImageArchive, ReadRepository as _};
use tagship_domain::build::{Compression, LayerForm};
use tagship_domain::content::Content;
use tagship_domain::reference::Digest;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use test_support::fake::{Fake, REPOSITORY};

struct Engine {
    name: String,
    docker: Docker,
}

#[expect(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that covers nothing must not pass, and the engines are named by a variable"
)]
async fn engines() -> Vec<Engine> {
    let Ok(list) = std::env::var("TAGSHIP_TEST_ENGINES") else {
        panic!(
            "set TAGSHIP_TEST_ENGINES to the engines to test with, such as `docker28-classic=unix:///run/docker.sock`"
        );
    };
    let mut engines = Vec::new();
    for entry in list.split_whitespace() {
        let (name, socket) = entry.split_once("=unix://").unwrap();
        let docker = Docker::connect_with_unix(socket, 120, API_DEFAULT_VERSION).unwrap();
        engines.push(Engine {
            name: name.to_owned(),
            docker: docker.negotiate_version().await.unwrap(),
        });
    }
    assert!(
        engines.iter().any(Engine::is_classic),
        "no engine with a classic store in `{list}`"
    );
    engines
}

impl Engine {
    fn is_classic(&self) -> bool {
        self.name.ends_with("-classic")
    }

    /// Builds a Dockerfile beside a file `content`; gives the image.
    async fn build(&self, name: &str, dockerfile: &str) -> EngineImage {
        let name = format!("tagship-registry-test:{name}-{}", std::process::id());
        let mut context = tar::Builder::new(Vec::new());
        for (path, content) in [("Dockerfile", dockerfile.as_bytes()), ("content", b"content")] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            context.append_data(&mut header, path, content).unwrap();
        }
        let context = bollard::body_full(context.into_inner().unwrap().into());
        let options = BuildImageOptionsBuilder::new().t(&name).rm(true).build();
        let progress = self.docker.build_image(options, None, Some(context));
        progress.try_collect::<Vec<_>>().await.unwrap();
        self.image(name).await
    }

    async fn image(&self, name: String) -> EngineImage {
        let inspected = self.docker.inspect_image(&name).await.unwrap();
        let layers = inspected.root_fs.and_then(|root| root.layers).unwrap_or_default();
        EngineImage {
            docker: self.docker.clone(),
            id: Digest::parse(&inspected.id.unwrap()).unwrap(),
            diff_ids: layers.iter().map(|layer| Digest::parse(layer).unwrap()).collect(),
            name,
        }
    }

    async fn remove(&self, name: &str) {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        self.docker.remove_image(name, Some(options), None).await.unwrap();
    }

    /// Pulls by digest; gives the engine's id and diff-ids of what it has then.
    async fn pull(&self, fake: &Fake, digest: Digest) -> EngineImage {
        let name = format!("{}/{REPOSITORY}@{digest}", fake.address);
        let options = CreateImageOptionsBuilder::new().from_image(&name).build();
        let credential = DockerCredentials {
            username: Some("AWS".to_owned()),
            password: Some("secret-1".to_owned()),
            ..DockerCredentials::default()
        };
        let progress = self.docker.create_image(Some(options), None, Some(credential));
        progress.try_collect::<Vec<_>>().await.unwrap();
        self.image(name).await
    }
}

struct EngineImage {
    docker: Docker,
    name: String,
    id: Digest,
    diff_ids: Vec<Digest>,
}

#[async_trait]
impl ImageArchive for EngineImage {
    fn image_id(&self) -> Digest {
        self.id
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        let docker = self.docker.clone();
        let name = self.name.clone();
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            let mut saved = docker.export_image(&name);
            while let Some(chunk) = saved.next().await {
                if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
                    break;
                }
            }
        });
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        Ok(Box::new(StreamReader::new(stream)))
    }
}

/// Pushes an image twice, with no time that is too late, and pulls it into every engine: all of it stays as it was.
async fn round_trip(name: &str, dockerfile: &str, form: LayerForm) {
    let form_of_image = ImageForm::UNCHANGED.compressed(Compression {
        form,
        ..Compression::default()
    });
    let engines = engines().await;
    for engine in engines.iter().filter(|engine| engine.is_classic()) {
        let image = engine.build(name, dockerfile).await;
        let fake = Fake::start().await;
        let (repository, witness) = fake.client();
        let digest = push_archive(&image, &repository, &*witness, form_of_image, None, None)
            .await
            .unwrap();
        let distinct: BTreeSet<_> = image.diff_ids.iter().collect();
        let uploads = fake
            .journal()
            .iter()
            .filter(|entry| entry.starts_with("POST"))
            .count();
        // The layers and the config.
        assert_eq!(uploads, distinct.len() + 1, "{}", engine.name);
        assert!(fake.state().tags.is_empty());

        let second = Fake::start().await;
        let again = push_archive(&image, &second.client().0, &*witness, form_of_image, None, None)
            .await
            .unwrap();
        assert_eq!(again, digest, "{}", engine.name);
        assert!(witness.retries.lock().unwrap().is_empty(), "{}", engine.name);

        let verified = verify(&digest, &repository).await.unwrap();
        let Content::Image(manifest) = verified.manifest.content().unwrap() else {
            unreachable!("{} gave an index", engine.name);
        };
        assert_eq!(manifest.config.digest, image.id);
        let config = repository.blob(&manifest.config).await.unwrap();
        engine.remove(&image.name).await;

        // Docker reads Zstandard from 23.0 on.
        let reads = |puller: &&Engine| form != LayerForm::Zstd || !puller.name.starts_with("docker20");
        for puller in engines.iter().filter(reads) {
            let pulled = puller.pull(&fake, digest).await;
            // The classic store's id is the config's digest, the containerd store's the manifest's.
            let id = if puller.is_classic() {
                Digest::of(&config)
            } else {
                digest
            };
            assert_eq!(pulled.id, id, "{} → {}", engine.name, puller.name);
            assert_eq!(
                pulled.diff_ids, image.diff_ids,
                "{} → {}",
                engine.name, puller.name
            );
            puller.remove(&pulled.name).await;
        }
    }
}

#[tokio::test]
async fn an_image_with_layers_of_all_kinds_goes_and_comes_back() {
    // Not on top of `busybox` itself: the containerd store does not fetch a layer that it has unpacked already, and
    // then cannot read the image that it pulled.
    round_trip(
        "layers",
        "FROM busybox:1 AS base\n\
         FROM scratch\n\
         COPY --from=base / /\n\
         RUN head -c 3000000 /dev/urandom > /random\n\
         RUN true\n\
         ENV NAME=value\n\
         COPY content /content\n\
         RUN rm /random && mkdir -p /empty\n\
         LABEL org.opencontainers.image.version=1.2.3\n\
         CMD [\"/bin/sh\"]\n",
        LayerForm::Gzip,
    )
    .await;
}

#[tokio::test]
async fn layers_compressed_by_zstandard_go_and_come_back() {
    let dockerfile = "FROM scratch\nCOPY content /\nCOPY content /again\n";
    round_trip("zstandard", dockerfile, LayerForm::Zstd).await;
}

#[tokio::test]
async fn an_image_of_one_layer_goes_and_comes_back() {
    round_trip("one-layer", "FROM scratch\nCOPY content /\n", LayerForm::Gzip).await;
}
