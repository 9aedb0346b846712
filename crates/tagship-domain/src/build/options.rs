//! The knobs of a build, in the names and line formats of `docker/build-push-action`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Serialize;

use super::attachments::{Annotation, Attestation};
use super::cache::{CacheEntry, CacheTagError};
use super::compression::Compression;
use super::invalid::InvalidOption;
use super::steps::{Entitlement, HostEntry, Network, Ulimit};
use crate::immutability::Mutability;
use crate::reference::{ImageName, Tag};
use crate::untrusted::cleaned;

/// Everything about a build that has a default.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// How layers are compressed.
    #[serde(skip_serializing_if = "Compression::is_default")]
    pub compression: Compression,
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
    /// Sockets of ssh agents, by the names that `RUN --mount=type=ssh` knows them by; absolute.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub agents: BTreeMap<String, PathBuf>,
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
        wanted: &(impl Iterator<Item = &'a Tag> + Clone),
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
    /// What the engine fetches itself: `docker-image://` or a git address.
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
    let scheme = value
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let context = match scheme {
        // The builder knows schemes in small letters alone.
        Some((scheme, rest))
            if matches!(scheme.as_str(), "docker-image" | "http" | "https" | "git" | "ssh") =>
        {
            if rest.is_empty() {
                return Err(InvalidOption::EmptyAddress { scheme });
            }
            NamedContext::Address(format!("{scheme}://{rest}"))
        }
        Some((scheme, _)) => {
            return Err(InvalidOption::ContextScheme {
                scheme: cleaned(&scheme),
            });
        }
        None if value.starts_with("git@") => NamedContext::Address(value.to_owned()),
        None => NamedContext::Folder(PathBuf::from(value)),
    };
    Ok((name.to_owned(), context))
}

impl NamedContext {
    /// Returns the address of a git repository whose commit the builder finds out, because the address does not name it.
    ///
    /// Source: docker CLI reference, `docker buildx build`, "Git repositories".
    pub fn moving_repository(&self) -> Option<&str> {
        let Self::Address(address) = self else { return None };
        let (remote, fragment) = address.split_once('#').unwrap_or((address, ""));
        let is_repository = ["git@", "git://", "ssh://"]
            .iter()
            .any(|begin| remote.starts_with(begin))
            || remote.starts_with("http") && remote.trim_end_matches('/').strip_suffix(".git").is_some();
        let reference = fragment.split(':').next().unwrap_or_default();
        let is_commit =
            matches!(reference.len(), 40 | 64) && reference.bytes().all(|b| b.is_ascii_hexdigit());
        (is_repository && !is_commit).then_some(address)
    }
}

#[cfg(test)]
mod tests;
