//! An image in an engine's classic store.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout};
use tokio_util::io::StreamReader;

use crate::limits;
use crate::ports::BuildError;
use crate::ports::ImageArchive;
use tagship_domain::error::cleaned;
use tagship_domain::reference::Digest;

/// An image that was built into a classic store, without a name.
pub(super) struct ClassicImage {
    docker: Docker,
    id: Digest,
    diff_ids: Vec<Digest>,
}

impl ClassicImage {
    /// Looks an image up.
    pub(super) async fn find(docker: &Docker, id: Digest) -> Result<Self, BuildError> {
        let failed = |message: String| BuildError::Archive { image: id, message };
        let image = docker
            .inspect_image(&id.to_string())
            .await
            .map_err(|error| failed(cleaned(&error.to_string())))?;
        let layers = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
        let diff_ids = layers
            .iter()
            .map(|layer| Digest::parse(layer))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            docker: docker.clone(),
            id,
            diff_ids,
        })
    }
}

/// An image that is only on its way through the store, and is removed from it at the end, also when the work is dropped.
pub(super) struct TemporaryImage(Option<(Docker, Digest)>);

impl TemporaryImage {
    /// Takes charge of an image.
    pub(super) fn new(docker: &Docker, id: Digest) -> Self {
        Self(Some((docker.clone(), id)))
    }

    /// Removes it now.
    pub(super) async fn remove(mut self) {
        if let Some((docker, id)) = self.0.take() {
            remove(docker, id).await;
        }
    }
}

impl Drop for TemporaryImage {
    fn drop(&mut self) {
        if let (Some((docker, id)), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(remove(docker, id));
        }
    }
}

/// What is still used by something else stays, and the build cache does anyway.
async fn remove(docker: Docker, id: Digest) {
    if let Err(error) = docker
        .remove_image(&id.to_string(), None::<RemoveImageOptions>, None)
        .await
    {
        tracing::debug!(image = %id, %error, "the image stays in the engine");
    }
}

/// The ids of all images that the store has.
pub(super) async fn ids(docker: &Docker) -> Result<Vec<String>, bollard::errors::Error> {
    let options = ListImagesOptions {
        all: true,
        ..ListImagesOptions::default()
    };
    let images = docker.list_images(Some(options)).await?;
    Ok(images.into_iter().map(|image| image.id).collect())
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

#[async_trait]
impl ImageArchive for ClassicImage {
    fn image_id(&self) -> Digest {
        self.id
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        let pieces = Box::pin(
            self.docker
                .export_image(&self.id.to_string())
                .map_err(io::Error::other),
        );
        let failed = |error: io::Error| BuildError::Archive {
            image: self.id,
            message: cleaned(&error.to_string()),
        };
        let docker = self.docker.clone();
        let ping = move || {
            let docker = docker.clone();
            async move { docker.ping().await.map(drop).map_err(io::Error::other) }
        };
        let mut pieces = Box::pin(while_alive(pieces, WATCH, ping));
        // The first piece says whether there is an image at all.
        let first = pieces.try_next().await.map_err(failed)?.unwrap_or_default();
        let all = futures_util::stream::iter([Ok(first)]).chain(pieces);
        Ok(Box::new(StreamReader::new(all)))
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
