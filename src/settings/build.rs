//! What to build, and with what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use buildkit_session::{DaemonPlace, EnginePlace};
use secrecy::SecretString;
use tempfile::TempDir;

use super::{GitAddress, Settings};
use tagship_domain::build::{BuildArgs, BuildOptions, BuildSecret, CacheEntry};
use tagship_domain::content::Platform;

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// The context folder; absolute, unless it is yet to be fetched.
    pub context: PathBuf,
    /// The Dockerfile; absolute, unless it is yet to be fetched.
    pub dockerfile: PathBuf,
    /// The repository elsewhere that the context is fetched from. Until then the paths begin at its root.
    pub git: Option<GitContext>,
    /// The folder of what came from standard input, which is gone with the last of its owners.
    pub of_standard_input: Option<Arc<TempDir>>,
    /// The stage.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BuildArgs,
    /// Secrets for build steps.
    pub secrets: Vec<BuildSecret>,
    /// The platforms.
    pub platforms: Vec<Platform>,
    /// Whether to ignore cached results.
    pub no_cache: bool,
    /// Whether base images come from the registry's pull-through cache, where a rule is about them.
    pub from_cache: bool,
    /// Whether two builds of the same content give the same layers.
    pub reproducible: bool,
    /// What has a default. Its caches are those that lines name.
    pub options: BuildOptions,
    /// Where results are kept, if one word says it.
    pub cache: CacheWish,
    /// The file that remembers what layers were compressed to; absolute. None where no folder for state is known.
    pub layer_cache: Option<PathBuf>,
    /// Logins of the registries that base images and caches come from.
    pub logins: LoginSettings,
    /// How long building and pushing may take; as long as it does when absent.
    pub timeout: Option<Duration>,
    /// How long the build may say nothing.
    pub silence: Duration,
    /// The engine, at `unix:///path`, `tcp://host:port` or `ssh://user@host`.
    pub engine: EnginePlace,
    /// BuildKit daemons that build for some platforms, or for all.
    pub builders: Vec<DaemonPlace>,
    /// The variables of the program that indexes layers for lazy loading, if they are to be.
    pub soci: Option<BTreeMap<String, String>>,
}

/// A context that is fetched from a repository elsewhere.
#[derive(Debug, Clone)]
pub struct GitContext {
    /// Where it is.
    pub address: GitAddress,
    /// The folder of its checkout, once it is there; it is gone with the last of its owners.
    pub fetched: Option<Arc<TempDir>>,
}

/// An engine whose image is pushed as it is.
#[derive(Debug, Clone, Default)]
pub struct EngineSettings {
    /// The engine, as in [`BuildSettings::engine`].
    pub place: EnginePlace,
    /// The file that remembers what layers were compressed to; absolute.
    pub layer_cache: Option<PathBuf>,
}

/// Logins of the registries that base images and caches come from.
#[derive(Debug, Clone, Default)]
pub struct LoginSettings {
    /// Those of `registry-auth`.
    pub lines: Vec<RegistryLoginSettings>,
    /// The folder of the docker command's configuration, if it is used; absolute.
    pub docker_config: Option<PathBuf>,
    /// Whether the programs that it names are there.
    pub may_run_helpers: bool,
}

/// A login of one registry.
#[derive(Debug, Clone)]
pub struct RegistryLoginSettings {
    /// The registry's host, as an engine names it.
    pub host: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Where results of builds are kept, as one word says it.
#[derive(Debug, Clone)]
pub enum CacheWish {
    /// Nowhere, unless lines say more.
    None,
    /// In the image's own repository.
    Registry {
        /// Whether it is left out where it is not possible.
        is_optional: bool,
    },
    /// Elsewhere.
    Lines {
        /// What is read.
        from: CacheEntry,
        /// What is written.
        to: CacheEntry,
        /// Whether it is left out where it is not possible.
        is_optional: bool,
    },
}

impl Settings {
    /// The folder that the repository is looked for in first: the workspace, or what was fetched in its place.
    pub fn checkout(&self) -> &Path {
        match &self.build.git {
            Some(GitContext {
                fetched: Some(folder),
                ..
            }) => folder.path(),
            _ => &self.workspace,
        }
    }

    /// The Dockerfile as messages show it.
    pub fn shown_dockerfile(&self) -> PathBuf {
        let dockerfile = &self.build.dockerfile;
        let shown = dockerfile.strip_prefix(self.tree());
        shown.unwrap_or(dockerfile).to_owned()
    }

    /// The folder that paths of built files are shown from.
    pub fn tree(&self) -> PathBuf {
        let context = &self.build.context;
        // git's own files stand beside the tree of what was fetched.
        let is_root = |folder: &&Path| folder.parent().is_some_and(|outer| outer.join(".git").is_dir());
        match &self.build.git {
            Some(_) => context.ancestors().find(is_root).unwrap_or(context).to_owned(),
            None => self.workspace.clone(),
        }
    }
}
