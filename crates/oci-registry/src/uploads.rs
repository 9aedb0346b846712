//! Blobs that are written.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Response};
use tokio::time::timeout;
use url::Url;

use super::client::Client;
use super::error::RegistryError;
use super::failure::Failure;
use super::manifests::check_digest;
use super::operation::Operation;
use super::repository::BlobStream;
use tagship_domain::reference::{Digest, DigestHasher};

pub(crate) const OCTETS: &str = "application/octet-stream";

impl Client {
    /// Puts a blob in one piece, unless it is there. Each try has an upload session of its own, because ECR does
    /// not let a session begin again.
    pub(crate) async fn upload_bytes(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&content);
        if self.find_blob(&digest).await? == Some(content.len() as u64) {
            return Ok(digest);
        }
        let operation = Operation::CommitBlob(&digest);
        let attempt = || async {
            let session = Self::within(self.retry_policy.answer, self.start_upload()).await?;
            Self::within(
                self.retry_policy.commit,
                self.commit(session, &digest, content.clone()),
            )
            .await
        };
        self.retried(operation, attempt)
            .await
            .map(|()| digest)
            .map_err(|failure| failure.into_error(&self.image, operation))
    }

    /// Uploads a blob of unknown digest and size as its bytes come: one session, one PATCH, one empty PUT.
    pub(crate) async fn upload_stream(&self, content: BlobStream) -> Result<(Digest, u64), RegistryError> {
        // Tried once: whoever has the content tries again, and shares its time among all tries.
        let session = Self::within(self.retry_policy.answer, self.start_upload())
            .await
            .map_err(|failure| failure.into_error(&self.image, Operation::StartUpload))?;

        let sent = Arc::new(Mutex::new(UploadProgress::default()));
        let sending = self.send_blob(&session, Body::wrap_stream(counted(content, Arc::clone(&sent))));
        let answer = self.unless_stalled(&sent, sending).await;
        let (digest, size) = UploadProgress::digest_and_size(&sent)?;
        let session = answer
            .and_then(|session| {
                let complete = UploadProgress::lock(&sent).complete;
                complete
                    .then_some(session)
                    .ok_or_else(|| Failure::transient("the registry did not wait for all of it"))
            })
            .map_err(|failure| failure.into_error(&self.image, Operation::SendBlob))?;

        let commit = self.commit(session, &digest, Bytes::new());
        match Self::within(self.retry_policy.commit, commit).await {
            Ok(()) => Ok((digest, size)),
            Err(failure) => {
                // The answer may be lost although the blob is kept; asking is cheaper than sending again.
                let lost = matches!(failure, Failure::Transient { .. });
                if lost && self.find_blob(&digest).await? == Some(size) {
                    return Ok((digest, size));
                }
                Err(failure.into_error(&self.image, Operation::CommitBlob(&digest)))
            }
        }
    }

    pub(crate) async fn start_upload(&self) -> Result<Url, Failure> {
        let operation = Operation::StartUpload;
        let address = self.address("blobs/uploads/")?;
        let request = || self.http.post(address.clone()).header(CONTENT_LENGTH, 0);
        let response = self.send(operation, request).await?;
        self.next_location(operation, &address, &response)?
            .ok_or_else(|| Failure::refused(&self.image, operation, "it names no address for the upload"))
    }

    async fn send_blob(&self, session: &Url, body: Body) -> Result<Url, Failure> {
        let operation = Operation::SendBlob;
        let request = self
            .http
            .patch(session.clone())
            .header(CONTENT_TYPE, OCTETS)
            .body(body);
        let response = self
            .send_once(operation, request)
            .await
            .map_err(session_is_gone)?;
        // ECR answers 201 where the specification has 202.
        if response.status().is_redirection() {
            return Err(Failure::refused(&self.image, operation, "it redirects an upload"));
        }
        let next = self.next_location(operation, session, &response)?;
        Ok(next.unwrap_or_else(|| session.clone()))
    }

    async fn commit(&self, mut session: Url, digest: &Digest, content: Bytes) -> Result<(), Failure> {
        let operation = Operation::CommitBlob(digest);
        session
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let request = || {
            self.http
                .put(session.clone())
                .header(CONTENT_TYPE, OCTETS)
                .header(CONTENT_LENGTH, content.len())
                .body(content.clone())
        };
        let response = self.send(operation, request).await.map_err(session_is_gone)?;
        if response.status().is_redirection() {
            return Err(Failure::refused(&self.image, operation, "it redirects an upload"));
        }
        check_digest(response.headers(), *digest)
    }

    /// Where the upload goes on: relative, or on the registry's own host. Anywhere else would get the credential.
    fn next_location(
        &self,
        operation: Operation<'_>,
        from: &Url,
        response: &Response,
    ) -> Result<Option<Url>, Failure> {
        let Some(location) = response.headers().get(LOCATION) else {
            return Ok(None);
        };
        let target = location
            .to_str()
            .ok()
            .and_then(|location| from.join(location).ok());
        match target {
            Some(target) if target.origin() == self.base.origin() => Ok(Some(target)),
            _ => Err(Failure::refused(
                &self.image,
                operation,
                "it sends the upload to another host",
            )),
        }
    }

    /// Gives up when neither a byte leaves nor an answer comes for a while.
    async fn unless_stalled<T>(
        &self,
        sent: &Mutex<UploadProgress>,
        sending: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let mut sending = pin!(sending);
        loop {
            let before = UploadProgress::lock(sent).size;
            match timeout(self.retry_policy.stall, &mut sending).await {
                Ok(answer) => return answer,
                Err(_) if UploadProgress::lock(sent).size == before => {
                    return Err(Failure::transient(format!(
                        "nothing moved for {} s",
                        self.retry_policy.stall.as_secs()
                    )));
                }
                Err(_) => {}
            }
        }
    }
}

/// A 404 within an upload means the session.
pub(crate) fn session_is_gone(failure: Failure) -> Failure {
    match failure {
        Failure::Absent(reason) => Failure::transient(reason),
        other => other,
    }
}

/// What has left of a blob so far.
#[derive(Default)]
struct UploadProgress {
    hash: DigestHasher,
    size: u64,
    complete: bool,
    source_error: Option<io::Error>,
}

impl UploadProgress {
    /// Every critical section is complete in itself, so a poisoned lock is no worse than another.
    fn lock(sent: &Mutex<Self>) -> MutexGuard<'_, Self> {
        sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest and size of what was sent; an error if its source failed.
    fn digest_and_size(sent: &Mutex<Self>) -> Result<(Digest, u64), RegistryError> {
        let sent = Self::lock(sent);
        match &sent.source_error {
            Some(error) => Err(RegistryError::Source(error.to_string())),
            None => Ok((sent.hash.clone().finish(), sent.size)),
        }
    }
}

/// The same stream, which notes what leaves.
fn counted(
    content: BlobStream,
    sent: Arc<Mutex<UploadProgress>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((content, sent), |(mut content, sent)| async move {
        let next = content.next().await;
        let item = {
            let mut sent = UploadProgress::lock(&sent);
            match next {
                None => {
                    sent.complete = true;
                    None
                }
                Some(Ok(chunk)) => {
                    sent.hash.update(&chunk);
                    sent.size += chunk.len() as u64;
                    Some(Ok(chunk))
                }
                Some(Err(error)) => {
                    let shown = io::Error::new(error.kind(), error.to_string());
                    sent.source_error = Some(error);
                    Some(Err(shown))
                }
            }
        };
        item.map(|item| (item, (content, sent)))
    })
}
