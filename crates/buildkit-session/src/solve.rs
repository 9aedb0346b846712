//! One build: BuildKit's `Control.Solve`, with `Control.Status` beside it.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{
    CacheOptions, CacheOptionsEntry, Exporter, SolveRequest, StatusRequest, StatusResponse,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use tonic::Status;
use tonic::transport::Channel;

use crate::connect::called;
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

/// A cache outside of the engine.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Its kind, such as `registry`.
    pub kind: &'static str,
    /// Its options, secret ones among them.
    pub options: HashMap<String, String>,
}

/// What is asked of an engine.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The build, in the words of the Dockerfile frontend.
    pub frontend_options: HashMap<String, String>,
    /// Where the result goes; nowhere when empty.
    pub exports: Vec<Export>,
    /// Where earlier results are taken from.
    pub cache_from: Vec<Cache>,
    /// Where results are left.
    pub cache_to: Vec<Cache>,
    /// What steps may do beside the ordinary.
    pub entitlements: Vec<String>,
}

impl Order {
    /// In the words of the API. The frontend reads the caches to take from in an option of its own.
    ///
    /// Source: BuildKit, `client/solve.go`, `parseCacheOptions`; `frontend/dockerui`, `keyCacheImports`.
    fn into_request(mut self, reference: String, session: &str) -> SolveRequest {
        if !self.cache_from.is_empty() {
            let imports: Vec<_> = self
                .cache_from
                .iter()
                .map(|cache| json!({ "Type": cache.kind, "Attrs": cache.options }))
                .collect();
            self.frontend_options
                .insert("cache-imports".to_owned(), json!(imports).to_string());
        }
        let entries = |caches: Vec<Cache>| {
            let entry = |cache: Cache| CacheOptionsEntry {
                r#type: cache.kind.to_owned(),
                attrs: cache.options,
            };
            caches.into_iter().map(entry).collect()
        };
        let first = self.exports.first().cloned();
        let (kind, options) = first.map_or_else(Default::default, |first| (first.kind, first.options));
        SolveRequest {
            r#ref: reference,
            session: session.to_owned(),
            frontend: "dockerfile.v0".to_owned(),
            frontend_attrs: self.frontend_options,
            // Engines before 25 read these two only.
            exporter_deprecated: kind.to_owned(),
            exporter_attrs_deprecated: options,
            exporters: self
                .exports
                .into_iter()
                .map(|export| Exporter {
                    r#type: export.kind.to_owned(),
                    attrs: export.options,
                })
                .collect(),
            cache: Some(CacheOptions {
                imports: entries(self.cache_from),
                exports: entries(self.cache_to),
                ..CacheOptions::default()
            }),
            entitlements: self.entitlements,
            ..SolveRequest::default()
        }
    }
}

/// Builds, under a `reference` that names the build. Dropping the future cancels the build: the call's end stops everything that runs for it.
pub async fn solve(
    mut control: ControlClient<Channel>,
    reference: String,
    session: &str,
    order: Order,
    progress: &mut Progress,
) -> Result<ExporterResponse, Status> {
    let mut news = Box::pin(news(control.clone(), reference.clone()));
    let solving = control.solve(order.into_request(reference, session));
    let solving = called("Solve", solving);
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
