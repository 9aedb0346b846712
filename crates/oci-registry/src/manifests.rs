//! Manifests, byte for byte.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use super::client::{Client, read_up_to, transport_failure};
use super::error::RegistryError;
use super::failure::Failure;
use super::operation::Operation;
use super::pacing::wait_to_put;
use tagship_domain::content::{MANIFEST_TYPES, MAX_MANIFEST_BYTES, Manifest};
use tagship_domain::error::cleaned;
use tagship_domain::reference::{Digest, Reference};

/// Source: OCI distribution spec, "Pulling manifests".
const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Client {
    /// A manifest with its exact bytes; `None` if there is none.
    pub(crate) async fn get_manifest(
        &self,
        reference: &Reference,
    ) -> Result<Option<Manifest>, RegistryError> {
        let operation = Operation::ReadManifest(reference);
        let attempt = || {
            Self::within(
                self.retry_policy.answer,
                self.get_manifest_once(operation, reference),
            )
        };
        match self.retried(operation, attempt).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Failure::Absent(_)) => Ok(None),
            Err(failure) => Err(failure.into_error(&self.image, operation)),
        }
    }

    async fn get_manifest_once(
        &self,
        operation: Operation<'_>,
        reference: &Reference,
    ) -> Result<Manifest, Failure> {
        let address = self.address(&format!("manifests/{reference}"))?;
        let request = || {
            self.http
                .get(address.clone())
                .header(ACCEPT, MANIFEST_TYPES.join(", "))
        };
        let mut response = self.send(operation, request).await?;
        if response.status().is_redirection() {
            return Err(Failure::refused(
                &self.image,
                operation,
                "it redirects a manifest",
            ));
        }
        let bytes = read_up_to(&mut response, MAX_MANIFEST_BYTES + 1)
            .await
            .map_err(transport_failure)?;
        let manifest = Manifest::new(media_type(response.headers()), bytes);
        if let Reference::Digest(expected) = reference
            && manifest.digest() != *expected
        {
            return Err(mismatch(*expected, manifest.digest().to_string()).into());
        }
        check_digest(response.headers(), manifest.digest())?;
        Ok(manifest)
    }

    /// Puts a manifest under a tag or its own digest, byte for byte, no faster than the registry's quota allows.
    pub(crate) async fn write_manifest(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let operation = Operation::PutManifest(reference);
        let attempt = move || async move {
            wait_to_put(&self.image.registry).await;
            let put = self.put_manifest_once(operation, reference, manifest);
            Self::within(self.retry_policy.answer, put).await
        };
        self.retried(operation, attempt)
            .await
            .map_err(|failure| failure.into_error(&self.image, operation))
    }

    async fn put_manifest_once(
        &self,
        operation: Operation<'_>,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), Failure> {
        let address = self.address(&format!("manifests/{reference}"))?;
        let request = || {
            self.http
                .put(address.clone())
                .header(CONTENT_TYPE, manifest.media_type())
                .body(manifest.bytes().clone())
        };
        let response = self.send(operation, request).await?;
        if response.status().is_redirection() {
            return Err(Failure::refused(
                &self.image,
                operation,
                "it redirects a manifest",
            ));
        }
        check_digest(response.headers(), manifest.digest())
    }
}

/// The media type without parameters; empty when there is none.
fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_owned())
        .unwrap_or_default()
}

/// The registry need not name the digest, but if it does it must name this one.
pub(crate) fn check_digest(headers: &HeaderMap, expected: Digest) -> Result<(), Failure> {
    let Some(said) = headers.get(DOCKER_CONTENT_DIGEST) else {
        return Ok(());
    };
    let said = String::from_utf8_lossy(said.as_bytes());
    if Digest::parse(&said) == Ok(expected) {
        Ok(())
    } else {
        Err(mismatch(expected, cleaned(&said)).into())
    }
}

pub(crate) fn mismatch(expected: Digest, found: String) -> RegistryError {
    RegistryError::ContentMismatch { expected, found }
}
