//! What a lifecycle policy must not delete.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

use super::release_lines::last_releases;
use crate::immutability::matches_wildcard;
use crate::lifecycle::Image;
use crate::reference::{Digest, RepositoryName, Tag};

/// Images that are in use, and so must not be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// Tags; `*` stands for zero or more characters.
    patterns: Vec<String>,
    /// Images, and where each was named.
    digests: BTreeMap<Digest, String>,
    /// Tags of repositories, and where each was named.
    tags: BTreeMap<(RepositoryName, Tag), String>,
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither a digest nor a tag, in which `*` stands for zero or more characters", crate::untrusted::cleaned(.0))]
pub struct InvalidProtection(String);

/// Why an image must not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Objection {
    /// A declaration protects it.
    Protected {
        /// The tag, the digest or the file.
        by: String,
    },
    /// It is about an image that a declaration protects, such as its signature.
    About {
        /// That image.
        subject: Digest,
        /// The tag, the digest or the file.
        by: String,
    },
    /// It is the greatest release of its line.
    LastRelease {
        /// The version.
        version: Version,
        /// The line, such as `1.x` or `api-1.2.x`.
        line: String,
    },
}

impl Protection {
    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && self.digests.is_empty() && self.tags.is_empty()
    }

    /// Adds a digest, or a tag with `*`.
    pub fn add(&mut self, text: &str) -> Result<(), InvalidProtection> {
        if let Ok(digest) = Digest::parse(text) {
            self.digests.insert(digest, text.to_owned());
            return Ok(());
        }
        // A pattern is a tag once its stars are letters.
        if Tag::parse(&text.replace('*', "x")).is_err() {
            return Err(InvalidProtection(text.to_owned()));
        }
        self.patterns.push(text.to_owned());
        Ok(())
    }

    /// Adds every image that a text names, by digest or by tag: a list, a task definition of ECS, manifests of Kubernetes. Returns
    /// how many those are.
    pub fn add_named_in(&mut self, text: &str, file: &str) -> usize {
        let before = self.digests.len() + self.tags.len();
        // Words of references, whatever stands around them.
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "._-/:@".contains(c)));
        for word in words {
            if let Some(digest) = word.rsplit('@').next().and_then(|word| Digest::parse(word).ok()) {
                self.digests.insert(digest, file.to_owned());
                continue;
            }
            let Some((name, tag)) = word.rsplit_once(':') else {
                continue;
            };
            let repository = name.split_once('/').filter(|(host, _)| host.contains(['.', ':']));
            let repository = repository.map_or(name, |(_, path)| path);
            if let (Ok(repository), Ok(tag)) = (RepositoryName::parse(repository), Tag::parse(tag)) {
                self.tags.insert((repository, tag), file.to_owned());
            }
        }
        self.digests.len() + self.tags.len() - before
    }

    /// Returns what both protect.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.patterns.extend(other.patterns.iter().cloned());
        both.digests.extend(other.digests.clone());
        both.tags.extend(other.tags.clone());
        both
    }

    /// Why each of these images of a repository must not be deleted; those that may are left out.
    pub fn objections(&self, repository: &RepositoryName, images: &[Image]) -> BTreeMap<Digest, Objection> {
        let last = last_releases(images);
        let of = |image: &Image| {
            let by = self.by(repository, image).map(|by| Objection::Protected { by });
            by.or_else(|| {
                let (version, line) = last.get(&image.digest).cloned()?;
                Some(Objection::LastRelease { version, line })
            })
        };
        images
            .iter()
            .filter_map(|image| Some((image.digest, of(image)?)))
            .collect()
    }

    fn by(&self, repository: &RepositoryName, image: &Image) -> Option<String> {
        // Without its index an image of it would go next.
        let mut digests = std::iter::once(&image.digest).chain(&image.children);
        if let Some(by) = digests.find_map(|digest| self.digests.get(digest)) {
            return Some(by.clone());
        }
        image.tags.iter().find_map(|tag| {
            let pattern = self
                .patterns
                .iter()
                .find(|pattern| matches_wildcard(pattern, tag));
            pattern.cloned().or_else(|| {
                let tag = Tag::parse(tag).ok()?;
                self.tags.get(&(repository.clone(), tag)).cloned()
            })
        })
    }
}
