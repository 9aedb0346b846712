//! The session as a hostile or broken engine may use it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::GetSecretRequest;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_client::SecretsClient;
use bollard_buildkit_proto::moby::filesync::v1::auth_client::AuthClient;
use bollard_buildkit_proto::moby::filesync::v1::file_sync_client::FileSyncClient;
use bollard_buildkit_proto::moby::filesync::v1::{CredentialsRequest, GetTokenAuthorityRequest};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use super::{Credential, Failures, Providers, Provisions, RegistryAuth, serve};
use crate::connect::EngineStream;
use crate::context::Folder;
use crate::error::Error;
use crate::event::{BuildEvent, ProgressSink};
use tagship_domain::build::{BuildSecret, SecretSource};

struct NoCredentials;

#[async_trait]
impl RegistryAuth for NoCredentials {
    async fn credential(
        &self,
        host: &str,
    ) -> Result<Option<Credential>, Box<dyn std::error::Error + Send + Sync>> {
        Ok((host == "127.0.0.1:5000").then(|| Credential {
            username: "AWS".to_owned(),
            password: "secret".into(),
        }))
    }
}

impl ProgressSink for NoCredentials {
    fn mask(&self, _: &SecretString) {}

    fn event(&self, _: BuildEvent<'_>) {}
}

/// The engine's end of a session over `context`.
struct Engine {
    channel: Channel,
    failures: Failures,
    _open: oneshot::Sender<()>,
}

async fn engine(context: &Path, secrets: &[BuildSecret]) -> Engine {
    let failures = Failures::default();
    let provisions = Provisions {
        folders: BTreeMap::from([("context".to_owned(), Folder::context(context).unwrap())]),
        agents: BTreeMap::new(),
        caches: BTreeMap::new(),
        output: None,
        secrets,
        auth: Arc::new(NoCredentials),
        sink: Arc::new(NoCredentials),
    };
    let providers = Providers::new(provisions, &failures);
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (open, closed) = oneshot::channel();
    tokio::spawn(serve(EngineStream::over(ours), providers, closed));
    let mut theirs = Some(theirs);
    let channel = Endpoint::from_static("http://session")
        .connect_with_connector(tower::service_fn(move |_| {
            let theirs = theirs.take().unwrap();
            async move { Ok::<_, std::io::Error>(TokioIo::new(theirs)) }
        }))
        .await
        .unwrap();
    Engine {
        channel,
        failures,
        _open: open,
    }
}

impl Engine {
    async fn copy(&self, metadata: &[(&'static str, &'static str)]) -> Result<FileCopy, Status> {
        let (asks, requests) = mpsc::channel(8);
        let mut request = Request::new(ReceiverStream::new(requests));
        for (key, value) in metadata {
            request.metadata_mut().append(*key, value.parse().unwrap());
        }
        let packets = FileSyncClient::new(self.channel.clone())
            .diff_copy(request)
            .await?
            .into_inner();
        Ok(FileCopy { asks, packets })
    }
}

struct FileCopy {
    asks: mpsc::Sender<Packet>,
    packets: Streaming<Packet>,
}

impl FileCopy {
    async fn ask(&self, kind: PacketType, id: u32) {
        self.asks
            .send(Packet {
                r#type: kind.into(),
                id,
                ..Packet::default()
            })
            .await
            .unwrap();
    }

    /// The paths that are announced, up to the end of them.
    async fn paths(&mut self) -> Vec<String> {
        let mut paths = Vec::new();
        while let Some(packet) = self.packets.message().await.unwrap() {
            match packet.stat {
                Some(stat) => paths.push(stat.path),
                None => break,
            }
        }
        paths
    }

    async fn file(&mut self, id: u32) -> Result<Vec<u8>, Status> {
        self.ask(PacketType::PacketReq, id).await;
        let mut content = Vec::new();
        while let Some(packet) = self.packets.message().await? {
            match packet.r#type() {
                PacketType::PacketData if packet.data.is_empty() => return Ok(content),
                PacketType::PacketData => content.extend(packet.data),
                PacketType::PacketErr => {
                    return Err(Status::aborted(String::from_utf8(packet.data).unwrap()));
                }
                _ => {}
            }
        }
        Err(Status::aborted("the end"))
    }
}

fn context() -> tempfile::TempDir {
    let context = tempfile::tempdir().unwrap();
    std::fs::create_dir(context.path().join("folder")).unwrap();
    std::fs::write(context.path().join("folder/big"), vec![7; 100_000]).unwrap();
    std::fs::write(context.path().join("plus+and space"), "x").unwrap();
    context
}

#[tokio::test]
async fn files_are_sent_when_they_are_asked_for() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    let mut copy = engine.copy(&[("dir-name", "context")]).await.unwrap();
    assert_eq!(copy.paths().await, ["folder", "folder/big", "plus+and space"]);
    assert_eq!(copy.file(1).await.unwrap(), vec![7; 100_000]);
    assert_eq!(copy.file(2).await.unwrap(), b"x");
    copy.ask(PacketType::PacketFin, 0).await;
    let end = copy.packets.message().await.unwrap().unwrap();
    assert_eq!(end.r#type(), PacketType::PacketFin);
    assert!(copy.packets.message().await.unwrap().is_none());
}

#[tokio::test]
async fn patterns_may_come_encoded() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    let encoded = [
        ("dir-name", "context"),
        ("include-patterns", "plus%2Band+space"),
        ("include-patterns-encoded", "1"),
    ];
    assert_eq!(
        engine.copy(&encoded).await.unwrap().paths().await,
        ["plus+and space"]
    );
    let plain = [
        ("dir-name", "context"),
        ("exclude-patterns", "folder"),
        ("exclude-patterns", "plus+*"),
    ];
    assert_eq!(engine.copy(&plain).await.unwrap().paths().await, [""; 0]);
}

#[tokio::test]
async fn nothing_but_the_announced_files_of_known_folders_is_given() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    for folder in ["/", "..", "/etc", ""] {
        let refused = engine.copy(&[("dir-name", folder)]).await.err().unwrap();
        assert_eq!(refused.code(), Code::NotFound, "{folder}");
    }
    assert_eq!(engine.copy(&[]).await.err().unwrap().code(), Code::NotFound);
    // A folder has no bytes, 99 was never announced, and a file is sent once.
    for number in [0, 99] {
        let mut copy = engine.copy(&[("dir-name", "context")]).await.unwrap();
        copy.paths().await;
        assert_eq!(
            copy.file(number).await.unwrap_err().code(),
            Code::InvalidArgument,
            "{number}"
        );
    }
    let mut copy = engine.copy(&[("dir-name", "context")]).await.unwrap();
    copy.paths().await;
    copy.file(2).await.unwrap();
    assert_eq!(copy.file(2).await.unwrap_err().code(), Code::InvalidArgument);
    let outside = [("dir-name", "context"), ("followpaths", "../../../../etc/passwd")];
    assert_eq!(engine.copy(&outside).await.unwrap().paths().await, [""; 0]);
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_is_named_to_the_user() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    let mut copy = engine.copy(&[("dir-name", "context")]).await.unwrap();
    copy.paths().await;
    std::fs::write(context.path().join("folder/big"), "small").unwrap();
    let answer = copy.file(1).await.unwrap_err();
    assert_eq!(answer.message(), "`folder/big`: it changed while it was read");
    let kept = engine.failures.take().unwrap();
    assert!(
        matches!(&kept, Error::ContextFile { problem } if problem == answer.message()),
        "{kept:?}"
    );
}

#[tokio::test]
async fn a_wrong_pattern_is_told_to_the_user() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    let mut copy = engine
        .copy(&[("dir-name", "context"), ("exclude-patterns", "a[")])
        .await
        .unwrap();
    let answer = copy.packets.message().await.unwrap().unwrap();
    assert_eq!(answer.r#type(), PacketType::PacketErr);
    let kept = engine.failures.take().unwrap();
    assert_eq!(
        kept.to_string(),
        "the build context cannot be sent: pattern `a[` cannot be read"
    );
}

#[tokio::test]
async fn secrets_are_given_by_name_and_within_their_limit() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::write(&large, vec![b'x'; 500 * 1024]).unwrap();
    std::fs::write(folder.path().join("larger"), vec![b'x'; 500 * 1024 + 1]).unwrap();
    let secret = |id: &str, source| BuildSecret {
        id: id.to_owned(),
        source,
    };
    let file = |name: &str| SecretSource::File(folder.path().join(name));
    let secrets = [
        secret("value", SecretSource::Value("a value".into())),
        secret("large", file("large")),
        secret("larger", file("larger")),
        secret("missing", file("missing")),
    ];
    let engine = engine(folder.path(), &secrets).await;
    let mut client = SecretsClient::new(engine.channel.clone());
    let mut get = async |id: &str| {
        let request = GetSecretRequest {
            id: id.to_owned(),
            ..GetSecretRequest::default()
        };
        client
            .get_secret(request)
            .await
            .map(|answer| answer.into_inner().data)
    };
    assert_eq!(get("value").await.unwrap(), b"a value");
    assert_eq!(get("large").await.unwrap().len(), 500 * 1024);
    // Engines ask for credentials of contexts in this way, and go on without.
    assert_eq!(
        get("HTTP_AUTH_HEADER_x").await.unwrap_err().code(),
        Code::NotFound
    );
    assert!(engine.failures.take().is_none());
    for (id, problem) in [
        ("larger", "is larger than 500 KiB"),
        ("missing", "cannot be read from"),
    ] {
        assert_eq!(get(id).await.unwrap_err().code(), Code::FailedPrecondition);
        let kept = engine.failures.take().unwrap();
        assert!(
            kept.to_string().starts_with(&format!("secret `{id}` {problem}")),
            "{kept}"
        );
    }
}

#[tokio::test]
async fn credentials_are_for_the_destination_only() {
    let context = context();
    let engine = engine(context.path(), &[]).await;
    let mut client = AuthClient::new(engine.channel.clone());
    for (host, username, secret) in [
        ("127.0.0.1:5000", "AWS", "secret"),
        ("registry-1.docker.io", "", ""),
    ] {
        let answer = client
            .credentials(CredentialsRequest {
                host: host.to_owned(),
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            (answer.username.as_str(), answer.secret.as_str()),
            (username, secret),
            "{host}"
        );
    }
    let authority = client
        .get_token_authority(GetTokenAuthorityRequest::default())
        .await;
    assert_eq!(authority.unwrap_err().code(), Code::Unavailable);
}
