//! The name of a repository.

use std::fmt;

use super::{Digest, InvalidName, RegistryHost, text_conversions};

/// The name of an ECR repository, such as `team/app`; 2 to 256 characters.
///
/// Source: ECR API reference, `CreateRepository`, `repositoryName`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Reads a repository name after ECR's own pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("repository name", text, problem);
        if !(2..=256).contains(&text.len()) {
            return Err(invalid("is not 2 to 256 characters long"));
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("has upper-case letters; ECR takes lower case only"));
        }
        if text.split('/').all(is_path_component) {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid(
                "is not made of lower-case letters and digits, separated by single `.`, one or two `_`, `-` or `/`",
            ))
        }
    }

    /// Returns what stands for all repositories of a registry in messages; no repository has this name.
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether a repository of ECR Public may have this name, which has at most 205 characters and single separators.
    ///
    /// Source: ECR Public API reference, `CreateRepository`, `repositoryName`.
    pub fn is_public(&self) -> bool {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        self.0.len() <= 205
            && self.0.split('/').all(|component| {
                component
                    .split(alphanumeric)
                    .all(|separator| separator.len() <= 1)
            })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && component
            .split(alphanumeric)
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(RepositoryName);

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
///
/// Source: OCI distribution spec, "Pulling manifests". ECR's API would take 300 characters, its data plane does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The most characters that a tag has.
    pub const MAX_LENGTH: usize = 128;

    /// Reads a tag after the OCI grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("tag", text, problem);
        if text.is_empty() {
            return Err(invalid("is empty"));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(invalid("is longer than 128 characters"));
        }
        if text.starts_with(['.', '-']) {
            return Err(invalid("starts with `.` or `-`"));
        }
        if text.contains('+') {
            return Err(invalid("contains `+`, which no registry takes"));
        }
        if text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid(
                "has characters other than letters, digits, `_`, `.` and `-`",
            ))
        }
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_conversions!(Tag);

/// What names a manifest within a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// A repository in a registry: `<host>/<repository>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct ImageName {
    /// The registry's host.
    pub registry: RegistryHost,
    /// The repository in it.
    pub repository: RepositoryName,
}

impl ImageName {
    /// This name with a tag or digest.
    pub fn at(&self, reference: impl Into<Reference>) -> ImageRef {
        ImageRef {
            name: self.clone(),
            reference: reference.into(),
        }
    }

    /// Returns the alias of a public registry and the repository's name in it, which stand behind ECR Public's host:
    /// `public.ecr.aws/ALIAS/NAME`. `None` of another registry, and of a name without an alias.
    pub fn in_public_registry(&self) -> Option<(&str, RepositoryName)> {
        let (alias, name) = self.repository.as_str().split_once('/')?;
        let name = RepositoryName::parse(name).ok()?;
        self.registry.is_public_ecr().then_some((alias, name))
    }

    /// Returns the repository's name as ECR's API has it, which knows no alias.
    pub fn name_in_api(&self) -> RepositoryName {
        let public = self.in_public_registry();
        public.map_or_else(|| self.repository.clone(), |(_, name)| name)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)
    }
}

/// A full image reference: `<host>/<repository>:<tag>` or `<host>/<repository>@<digest>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    /// Registry and repository.
    pub name: ImageName,
    /// Tag or digest.
    pub reference: Reference,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Reference::Tag(tag) => write!(f, "{}:{tag}", self.name),
            Reference::Digest(digest) => write!(f, "{}@{digest}", self.name),
        }
    }
}
