//! Connections, uploads and the engine's push, side by side.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::super::compression::{Compressed, MAX_UPLOADS};
use super::super::failure::Failure;
use super::super::sending::upload;
use super::Handover;
use crate::ports::RegistryError;
use tagship_domain::reference::Digest;

/// The most connections at a time. An engine has one for each of the layers that it pushes at once, five by default.
const MAX_CONNECTIONS: usize = 64;

/// How long a connection may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// The silence after which known layers are read to their end, if something is missing.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Answers until everything has come, or the engine has pushed all that it does, and all of it is uploaded.
pub(super) async fn serve(
    handover: &Handover<'_>,
    listener: &TcpListener,
    mut finished: mpsc::UnboundedReceiver<Result<Compressed, Failure>>,
    pushing: impl Future<Output = Result<(), Failure>>,
    stall: Duration,
) -> Result<(), Failure> {
    let mut connections = FuturesUnordered::new();
    let mut uploads: FuturesUnordered<BoxFuture<'_, Result<(), (Digest, RegistryError)>>> =
        FuturesUnordered::new();
    let mut pushing = pin!(pushing);
    let mut is_pushed = false;
    let mut moved = 0;
    let mut watch = tokio::time::interval(stall);
    watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    watch.tick().await;
    let mut stood = 0;
    let mut standstill = tokio::time::interval(STANDSTILL);
    standstill.set_missed_tick_behavior(MissedTickBehavior::Delay);
    standstill.tick().await;
    while !(is_pushed || handover.has_all()) || !finished.is_empty() || !uploads.is_empty() {
        tokio::select! {
            Some(()) = connections.next() => {}
            Some(uploaded) = uploads.next() => {
                uploaded.map_err(|(found, error)| {
                    handover.image().forget_layer(&found);
                    Failure::from(error)
                })?;
            }
            Some(layer) = finished.recv(), if uploads.len() < MAX_UPLOADS => {
                let Compressed { found, spooled, .. } = layer?;
                uploads.push(upload(handover.registry, found, spooled, handover.reporter).boxed());
            }
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                handover.note_movement();
                connections.push(answer(handover, accepted?.0));
            }
            pushed = &mut pushing, if !is_pushed => {
                pushed?;
                is_pushed = true;
            }
            _ = standstill.tick() => {
                let now = handover.moved.load(Ordering::Relaxed);
                // Some known layer waits for it, or the engine has not come so far.
                if now == stood && handover.reads_known.receiver_count() > 0 {
                    tracing::debug!("the engine sends nothing new, so that known layers are read");
                    handover.reads_known.send_replace(true);
                }
                stood = now;
            }
            // An upload that stands still is given up by its client.
            _ = watch.tick(), if uploads.is_empty() => {
                let now = handover.moved.load(Ordering::Relaxed);
                if now == moved {
                    let message = format!("nothing came for {} s", stall.as_secs());
                    return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message).into());
                }
                moved = now;
            }
        }
    }
    Ok(())
}

/// Answers what comes on one connection.
async fn answer(handover: &Handover<'_>, stream: TcpStream) {
    let service = service_fn(async |request| Ok::<_, Infallible>(handover.answer(request).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // An engine leaves in the middle of a layer that is known, and so may anything else.
    if let Err(error) = connection.await {
        tracing::trace!(%error, "a connection to the loopback registry broke off");
    }
}
