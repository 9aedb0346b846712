//! Connections: the highest floor. It knows the faces as a router alone.

mod connection;
mod leftover;
mod server;
mod tls;

pub(crate) use server::Server;
pub(crate) use tls::Tls;
