//! A server: it accepts connections until it is stopped.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connection;

/// How long requests that are under way may take once the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// A server that runs; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router` to those who connect to `listener`, through TLS where that is given.
    pub(crate) fn serve(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, router, tls, stop.clone()));
        Self {
            stop: stop.drop_guard(),
            task,
        }
    }

    /// Stops accepting, lets requests finish for a short while, and ends all connections.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::debug!(%error, "the embedded ECR ended badly");
        }
    }
}

async fn accept(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection::serve(stream, peer, router.clone(), tls.clone(), stop.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others must close theirs first.
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        connections.shutdown().await;
    }
}
