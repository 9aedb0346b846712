//! An image in an engine's classic store.

use std::io;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

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
pub(super) struct Passing(Option<(Docker, Digest)>);

impl Passing {
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

impl Drop for Passing {
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

#[async_trait]
impl ImageArchive for ClassicImage {
    fn image_id(&self) -> Digest {
        self.id
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        let mut pieces = Box::pin(
            self.docker
                .export_image(&self.id.to_string())
                .map_err(io::Error::other),
        );
        let failed = |error: io::Error| BuildError::Archive {
            image: self.id,
            message: cleaned(&error.to_string()),
        };
        // The first piece tells whether there is an image at all.
        let first = pieces.try_next().await.map_err(failed)?.unwrap_or_default();
        let all = futures_util::stream::iter([Ok(first)]).chain(pieces);
        Ok(Box::new(StreamReader::new(all)))
    }
}
