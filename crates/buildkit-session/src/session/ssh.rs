//! Lends ssh agents to the build steps that mount them: to list keys and to sign, and for nothing else.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// The most bytes of one message. Source: OpenSSH, `authfd.h`, `AGENT_MAX_LEN`.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The bytes that a message's length has.
const LENGTH_BYTES: usize = 4;
/// Asks for the list of keys. Source: draft-ietf-sshm-ssh-agent, section 6.1, as those below.
const LIST_KEYS: u8 = 11;
/// Asks for a signature.
const SIGN: u8 = 13;
/// Says no: its length, and the message.
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];
/// What the engine calls the agent that a step does not name.
const DEFAULT: &str = "default";

/// Sockets of agents, by the names that the Dockerfile knows them by.
pub(crate) struct Agents(pub(crate) BTreeMap<String, PathBuf>);

impl Agents {
    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { DEFAULT } else { id };
        self.0
            .get(id)
            .ok_or_else(|| Status::not_found(format!("the input `ssh` names no agent `{id}`")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.into_inner().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = ReceiverStream<Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        // Source: BuildKit, `session/sshforward`, `KeySSHID`.
        let id = request.metadata().get("buildkit.ssh.id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or(DEFAULT).to_owned();
        let agent = UnixStream::connect(self.socket(&id)?).await;
        let agent = agent.map_err(|error| Status::unavailable(format!("agent `{id}`: {error}")))?;
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            if let Err(status) = lend(agent, request.into_inner(), &answers).await {
                drop(answers.send(Err(status)).await);
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Passes on what may be asked, one question after the other, until the step is done.
///
/// Source: BuildKit, `session/sshforward/sshprovider`, `readOnlyAgent`.
async fn lend(
    mut agent: UnixStream,
    mut pieces: Streaming<BytesMessage>,
    answers: &mpsc::Sender<Result<BytesMessage, Status>>,
) -> Result<(), Status> {
    let mut received = Vec::new();
    loop {
        while let Some(question) = taken(&mut received)? {
            let answer = match question.get(LENGTH_BYTES) {
                Some(&(LIST_KEYS | SIGN)) => asked(&mut agent, &question).await,
                _ => Ok(FAILURE.to_vec()),
            };
            let answer =
                answer.map_err(|error| Status::unavailable(format!("the agent broke off: {error}")))?;
            if answers.send(Ok(BytesMessage { data: answer })).await.is_err() {
                return Ok(());
            }
        }
        match pieces.message().await? {
            Some(piece) => received.extend(piece.data),
            None => return Ok(()),
        }
    }
}

/// The first whole message of what was received, with its length.
fn taken(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Status> {
    let Some(length) = received.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let whole =
        LENGTH_BYTES + length_of(*length).map_err(|error| Status::invalid_argument(error.to_string()))?;
    if received.len() < whole {
        return Ok(None);
    }
    Ok(Some(received.drain(..whole).collect()))
}

fn length_of(bytes: [u8; LENGTH_BYTES]) -> io::Result<usize> {
    usize::try_from(u32::from_be_bytes(bytes))
        .ok()
        .filter(|length| *length <= MAX_MESSAGE_BYTES)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message of an agent is too long"))
}

async fn asked(agent: &mut UnixStream, question: &[u8]) -> io::Result<Vec<u8>> {
    agent.write_all(question).await?;
    let mut length = [0; LENGTH_BYTES];
    agent.read_exact(&mut length).await?;
    let mut answer = length.to_vec();
    answer.resize(LENGTH_BYTES + length_of(length)?, 0);
    let (_, body) = answer.split_at_mut(LENGTH_BYTES);
    agent.read_exact(body).await?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_and_within_their_bound() {
        let mut received = vec![0, 0, 0, 2, LIST_KEYS];
        assert_eq!(taken(&mut received).unwrap(), None);
        received.extend([7, 0, 0]);
        assert_eq!(
            taken(&mut received).unwrap(),
            Some(vec![0, 0, 0, 2, LIST_KEYS, 7])
        );
        assert_eq!(received, [0, 0]);
        assert!(taken(&mut vec![0xff; 5]).is_err());
    }
}
