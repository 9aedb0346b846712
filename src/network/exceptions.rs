//! What is reached without a proxy.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::{NetworkError, Place};
use tagship_domain::untrusted::cleaned;

const HINT: &str = "name hosts, addresses and ranges, as `host`, `.host`, `*.host`, `host:443`, `10.0.0.0/8`, `[::1]`, or `*` for all";

/// The entries of `NO_PROXY`.
#[derive(Debug, Default)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Debug)]
struct Exception {
    hosts: Hosts,
    /// This port alone.
    port: Option<u16>,
}

#[derive(Debug)]
enum Hosts {
    All,
    /// The name, and what lies below it.
    Name(String),
    /// What lies below the name.
    Below(String),
    Network(IpNet),
}

impl Exceptions {
    /// Reads entries between commas or blanks. What holds a port or a range, and not a right one, is refused; any other text
    /// is a name, though perhaps of no host.
    ///
    /// Sources: curl(1), `--noproxy`; Go, `golang.org/x/net/http/httpproxy`.
    pub(super) fn parse(name: &'static str, text: &str) -> Result<Self, NetworkError> {
        let entries = text.split([',', ' ', '\t', '\n', '\r']);
        let entries = entries.map(str::trim).filter(|entry| !entry.is_empty());
        let parsed = entries.map(|entry| {
            Exception::parse(&entry.to_ascii_lowercase()).ok_or_else(|| NetworkError::Setting {
                place: Place::Variable(name),
                problem: format!("`{}` names no host", cleaned(entry)),
                hint: HINT,
            })
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    /// Whether an address is reached without a proxy: it is an exception, or is this machine.
    pub(super) fn contain(&self, address: &Url) -> bool {
        let port = address.port_or_known_default();
        let (name, ip) = match address.host() {
            Some(Host::Domain(name)) => (name.trim_end_matches('.').to_ascii_lowercase(), None),
            Some(Host::Ipv4(ip)) => (String::new(), Some(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (String::new(), Some(IpAddr::V6(ip).to_canonical())),
            None => return true,
        };
        let is_exception = |exception: &Exception| {
            exception.port.is_none_or(|wanted| Some(wanted) == port) && exception.hosts.contain(&name, ip)
        };
        is_machine(&name, ip) || self.0.iter().any(is_exception)
    }
}

/// Whether it is this machine, or the service on its link that gives a machine of Amazon's its credentials: a proxy would
/// reach another one by the same name.
///
/// Sources: RFC 6761 section 6.3; AWS SDKs and Tools reference guide, "IMDS credential provider" and "Container credential
/// provider", for `fd00:ec2::254` and `fd00:ec2::23`.
fn is_machine(name: &str, ip: Option<IpAddr>) -> bool {
    match ip {
        None => name == "localhost" || name.ends_with(".localhost"),
        Some(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Some(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0xec2]
        }
    }
}

impl Exception {
    /// Reads an entry in small letters.
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            let (hosts, port) = (Hosts::All, None);
            return Some(Self { hosts, port });
        }
        if let Some(network) = network(entry) {
            let (hosts, port) = (Hosts::Network(network), None);
            return Some(Self { hosts, port });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (entry, None),
        };
        let hosts = match network(host) {
            Some(network) => Hosts::Network(network),
            None if host.contains(['/', ':', '[', ']']) => return None,
            None => {
                let host = host.trim_end_matches('.');
                match host.strip_prefix("*.") {
                    Some(name) => Hosts::Below(format!(".{name}")),
                    None => Hosts::Name(host.trim_start_matches('.').to_owned()),
                }
            }
        };
        Some(Self { hosts, port })
    }
}

/// An address, or a range of addresses.
fn network(text: &str) -> Option<IpNet> {
    if text.contains('/') {
        return text.parse().ok();
    }
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let ip: IpAddr = text.parse().ok()?;
    Some(ip.to_canonical().into())
}

impl Hosts {
    fn contain(&self, name: &str, ip: Option<IpAddr>) -> bool {
        match self {
            Self::All => true,
            Self::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Self::Below(below) => ip.is_none() && name.ends_with(below.as_str()),
            Self::Name(known) => {
                ip.is_none()
                    && !known.is_empty()
                    && name
                        .strip_suffix(known.as_str())
                        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
        }
    }
}
