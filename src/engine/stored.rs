//! An image that an engine has already, to be pushed as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use bollard::Docker;
use bollard::errors::Error;
use buildkit_session::{BuildKit, Capabilities, Connection, EnginePlace};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use super::archive::{ClassicImage, exported};
use super::classic::temporary_failure;
use crate::ports::{BuildError, ImageArchive, ImageStore};
use tagship_domain::content::Platform;
use tagship_domain::error::cleaned;
use tagship_domain::reference::Digest;

/// An image that an engine has.
pub struct StoredImage {
    /// Its platform, as far as the engine says.
    pub platform: Option<Platform>,
    /// The labels of its config.
    pub labels: BTreeMap<String, String>,
    /// Its content.
    pub content: StoredContent,
}

/// How the content of an image comes out of its engine.
pub enum StoredContent {
    /// As a stream of layers that are not compressed, from a classic store.
    Uncompressed(Box<dyn ImageArchive>),
    /// As an archive of an OCI layout that holds the image byte for byte, from a store with manifests.
    Layout(NamedTempFile),
}

impl fmt::Debug for StoredImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredImage")
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncompressed(archive) => write!(f, "Uncompressed({})", archive.image_id()),
            Self::Layout(file) => write!(f, "Layout({})", file.path().display()),
        }
    }
}

/// Finds an image by its name or id, in the engine at `place`.
///
/// `None` where the engine does not have it.
pub async fn find_image(place: &EnginePlace, name: &str) -> Result<Option<StoredImage>, BuildError> {
    let connection = Connection::open(place).await?;
    let capabilities = Capabilities::read(&BuildKit::Engine(connection.clone())).await?;
    let docker = connection.docker();
    let image = match docker.inspect_image(name).await {
        Ok(image) => image,
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
        Err(error) => return Err(connection.unreachable(&error).into()),
    };
    let id = image.id.as_deref().map(Digest::parse).and_then(Result::ok);
    let id = id.ok_or_else(|| BuildError::Failed {
        message: format!("the engine gives no id of image `{}`", cleaned(name)),
        location: None,
    })?;
    let content = match capabilities.store {
        ImageStore::Classic => {
            let image = ClassicImage::find(&connection, id, false).await?;
            StoredContent::Uncompressed(Box::new(image))
        }
        ImageStore::Containerd => StoredContent::Layout(saved(docker, name, id).await?),
        ImageStore::None => return Ok(None),
    };
    let text = |part: Option<String>| part.filter(|part| !part.is_empty());
    let platform = text(image.os)
        .zip(text(image.architecture))
        .and_then(|(os, architecture)| {
            let variant = text(image.variant)
                .map(|variant| format!("/{variant}"))
                .unwrap_or_default();
            Platform::parse(&format!("{os}/{architecture}{variant}")).ok()
        });
    let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
    Ok(Some(StoredImage {
        platform,
        labels: labels.into_iter().collect(),
        content,
    }))
}

/// Saves an image, under the name that is asked for, into a file that is removed at the end.
async fn saved(docker: &Docker, name: &str, id: Digest) -> Result<NamedTempFile, BuildError> {
    let failed = |error: io::Error| BuildError::Archive {
        image: id,
        message: cleaned(&error.to_string()),
    };
    let not_kept = |error: io::Error| temporary_failure(&error.to_string());
    let file = NamedTempFile::new().map_err(not_kept)?;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(not_kept)?);
    let mut content = exported(docker, name).await.map_err(failed)?;
    let copied = tokio::io::copy(&mut content, &mut writer).await;
    copied.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => not_kept(error),
        _ => failed(error),
    })?;
    writer.flush().await.map_err(not_kept)?;
    Ok(file)
}
