//! An image in an engine's classic store.

use std::io;

use async_trait::async_trait;
use bollard::Docker;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::BuildError;
use super::failure::clean;
use crate::domain::reference::Digest;
use crate::ports::ImageArchive;

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
            .map_err(|error| failed(clean(&error.to_string())))?;
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

    /// Removes the image from the store. What is still used by something else stays, and the build cache does anyway.
    pub(super) async fn remove(&self) {
        let options = RemoveImageOptions {
            noprune: false,
            force: false,
            ..RemoveImageOptions::default()
        };
        if let Err(error) = self
            .docker
            .remove_image(&self.id.to_string(), Some(options), None)
            .await
        {
            tracing::debug!(image = %self.id, %error, "the image stays in the engine");
        }
    }
}

/// Whether the store has an image already.
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
            message: clean(&error.to_string()),
        };
        // The first piece tells whether there is an image at all.
        let first = pieces.try_next().await.map_err(failed)?.unwrap_or_default();
        let all = futures_util::stream::iter([Ok(first)]).chain(pieces);
        Ok(Box::new(StreamReader::new(all)))
    }
}
