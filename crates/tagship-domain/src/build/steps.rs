//! What build steps run with.

use core::net::IpAddr;
use std::fmt;

use serde::{Serialize, Serializer};

use super::invalid::InvalidOption;
use crate::untrusted::cleaned;

/// One line of `/etc/hosts` in build steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostEntry {
    /// The name.
    pub host: String,
    /// Its address.
    pub address: IpAddr,
}

impl HostEntry {
    /// Reads `HOST:ADDRESS` or `HOST=ADDRESS`; an IPv6 address may stand in brackets.
    ///
    /// Source: docker CLI reference, `docker buildx build --add-host`.
    pub fn parse(text: &str) -> Result<Self, InvalidOption> {
        let (host, address) = text.split_once(['=', ':']).ok_or(InvalidOption::Host)?;
        if address == "host-gateway" {
            return Err(InvalidOption::HostGateway);
        }
        let address = address
            .strip_prefix('[')
            .and_then(|address| address.strip_suffix(']'))
            .unwrap_or(address);
        let is_name = !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        match address.parse() {
            Ok(address) if is_name => Ok(Self {
                host: host.to_owned(),
                address,
            }),
            _ => Err(InvalidOption::Host),
        }
    }
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.host, self.address)
    }
}

/// The network of build steps. Source: docker CLI reference, `docker buildx build --network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// None at all.
    None,
    /// The engine's own.
    Host,
}

impl Network {
    /// Reads `default`, `none` or `host`; the default is no wish.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidOption> {
        match text {
            "default" => Ok(None),
            "none" => Ok(Some(Self::None)),
            "host" => Ok(Some(Self::Host)),
            other => Err(InvalidOption::Network { name: cleaned(other) }),
        }
    }

    /// Returns the mode in the words of the frontend.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
        }
    }
}

/// Reads a size in bytes, such as `64m`, `1.5g` or `67108864`.
///
/// Source: docker/go-units, `RAMInBytes`.
pub fn size_in_bytes(text: &str) -> Result<u64, InvalidOption> {
    let wrong = || InvalidOption::Size { text: cleaned(text) };
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let shift = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().map_err(|_error| wrong())?;
    let thousandths: u64 = format!("{part:0<3}")
        .get(..3)
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(wrong)?;
    whole
        .checked_mul(1 << shift)
        .and_then(|bytes| bytes.checked_add((thousandths << shift) / 1000))
        .filter(|bytes| (1..=i64::MAX.unsigned_abs()).contains(bytes))
        .ok_or_else(wrong)
}

/// A limit of the processes in build steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    name: &'static str,
    soft: i64,
    hard: i64,
}

impl Ulimit {
    /// Source: docker/go-units, `ulimit.go`.
    const NAMES: [&str; 15] = [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];

    /// Reads `NAME=SOFT[:HARD]`; `-1` is no limit.
    ///
    /// Source: docker/go-units, `ParseUlimit`.
    pub fn parse(text: &str) -> Result<Self, InvalidOption> {
        let wrong = || InvalidOption::Ulimit { text: cleaned(text) };
        let (name, limits) = text.split_once('=').ok_or_else(wrong)?;
        let name = Self::NAMES
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(wrong)?;
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        let limit = |text: &str| text.parse::<i64>().ok().filter(|limit| *limit >= -1);
        match (limit(soft), limit(hard)) {
            (Some(soft), Some(hard)) if hard == -1 || (soft != -1 && soft <= hard) => {
                Ok(Self { name, soft, hard })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Ulimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{}", self.name, self.soft, self.hard)
    }
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What build steps may do beside the ordinary. Source: `BuildKit`, `util/entitlements`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Entitlement {
    /// Use the engine's own network.
    #[serde(rename = "network.host")]
    NetworkHost,
    /// Do whatever the engine's user may.
    #[serde(rename = "security.insecure")]
    SecurityInsecure,
}

impl Entitlement {
    /// Reads an entitlement's name.
    pub fn parse(text: &str) -> Result<Self, InvalidOption> {
        [Self::NetworkHost, Self::SecurityInsecure]
            .into_iter()
            .find(|entitlement| entitlement.as_str() == text)
            .ok_or_else(|| InvalidOption::Entitlement { name: cleaned(text) })
    }

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetworkHost => "network.host",
            Self::SecurityInsecure => "security.insecure",
        }
    }
}
