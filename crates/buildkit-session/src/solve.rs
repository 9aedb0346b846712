//! One build: BuildKit's `Control.Solve`, with `Control.Status` beside it.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{
    CacheOptions, Exporter, SolveRequest, StatusRequest, StatusResponse,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use tonic::Status;
use tonic::transport::Channel;

use crate::progress::Progress;

/// How long the status of a finished build may be silent. It ends by itself, except where the build failed
/// before the engine had made a job of it.
const STATUS_SILENCE: Duration = Duration::from_secs(3);

/// What a build gives, by the keys of its exporter.
pub type ExporterResponse = HashMap<String, String>;

/// Where the result goes.
#[derive(Debug, Clone)]
pub struct Export {
    /// The exporter's name.
    pub kind: &'static str,
    /// Its options.
    pub options: HashMap<String, String>,
}

/// Builds, under a `reference` that names the build. Dropping the future cancels the build: the call's end stops everything that runs for it.
pub async fn solve(
    mut control: ControlClient<Channel>,
    reference: String,
    session: &str,
    frontend_options: impl IntoIterator<Item = (String, String)>,
    export: Export,
    progress: &mut Progress,
) -> Result<ExporterResponse, Status> {
    let mut news = Box::pin(news(control.clone(), reference.clone()));
    let solving = control.solve(SolveRequest {
        r#ref: reference,
        session: session.to_owned(),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: frontend_options.into_iter().collect(),
        // Engines before 25 read these two only.
        exporter_deprecated: export.kind.to_owned(),
        exporter_attrs_deprecated: export.options.clone(),
        exporters: vec![Exporter {
            r#type: export.kind.to_owned(),
            attrs: export.options,
        }],
        cache: Some(CacheOptions::default()),
        ..SolveRequest::default()
    });
    tokio::pin!(solving);
    let mut outcome = None;
    let mut listening = true;
    while outcome.is_none() || listening {
        tokio::select! {
            solved = &mut solving, if outcome.is_none() => outcome = Some(solved),
            response = news.next(), if listening => match response {
                Some(Ok(response)) => progress.take(response),
                Some(Err(status)) => {
                    tracing::debug!(%status, "the build's status broke off");
                    listening = false;
                }
                None => listening = false,
            },
            () = tokio::time::sleep(STATUS_SILENCE), if outcome.is_some() && listening => listening = false,
        }
    }
    match outcome {
        Some(Ok(response)) => Ok(response.into_inner().exporter_response),
        Some(Err(status)) => Err(status),
        None => Err(Status::internal("the build has no outcome")),
    }
}

fn news(
    mut control: ControlClient<Channel>,
    reference: String,
) -> impl Stream<Item = Result<StatusResponse, Status>> {
    let call = async move {
        control
            .status(StatusRequest { r#ref: reference })
            .await
            .map(tonic::Response::into_inner)
    };
    futures_util::stream::once(call).try_flatten()
}
