//! What an engine says of a failure beside its message.

use bollard_buildkit_proto::google::rpc;
use prost::Message as _;
use serde::Deserialize;
use tonic::Status;

use crate::engine::places::DockerfilePlaces;
use tagship_domain::location::SourceLocation;

/// What an engine says of a failure beside its message; nothing on engines before 23.
///
/// Source: BuildKit, `solver/errdefs` and `util/grpcerrors`: JSON in the details of the gRPC status.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// The step's digest.
    pub(super) vertex: Option<String>,
    /// The exit code of its command.
    pub(super) exit_code: Option<i32>,
    /// The file and the line.
    source: Option<(String, u32)>,
}

impl Details {
    pub(super) fn of(status: &Status) -> Self {
        let mut found = Self::default();
        let details = rpc::Status::decode(status.details()).unwrap_or_default().details;
        for detail in details {
            let name = detail.type_url.rsplit('/').next().unwrap_or_default();
            match name {
                "errdefs.Vertex+json" => {
                    found.vertex = found
                        .vertex
                        .or(read::<Vertex>(&detail.value).and_then(|vertex| vertex.digest));
                }
                "gatewayapi.ExitMessage+json" => {
                    found.exit_code = found
                        .exit_code
                        .or(read::<Exit>(&detail.value).and_then(|exit| exit.code));
                }
                "errdefs.Source+json" => {
                    found.source = found
                        .source
                        .or(read::<Source>(&detail.value).and_then(Source::place));
                }
                _ => {}
            }
        }
        found
    }

    /// Where in the Dockerfile.
    pub(super) fn location(&self, places: &DockerfilePlaces<'_>) -> Option<SourceLocation> {
        let (file, line) = self.source.as_ref()?;
        Some(places.of_frontend(file, *line))
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}

#[derive(Deserialize)]
struct Vertex {
    #[serde(alias = "Digest")]
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Exit {
    #[serde(alias = "Code")]
    code: Option<i32>,
}

#[derive(Deserialize)]
struct Source {
    info: Option<Info>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Info {
    filename: Option<String>,
}

#[derive(Deserialize)]
struct Range {
    start: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    line: Option<u32>,
}

impl Source {
    fn place(self) -> Option<(String, u32)> {
        let line = self.ranges.first()?.start.as_ref()?.line?;
        Some((self.info?.filename?, line))
    }
}
