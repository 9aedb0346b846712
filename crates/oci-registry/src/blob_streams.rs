//! Large blobs as streams: read from where the registry keeps them, sent in one request where digest and size are known.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method};
use tokio::time::timeout;

use super::client::Client;
use super::error::RegistryError;
use super::failure::Failure;
use super::http::describe_transport;
use super::manifests::{check_digest, mismatch};
use super::operation::Operation;
use super::repository::BlobStream;
use super::uploads::{OCTETS, session_is_gone};
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

    /// Sends a blob of known digest and size: one POST, one PUT with all bytes. Tried once, as the stream is gone then.
    ///
    /// Source: OCI distribution spec, "Pushing a blob monolithically", POST then PUT.
    pub(crate) async fn send_known(
        &self,
        descriptor: &Descriptor,
        content: BlobStream,
    ) -> Result<(), RegistryError> {
        let digest = descriptor.digest;
        let operation = Operation::CommitBlob(&digest);
        let mut session = Self::within(self.retry_policy.answer, self.start_upload())
            .await
            .map_err(|failure| failure.into_error(&self.image, Operation::StartUpload))?;
        session
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let sent = Arc::new(Sent::default());
        let request = self
            .http
            .put(session)
            .header(CONTENT_TYPE, OCTETS)
            .header(CONTENT_LENGTH, descriptor.size)
            .body(Body::wrap_stream(counted(content, Arc::clone(&sent))));
        let sending = async {
            let response = self
                .send_once(operation, request)
                .await
                .map_err(session_is_gone)?;
            if response.status().is_redirection() {
                return Err(Failure::refused(&self.image, operation, "it redirects an upload"));
            }
            check_digest(response.headers(), digest)
        };
        let answer = self.unless_still(&sent, sending).await;
        // What the source says counts more than what the registry says of bytes that did not come.
        if let Some(error) = sent.source_error.get() {
            return Err(RegistryError::Source(error.clone()));
        }
        let size = sent.size.load(Ordering::Relaxed);
        match answer {
            Ok(()) if size == descriptor.size => Ok(()),
            Ok(()) => Err(mismatch(digest, format!("{size} bytes were sent"))),
            Err(failure) => {
                // The answer may be lost although the blob is kept.
                let lost = matches!(failure, Failure::Transient { .. }) && size == descriptor.size;
                if lost && self.find_blob(&digest).await? == Some(size) {
                    return Ok(());
                }
                Err(failure.into_error(&self.image, operation))
            }
        }
    }

    /// Gives up when neither a byte leaves nor an answer comes for a while; with all bytes there, the registry checks them.
    async fn unless_still<T>(
        &self,
        sent: &Sent,
        sending: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let mut sending = pin!(sending);
        loop {
            let before = sent.size.load(Ordering::Relaxed);
            let limit = if sent.is_complete.load(Ordering::Relaxed) {
                self.retry_policy.commit
            } else {
                self.retry_policy.stall
            };
            match timeout(limit, &mut sending).await {
                Ok(answer) => return answer,
                Err(_) if sent.size.load(Ordering::Relaxed) == before => {
                    return Err(Failure::transient(format!(
                        "nothing moved for {} s",
                        limit.as_secs()
                    )));
                }
                Err(_) => {}
            }
        }
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

/// What has left of a blob so far.
#[derive(Default)]
struct Sent {
    size: AtomicU64,
    is_complete: AtomicBool,
    source_error: OnceLock<String>,
}

/// The same stream, which notes what leaves.
fn counted(content: BlobStream, sent: Arc<Sent>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let noted = Arc::clone(&sent);
    let chunks = content.inspect(move |chunk| match chunk {
        Ok(chunk) => drop(noted.size.fetch_add(chunk.len() as u64, Ordering::Relaxed)),
        // The first counts: nothing is read after it.
        Err(error) => drop(noted.source_error.set(error.to_string())),
    });
    let end = stream::once(async move {
        sent.is_complete.store(true, Ordering::Relaxed);
        Ok(Bytes::new())
    });
    chunks.chain(end)
}
