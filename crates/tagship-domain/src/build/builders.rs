//! Builders beside the engine: the lines that name them, and which of them builds which platform.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::attributes::attributes;
use crate::content::Platform;
use crate::untrusted::cleaned;

/// Where a BuildKit daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuilderAddress {
    /// `unix:///run/buildkit/buildkitd.sock`.
    Unix(PathBuf),
    /// `tcp://host:port`.
    Tcp {
        /// A name or an address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `docker-container://name`: in a container on the engine.
    Container(String),
}

impl BuilderAddress {
    /// Reads `unix:///path`, `tcp://host:port` or `docker-container://name`.
    pub fn parse(text: &str) -> Result<Self, InvalidBuilder> {
        let invalid = || InvalidBuilder::Address {
            address: cleaned(text),
        };
        match text.split_once("://").ok_or_else(invalid)? {
            ("unix", path) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            ("docker-container", name) if is_container_name(name) => Ok(Self::Container(name.to_owned())),
            ("tcp", rest) => match host_and_port(rest) {
                Some((host, Some(port))) => Ok(Self::Tcp { host, port }),
                _ => Err(invalid()),
            },
            _ => Err(invalid()),
        }
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_of_this_machine(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Container(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost"
                    || host
                        .parse::<core::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        }
    }

    /// Returns what progress and errors call it: the host, or the socket's file.
    pub fn short_name(&self) -> String {
        match self {
            Self::Unix(path) => path.file_stem().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            ),
            Self::Tcp { host, .. } => host.clone(),
            Self::Container(name) => name.clone(),
        }
    }
}

impl fmt::Display for BuilderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Container(name) => write!(f, "docker-container://{name}"),
        }
    }
}

/// Source: moby, `daemon/names`, `RestrictedNameChars`.
fn is_container_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// Reads `host`, `host:port` or `[address]:port`, with nothing behind but one `/`.
pub fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<core::net::Ipv6Addr>().ok()?;
        let port = match rest {
            "" => None,
            _ => Some(rest.strip_prefix(':')?),
        };
        (host, port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if host.is_empty() || host.starts_with('-') || !host.bytes().all(legal) {
            return None;
        }
        (host, port)
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    Some((host.to_owned(), port))
}

/// Where a certificate or a key is, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PemSource {
    /// In a file; as it was written.
    File(String),
    /// In a variable of the environment.
    Variable(String),
}

/// What a connection is protected by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderTls {
    /// Certificates of the authorities that the builder's certificate is of.
    pub authority: PemSource,
    /// The certificate that is shown to the builder, and its key.
    pub identity: Option<(PemSource, PemSource)>,
    /// The name in the builder's certificate, where it is not the address's host.
    pub server_name: Option<String>,
}

/// A line of `builders`: `linux/arm64=tcp://arm.example:1234,ca=ca.pem,cert=cert.pem,key=key.pem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderLine {
    /// The platform that it builds; all that no other line names when absent.
    pub platform: Option<Platform>,
    /// Where it listens.
    pub address: BuilderAddress,
    /// TLS; none on this machine, or where the line asks for that.
    pub tls: Option<BuilderTls>,
    /// The image of a container.
    pub image: Option<String>,
    /// The file of a container's `buildkitd.toml`; as it was written.
    pub config: Option<String>,
}

impl BuilderLine {
    /// Reads a line.
    pub fn parse(line: &str) -> Result<Self, InvalidBuilder> {
        let (head, rest) = match line.split_once(',') {
            Some((head, rest)) => (head.trim(), Some(rest.trim())),
            None => (line.trim(), None),
        };
        let (platform, address) = match head.split_once('=') {
            Some((platform, address)) => (Some(platform.trim()), address.trim()),
            None => (None, head),
        };
        let platform = match platform {
            Some(text) => Some(
                Platform::parse(text).map_err(|_invalid| InvalidBuilder::Platform {
                    platform: cleaned(text),
                })?,
            ),
            None => None,
        };
        let address = BuilderAddress::parse(address)?;
        let options = rest.map(attributes).transpose();
        let mut options = options
            .map_err(|_invalid| InvalidBuilder::Options)?
            .unwrap_or_default();
        let (image, config) = match address {
            BuilderAddress::Container(_) => (options.remove("image"), options.remove("config")),
            BuilderAddress::Unix(_) | BuilderAddress::Tcp { .. } => (None, None),
        };
        let is_image = |image: &String| {
            image.starts_with(|c: char| c.is_ascii_alphanumeric()) && !image.contains(char::is_whitespace)
        };
        if image.as_ref().is_some_and(|image| !is_image(image)) {
            return Err(InvalidBuilder::Image);
        }
        let tls = tls(&address, options)?;
        Ok(Self {
            platform,
            address,
            tls,
            image,
            config,
        })
    }
}

/// What the options of a line say of TLS.
fn tls(
    address: &BuilderAddress,
    mut options: BTreeMap<String, String>,
) -> Result<Option<BuilderTls>, InvalidBuilder> {
    let mut pem = |name: &'static str| {
        let file = options.remove(name).map(PemSource::File);
        let variable = options.remove(&format!("{name}-env")).map(PemSource::Variable);
        match (file, variable) {
            (Some(_), Some(_)) => Err(InvalidBuilder::Twice { name }),
            (file, variable) => Ok(file.or(variable)),
        }
    };
    let (authority, certificate, key) = (pem("ca")?, pem("cert")?, pem("key")?);
    let server_name = options.remove("servername");
    let is_insecure = match options.remove("insecure").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(InvalidBuilder::Insecure),
    };
    if let Some(key) = options.into_keys().next() {
        return Err(InvalidBuilder::Option { key: cleaned(&key) });
    }
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(InvalidBuilder::HalfAnIdentity),
    };
    match authority {
        Some(_) if is_insecure => Err(InvalidBuilder::InsecureTls),
        Some(_) if !matches!(address, BuilderAddress::Tcp { .. }) => Err(InvalidBuilder::TlsOnSocket),
        Some(authority) => Ok(Some(BuilderTls {
            authority,
            identity,
            server_name,
        })),
        None if identity.is_some() || server_name.is_some() => Err(InvalidBuilder::NoAuthority),
        None if is_insecure || address.is_of_this_machine() => Ok(None),
        None => Err(InvalidBuilder::Unprotected {
            address: address.to_string(),
        }),
    }
}

/// Returns which of `builders` builds which of `platforms`, by position: the one that names the platform, else the one that
/// names its operating system and architecture, else the one that names none. `None` stands for the builder that there is
/// without any line.
///
/// Shares are in the order of their first platform. Without platforms it is the builder that names none.
pub fn spread(platforms: &[Platform], builders: &[Vec<Platform>]) -> Vec<(Option<usize>, Vec<Platform>)> {
    let default = builders.iter().position(Vec::is_empty);
    if platforms.is_empty() {
        return vec![(default, Vec::new())];
    }
    let mut shares: Vec<(Option<usize>, Vec<Platform>)> = Vec::new();
    for platform in platforms {
        let exact = |named: &Vec<Platform>| named.iter().any(|named| named.is_same(platform));
        let near = |named: &Vec<Platform>| {
            let is_near = |named: &Platform| {
                named.variant.is_none()
                    && (&named.os, &named.architecture) == (&platform.os, &platform.architecture)
            };
            named.iter().any(is_near)
        };
        let builder = builders
            .iter()
            .position(exact)
            .or_else(|| builders.iter().position(near))
            .or(default);
        match shares.iter_mut().find(|(known, _)| *known == builder) {
            Some((_, share)) => share.push(platform.clone()),
            None => shares.push((builder, vec![platform.clone()])),
        }
    }
    shares
}

/// Why a line of `builders` is not one. Values of options are left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBuilder {
    /// What stands before `=` is no platform.
    #[error("`{platform}` before `=` is not of the form `linux/amd64` or `linux/arm64/v8`")]
    Platform {
        /// What stands there.
        platform: String,
    },
    /// No address.
    #[error("`{address}` is not `tcp://host:port`, `unix:///path` or `docker-container://name`")]
    Address {
        /// What stands there.
        address: String,
    },
    /// What follows the address is no list of options.
    #[error("behind the address is no list of `key=value`, separated by commas")]
    Options,
    /// An option that there is not.
    #[error(
        "it has no option `{key}`; there are `ca`, `cert`, `key`, each also as `ca-env` and so on, `servername` and `insecure`, of a container `image` and `config`"
    )]
    Option {
        /// Its name.
        key: String,
    },
    /// A file and a variable for the same.
    #[error("`{name}` and `{name}-env` are both given")]
    Twice {
        /// The option.
        name: &'static str,
    },
    /// Neither yes nor no.
    #[error("`insecure` is neither `true` nor `false`")]
    Insecure,
    /// A certificate without its key, or a key alone.
    #[error("`cert` and `key` are given together or not at all")]
    HalfAnIdentity,
    /// TLS, and no TLS.
    #[error("`insecure=true` and `ca` exclude each other")]
    InsecureTls,
    /// TLS to what is on this machine.
    #[error("a socket or a container is used without TLS")]
    TlsOnSocket,
    /// No image.
    #[error("`image` is no name of an image")]
    Image,
    /// TLS without the authority.
    #[error("`ca` is missing: the authority that the builder's certificate is of")]
    NoAuthority,
    /// A connection that others could read.
    #[error(
        "`{address}` would be spoken to in the clear, where others can read credentials: give `ca`, `cert` and `key`, or `insecure=true` in a network that you trust"
    )]
    Unprotected {
        /// The address.
        address: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> BuilderLine {
        BuilderLine::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn file(name: &str) -> PemSource {
        PemSource::File(name.to_owned())
    }

    #[test]
    fn a_line_names_platform_address_and_certificates() {
        let line = parsed("linux/arm64=tcp://arm.example:1234,ca=ca.pem,cert=c.pem,key-env=KEY,servername=b");
        assert_eq!(
            line.platform.as_ref().map(ToString::to_string).as_deref(),
            Some("linux/arm64")
        );
        assert_eq!(line.address.to_string(), "tcp://arm.example:1234");
        assert_eq!(line.address.short_name(), "arm.example");
        let tls = line.tls.unwrap();
        assert_eq!(tls.authority, file("ca.pem"));
        let key = PemSource::Variable("KEY".to_owned());
        assert_eq!(tls.identity, Some((file("c.pem"), key)));
        assert_eq!(tls.server_name.as_deref(), Some("b"));
        for (text, name) in [
            ("unix:///run/buildkit/buildkitd.sock", "buildkitd"),
            ("tcp://127.0.0.1:1234", "127.0.0.1"),
            ("tcp://[::1]:1234", "::1"),
            (
                "docker-container://tagship,image=mirror.example/buildkit:1,config=b.toml",
                "tagship",
            ),
            ("tcp://10.0.0.7:1234,insecure=true", "10.0.0.7"),
        ] {
            let line = parsed(text);
            assert_eq!((line.platform, line.tls), (None, None), "{text}");
            assert_eq!(line.address.short_name(), name);
            assert_eq!(line.address.to_string(), text.split(',').next().unwrap());
        }
    }

    #[test]
    fn nothing_is_sent_in_the_clear_to_another_machine_by_accident() {
        for text in [
            "tcp://arm.example:1234",
            "linux/arm64=tcp://10.0.0.7:1234",
            "tcp://localhost.example:1",
            "tcp://arm.example:1234,insecure=false",
        ] {
            let error = BuilderLine::parse(text).unwrap_err();
            assert!(
                matches!(error, InvalidBuilder::Unprotected { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn other_lines_are_refused_with_the_reason() {
        for (line, reason) in [
            ("", "is not `tcp://"),
            ("arm.example:1234", "is not `tcp://"),
            ("tcp://arm.example", "is not `tcp://"),
            ("tcp://arm.example:0", "is not `tcp://"),
            ("tcp://user@arm.example:1", "is not `tcp://"),
            ("unix://socket", "is not `tcp://"),
            ("ssh://arm.example", "is not `tcp://"),
            ("arm64=tcp://a:1", "before `=` is not of the form"),
            ("tcp://a:1,ca", "no list of `key=value`"),
            ("tcp://a:1,ca=a,ca=b", "no list of `key=value`"),
            ("tcp://a:1,ca=a,ca-env=A", "`ca` and `ca-env` are both"),
            ("tcp://a:1,ca=a,password=x", "no option `password`"),
            ("tcp://a:1,ca=a,cert=c", "together or not at all"),
            ("tcp://a:1,cert=c,key=k", "`ca` is missing"),
            ("tcp://a:1,ca=a,insecure=true", "exclude each other"),
            ("tcp://a:1,insecure=yes", "neither `true` nor `false`"),
            ("unix:///a,ca=a", "without TLS"),
            ("unix:///a,image=a", "no option `image`"),
            ("docker-container://b,ca=a", "without TLS"),
            ("docker-container://-b", "is not `tcp://"),
            ("docker-container://b/c", "is not `tcp://"),
            ("docker-container://b,image=-x", "is no name of an image"),
        ] {
            let error = BuilderLine::parse(line).unwrap_err().to_string();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }

    #[test]
    fn platforms_go_to_the_builder_that_names_them() {
        let platforms = |texts: &[&str]| -> Vec<Platform> {
            texts.iter().map(|text| Platform::parse(text).unwrap()).collect()
        };
        let spread = |wanted: &[&str], builders: &[&[&str]]| -> Vec<String> {
            let builders: Vec<Vec<Platform>> = builders.iter().map(|named| platforms(named)).collect();
            super::spread(&platforms(wanted), &builders)
                .into_iter()
                .map(|(builder, share)| {
                    let share: Vec<String> = share.iter().map(ToString::to_string).collect();
                    let builder = builder.map_or_else(|| "engine".to_owned(), |at| at.to_string());
                    format!("{builder}: {}", share.join(" "))
                })
                .collect()
        };
        // The engine builds what no line names.
        assert_eq!(
            spread(&["linux/amd64", "linux/arm64"], &[&["linux/arm64"]]),
            ["engine: linux/amd64", "0: linux/arm64"]
        );
        // A line without a platform takes its place.
        assert_eq!(
            spread(
                &["linux/amd64", "linux/s390x", "linux/arm64"],
                &[&[], &["linux/arm64"]]
            ),
            ["0: linux/amd64 linux/s390x", "1: linux/arm64"]
        );
        // The usual variant is the platform itself, another one the next best.
        assert_eq!(
            spread(
                &["linux/arm64/v8", "linux/arm/v6", "linux/arm/v7"],
                &[&["linux/arm64"], &["linux/arm"], &["linux/arm/v6"]]
            ),
            ["0: linux/arm64/v8", "2: linux/arm/v6", "1: linux/arm/v7"]
        );
        assert_eq!(spread(&[], &[&["linux/arm64"]]), ["engine: "]);
        assert_eq!(spread(&[], &[&["linux/arm64"], &[]]), ["1: "]);
    }
}
