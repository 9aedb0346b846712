//! Caches outside of the engine: where a build takes earlier results from, and where it leaves its own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, Serializer};

use super::attributes::attributes;
use super::invalid::InvalidOption;
use crate::error::{Diagnose, FailureKind};
use crate::reference::{ImageName, Tag};
use crate::untrusted::cleaned;

mod keys;
mod share;

use keys::Direction;

/// The tag that the cache of a repository's builds has when `cache` makes it.
pub const CACHE_TAG: &str = "buildcache";

/// A kind of cache, in `BuildKit`'s words. Source: `BuildKit`, README, "Export cache".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// An image of its own in a registry.
    Registry,
    /// In the image itself.
    Inline,
    /// GitHub's cache service.
    Gha,
    /// A folder.
    Local,
    /// An S3 bucket.
    S3,
    /// Azure blob storage.
    Azblob,
}

impl CacheKind {
    const ALL: [Self; 6] = [
        Self::Registry,
        Self::Inline,
        Self::Gha,
        Self::Local,
        Self::S3,
        Self::Azblob,
    ];

    /// Returns the kind's name, as `type=` takes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Inline => "inline",
            Self::Gha => "gha",
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Azblob => "azblob",
        }
    }
}

/// Why a cache cannot be kept where it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CacheTagError {
    /// The registry protects the tag, so that a second run could not renew the cache.
    #[error("the cache would be kept under tag `{tag}` of `{image}`, which is immutable there")]
    Immutable {
        /// The tag.
        tag: Tag,
        /// The image.
        image: ImageName,
    },
    /// The tag is the image's own.
    #[error("the cache would be kept under tag `{tag}` of `{image}`, which the image itself is to have")]
    Wanted {
        /// The tag.
        tag: Tag,
        /// The image.
        image: ImageName,
    },
}

impl Diagnose for CacheTagError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Immutable { tag, .. } => format!(
                "exclude `{tag}` from the repository's immutability, or name a tag in another repository with \
                 `cache-from` and `cache-to`"
            )
            .into(),
            Self::Wanted { .. } => "name another tag in `cache-to`".into(),
        })
    }
}

/// One cache, in one direction.
#[derive(Clone)]
pub struct CacheEntry {
    /// Its kind.
    pub kind: CacheKind,
    attributes: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
}

/// The keys whose values open something.
const SECRET_KEYS: [&str; 5] = [
    "token",
    "ghtoken",
    "access_key_id",
    "secret_access_key",
    "session_token",
];

impl CacheEntry {
    /// Reads a line of `cache-from`: `type=registry,ref=HOST/NAME:TAG`, or the reference alone.
    pub fn from(line: &str) -> Result<Self, InvalidOption> {
        Self::parse(line, Direction::From)
    }

    /// Reads a line of `cache-to`: `type=registry,ref=HOST/NAME:TAG,mode=max`, or the reference alone.
    ///
    /// What is written to a registry is one that ECR takes, unless the line says otherwise, and a cache that cannot be
    /// written fails no build.
    /// Source: AWS Containers Blog, "Announcing remote cache support in Amazon ECR for BuildKit clients".
    pub fn to(line: &str) -> Result<Self, InvalidOption> {
        let mut entry = Self::parse(line, Direction::To)?;
        if let Some(mode) = entry
            .attributes
            .get("mode")
            .filter(|mode| !matches!(mode.as_str(), "min" | "max"))
        {
            return Err(InvalidOption::CacheMode { mode: cleaned(mode) });
        }
        if entry.kind == CacheKind::Registry {
            entry.or_set("image-manifest", "true");
            entry.or_set("oci-mediatypes", "true");
        }
        if entry.kind != CacheKind::Inline {
            entry.or_set("ignore-error", "true");
        }
        Ok(entry)
    }

    /// Returns what `cache` stands for in a repository: all results, under one tag. In the order from, to.
    pub fn of_repository(image: &ImageName) -> [Self; 2] {
        let reference = format!("{image}:{CACHE_TAG}");
        let entry = |pairs: &[(&str, &str)]| Self {
            kind: CacheKind::Registry,
            attributes: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            secrets: BTreeMap::new(),
        };
        [
            entry(&[("ref", &reference)]),
            entry(&[
                ("ref", &reference),
                ("mode", "max"),
                ("image-manifest", "true"),
                ("oci-mediatypes", "true"),
                ("ignore-error", "true"),
            ]),
        ]
    }

    fn parse(line: &str, direction: Direction) -> Result<Self, InvalidOption> {
        let mut attributes = if line.contains('=') {
            attributes(line)?
        } else {
            let reference = line.trim().to_owned();
            BTreeMap::from([
                ("type".to_owned(), "registry".to_owned()),
                ("ref".to_owned(), reference),
            ])
        };
        let name = attributes.remove("type").ok_or(InvalidOption::CacheWithoutType)?;
        let kind = CacheKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| InvalidOption::CacheType { name: cleaned(&name) })?;
        if direction == Direction::From && kind == CacheKind::Inline {
            return Err(InvalidOption::CacheFromInline);
        }
        let keys = kind.keys(direction);
        if let Some(key) = attributes
            .keys()
            .find(|key| kind.is_known() && !keys.contains(&key.as_str()))
        {
            return Err(InvalidOption::CacheKey {
                kind: kind.as_str(),
                key: cleaned(key),
            });
        }
        let is_reference =
            |text: &String| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if kind == CacheKind::Registry && !attributes.get("ref").is_some_and(is_reference) {
            return Err(InvalidOption::CacheWithoutReference);
        }
        let mut entry = Self {
            kind,
            attributes,
            secrets: BTreeMap::new(),
        };
        if kind == CacheKind::Local && entry.folder().is_none_or(|folder| folder.as_os_str().is_empty()) {
            return Err(InvalidOption::CacheWithoutFolder);
        }
        for key in SECRET_KEYS {
            if let Some(value) = entry.attributes.remove(key) {
                entry.secrets.insert(key.to_owned(), value.into());
            }
        }
        Ok(entry)
    }

    /// Returns the folder that a cache of [`CacheKind::Local`] is in.
    pub fn folder(&self) -> Option<&Path> {
        let folder = self.attributes.get("src").or_else(|| self.attributes.get("dest"));
        folder.filter(|_| self.kind == CacheKind::Local).map(Path::new)
    }

    /// Puts the folder of a cache that is in one elsewhere.
    pub fn set_folder(&mut self, folder: &Path) {
        for key in ["src", "dest"] {
            if let Some(known) = self.attributes.get_mut(key) {
                *known = folder.to_string_lossy().into_owned();
            }
        }
    }

    /// Returns the name that the cache has in its folder, where it is not the usual one.
    pub fn tag_in_folder(&self) -> Option<&str> {
        self.attributes.get("tag").map(String::as_str)
    }

    /// Fills in what the line leaves out.
    pub fn or_set(&mut self, key: &str, value: &str) {
        if SECRET_KEYS.contains(&key) {
            self.secrets
                .entry(key.to_owned())
                .or_insert_with(|| value.to_owned().into());
        } else {
            self.attributes
                .entry(key.to_owned())
                .or_insert_with(|| value.to_owned());
        }
    }

    /// Whether the line, or what filled it, has a value for this key.
    pub fn has(&self, key: &str) -> bool {
        self.attributes.contains_key(key) || self.secrets.contains_key(key)
    }

    /// Returns keys and values, secret ones among them, for the builder alone.
    pub fn exposed(&self) -> impl Iterator<Item = (&str, &str)> {
        let open = self
            .attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let secret = self
            .secrets
            .iter()
            .map(|(key, value)| (key.as_str(), value.expose_secret()));
        open.chain(secret)
    }

    /// Returns the values that open something.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.values()
    }

    /// Returns the tag in `image` that this cache is written to or read from, if it is kept there.
    pub fn tag_in(&self, image: &ImageName) -> Option<Tag> {
        let reference = self
            .attributes
            .get("ref")
            .filter(|_| self.kind == CacheKind::Registry)?;
        let rest = reference.strip_prefix(&image.to_string())?;
        let tag = match rest.strip_prefix(':') {
            Some(tag) => tag,
            // Source: distribution/reference, `TagNameOnly`.
            None if rest.is_empty() => "latest",
            None => return None,
        };
        Tag::parse(tag).ok()
    }
}

impl fmt::Display for CacheEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type={}", self.kind.as_str())?;
        self.attributes
            .iter()
            .try_for_each(|(key, value)| write!(f, ",{key}={value}"))
    }
}

impl fmt::Debug for CacheEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CacheEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
