//! The knobs of a build, in the names and line formats of `docker/build-push-action`.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Serialize, Serializer};

use super::attachments::{Annotation, Attestation};
use super::cache::{CacheEntry, CacheTagError};
use super::invalid::InvalidOption;
use crate::immutability::Mutability;
use crate::reference::{ImageName, Tag};
use crate::untrusted::cleaned;

/// Everything about a build that has a default.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BuildOptions {
    /// Contexts beside the main one, by the names that `FROM` and `COPY --from` know them by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, NamedContext>,
    /// Lines of `/etc/hosts` in build steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_hosts: Vec<HostEntry>,
    /// The network of build steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The size of `/dev/shm` in build steps, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<u64>,
    /// Limits of the processes in build steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// The control group above those of build steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
    /// What build steps may do beside the ordinary.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub allow: BTreeSet<Entitlement>,
    /// Whether the registry is asked for base images that the engine holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// The stages whose cached results are ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_cache_filters: Vec<String>,
    /// Annotations of manifests and indexes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Annotation>,
    /// Attestations, by kind, with the attributes that `BuildKit` takes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attestations: BTreeMap<Attestation, String>,
    /// Where earlier results are taken from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<CacheEntry>,
    /// Where results are left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_to: Vec<CacheEntry>,
    /// The build arguments whose values make no other image, such as a date.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub volatile_args: BTreeSet<String>,
    /// Whether the caches are left out where the engine or the repository does not take them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cache_optional: bool,
}

impl BuildOptions {
    /// Keeps a cache in the image's own repository; `is_optional` where it is left out if that is not possible.
    pub fn keep_cache_in(&mut self, image: &ImageName, is_optional: bool) {
        let [from, to] = CacheEntry::of_repository(image);
        self.cache_from.push(from);
        self.cache_to.push(to);
        self.is_cache_optional = is_optional;
    }

    /// Returns why a cache cannot be kept under its tag in the image's repository, whose setting is `mutability` as far
    /// as it is known, and where `wanted` are the image's own tags.
    pub fn cache_error<'a>(
        &self,
        image: &ImageName,
        mutability: Option<&Mutability>,
        wanted: impl Iterator<Item = &'a Tag> + Clone,
    ) -> Option<CacheTagError> {
        let tags = self.cache_to.iter().filter_map(|entry| entry.tag_in(image));
        let mut errors = tags.filter_map(|tag| {
            let image = image.clone();
            if wanted.clone().any(|wanted| *wanted == tag) {
                Some(CacheTagError::Wanted { tag, image })
            } else if mutability.is_some_and(|setting| setting.protects(&tag)) {
                Some(CacheTagError::Immutable { tag, image })
            } else {
                None
            }
        });
        errors.next()
    }

    /// Returns the values that open something.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let caches = self.cache_from.iter().chain(&self.cache_to);
        caches.flat_map(CacheEntry::secrets)
    }

    /// Leaves out all caches.
    pub fn without_caches(&mut self) {
        self.cache_from.clear();
        self.cache_to.clear();
    }
}

/// A context beside the main one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedContext {
    /// A folder on this machine.
    Folder(PathBuf),
    /// What the engine fetches itself: `docker-image://`, `https://` or a git address.
    Address(String),
}

/// Reads a line of `build-contexts`: `NAME=FOLDER` or `NAME=ADDRESS`. A folder is as it was written.
///
/// Source: docker CLI reference, `docker buildx build --build-context`; buildx, `commands/build.go`, `parseContextNames`.
pub fn named_context(line: &str) -> Result<(String, NamedContext), InvalidOption> {
    let (name, value) = line.split_once('=').ok_or(InvalidOption::NamedContext)?;
    let name = name.trim();
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let name = name.strip_suffix(":latest").unwrap_or(name);
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b));
    let value = value.trim();
    if !is_name || value.is_empty() {
        return Err(InvalidOption::NamedContext);
    }
    let context = match value.split_once("://") {
        Some(("docker-image" | "http" | "https" | "git" | "ssh", rest)) if !rest.is_empty() => {
            NamedContext::Address(value.to_owned())
        }
        Some((scheme, _)) => {
            return Err(InvalidOption::ContextScheme {
                scheme: cleaned(scheme),
            });
        }
        None if value.starts_with("git@") => NamedContext::Address(value.to_owned()),
        None => NamedContext::Folder(PathBuf::from(value)),
    };
    Ok((name.to_owned(), context))
}

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

#[cfg(test)]
mod tests;
