//! Large blobs: read as streams from where the registry keeps them, or taken from another of its repositories.

use std::io;

use futures_util::stream::{self, StreamExt as _};
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use reqwest::Method;
use tokio::time::timeout;

use super::client::Client;
use super::error::RegistryError;
use super::failure::Failure;
use super::http::describe_transport;
use super::operation::Operation;
use super::repository::BlobStream;
use tagship_domain::content::Descriptor;
use tagship_domain::reference::{Digest, RepositoryName};

impl Client {
    /// Opens a blob. Its bytes are not checked here: whoever takes them knows when they end.
    pub(crate) async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobStream, RegistryError> {
        let digest = descriptor.digest;
        let operation = Operation::ReadBlob(&digest);
        let attempt = || {
            let opened = self.read_blob_from(operation, Method::GET, &digest);
            Self::within(self.retry_policy.answer, opened)
        };
        let response = match self.retried(operation, attempt).await {
            Ok(response) => response,
            Err(Failure::Absent(_)) => return Err(RegistryError::ContentMissing { digest }),
            Err(failure) => return Err(failure.into_error(&self.image, operation)),
        };
        let stall = self.retry_policy.stall;
        let chunks = response.bytes_stream();
        let bounded = stream::unfold(Some(chunks), move |chunks| async move {
            let mut chunks = chunks?;
            match timeout(stall, chunks.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(chunks))),
                Ok(Some(Err(error))) => Some((Err(io::Error::other(describe_transport(error))), None)),
                Err(_) => {
                    let error = format!("nothing came for {} s", stall.as_secs());
                    Some((Err(io::Error::new(io::ErrorKind::TimedOut, error)), None))
                }
            }
        });
        Ok(bounded.boxed())
    }

    /// Asks the registry to take a blob from another of its repositories; `false` if it does not.
    ///
    /// Source: OCI distribution spec, "Mounting a blob from another repository". Who does not mount answers with an
    /// upload session, which ends by itself.
    pub(crate) async fn mount_blob(
        &self,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        let operation = Operation::StartUpload;
        let mounted = async {
            let mut address = self.address("blobs/uploads/")?;
            address
                .query_pairs_mut()
                .append_pair("mount", &digest.to_string())
                .append_pair("from", from.as_str());
            let request = || self.http.post(address.clone()).header(CONTENT_LENGTH, 0);
            let response = self.send(operation, request).await?;
            Ok(response.status() == StatusCode::CREATED)
        };
        match Self::within(self.retry_policy.answer, mounted).await {
            Ok(is_mounted) => Ok(is_mounted),
            // Sending it is another way to the same end, and says what is wrong if that fails too.
            Err(_) => Ok(false),
        }
    }
}
