//! What is to be built.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Serialize, Serializer};

use crate::content::Platform;

/// One build of one Dockerfile.
#[derive(Debug, Clone, Serialize)]
pub struct BuildRequest {
    /// The folder that is sent as the build context; absolute.
    pub context: PathBuf,
    /// The Dockerfile, inside or outside the context; absolute.
    pub dockerfile: PathBuf,
    /// The stage to build; the last one when absent.
    pub target: Option<String>,
    /// Build arguments. Values are never shown.
    pub build_args: BuildArgs,
    /// Secrets that `RUN --mount=type=secret` can read.
    pub secrets: Vec<BuildSecret>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The platform to build for; the engine's own when absent.
    pub platform: Option<Platform>,
    /// Whether to ignore cached results of earlier builds.
    pub no_cache: bool,
    /// The time that stands in for "now", in seconds since 1970-01-01T00:00:00Z.
    /// Source: reproducible-builds.org, `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: i64,
}

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
