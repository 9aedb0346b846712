//! A line to a server that counts what passes, and makes it pass as slowly as over a long way; `scripts/bench` runs it.
//!
//! ```text
//! delay_line LISTEN TARGET CONTROL [RTT_MS MEGABYTES_PER_SECOND]
//! ```
//!
//! Whoever connects to `LISTEN` reaches `TARGET`. With a round trip time each direction takes half of it, a new
//! connection two of them more, as TCP and TLS 1.3 do, and each direction of a connection carries so many megabytes a
//! second. Whoever connects to `CONTROL` is given one line of JSON with what passed since the last time.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// The most bytes that are read at once.
const PIECE: usize = 128 * 1024;

/// How long and how wide the way is.
#[derive(Clone, Copy)]
struct Link {
    round_trip: Duration,
    /// Bytes a second and direction of one connection; 0 is without a limit.
    rate: u64,
}

/// What passed.
#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (listen, target, control, way) = match arguments.as_slice() {
        [listen, target, control] => (
            listen,
            target,
            control,
            Link {
                round_trip: Duration::ZERO,
                rate: 0,
            },
        ),
        [listen, target, control, round_trip, megabytes] => (
            listen,
            target,
            control,
            Link {
                round_trip: Duration::from_millis(round_trip.parse()?),
                rate: megabytes.parse::<u64>()? * 1_000_000,
            },
        ),
        _ => return Err("three arguments or five: see the head of the file".into()),
    };
    let counts = Arc::new(Counts::default());
    tokio::spawn(answer(TcpListener::bind(control).await?, Arc::clone(&counts)));
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (client, _) = listener.accept().await?;
        counts.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connect(client, (*target).to_owned(), way, Arc::clone(&counts)));
    }
}

/// Tells whoever asks what passed since the last time.
async fn answer(listener: TcpListener, counts: Arc<Counts>) -> io::Result<()> {
    loop {
        let (mut asking, _) = listener.accept().await?;
        let [connections, up, down] =
            [&counts.connections, &counts.up, &counts.down].map(|count| count.swap(0, Ordering::Relaxed));
        let line = format!("{{\"connections\":{connections},\"up\":{up},\"down\":{down}}}\n");
        // One that has left already wanted to know nothing.
        drop(asking.write_all(line.as_bytes()).await);
    }
}

async fn connect(client: TcpStream, target: String, way: Link, counts: Arc<Counts>) -> io::Result<()> {
    sleep(way.round_trip * 2).await;
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, way, &counts.up),
        pass(from_server, to_client, way, &counts.down),
    );
    Ok(())
}

/// Passes bytes on in one direction, each when its time has come, until either side has ended.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Link,
    count: &AtomicU64,
) {
    // As much is on the way as fits in it.
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(16);
    let read = async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE);
            match from.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {
                    let due = Instant::now() + way.round_trip / 2;
                    if sender.send((due, buffer.split().freeze())).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    let write = async move {
        let mut free = Instant::now();
        while let Some((due, bytes)) = receiver.recv().await {
            let size = bytes.len() as u64;
            let time = (size * 1_000_000_000).checked_div(way.rate);
            if let Some(nanoseconds) = time {
                free = free.max(due) + Duration::from_nanos(nanoseconds);
                sleep_until(free).await;
            }
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            count.fetch_add(size, Ordering::Relaxed);
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}
