//! Takes the file that an exporter makes.

use std::fs::File;
use std::sync::Mutex;
use std::sync::PoisonError;

use bollard_buildkit_proto::moby::filesync::v1::BytesMessage;
use bollard_buildkit_proto::moby::filesync::v1::file_send_server::FileSend;
use futures_util::stream::Empty;
use tokio::io::AsyncWriteExt as _;
use tonic::{Request, Response, Status, Streaming};

use super::Failures;
use crate::error::Error;

/// Where the one file goes that the engine may send; nowhere when absent.
pub(crate) struct Receiver {
    file: Mutex<Option<File>>,
    failures: Failures,
}

impl Receiver {
    /// Takes the engine's bytes into `file`.
    pub(crate) fn new(file: Option<File>, failures: Failures) -> Self {
        Self {
            file: Mutex::new(file),
            failures,
        }
    }
}

#[tonic::async_trait]
impl FileSend for Receiver {
    type DiffCopyStream = Empty<Result<BytesMessage, Status>>;

    /// Source: BuildKit, `session/filesync`, `CopyFileWriter`.
    async fn diff_copy(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        // Once: who sends a second file would overwrite the first.
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(file) = file else {
            return Err(Status::not_found("no file is to be sent"));
        };
        let mut file = tokio::fs::File::from_std(file);
        let mut pieces = request.into_inner();
        while let Some(piece) = pieces.message().await? {
            file.write_all(&piece.data)
                .await
                .map_err(|error| self.failed(&error))?;
        }
        file.flush().await.map_err(|error| self.failed(&error))?;
        Ok(Response::new(futures_util::stream::empty()))
    }
}

impl Receiver {
    fn failed(&self, error: &std::io::Error) -> Status {
        let error = Error::Output {
            problem: crate::context::problem(error),
        };
        let status = Status::failed_precondition(error.to_string());
        self.failures.keep(error);
        status
    }
}
