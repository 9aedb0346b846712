//! A listener before a server of this machine that writes down all that passes, both ways.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What passed.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Listens before `server`.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let passed = Arc::<Mutex<Vec<u8>>>::default();
        let record = Arc::clone(&passed);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let record = Arc::clone(&record);
                thread::spawn(move || pass_on(&client, server, &record));
            }
        });
        Self { address, passed }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that passed until now, of every connection.
    pub fn passed(&self) -> String {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&passed).into_owned()
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr, record: &Arc<Mutex<Vec<u8>>>) -> Option<()> {
    let server = TcpStream::connect(server).ok()?;
    let back = (server.try_clone().ok()?, client.try_clone().ok()?);
    let of_server = Arc::clone(record);
    let answers = thread::spawn(move || copy(&back.0, &back.1, &of_server));
    copy(client, &server, record);
    answers.join().ok()
}

/// Until the end; what was read is written down in one piece, so that no other connection comes between.
fn copy(mut from: &TcpStream, mut to: &TcpStream, record: &Mutex<Vec<u8>>) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let Some(read) = piece.get(..length) else { break };
        record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(read);
        if to.write_all(read).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
