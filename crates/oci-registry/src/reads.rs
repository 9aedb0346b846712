//! Blobs that are read, where the registry redirects to.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LOCATION};
use reqwest::{Method, Response};
use url::Url;

use super::client::{Client, read_up_to, transport_failure};
use super::error::RegistryError;
use super::failure::Failure;
use super::http::send;
use super::manifests::mismatch;
use super::operation::Operation;
use tagship_domain::content::Descriptor;
use tagship_domain::reference::Digest;

/// The largest blob that is read into memory, in bytes. Configs are a few kilobytes.
pub const MAX_SMALL_BLOB: u64 = 8 * 1024 * 1024;

/// How often one read is sent elsewhere. ECR sends once, to its storage.
const MAX_REDIRECTS: usize = 5;

impl Client {
    /// The size of a blob in bytes; `None` if there is none.
    pub(crate) async fn find_blob(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        let operation = Operation::FindBlob(digest);
        let attempt = || Self::within(self.retry_policy.answer, self.find_blob_once(operation, digest));
        match self.retried(operation, attempt).await {
            Ok(size) => Ok(Some(size)),
            Err(Failure::Absent(_)) => Ok(None),
            Err(failure) => Err(failure.into_error(&self.image, operation)),
        }
    }

    pub(crate) async fn find_blob_once(
        &self,
        operation: Operation<'_>,
        digest: &Digest,
    ) -> Result<u64, Failure> {
        let response = self.read_blob_from(operation, Method::HEAD, digest).await?;
        // The header and not reqwest's length, which is that of a HEAD's empty body.
        response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok())
            .ok_or_else(|| Failure::refused(&self.image, operation, "its answer has no length"))
    }

    /// The content of a small blob, of exactly the descriptor's size and digest.
    pub(crate) async fn get_blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let operation = Operation::ReadBlob(&descriptor.digest);
        if descriptor.size > MAX_SMALL_BLOB {
            return Err(mismatch(
                descriptor.digest,
                format!("a blob of {} bytes where a small one belongs", descriptor.size),
            ));
        }
        let attempt = || {
            Self::within(
                self.retry_policy.answer,
                self.get_blob_once(operation, descriptor),
            )
        };
        match self.retried(operation, attempt).await {
            Ok(content) => Ok(content),
            Err(Failure::Absent(_)) => Err(RegistryError::ContentMissing {
                digest: descriptor.digest,
            }),
            Err(failure) => Err(failure.into_error(&self.image, operation)),
        }
    }

    async fn get_blob_once(
        &self,
        operation: Operation<'_>,
        descriptor: &Descriptor,
    ) -> Result<Bytes, Failure> {
        let mut response = self
            .read_blob_from(operation, Method::GET, &descriptor.digest)
            .await?;
        let size = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
        let content = read_up_to(&mut response, size.saturating_add(1))
            .await
            .map_err(transport_failure)?;
        let found = Digest::of(&content);
        if content.len() == size && found == descriptor.digest {
            return Ok(content);
        }
        let found = if content.len() == size {
            found.to_string()
        } else {
            format!("another size than {size} bytes")
        };
        Err(mismatch(descriptor.digest, found).into())
    }

    /// Reads a blob where it really is. The credential is for the registry alone and is never sent further.
    pub(crate) async fn read_blob_from(
        &self,
        operation: Operation<'_>,
        method: Method,
        digest: &Digest,
    ) -> Result<Response, Failure> {
        let mut address = self.address(&format!("blobs/{digest}"))?;
        let request = || self.http.request(method.clone(), address.clone());
        let mut response = self.send(operation, request).await?;
        for _ in 0..MAX_REDIRECTS {
            if !response.status().is_redirection() {
                return Ok(response);
            }
            address = self.redirect_target(operation, &address, &response)?;
            let request = self.http.request(method.clone(), address.clone());
            response = send(request).await.map_err(transport_failure)?;
            response = match self.checked(operation, response).await {
                // Storage refuses signed addresses that have expired; the registry gives a new one.
                Err(Failure::Credential(_) | Failure::Permanent(_)) => {
                    return Err(Failure::transient("the storage that it names refuses"));
                }
                other => other?,
            };
        }
        Err(Failure::refused(
            &self.image,
            operation,
            "it redirects in circles",
        ))
    }

    fn redirect_target(
        &self,
        operation: Operation<'_>,
        from: &Url,
        response: &Response,
    ) -> Result<Url, Failure> {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|location| location.to_str().ok())
            .and_then(|location| from.join(location).ok());
        match target {
            Some(target) if target.scheme() == "https" => Ok(target),
            Some(target) if target.scheme() == "http" && self.image.registry.is_plain_http() => Ok(target),
            _ => Err(Failure::refused(
                &self.image,
                operation,
                "it redirects to where no blob can be read",
            )),
        }
    }
}
