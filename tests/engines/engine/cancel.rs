//! A build that is not waited for any more ends on the engine too.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tagship::ports::{BlobStream, Builder as _, ReadRepository, RegistryError, WriteRepository};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, Tag};
use test_support::process::running;
use tokio::sync::Notify;

use super::support::{Bench, engines, folder, request, write};

async fn until(condition: impl Fn() -> bool) -> bool {
    for _ in 0..100 {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    condition()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_build_ends_its_processes() {
    for (number, engine) in engines().into_iter().enumerate() {
        let seconds = format!("{}{number}", 4000 + std::process::id() % 4000);
        let sleep = ["sleep", seconds.as_str()];
        let context = folder(&[(
            "Dockerfile",
            &format!("FROM busybox\nRUN [\"sleep\", \"{seconds}\"]\n"),
        )]);
        let bench = Bench::new(&engine).await;
        let build = tokio::spawn(async move { bench.publish(&request(context.path())).await });
        assert!(
            until(|| running(&sleep) > 0).await,
            "{}: the step runs",
            engine.name
        );
        build.abort();
        assert!(build.await.unwrap_err().is_cancelled());
        assert!(
            until(|| running(&sleep) == 0).await,
            "{}: the step is gone",
            engine.name
        );
    }
}

/// A registry that never answers.
struct Silent(Arc<Notify>);

impl Silent {
    async fn never<T>(&self) -> T {
        self.0.notify_one();
        pending().await
    }
}

#[async_trait]
impl ReadRepository for Silent {
    async fn resolve(&self, _: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        self.never().await
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.never().await
    }

    async fn manifest(&self, _: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.never().await
    }

    async fn blob_size(&self, _: &Digest) -> Result<Option<u64>, RegistryError> {
        self.never().await
    }

    async fn blob(&self, _: &Descriptor) -> Result<Bytes, RegistryError> {
        self.never().await
    }
}

#[async_trait]
impl WriteRepository for Silent {
    async fn upload(&self, _: &Digest, _: u64, _: BlobStream) -> Result<(), RegistryError> {
        self.never().await
    }

    async fn put_blob(&self, _: Bytes) -> Result<Digest, RegistryError> {
        self.never().await
    }

    async fn put_manifest(&self, _: &Reference, _: &Manifest) -> Result<(), RegistryError> {
        self.never().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_push_leaves_no_image_in_the_engine() {
    for engine in engines().into_iter().filter(|engine| !engine.is_containerd()) {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY unique /\n")]);
        let nonce = context.path().display().to_string();
        write(context.path(), &[("unique", &nonce)]);
        let mut request = request(context.path());
        request.labels = BTreeMap::from([("tagship.test".to_owned(), nonce.clone())]);
        let filter = format!("label=tagship.test={nonce}");
        let list = ["images", "--all", "--quiet", "--filter", &filter];

        let bench = Bench::new(&engine).await;
        let asked = Arc::new(Notify::new());
        let registry = Silent(asked.clone());
        let push = tokio::spawn(async move { bench.builder.publish(&request, &registry).await });
        asked.notified().await;
        assert_ne!(
            engine.docker(&list).await,
            b"",
            "{}: the image is there while it is pushed",
            engine.name
        );
        push.abort();
        assert!(push.await.unwrap_err().is_cancelled());
        let mut left = engine.docker(&list).await;
        for _ in 0..50 {
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            left = engine.docker(&list).await;
        }
        assert_eq!(left, b"", "{}", engine.name);
    }
}
