//! The session's service of folders.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::IntoIter;

use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::moby::filesync::v1::file_sync_server::FileSync;
use futures_util::stream::{self, Empty, StreamExt as _};
use percent_encoding::percent_decode_str;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::Failures;
use crate::context::{ContextError, ContextFile, Folder, FolderRequest, walk};
use crate::error::Error;

/// The most bytes of a file in one message. Source: tonistiigi/fsutil, `send.go`.
const PIECE_BYTES: usize = 32 * 1024;
/// About how many bytes of messages are handed over together: what is handed over one by one is also sent so, and costs the
/// engine and us a turn each.
const BATCH_BYTES: usize = 64 * 1024;
/// The most batches that wait for the engine to take them.
const WAITING_BATCHES: usize = 16;

/// Sends folders to the engine, which asks for the files that it does not have yet.
///
/// The protocol: we announce every path, the engine asks for files by their number in that order, we send their
/// bytes, it says that it is done. Source: tonistiigi/fsutil, `send.go` and `receive.go`.
pub(crate) struct Folders {
    /// By the names that the frontend asks for.
    pub(crate) by_name: BTreeMap<String, Folder>,
    pub(crate) failures: Failures,
}

/// What was announced, by number: the files that were not asked for yet.
type AnnouncedFiles = Arc<Mutex<Vec<Option<ContextFile>>>>;
type Packets = mpsc::Sender<PacketBatch>;
type PacketBatch = stream::Iter<IntoIter<Result<Packet, Status>>>;

#[tonic::async_trait]
impl FileSync for Folders {
    type DiffCopyStream = stream::Flatten<ReceiverStream<PacketBatch>>;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let wanted = FolderRequest {
            include: values(request.metadata(), "include-patterns")?,
            exclude: values(request.metadata(), "exclude-patterns")?,
            follow: values(request.metadata(), "followpaths")?,
        };
        let names = values(request.metadata(), "dir-name")?;
        let folder = names
            .first()
            .and_then(|name| self.by_name.get(name.as_str()))
            .ok_or_else(|| Status::not_found("there is no such folder"))?
            .clone();
        let (packets, answer) = mpsc::channel(WAITING_BATCHES);
        let announced = AnnouncedFiles::default();
        let (asked, queue) = mpsc::unbounded_channel();

        let announcing = Sender::new(packets.clone(), self.failures.clone());
        let reading = Sender::new(packets.clone(), self.failures.clone());
        let files = Arc::clone(&announced);
        tokio::task::spawn_blocking(move || announcing.announce(&folder, &wanted, &files));
        tokio::task::spawn_blocking(move || reading.send_files(queue));
        tokio::spawn(take_requests(request.into_inner(), announced, asked, packets));
        Ok(Response::new(ReceiverStream::new(answer).flatten()))
    }

    type TarStreamStream = Empty<Result<Packet, Status>>;

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("folders are sent by difference only"))
    }
}

/// Follows what the engine asks for, until it is done or gone.
async fn take_requests(
    mut requests: Streaming<Packet>,
    announced: AnnouncedFiles,
    asked: mpsc::UnboundedSender<(u32, ContextFile)>,
    packets: Packets,
) {
    while let Ok(Some(packet)) = requests.message().await {
        match packet.r#type() {
            PacketType::PacketReq => {
                // Taken out: a file is sent once, which also bounds the queue.
                let number = usize::try_from(packet.id).unwrap_or(usize::MAX);
                let file = announced
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_mut(number)
                    .and_then(Option::take);
                let sent = match file {
                    Some(file) => asked.send((packet.id, file)).is_ok(),
                    None => false,
                };
                if !sent {
                    let refusal = Status::invalid_argument("a file was asked for that was not announced");
                    drop(packets.send(stream::iter(vec![Err(refusal)])).await);
                    return;
                }
            }
            PacketType::PacketFin => {
                let end = stream::iter(vec![Ok(packet_of(PacketType::PacketFin))]);
                drop(packets.send(end).await);
                return;
            }
            PacketType::PacketErr => {
                tracing::debug!(error = %String::from_utf8_lossy(&packet.data), "the engine stopped taking files");
                return;
            }
            PacketType::PacketStat | PacketType::PacketData => {}
        }
    }
}

fn packet_of(kind: PacketType) -> Packet {
    Packet {
        r#type: kind.into(),
        ..Packet::default()
    }
}

/// One of the two that send, on threads that may block.
struct Sender {
    packets: Packets,
    failures: Failures,
    batch: Vec<Result<Packet, Status>>,
    /// About how many bytes the batch has.
    bytes: usize,
}

impl Sender {
    fn new(packets: Packets, failures: Failures) -> Self {
        Self {
            packets,
            failures,
            batch: Vec::new(),
            bytes: 0,
        }
    }

    /// Sends with what comes after it, unless that would be too much.
    fn send(&mut self, packet: Packet) -> Result<(), ContextError> {
        self.bytes += packet.encoded_len();
        self.batch.push(Ok(packet));
        if self.bytes < BATCH_BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), ContextError> {
        self.bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        self.packets
            .blocking_send(stream::iter(mem::take(&mut self.batch)))
            .map_err(|_unsent| ContextError::Cancelled)
    }

    fn announce(mut self, folder: &Folder, wanted: &FolderRequest, announced: &AnnouncedFiles) {
        let done = folder.select(wanted).and_then(|selection| {
            walk(folder.root(), &selection, |entry| {
                announced
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(entry.file);
                self.send(Packet {
                    stat: Some(entry.stat),
                    ..packet_of(PacketType::PacketStat)
                })
            })?;
            // An announcement of nothing is the end.
            self.send(packet_of(PacketType::PacketStat))?;
            self.flush()
        });
        self.finish(done);
    }

    fn send_files(mut self, mut queue: mpsc::UnboundedReceiver<(u32, ContextFile)>) {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Some((id, file)) = queue.blocking_recv() {
            let data = |data: Vec<u8>| Packet {
                id,
                data,
                ..packet_of(PacketType::PacketData)
            };
            let done = file
                .read(&mut buffer, |bytes| self.send(data(bytes.to_vec())))
                // An empty piece is the end.
                .and_then(|()| self.send(data(Vec::new())))
                .and_then(|()| if queue.is_empty() { self.flush() } else { Ok(()) });
            if done.is_err() {
                return self.finish(done);
            }
        }
    }

    /// Reports a failure to the engine, and keeps it: the engine would only repeat it within its own words.
    fn finish(mut self, done: Result<(), ContextError>) {
        let Err(error) = done else { return };
        if matches!(error, ContextError::Cancelled) {
            return;
        }
        let problem = error.to_string();
        self.failures.keep(Error::ContextFile {
            problem: problem.clone(),
        });
        self.batch.push(Ok(Packet {
            data: problem.clone().into_bytes(),
            ..packet_of(PacketType::PacketErr)
        }));
        // If the engine does not take it, the packet before has said it.
        self.batch.push(Err(Status::failed_precondition(problem)));
        drop(self.flush());
    }
}

/// All values of a key, decoded when they are marked as encoded.
/// Source: BuildKit, `session/filesync.decodeOpts`.
fn values(metadata: &MetadataMap, key: &str) -> Result<Vec<String>, Status> {
    let is_encoded = metadata
        .get(format!("{key}-encoded").as_str())
        .is_some_and(|mark| mark.as_bytes() == b"1");
    let text = |value: &[u8]| match std::str::from_utf8(value) {
        Ok(text) if is_encoded => percent_decode_str(&text.replace('+', " "))
            .decode_utf8()
            .map(Cow::into_owned),
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(error),
    };
    metadata
        .get_all(key)
        .iter()
        .map(|value| text(value.as_bytes()).map_err(|error| Status::invalid_argument(error.to_string())))
        .collect()
}
