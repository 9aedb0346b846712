//! ECR Public under its own name: a proxy leads its clients to an embedded ECR, whatever host they ask it for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::local::Ecr;

/// The alias of the account's public registry: `a`, and its number in base 36.
pub const ALIAS: &str = "a1kpqzg2c";

/// An embedded ECR that is found as `public.ecr.aws`.
pub struct PublicEcr {
    /// The embedded ECR.
    pub ecr: Ecr,
    proxy: SocketAddr,
}

impl PublicEcr {
    /// A new one.
    pub fn start() -> Self {
        Self::of(Ecr::start_with_tls(None))
    }

    /// One with these roles.
    pub fn start_with_roles(roles: &str) -> Self {
        Self::of(Ecr::start_with_tls(Some(roles)))
    }

    fn of(ecr: Ecr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let proxy = listener.local_addr().expect("it has an address");
        let target = ecr.tls_address();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || relay(client, target));
            }
        });
        Self { ecr, proxy }
    }

    /// `tagship` with the administrator's key and with ECR Public as the registry of the settings.
    pub fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = self.ecr.command(home, arguments);
        command.env("TAGSHIP_REGISTRY", "public.ecr.aws");
        self.lead(&mut command);
        command
    }

    /// Makes a program find `public.ecr.aws` here.
    pub fn lead(&self, command: &mut Command) {
        let (_, authority) = self.ecr.own_names();
        command
            .env("HTTPS_PROXY", format!("http://{}", self.proxy))
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("SSL_CERT_FILE", authority);
    }
}

/// Relays what a client sends through a tunnel. Source: RFC 9110 section 9.3.6, `CONNECT`.
fn relay(client: TcpStream, target: SocketAddr) {
    let mut reader = BufReader::new(client.try_clone().expect("it is a socket"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
        line.clear();
    }
    let (Ok(server), mut answer) = (TcpStream::connect(target), client) else {
        return;
    };
    if answer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
        return;
    }
    let mut to_server = server.try_clone().expect("it is a socket");
    let sending = thread::spawn(move || {
        drop(std::io::copy(&mut reader, &mut to_server));
        drop(to_server.shutdown(std::net::Shutdown::Write));
    });
    let mut from_server = server;
    drop(std::io::copy(&mut from_server, &mut answer));
    drop(answer.shutdown(std::net::Shutdown::Both));
    drop(sending.join());
}
