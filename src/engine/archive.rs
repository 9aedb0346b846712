//! An image in an engine's classic store.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptions, ListImagesOptions, PushImageOptions, RemoveImageOptions, TagImageOptions,
};
use buildkit_session::{Connection, EngineAddress, image_config};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout};
use tokio_util::io::StreamReader;

use super::classic::is_handover;
use super::free_space::check_export;
use crate::limits;
use crate::ports::{BuildError, ImageArchive, LoopbackRegistry, PushableImage};
use tagship_domain::error::{cleaned, innermost};
use tagship_domain::reference::Digest;

/// An image that was built into a classic store, without a name.
pub(super) struct ClassicImage {
    connection: Connection,
    id: Digest,
    diff_ids: Vec<Digest>,
    size: u64,
    /// Whether it has names of its user's.
    has_names: bool,
    may_be_pushed: bool,
}

impl ClassicImage {
    /// Removes the names that a run that was killed left under `repository`, and with them its images.
    async fn remove_left(&self, repository: &str) -> Result<(), bollard::errors::Error> {
        let options = ListImagesOptions {
            filters: Some(HashMap::from([(
                "reference".to_owned(),
                vec![repository.to_owned()],
            )])),
            ..ListImagesOptions::default()
        };
        let left = self.connection.docker().list_images(Some(options)).await?;
        let others = left.into_iter().filter(|image| image.id != self.id.to_string());
        for name in others
            .flat_map(|image| image.repo_tags)
            .filter(|name| is_handover(name))
        {
            remove(self.connection.docker().clone(), name).await;
        }
        Ok(())
    }

    /// Looks an image up. One that is not `passing` stays in the engine.
    ///
    /// A name that it is pushed under cannot be removed from an image that has no other: that would remove the image.
    pub(super) async fn find(
        connection: &Connection,
        id: Digest,
        is_passing: bool,
    ) -> Result<Self, BuildError> {
        let failed = |message: String| BuildError::Archive { image: id, message };
        let image = connection
            .docker()
            .inspect_image(&id.to_string())
            .await
            .map_err(|error| failed(cleaned(&error.to_string())))?;
        let layers = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
        let diff_ids = layers
            .iter()
            .map(|layer| Digest::parse(layer))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(error.to_string()))?;
        let has_names = image
            .repo_tags
            .is_some_and(|names| names.iter().any(|name| !is_handover(name)));
        // Only an engine on this machine can have this one's loopback.
        let is_near = matches!(connection.address(), EngineAddress::Unix(_));
        Ok(Self {
            connection: connection.clone(),
            id,
            diff_ids,
            size: image
                .size
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default(),
            has_names,
            may_be_pushed: is_near && (is_passing || has_names),
        })
    }
}

/// An image or a name that is only on its way through the store, and is removed from it at the end, also when the work
/// is dropped.
pub(super) struct TemporaryImage(Option<(Docker, String)>);

impl TemporaryImage {
    /// Takes charge of an image, by its id or by one of its names.
    pub(super) fn new(docker: &Docker, reference: String) -> Self {
        Self(Some((docker.clone(), reference)))
    }

    /// Removes it now.
    pub(super) async fn remove(mut self) {
        if let Some((docker, reference)) = self.0.take() {
            remove(docker, reference).await;
        }
    }
}

impl Drop for TemporaryImage {
    fn drop(&mut self) {
        if let (Some((docker, reference)), Ok(runtime)) =
            (self.0.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(remove(docker, reference));
        }
    }
}

/// What is still used by something else stays, and the build cache does anyway. An engine that is gone is not waited
/// for as long as one that works.
async fn remove(docker: Docker, reference: String) {
    let removal = docker.remove_image(&reference, None::<RemoveImageOptions>, None);
    match timeout(limits::ENGINE_ANSWER, removal).await {
        Ok(Ok(_removed)) => {}
        Ok(Err(error)) => tracing::debug!(image = %reference, %error, "the image stays in the engine"),
        Err(_elapsed) => {
            tracing::debug!(image = %reference, "the engine does not say whether it removed the image");
        }
    }
}

/// The ids of all images that the store has, but of those that a run that was killed left there.
pub(super) async fn ids(docker: &Docker) -> Result<Vec<String>, bollard::errors::Error> {
    let options = ListImagesOptions {
        all: true,
        ..ListImagesOptions::default()
    };
    let images = docker.list_images(Some(options)).await?;
    let is_left = |names: &[String]| !names.is_empty() && names.iter().all(|name| is_handover(name));
    let kept = images.into_iter().filter(|image| !is_left(&image.repo_tags));
    Ok(kept.map(|image| image.id).collect())
}

/// How a stream that stands still is watched.
#[derive(Debug, Clone, Copy)]
struct StallWatch {
    /// The silence after which the engine is asked.
    ping: Duration,
    /// The time that it has to answer.
    pong: Duration,
    /// The longest silence although it answers.
    longest: Duration,
}

const WATCH: StallWatch = StallWatch {
    ping: limits::ENGINE_PING,
    pong: limits::ENGINE_PONG,
    longest: limits::ENGINE_EXPORT,
};

/// The same stream, as long as the engine says that it is there while the stream stands still.
///
/// `docker save` of a classic store writes the whole image to its disk before the first byte, so that standing still
/// alone says nothing.
fn while_alive<S, P, F>(pieces: S, watch: StallWatch, ping: P) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
    P: FnMut() -> F + Send,
    F: Future<Output = io::Result<()>> + Send,
{
    futures_util::stream::unfold(Some((pieces, ping)), move |state| async move {
        let (mut pieces, mut ping) = state?;
        match next_while_alive(&mut pieces, watch, &mut ping).await {
            Ok(Some(piece)) => Some((Ok(piece), Some((pieces, ping)))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn next_while_alive<S, P, F>(
    pieces: &mut S,
    watch: StallWatch,
    ping: &mut P,
) -> io::Result<Option<Bytes>>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
    P: FnMut() -> F + Send,
    F: Future<Output = io::Result<()>> + Send,
{
    let silent = |for_time: Duration| {
        let message = format!("nothing came for {} s", for_time.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, message)
    };
    let began = Instant::now();
    loop {
        if let Ok(next) = timeout(watch.ping, pieces.next()).await {
            return next.transpose();
        }
        if began.elapsed() > watch.longest {
            return Err(silent(watch.longest));
        }
        timeout(watch.pong, ping())
            .await
            .map_err(|_elapsed| silent(watch.ping + watch.pong))??;
    }
}

/// A stream of an image in the form of `docker save`, by its name or id.
pub(super) async fn exported(docker: &Docker, name: &str) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    let pieces = Box::pin(docker.export_image(name).map_err(io::Error::other));
    let engine = docker.clone();
    let ping = move || {
        let engine = engine.clone();
        async move { engine.ping().await.map(drop).map_err(|error| gone(&error)) }
    };
    let mut pieces = Box::pin(while_alive(pieces, WATCH, ping));
    // The first piece says whether there is an image at all.
    let first = pieces.try_next().await?.unwrap_or_default();
    let all = futures_util::stream::iter([Ok(first)]).chain(pieces);
    Ok(Box::new(StreamReader::new(all)))
}

fn credentials(registry: &LoopbackRegistry) -> DockerCredentials {
    let host = registry.repository.split('/').next();
    DockerCredentials {
        username: Some(registry.username.to_owned()),
        password: Some(registry.password.expose_secret().to_owned()),
        serveraddress: host.map(str::to_owned),
        ..DockerCredentials::default()
    }
}

/// What an engine is that does not answer its ping while a stream of it stands still.
fn gone(error: &bollard::errors::Error) -> io::Error {
    let message = format!("the engine is gone: {}", innermost(error));
    io::Error::new(io::ErrorKind::TimedOut, message)
}

#[async_trait]
impl ImageArchive for ClassicImage {
    fn image_id(&self) -> Digest {
        self.id
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn pushable(&self) -> Option<&dyn PushableImage> {
        self.may_be_pushed.then_some(self)
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        check_export(&self.connection, self.id, self.size).await?;
        let exported = exported(self.connection.docker(), &self.id.to_string()).await;
        exported.map_err(|error| BuildError::Archive {
            image: self.id,
            message: cleaned(&error.to_string()),
        })
    }
}

#[async_trait]
impl PushableImage for ClassicImage {
    fn size(&self) -> u64 {
        self.size
    }

    async fn contact(&self, registry: &LoopbackRegistry) {
        let pulled = self.connection.docker().create_image(
            Some(CreateImageOptions {
                from_image: Some(registry.repository.clone()),
                tag: Some(registry.tag.clone()),
                ..CreateImageOptions::default()
            }),
            None,
            Some(credentials(registry)),
        );
        pulled.for_each(|_answer| std::future::ready(())).await;
    }

    async fn push(
        &self,
        registry: &LoopbackRegistry,
        take_config: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<(), BuildError> {
        let failed = |error: bollard::errors::Error| BuildError::Archive {
            image: self.id,
            message: cleaned(&error.to_string()),
        };
        let LoopbackRegistry { repository, tag, .. } = registry;
        self.remove_left(repository).await.map_err(failed)?;
        let options = TagImageOptions {
            repo: Some(repository.clone()),
            tag: Some(tag.clone()),
        };
        self.connection
            .docker()
            .tag_image(&self.id.to_string(), Some(options))
            .await
            .map_err(failed)?;
        // The name of one without others goes with the image.
        let named = self
            .has_names
            .then(|| TemporaryImage::new(self.connection.docker(), format!("{repository}:{tag}")));
        let options = PushImageOptions {
            tag: Some(tag.clone()),
            ..PushImageOptions::default()
        };
        let pushing = self
            .connection
            .docker()
            .push_image(repository, Some(options), Some(credentials(registry)))
            .try_for_each(|_progress| std::future::ready(Ok(())));
        let name = format!("{repository}:{tag}");
        let asking = async {
            match image_config(&self.connection, &name).await {
                Ok(config) => take_config(config),
                Err(error) => tracing::debug!(%error, "the engine says the config only when it pushes it"),
            }
        };
        let (pushed, ()) = tokio::join!(pushing, asking);
        if let Some(named) = named {
            named.remove().await;
        }
        pushed.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: StallWatch = StallWatch {
        ping: Duration::from_millis(5),
        pong: Duration::from_millis(5),
        longest: Duration::from_hours(1),
    };

    /// A stream that stands still until the engine was asked so many times.
    async fn standing(watch: StallWatch, until: usize, is_there: bool) -> io::Result<Vec<Bytes>> {
        let (asked, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let pieces = futures_util::stream::once(async move {
            for _ in 0..until {
                heard.recv().await;
            }
            Ok(Bytes::from_static(b"piece"))
        });
        let ping = || {
            asked.send(()).ok();
            async move {
                if !is_there {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        };
        while_alive(Box::pin(pieces), watch, ping).try_collect().await
    }

    #[tokio::test]
    async fn a_stream_may_stand_still_as_long_as_the_engine_is_there() {
        assert_eq!(standing(SHORT, 20, true).await.unwrap(), ["piece"]);
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_ends_a_stream_and_so_does_a_stream_that_something_else_holds() {
        let gone = standing(SHORT, usize::MAX, false).await;
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let longest = Duration::from_millis(50);
        let held = standing(StallWatch { longest, ..SHORT }, usize::MAX, true).await;
        assert_eq!(held.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(WATCH.ping + WATCH.pong <= Duration::from_secs(90));
    }
}
