//! What is to be built.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Serialize, Serializer};

use crate::content::Platform;

mod arguments;
mod attachments;
mod attested;
mod attributes;
mod base;
mod builders;
mod cache;
mod call;
mod compression;
mod invalid;
mod login;
mod options;
mod output;
mod request_hash;
mod steps;

pub use arguments::unused as unused_arguments;
pub use attachments::{Annotation, Attestation};
pub use attested::{AttachedStatement, MissingAttestation, missing_attestation};
pub use base::{BaseImage, BaseOrigin};
pub use builders::{
    BuilderAddress, BuilderLine, BuilderTls, InvalidBuilder, PemSource, host_and_port, spread,
};
pub use cache::{CACHE_TAG, CacheEntry, CacheKind, CacheTagError};
pub use call::{FrontendCall, Question};
pub use compression::{Compression, LayerForm};
pub use invalid::InvalidOption;
pub use login::{RegistryLoginLine, login_host, registry_login};
pub use options::{BuildOptions, NamedContext, named_context};
pub use output::{ArchiveKind, BuildOutput, TooLittleSpace};
pub use request_hash::{Places, RequestHash, RequestPart};
pub use steps::{Entitlement, HostEntry, Network, Ulimit, size_in_bytes};

/// One build of one Dockerfile.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// The folder that is sent as the build context; absolute.
    pub context: PathBuf,
    /// The Dockerfile, inside or outside the context; absolute.
    pub dockerfile: PathBuf,
    /// Where the context was fetched from, where it was: its folder is gone with the run.
    pub origin: Option<ContextOrigin>,
    /// The stage to build; the last one when absent.
    pub target: Option<String>,
    /// Build arguments. Values are replaced where they are repeated.
    pub build_args: BuildArgs,
    /// Secrets that `RUN --mount=type=secret` can read.
    pub secrets: Vec<BuildSecret>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The platforms to build for; the engine's own when empty. Several make one index.
    pub platforms: Vec<Platform>,
    /// Whether to ignore cached results of earlier builds.
    pub no_cache: bool,
    /// The commit's time, in seconds since 1970-01-01T00:00:00Z.
    pub committed_at: i64,
    /// Whether two builds of the same content give the same layers, whenever and wherever they run.
    pub reproducible: bool,
    /// Where base images come from, where the registry's pull-through cache is asked for. It is no part of what the image is built
    /// from: a copy is the same image.
    pub base_images: Vec<BaseImage>,
    /// What has a default.
    pub options: BuildOptions,
}

/// Where a context was fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextOrigin {
    /// The address with reference and folder, without credentials.
    pub address: String,
    /// The folder of all that was fetched; absolute.
    pub tree: PathBuf,
}

impl BuildRequest {
    /// Returns the context as people know it.
    pub fn shown_context(&self) -> Cow<'_, str> {
        match &self.origin {
            Some(origin) => origin.address.as_str().into(),
            None => self.context.to_string_lossy(),
        }
    }

    /// Returns the Dockerfile as people know it.
    pub fn shown_dockerfile(&self) -> Cow<'_, str> {
        let tree = self.origin.as_ref().map(|origin| &origin.tree);
        let within = tree.and_then(|tree| self.dockerfile.strip_prefix(tree).ok());
        within.unwrap_or(&self.dockerfile).to_string_lossy()
    }
}

/// With context and Dockerfile as people know them.
impl Serialize for BuildRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Shown<'a> {
            context: Cow<'a, str>,
            dockerfile: Cow<'a, str>,
            target: Option<&'a str>,
            build_args: &'a BuildArgs,
            secrets: &'a [BuildSecret],
            labels: &'a BTreeMap<String, String>,
            platforms: &'a [Platform],
            no_cache: bool,
            committed_at: i64,
            reproducible: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            base_images: Option<&'a [BaseImage]>,
            #[serde(flatten)]
            options: &'a BuildOptions,
        }
        let shown = Shown {
            context: self.shown_context(),
            dockerfile: self.shown_dockerfile(),
            target: self.target.as_deref(),
            build_args: &self.build_args,
            secrets: &self.secrets,
            labels: &self.labels,
            platforms: &self.platforms,
            no_cache: self.no_cache,
            committed_at: self.committed_at,
            reproducible: self.reproducible,
            base_images: Some(self.base_images.as_slice()).filter(|bases| !bases.is_empty()),
            options: &self.options,
        };
        shown.serialize(serializer)
    }
}

/// What every later time in a reproducible image becomes, in seconds since 1970-01-01T00:00:00Z: 1980-01-01T00:00:00Z,
/// the first that a ZIP archive can hold. One for all commits, so that a layer depends on its content alone.
pub const REPRODUCIBLE_TIME: i64 = 315_532_800;

impl BuildRequest {
    /// The latest time in the image's config and history, in seconds since 1970-01-01T00:00:00Z: the commit's, so that
    /// a second build of it has the same config; in a reproducible image that of its layers, since `BuildKit` knows one
    /// time for both.
    ///
    /// Source: reproducible-builds.org, `SOURCE_DATE_EPOCH`.
    pub const fn latest_time(&self) -> i64 {
        if self.reproducible {
            REPRODUCIBLE_TIME
        } else {
            self.committed_at
        }
    }
}

impl BuildRequest {
    /// Whether a base image is read by way of a pull-through cache.
    pub fn reads_from_cache(&self) -> bool {
        self.cached_bases().next().is_some()
    }

    /// Returns the base images that are read by way of a pull-through cache: the name that the builder looks each up by, and the
    /// image's address.
    pub fn cached_bases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.base_images.iter().filter_map(|base| match &base.origin {
            BaseOrigin::Cache { context, address, .. } => Some((context.as_str(), address.as_str())),
            _ => None,
        })
    }

    /// Returns what one of several builders is asked for: these platforms, caches of its own, and no annotations of the index,
    /// which is made of all shares.
    #[must_use]
    pub fn share(&self, platforms: Vec<Platform>) -> Self {
        let mut share = self.clone();
        let options = &mut share.options;
        options.annotations.retain(|annotation| !annotation.is_of_index());
        for entry in options.cache_from.iter_mut().chain(&mut options.cache_to) {
            *entry = entry.clone().of_share(&platforms);
        }
        Self { platforms, ..share }
    }
}

/// The least bytes of a build argument's value that is replaced where it is repeated.
const MIN_REDACTED_BYTES: usize = 6;

/// Build arguments by name. Their values cannot be printed and are not serialised.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BuildArgs(BTreeMap<String, String>);

impl BuildArgs {
    /// Takes arguments by name.
    pub fn new(arguments: BTreeMap<String, String>) -> Self {
        Self(arguments)
    }

    /// Names and values, for the builder alone.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces the values by `***` in what others made of them, such as the engine's words.
    ///
    /// Values of less than six bytes are left alone: they hide nothing that a reader could not guess, and replacing each
    /// `1` or `true` would make the text unreadable.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut values: Vec<&str> = self.0.values().map(String::as_str).collect();
        // A value within another one does not break the longer one up.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let mut redacted = Cow::Borrowed(text);
        for value in values {
            if value.len() >= MIN_REDACTED_BYTES && redacted.contains(value) {
                redacted = Cow::Owned(redacted.replace(value, "***"));
            }
        }
        redacted
    }

    /// Replaces the values in a stream of bytes that comes in pieces: gives what can be shown, and the end of the bytes that may
    /// begin a value, which belongs before the next piece. After the last piece, `is_over`, nothing is held.
    pub fn redact_stream(&self, bytes: &[u8], is_over: bool) -> (Vec<u8>, Vec<u8>) {
        let values = self.0.values().map(String::as_bytes);
        let values: Vec<&[u8]> = values.filter(|value| value.len() >= MIN_REDACTED_BYTES).collect();
        let mut shown = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            let goes_on = |value: &&[u8]| value.len() > rest.len() && value.starts_with(rest);
            if !is_over && values.iter().any(goes_on) {
                break;
            }
            let here = values.iter().filter(|value| rest.starts_with(value));
            if let Some(longest) = here.map(|value| value.len()).max() {
                shown.extend(b"***");
                rest = &rest[longest..];
            } else {
                shown.push(*first);
                rest = after;
            }
        }
        (shown, rest.to_vec())
    }

    /// Whether an argument's name is that of a secret.
    ///
    /// Source: `BuildKit`, `frontend/dockerfile/linter`, `SecretsUsedInArgOrEnv`.
    pub fn is_secret(name: &str) -> bool {
        const WORDS: [&str; 10] = [
            "apikey",
            "auth",
            "credential",
            "credentials",
            "key",
            "passwd",
            "password",
            "pword",
            "secret",
            "token",
        ];
        let name = name.to_ascii_lowercase();
        let mut parts = name.split('_');
        parts.any(|part| WORDS.contains(&part)) && !name.contains("public")
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for BuildArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Serialize for BuildArgs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// A secret that a build step may mount.
#[derive(Debug, Clone, Serialize)]
pub struct BuildSecret {
    /// The name that the Dockerfile knows it by.
    pub id: String,
    /// Where its value is.
    #[serde(skip)]
    pub source: SecretSource,
}

/// Where a secret's value is.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Here.
    Value(SecretString),
    /// In a file, read when the build asks for it; absolute.
    File(PathBuf),
}
