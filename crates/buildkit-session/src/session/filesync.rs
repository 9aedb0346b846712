//! The session's service of folders.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::moby::filesync::v1::file_sync_server::FileSync;
use futures_util::stream::Empty;
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::Failures;
use crate::context::{ContextError, ContextFile, Folder, FolderRequest, walk};
use crate::error::Error;

/// The most bytes of a file in one message. Source: tonistiigi/fsutil, `send.go`.
const PIECE_BYTES: usize = 32 * 1024;
/// The most messages that wait for the engine to take them.
const WAITING_PACKETS: usize = 64;

/// Sends folders to the engine, which asks for the files that it does not have yet.
///
/// The protocol: we announce every path, the engine asks for files by their number in that order, we send their
/// bytes, it says that it is done. Source: tonistiigi/fsutil, `send.go` and `receive.go`.
pub(crate) struct Folders {
    /// By the names that the frontend asks for.
    pub(crate) by_name: BTreeMap<String, Folder>,
    pub(crate) failures: Failures,
}

/// The files that were announced and not asked for yet, by number.
type AnnouncedFiles = Arc<Mutex<HashMap<u32, ContextFile>>>;
type Packets = mpsc::Sender<Result<Packet, Status>>;

#[tonic::async_trait]
impl FileSync for Folders {
    type DiffCopyStream = ReceiverStream<Result<Packet, Status>>;

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
        let (packets, answer) = mpsc::channel(WAITING_PACKETS);
        let announced = AnnouncedFiles::default();
        let (asked, queue) = mpsc::unbounded_channel();

        let announcing = Sender {
            packets: packets.clone(),
            failures: self.failures.clone(),
        };
        let reading = Sender {
            packets: packets.clone(),
            failures: self.failures.clone(),
        };
        let files = Arc::clone(&announced);
        tokio::task::spawn_blocking(move || announcing.announce(&folder, &wanted, &files));
        tokio::task::spawn_blocking(move || reading.send_files(queue));
        tokio::spawn(take_requests(request.into_inner(), announced, asked, packets));
        Ok(Response::new(ReceiverStream::new(answer)))
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
                let file = announced
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&packet.id);
                let sent = match file {
                    Some(file) => asked.send((packet.id, file)).is_ok(),
                    None => false,
                };
                if !sent {
                    let refusal = Status::invalid_argument("a file was asked for that was not announced");
                    drop(packets.send(Err(refusal)).await);
                    return;
                }
            }
            PacketType::PacketFin => {
                drop(packets.send(Ok(packet_of(PacketType::PacketFin))).await);
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
}

impl Sender {
    fn send(&self, packet: Packet) -> Result<(), ContextError> {
        self.packets
            .blocking_send(Ok(packet))
            .map_err(|_unsent| ContextError::Cancelled)
    }

    fn announce(&self, folder: &Folder, wanted: &FolderRequest, announced: &AnnouncedFiles) {
        let mut number = 0;
        let done = folder.select(wanted).and_then(|selection| {
            walk(folder.root(), &selection, |entry| {
                if let Some(file) = entry.file {
                    announced
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(number, file);
                }
                number += 1;
                self.send(Packet {
                    stat: Some(entry.stat),
                    ..packet_of(PacketType::PacketStat)
                })
            })?;
            // An announcement of nothing is the end.
            self.send(packet_of(PacketType::PacketStat))
        });
        self.finish(done);
    }

    fn send_files(&self, mut queue: mpsc::UnboundedReceiver<(u32, ContextFile)>) {
        while let Some((id, file)) = queue.blocking_recv() {
            let data = |data: Vec<u8>| Packet {
                id,
                data,
                ..packet_of(PacketType::PacketData)
            };
            let done = file
                .read(PIECE_BYTES, |bytes| self.send(data(bytes.to_vec())))
                // An empty piece is the end.
                .and_then(|()| self.send(data(Vec::new())));
            if done.is_err() {
                return self.finish(done);
            }
        }
    }

    /// Reports a failure to the engine, and keeps it: the engine would only repeat it within its own words.
    fn finish(&self, done: Result<(), ContextError>) {
        let Err(error) = done else { return };
        if matches!(error, ContextError::Cancelled) {
            return;
        }
        let problem = error.to_string();
        self.failures.keep(Error::ContextFile {
            problem: problem.clone(),
        });
        let packet = Packet {
            data: problem.clone().into_bytes(),
            ..packet_of(PacketType::PacketErr)
        };
        if self.send(packet).is_ok() {
            // If the engine does not take it, the packet before has said it.
            drop(
                self.packets
                    .blocking_send(Err(Status::failed_precondition(problem))),
            );
        }
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
