//! The config of an image that an engine has, byte for byte.
//!
//! No call of the Engine API gives it without the layers. BuildKit's gateway does: a frontend that runs in its client asks
//! there for the configs of base images, and an engine answers for one that it has with what it has stored.
//!
//! Source: BuildKit, `frontend/gateway/pb/gateway.proto`, `client/build.go`, `client/buildid`; moby,
//! `builder/builder-next/adapters/containerimage/pull.go`.

use std::pin::pin;

use bollard_buildkit_proto::moby::buildkit::v1::SolveRequest;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::connect::Connection;
use crate::error::Error;
use crate::session::random_id;

/// Which build a call of the gateway belongs to.
const BUILD: &str = "buildkit-controlapi-buildid";

const METHOD: PathAndQuery =
    PathAndQuery::from_static("/moby.buildkit.v1.frontend.LLBBridge/ResolveImageConfig");

#[derive(Clone, PartialEq, Message)]
struct ResolveImageConfigRequest {
    #[prost(string, tag = "1")]
    reference: String,
    #[prost(string, tag = "3")]
    resolve_mode: String,
}

#[derive(Clone, PartialEq, Message)]
struct ResolveImageConfigResponse {
    #[prost(bytes = "bytes", tag = "2")]
    config: Bytes,
}

/// Returns the config of the image that an engine has under `reference`, such as `127.0.0.1:5000/app:1`.
///
/// An engine that has no such image asks the registry that the name is of.
pub async fn image_config(connection: &Connection, reference: &str) -> Result<Bytes, Error> {
    let failed = |status: Status| connection.unreachable(&status);
    let build = random_id()?;
    let value = AsciiMetadataValue::try_from(&build);
    let value = value.map_err(|error| connection.unreachable(&error))?;
    let channel = connection.channel().await?;
    // A build without a frontend waits for its client to be one. It ends when it is dropped.
    let mut control = ControlClient::new(channel.clone());
    let waiting = control.solve(SolveRequest {
        r#ref: build,
        internal: true,
        ..SolveRequest::default()
    });
    let mut gateway = tonic::client::Grpc::new(channel);
    let asking = async {
        gateway
            .ready()
            .await
            .map_err(|error| connection.unreachable(&error))?;
        let mut request = Request::new(ResolveImageConfigRequest {
            reference: reference.to_owned(),
            resolve_mode: "local".to_owned(),
        });
        request.metadata_mut().insert(BUILD, value);
        let codec = ProstCodec::<_, ResolveImageConfigResponse>::default();
        let answer = gateway.unary(request, METHOD, codec).await;
        answer.map(|answer| answer.into_inner().config).map_err(failed)
    };
    let mut waiting = pin!(waiting);
    connection
        .in_time(async {
            tokio::select! {
                answer = asking => answer,
                ended = &mut waiting => Err(match ended {
                    Ok(_response) => failed(Status::internal("the build has ended")),
                    Err(status) => failed(status),
                }),
            }
        })
        .await
}
