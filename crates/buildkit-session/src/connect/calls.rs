//! Calls of BuildKit over one connection.

use std::io;
use std::time::Instant;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::stream::EngineStream;
use crate::limits;

/// The most bytes of one progress message; a log message alone may have several megabytes.
const MAX_CONTROL_MESSAGE_BYTES: usize = 64 << 20;

/// gRPC over one connection. With `has_pings` the end of the connection is asked whether it is there while it says nothing.
pub(super) async fn channel_over(
    stream: EngineStream,
    has_pings: bool,
) -> Result<Channel, tonic::transport::Error> {
    let mut once = Some(stream);
    let endpoint = Endpoint::from_static("http://docker")
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    // A build may be silent for an hour; an engine that is there says so all the same.
    let endpoint = if has_pings {
        endpoint
            .http2_keep_alive_interval(limits::PING)
            .keep_alive_timeout(limits::PONG)
            .keep_alive_while_idle(true)
    } else {
        endpoint
    };
    let connector = tower::service_fn(move |_: Uri| {
        let stream = once.take();
        async move {
            stream
                .map(TokioIo::new)
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
        }
    });
    endpoint.connect_with_connector(connector).await
}

/// A call of BuildKit, which is logged.
pub(crate) async fn called<T>(
    name: &'static str,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let begun = Instant::now();
    let answer = call.await;
    let millis = begun.elapsed().as_millis();
    match &answer {
        Ok(_) => tracing::info!("BuildKit: {name}: OK in {millis} ms"),
        Err(status) => tracing::info!("BuildKit: {name}: {:?} in {millis} ms", status.code()),
    }
    answer
}

pub(crate) fn control_over(channel: Channel) -> ControlClient<Channel> {
    ControlClient::new(channel).max_decoding_message_size(MAX_CONTROL_MESSAGE_BYTES)
}
