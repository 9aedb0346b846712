//! Questions to the frontend: what a Dockerfile has, without building it.
//!
//! BuildKit answers them over its gateway alone: a build without a definition is begun, the frontend is called within it, and
//! the build ends with nothing.
//!
//! Source: BuildKit, `frontend/gateway/pb/gateway.proto`, `client/buildid`, `frontend/subrequests`.

use std::collections::HashMap;

use bollard_buildkit_proto::moby::buildkit::v1::SolveRequest;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::connect::{called, control_over};
use crate::solve::Order;

/// What names the build that a call of the gateway belongs to.
const BUILD_ID: &str = "buildkit-controlapi-buildid";
const SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
const RETURN: &str = "/moby.buildkit.v1.frontend.LLBBridge/Return";
/// The least that a frontend must be able to do.
const CAPABILITY: &str = "moby.buildkit.frontend.subrequests";

/// Calls the frontend.
#[derive(Clone, PartialEq, Message)]
struct BridgeSolve {
    #[prost(string, tag = "2")]
    frontend: String,
    #[prost(map = "string, string", tag = "3")]
    options: HashMap<String, String>,
    #[prost(bool, tag = "5")]
    takes_result: bool,
    #[prost(bool, tag = "6")]
    takes_references: bool,
}

#[derive(Clone, PartialEq, Message)]
struct BridgeSolved {
    #[prost(message, optional, tag = "3")]
    result: Option<BridgeResult>,
}

#[derive(Clone, PartialEq, Message)]
struct BridgeResult {
    #[prost(map = "string, bytes", tag = "10")]
    metadata: HashMap<String, Vec<u8>>,
}

/// Ends the build.
#[derive(Clone, PartialEq, Message)]
struct BridgeReturn {
    #[prost(message, optional, tag = "1")]
    result: Option<BridgeResult>,
}

#[derive(Clone, PartialEq, Message)]
struct BridgeReturned {}

/// What a frontend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnswer {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: String,
}

/// Asks the frontend `question`, such as `frontend.outline`, about the Dockerfile of a session, under a `reference` that
/// names the build. `None` where it does not know the question. Dropping the future ends the build.
pub async fn call(
    channel: Channel,
    reference: String,
    session: &str,
    order: Order,
    question: &'static str,
) -> Result<Option<CallAnswer>, Status> {
    let mut control = control_over(channel.clone());
    let begun = SolveRequest {
        r#ref: reference.clone(),
        session: session.to_owned(),
        ..SolveRequest::default()
    };
    let mut options = order.frontend_options;
    options.insert("requestid".to_owned(), question.to_owned());
    options.insert("frontend.caps".to_owned(), CAPABILITY.to_owned());
    let id = AsciiMetadataValue::try_from(reference).map_err(|error| Status::internal(error.to_string()))?;
    let asked = async {
        let solve = BridgeSolve {
            frontend: "dockerfile.v0".to_owned(),
            options,
            takes_result: true,
            takes_references: true,
        };
        let solved: Result<BridgeSolved, Status> = unary(channel.clone(), SOLVE, &id, solve).await;
        let end = BridgeReturn {
            result: Some(BridgeResult::default()),
        };
        let _ended: Result<BridgeReturned, Status> = unary(channel, RETURN, &id, end).await;
        solved
    };
    let solving = control.solve(begun);
    tokio::pin!(solving, asked);
    let solved = tokio::select! {
        asked = &mut asked => asked,
        // It ends before the answer only when it fails.
        ended = &mut solving => match ended {
            Err(status) => Err(status),
            Ok(_) => asked.await,
        },
    };
    match solved {
        Ok(solved) => Ok(answer(solved.result.unwrap_or_default())),
        Err(status) if is_unknown(&status) => Ok(None),
        Err(status) => Err(status),
    }
}

/// What the result says; `None` where it is a build's, of a frontend that does not know of questions.
fn answer(mut result: BridgeResult) -> Option<CallAnswer> {
    let mut text = |key: &str| {
        let bytes = result.metadata.remove(key)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let json = text("result.json")?;
    Some(CallAnswer {
        text: text("result.txt").unwrap_or_else(|| json.clone()),
        json,
    })
}

/// Whether the frontend, or the engine's BuildKit, knows no such question.
///
/// Source: BuildKit, `frontend/dockerfile/builder`, `forwardGateway` and `dockerui.Client.HandleSubrequest`.
fn is_unknown(status: &Status) -> bool {
    let message = status.message();
    status.code() == tonic::Code::Unimplemented
        || message.contains("unsupported frontend capability")
        || message.contains("unsupported request")
}

async fn unary<M, A>(
    channel: Channel,
    method: &'static str,
    id: &AsciiMetadataValue,
    message: M,
) -> Result<A, Status>
where
    M: Message + 'static,
    A: Message + Default + 'static,
{
    let mut client = Grpc::new(channel);
    let broken = |error: tonic::transport::Error| Status::unavailable(error.to_string());
    client.ready().await.map_err(broken)?;
    let mut request = Request::new(message);
    request.metadata_mut().insert(BUILD_ID, id.clone());
    let path = PathAndQuery::from_static(method);
    let asked = client.unary(request, path, ProstCodec::<M, A>::default());
    let answer = called(method, asked).await?;
    Ok(answer.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(pairs: &[(&str, &str)]) -> BridgeResult {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        BridgeResult {
            metadata: owned.collect(),
        }
    }

    #[test]
    fn a_build_is_no_answer() {
        assert_eq!(answer(result(&[("containerimage.config", "{}")])), None);
        let asked = answer(result(&[("result.json", "{}"), ("result.txt", "none")])).unwrap();
        assert_eq!((asked.text.as_str(), asked.json.as_str()), ("none", "{}"));
    }
}
