//! Where the result of a build goes when it is not published.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use super::attributes::attributes;
use super::invalid::InvalidOption;
use crate::error::{Diagnose, FailureKind};
use crate::untrusted::cleaned;

/// A disk has too little space for what is to be written there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` has {} MB free, and at least {} MB are to be written there", free / 1_000_000, needed.div_ceil(1_000_000))]
pub struct TooLittleSpace {
    /// The folder.
    pub place: String,
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes that will be, at least.
    pub needed: u64,
}

impl Diagnose for TooLittleSpace {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("free some there (`docker system prune` for what an engine keeps), or name another place".into())
    }
}

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildOutput {
    /// Into the engine's image store, under these names.
    Store(Vec<String>),
    /// The files of the last stage, into a folder.
    Folder(PathBuf),
    /// Into one file.
    File(ArchiveKind, PathBuf),
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveKind {
    /// The files of the last stage.
    Tar,
    /// The image, as an OCI image layout.
    Oci,
    /// The image, as `docker load` takes it.
    Docker,
}

impl ArchiveKind {
    /// Returns the name, as `type=` and the engine's exporter have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Oci => "oci",
            Self::Docker => "docker",
        }
    }
}

impl BuildOutput {
    /// Reads a line of `outputs`: `type=local,dest=FOLDER`, or the folder alone; paths are as they were written. `None` is
    /// no output.
    ///
    /// Source: docker CLI reference, `docker buildx build --output`.
    pub fn parse(line: &str) -> Result<Option<Self>, InvalidOption> {
        if !line.contains('=') {
            return match line.trim() {
                "" | "-" => Err(InvalidOption::OutputToStdout),
                folder => Ok(Some(Self::Folder(PathBuf::from(folder)))),
            };
        }
        let mut attributes = attributes(line)?;
        let kind = attributes.remove("type").unwrap_or_default();
        let name = attributes.remove("name");
        let place = attributes.remove("dest");
        if let Some(key) = attributes.into_keys().next() {
            return Err(InvalidOption::OutputKey { key: cleaned(&key) });
        }
        if place.as_deref() == Some("-") {
            return Err(InvalidOption::OutputToStdout);
        }
        let names = || match &name {
            Some(names) => names.split(',').map(str::trim).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let needed = |place: Option<String>| {
            place
                .filter(|place| !place.is_empty())
                .map(PathBuf::from)
                .ok_or(InvalidOption::OutputWithoutPlace)
        };
        let output = match (kind.as_str(), place) {
            ("cacheonly", None) => return Ok(None),
            ("image" | "docker", None) => Self::Store(names()),
            ("docker", place) => Self::File(ArchiveKind::Docker, needed(place)?),
            ("oci", place) => Self::File(ArchiveKind::Oci, needed(place)?),
            ("tar", place) => Self::File(ArchiveKind::Tar, needed(place)?),
            ("local", place) => Self::Folder(needed(place)?),
            ("registry", _) => return Err(InvalidOption::OutputToRegistry),
            _ => return Err(InvalidOption::OutputType { name: cleaned(&kind) }),
        };
        match (&output, name) {
            (Self::Store(_), _) | (_, None) => Ok(Some(output)),
            (_, Some(_)) => Err(InvalidOption::OutputKey {
                key: "name".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_as_the_docker_client_reads_them() {
        let file = |kind, path: &str| Ok(Some(BuildOutput::File(kind, PathBuf::from(path))));
        let folder = |path: &str| Ok(Some(BuildOutput::Folder(PathBuf::from(path))));
        let names = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Ok(Some(BuildOutput::Store(names)))
        };
        let parse = BuildOutput::parse;
        assert_eq!(parse("out"), folder("out"));
        assert_eq!(parse("type=local,dest=a/b"), folder("a/b"));
        assert_eq!(parse("type=tar,dest=a.tar"), file(ArchiveKind::Tar, "a.tar"));
        assert_eq!(parse("type=oci,dest=a.tar"), file(ArchiveKind::Oci, "a.tar"));
        assert_eq!(parse("type=docker,dest=a"), file(ArchiveKind::Docker, "a"));
        assert_eq!(parse("type=docker"), names(&[]));
        assert_eq!(parse("type=image,\"name=a:1,b:2\""), names(&["a:1", "b:2"]));
        assert_eq!(parse("type=cacheonly"), Ok(None));
        for line in ["-", "type=tar,dest=-"] {
            assert_eq!(parse(line), Err(InvalidOption::OutputToStdout), "{line}");
        }
        assert_eq!(parse("type=local"), Err(InvalidOption::OutputWithoutPlace));
        assert_eq!(parse("type=registry"), Err(InvalidOption::OutputToRegistry));
        let key = "push".to_owned();
        assert_eq!(
            parse("type=image,push=true"),
            Err(InvalidOption::OutputKey { key })
        );
        let name = "floppy".to_owned();
        assert_eq!(parse("type=floppy"), Err(InvalidOption::OutputType { name }));
    }
}
