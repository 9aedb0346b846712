//! A proxy on a loopback address, which writes down what it is asked for and leads all of it to one server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a proxy was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The host, without a port.
    pub host: String,
    /// Whether it was to be reached by a tunnel, as for `https`.
    pub by_tunnel: bool,
    /// The header `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// A proxy of HTTP.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    /// Leads tunnels to `tls`, and requests that are to be passed on to `plain`, whatever host they are for.
    pub fn to(tls: SocketAddr, plain: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let written = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let written = Arc::clone(&written);
                thread::spawn(move || relay(client, tls, plain, &written));
            }
        });
        Self { address, asked }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for since the last time.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Relays one tunnel, or one request.
///
/// Sources: RFC 9110 section 9.3.6, `CONNECT`; RFC 9112 section 3.2.2, the absolute form of what is asked for.
fn relay(client: TcpStream, tls: SocketAddr, plain: SocketAddr, written: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line);
    }
    let first = lines.first()?.trim_end().to_owned();
    let (method, rest) = first.split_once(' ')?;
    let header = |name: &str| {
        let of_line = |line: &String| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        lines.iter().find_map(of_line)
    };
    let by_tunnel = method == "CONNECT";
    let (authority, path) = if by_tunnel {
        (rest.split(' ').next()?, "")
    } else {
        let rest = rest.strip_prefix("http://")?;
        rest.split_at(rest.find('/')?)
    };
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    written
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Asked {
            host: host.to_owned(),
            by_tunnel,
            authorization: header("proxy-authorization"),
        });
    let mut server = TcpStream::connect(if by_tunnel { tls } else { plain }).ok()?;
    let mut answer = client;
    if by_tunnel {
        answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    } else {
        // One request for each connection, so that each is written down.
        write!(server, "{method} {path}\r\nConnection: close\r\n").ok()?;
        let kept = lines[1..].iter().filter(|line| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !matches!(
                name.as_str(),
                "connection" | "proxy-authorization" | "proxy-connection"
            )
        });
        for line in kept {
            server.write_all(line.as_bytes()).ok()?;
        }
        server.write_all(b"\r\n").ok()?;
    }
    let mut to_server = server.try_clone().ok()?;
    let sending = thread::spawn(move || {
        drop(std::io::copy(&mut reader, &mut to_server));
        drop(to_server.shutdown(Shutdown::Write));
    });
    drop(std::io::copy(&mut server, &mut answer));
    drop(answer.shutdown(Shutdown::Both));
    drop(sending.join());
    Some(())
}
