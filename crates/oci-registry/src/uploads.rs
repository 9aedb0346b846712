//! Blobs that are written.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Response};
use tokio::time::timeout;
use url::Url;

use super::client::Client;
use super::error::RegistryError;
use super::failure::Failure;
use super::manifests::{check_digest, mismatch};
use super::operation::Operation;
use super::repository::BlobStream;
use super::retry_policy::RetryPolicy;
use tagship_domain::reference::{Digest, DigestHasher};

const OCTETS: &str = "application/octet-stream";

impl Client {
    /// Puts a blob in one piece. Whether it is there is not asked: that takes as long as putting it. Each try has an
    /// upload session of its own, because ECR does not let a session begin again.
    pub(crate) async fn upload_bytes(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&content);
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

    /// Uploads a blob as its bytes come: one session, one PUT.
    ///
    /// Source: OCI distribution spec, "POST then PUT"; so do BuildKit and containerd, whatever the size, and ECR's answers
    /// to more than one PATCH cannot be relied on.
    pub(crate) async fn upload_stream(
        &self,
        digest: &Digest,
        size: u64,
        content: BlobStream,
    ) -> Result<(), RegistryError> {
        // Tried once: whoever has the content tries again, and shares its time among all tries.
        let session = Self::within(self.retry_policy.answer, self.start_upload())
            .await
            .map_err(|failure| failure.of_one_try(&self.image, Operation::StartUpload))?;

        let sent = Arc::new(Mutex::new(UploadProgress::default()));
        let body = Body::wrap_stream(checked(content, (*digest, size), Arc::clone(&sent)));
        let sending = self.send_blob(session, digest, size, body);
        let answer = self.unless_silent(&sent, (digest, size), sending).await;
        let is_whole = UploadProgress::lock(&sent).check(digest, size)?;
        let operation = Operation::CommitBlob(digest);
        match answer {
            Ok(()) if is_whole => Ok(()),
            Ok(()) => {
                let hasty = Failure::transient("the registry did not wait for all of it");
                Err(hasty.of_one_try(&self.image, operation))
            }
            Err(failure) => {
                // The answer may be lost although the blob is kept; asking is cheaper than sending again.
                let lost = matches!(failure, Failure::Transient { .. }) && is_whole;
                if lost && self.find_blob(digest).await? == Some(size) {
                    return Ok(());
                }
                Err(failure.of_one_try(&self.image, operation))
            }
        }
    }

    /// Opens an upload session that is left to end by itself: the distribution specification has no way to end one that
    /// every registry takes.
    pub(crate) async fn begin_upload(&self) -> Result<(), RegistryError> {
        let operation = Operation::StartUpload;
        let attempt = || Self::within(self.retry_policy.answer, self.start_upload());
        let begun = self.retried(operation, attempt).await;
        begun
            .map(drop)
            .map_err(|failure| failure.into_error(&self.image, operation))
    }

    async fn start_upload(&self) -> Result<Url, Failure> {
        let operation = Operation::StartUpload;
        let address = self.address("blobs/uploads/")?;
        let request = || self.http.post(address.clone()).header(CONTENT_LENGTH, 0);
        let response = self.send(operation, request).await?;
        self.next_location(operation, &address, &response)?
            .ok_or_else(|| Failure::refused(&self.image, operation, "it names no address for the upload"))
    }

    async fn send_blob(
        &self,
        mut session: Url,
        digest: &Digest,
        size: u64,
        body: Body,
    ) -> Result<(), Failure> {
        let operation = Operation::CommitBlob(digest);
        name_blob(&mut session, digest);
        let request = self
            .http
            .put(session)
            .header(CONTENT_TYPE, OCTETS)
            .header(CONTENT_LENGTH, size)
            .body(body);
        let response = self
            .send_once(operation, request)
            .await
            .map_err(session_is_gone)?;
        self.check_committed(operation, &response, digest)
    }

    async fn commit(&self, mut session: Url, digest: &Digest, content: Bytes) -> Result<(), Failure> {
        let operation = Operation::CommitBlob(digest);
        name_blob(&mut session, digest);
        let request = || {
            self.http
                .put(session.clone())
                .header(CONTENT_TYPE, OCTETS)
                .header(CONTENT_LENGTH, content.len())
                .body(content.clone())
        };
        let response = self.send(operation, request).await.map_err(session_is_gone)?;
        self.check_committed(operation, &response, digest)
    }

    fn check_committed(
        &self,
        operation: Operation<'_>,
        response: &Response,
        digest: &Digest,
    ) -> Result<(), Failure> {
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

    /// Gives up when no byte leaves for a while, or when all has left and the registry is not there any more.
    ///
    /// A registry may take minutes to check a whole blob. Meanwhile it is asked whether it has the blob: any answer is a
    /// sign of life, and one that has it need not say so a second time.
    async fn unless_silent(
        &self,
        sent: &Mutex<UploadProgress>,
        (digest, size): (&Digest, u64),
        sending: impl Future<Output = Result<(), Failure>> + Send,
    ) -> Result<(), Failure> {
        let RetryPolicy {
            answer,
            stall,
            commit,
            ..
        } = self.retry_policy;
        let operation = Operation::CommitBlob(digest);
        let mut sending = pin!(sending);
        let mut checked_for = Duration::ZERO;
        loop {
            let before = UploadProgress::lock(sent).size;
            let is_whole = before >= size;
            let limit = if is_whole { answer.min(commit) } else { stall };
            if let Ok(answered) = timeout(limit, &mut sending).await {
                return answered;
            }
            if UploadProgress::lock(sent).size > before {
                continue;
            }
            checked_for += limit;
            if !is_whole || checked_for >= commit {
                return Err(Failure::transient(format!(
                    "nothing moved for {} s",
                    checked_for.as_secs()
                )));
            }
            let asking = timeout(answer, self.find_blob_once(Operation::FindBlob(digest), digest));
            let found = tokio::select! {
                answered = &mut sending => return answered,
                found = asking => found,
            };
            match found {
                Ok(Ok(found)) if found == size => return Ok(()),
                Ok(_sign_of_life) => {}
                Err(_elapsed) => {
                    let silent = Failure::transient("it does not answer any more");
                    return Err(silent.into_error(&self.image, operation).into());
                }
            }
        }
    }
}

/// Adds what the blob of an upload is called.
fn name_blob(session: &mut Url, digest: &Digest) {
    session
        .query_pairs_mut()
        .append_pair("digest", &digest.to_string());
}

/// A 404 within an upload means the session.
fn session_is_gone(failure: Failure) -> Failure {
    match failure {
        Failure::Absent(reason) => Failure::transient(reason),
        other => other,
    }
}

/// What has left of a blob so far.
#[derive(Default)]
struct UploadProgress {
    size: u64,
    /// What the source gave in place of the blob.
    damage: Option<String>,
    source_error: Option<io::Error>,
}

impl UploadProgress {
    /// Every critical section is complete in itself, so a poisoned lock is no worse than another.
    fn lock(sent: &Mutex<Self>) -> MutexGuard<'_, Self> {
        sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all was sent; an error if the source failed or is not what it should be.
    fn check(&self, digest: &Digest, size: u64) -> Result<bool, RegistryError> {
        if let Some(error) = &self.source_error {
            return Err(RegistryError::Source(error.to_string()));
        }
        match &self.damage {
            Some(found) => Err(mismatch(*digest, found.clone())),
            None => Ok(self.size >= size),
        }
    }
}

/// The same stream, of which the last bytes are held back until all of it is known to be the blob: damage never becomes one.
fn checked(
    content: BlobStream,
    blob: (Digest, u64),
    sent: Arc<Mutex<UploadProgress>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let state = Checked {
        content,
        held: None,
        hash: DigestHasher::default(),
        size: 0,
        blob,
        sent,
    };
    stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        match state.next().await {
            Ok((None, _)) => None,
            Ok((Some(chunk), is_last)) => Some((Ok(chunk), (!is_last).then_some(state))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Checked {
    content: BlobStream,
    held: Option<Bytes>,
    hash: DigestHasher,
    /// Bytes that came, the held ones too.
    size: u64,
    /// What is to come: the digest and the size in bytes.
    blob: (Digest, u64),
    sent: Arc<Mutex<UploadProgress>>,
}

impl Checked {
    /// The next piece, and whether it is the last.
    async fn next(&mut self) -> io::Result<(Option<Bytes>, bool)> {
        let (digest, size) = self.blob;
        loop {
            match self.content.next().await {
                None => {
                    let found = self.hash.clone().finish();
                    if (found, self.size) != (digest, size) {
                        return Err(self.damaged(format!("{found} of {} bytes", self.size)));
                    }
                    return Ok((self.held.take().map(|chunk| self.leave(chunk)), true));
                }
                Some(Ok(chunk)) => {
                    self.hash.update(&chunk);
                    self.size += chunk.len() as u64;
                    if self.size > size {
                        return Err(self.damaged(format!("more than {size} bytes")));
                    }
                    if let Some(held) = self.held.replace(chunk) {
                        return Ok((Some(self.leave(held)), false));
                    }
                }
                Some(Err(error)) => {
                    let shown = io::Error::new(error.kind(), error.to_string());
                    UploadProgress::lock(&self.sent).source_error = Some(error);
                    return Err(shown);
                }
            }
        }
    }

    fn leave(&self, chunk: Bytes) -> Bytes {
        UploadProgress::lock(&self.sent).size += chunk.len() as u64;
        chunk
    }

    fn damaged(&self, found: String) -> io::Error {
        let error = io::Error::new(io::ErrorKind::InvalidData, found.clone());
        UploadProgress::lock(&self.sent).damage = Some(found);
        error
    }
}
