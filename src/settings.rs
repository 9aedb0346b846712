//! Settings: everything a run needs to know, parsed and checked.

mod build;
mod git_address;
mod identity;
mod publishing;
mod repository;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use semver::Version;
use url::Url;

use tagship_domain::build::{BuildOutput, FrontendCall, SecretSource};
use tagship_domain::deploy::DeployFile;
use tagship_domain::event::{Base, Event};
use tagship_domain::facts::GivenRevision;
use tagship_domain::findings::{GatePolicy, ScanMode};
use tagship_domain::matrix::Row;
use tagship_domain::notice::{Receiver, RunEnd, WebhookKey};
use tagship_domain::paths::PathFilter;
use tagship_domain::plan::SizeLimit;
use tagship_domain::reference::{ImageName, RegistryHost, RepositoryName};
use tagship_domain::release::{MovingTag, ReleaseKind, WorkflowFile};
use tagship_domain::signing::Signer;
use tagship_domain::tags::Lists;
use tagship_domain::version::TagPrefix;

pub use build::{BuildSettings, CacheWish, EngineSettings, GitContext, LoginSettings, RegistryLoginSettings};
pub use git_address::{GitAddress, InvalidGitAddress};
pub use identity::{AccessKey, ExportSettings, IdentitySettings, OidcRequest, OidcToken, SessionSettings};
pub use publishing::{BaseChanged, Publishing, ResultFiles, ReviewSettings, TargetSettings};
pub use repository::{
    CopyPlace, LayoutPlace, MissingRepository, RegistrySettings, RepositoryPlace, RepositorySettings,
};

/// What one run of the pipeline runs on.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an input of its own")]
pub struct Settings {
    /// Where the image goes.
    pub destination: Destination,
    /// The further repositories that the image goes to.
    pub targets: Vec<RepositoryPlace>,
    /// The identity towards AWS.
    pub identity: IdentitySettings,
    /// What later steps of the job are given.
    pub exports: ExportSettings,
    /// Whether the ids of accounts are hidden.
    pub masks_accounts: bool,
    /// What to build.
    pub build: BuildSettings,
    /// Where a result goes that is not published; names of images are made at the end.
    pub outputs: Vec<BuildOutput>,
    /// What is asked about the Dockerfile, in place of a build.
    pub call: Option<FrontendCall>,
    /// What of the image is published.
    pub publishing: Publishing,
    /// The files that a run leaves.
    pub files: ResultFiles,
    /// The command that must succeed in the image before it gets a tag.
    pub test: Option<String>,
    /// Whether the run waits until ECR has copied the image to where the registry's rules say.
    pub waits_for_replication: bool,
    /// The most that an image may have.
    pub max_size: Option<SizeLimit>,
    /// The version that the release tag carries; without it, that of the git tag.
    pub version: Option<RequestedVersion>,
    /// Whether a run that makes no tag of a version is a failure.
    pub needs_version: bool,
    /// What started the job; absent outside of one.
    pub event: Option<Event>,
    /// The commit of files that came without git, if one is named.
    pub revision: Option<GivenRevision>,
    /// What git tags of versions begin with.
    pub tag_prefix: TagPrefix,
    /// The paths that the image is made from, if they are given; commits that touch others alone call for no version.
    pub paths: Option<PathFilter>,
    /// The tags and labels that are wanted.
    pub lists: Lists,
    /// The release, if there is to be one.
    pub release: Option<ReleaseSettings>,
    /// Files that deployments read; absolute paths in the workspace.
    pub deploy_files: Vec<DeployFile>,
    /// How many digits a short commit id has, if not the mode's own number.
    pub short_digits: Option<usize>,
    /// How the repository is made where it is missing, if it is to be.
    pub create_repository: Option<MissingRepository>,
    /// Whether the file declares the repository, be it there or not.
    pub is_declared: bool,
    /// Whether to build although the commit is published.
    pub rebuild: bool,
    /// What becomes of a published commit whose base images changed.
    pub base_changed: BaseChanged,
    /// Whether a working tree with changes may be published, under marked tags.
    pub allow_dirty: bool,
    /// Whether to stop after the plan.
    pub dry_run: bool,
    /// Whether to plan by git alone, and contact no server.
    pub offline: bool,
    /// The workspace: where git is read and relative paths begin; absolute.
    pub workspace: PathBuf,
    /// For GitHub's API.
    pub github: GithubSettings,
    /// What the image must pass before it gets a tag.
    pub gate: Option<GateSettings>,
    /// Who signs the image before it gets a tag.
    pub sign: Option<SignSettings>,
    /// Who hears how the run ended.
    pub notify: NotifySettings,
}

/// What an image must pass before it gets a tag.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// What a run may do for findings.
    pub scan: ScanMode,
    /// How long it waits for them.
    pub timeout: Duration,
    /// What lets an image pass.
    pub policy: GatePolicy,
    /// Whether only findings count that the release before has not.
    pub only_new: bool,
    /// The file that findings are written to as SARIF; absolute.
    pub sarif: Option<PathBuf>,
    /// The file that findings are written to for Security Hub; absolute.
    pub asff: Option<PathBuf>,
    /// Whether findings are sent to code scanning.
    pub upload: bool,
}

/// Who signs an image, or verifies its signature.
#[derive(Debug, Clone)]
pub struct SignSettings {
    /// Who.
    pub signer: Signer,
    /// With which key.
    pub key: SignKey,
    /// The variables that a program is given.
    pub variables: BTreeMap<String, SecretString>,
}

impl SignSettings {
    /// The variables whose values must never be shown, by how they are called.
    fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let marks = ["PASSWORD", "KEY", "TOKEN", "SECRET"];
        let is_secret = move |name: &str| marks.iter().any(|mark| name.contains(mark));
        let variables = self.variables.iter().filter(move |(name, _)| is_secret(name));
        variables.map(|(_, value)| value)
    }
}

/// The key of a program that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignKey {
    /// Signs: a path or reference of cosign, a name or profile of notation.
    Private(String),
    /// Verifies alone: a path or reference of cosign.
    Public(String),
    /// What the program's own configuration says.
    Configured,
}

/// Who hears how a run ended.
#[derive(Debug, Clone, Default)]
pub struct NotifySettings {
    /// The pull request that gets a comment, if one was asked for.
    pub comment: Option<u64>,
    /// Each receiver; those that have an address have a legal one.
    pub receivers: Vec<Receiver>,
    /// What webhooks are signed with.
    pub key: Option<WebhookKey>,
    /// The ends that receivers hear of. A commit's status follows every end.
    pub on: BTreeSet<RunEnd>,
    /// The run's page.
    pub page: Option<String>,
}

/// What becomes of a version on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSettings {
    /// What the release is.
    pub kind: ReleaseKind,
    /// The git tags that move.
    pub moving: Vec<MovingTag>,
    /// What stands above the changes in the release's text.
    pub introduction: Option<String>,
    /// The workflows that are started at last.
    pub workflows: Vec<WorkflowFile>,
    /// Whether the git tag is an object of its own, whose message has the image's digest.
    pub is_annotated: bool,
    /// How versions are reviewed, if they are.
    pub review: Option<ReviewSettings>,
}

/// The version that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedVersion {
    /// This one.
    Exact(Version),
    /// That of the git tag, or else the next one, made from the commits.
    Next,
}

/// Where the embedded ECR listens when it can, so that references to its images stay the same.
pub const LOCAL_PORT: u16 = 5510;

/// Where the image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A repository in ECR, or in an emulator that `endpoint_url` names.
    Registry(ImageName),
    /// The embedded ECR, which this run starts when none serves its data folder.
    Local {
        /// The repository, made when missing.
        repository: RepositoryName,
        /// The folder of its state; absolute.
        data: PathBuf,
        /// Whether an input names that folder.
        is_data_named: bool,
        /// Whether its tags may move; absent where a repository that is there stays as it is.
        is_mutable: Option<bool>,
        /// The address that an input says it has.
        named: Option<RegistryHost>,
    },
    /// It stays on this machine.
    Nowhere {
        /// The name that it would be published under, as far as it is known.
        name: Option<RepositoryName>,
        /// The same with its registry.
        image: Option<ImageName>,
    },
}

/// For GitHub's API.
#[derive(Debug, Clone, Default)]
pub struct GithubSettings {
    /// A token.
    pub token: Option<SecretString>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The API's address.
    pub api_url: Option<Url>,
    /// The web address of the server.
    pub server_url: Option<Url>,
}

/// What the question is about which images a commit touches.
#[derive(Debug, Clone)]
pub struct ChangedSettings {
    /// The images.
    pub images: Vec<ImageSettings>,
    /// What the commit is compared with.
    pub base: Base,
    /// The git tag that started the run, without `refs/tags/`.
    pub pushed_tag: Option<String>,
    /// The workspace; absolute.
    pub workspace: PathBuf,
    /// The file that names the images; absolute.
    pub config: PathBuf,
}

/// One of several images.
#[derive(Debug, Clone)]
pub struct ImageSettings {
    /// How a matrix names it.
    pub row: Row,
    /// What git tags of its versions begin with.
    pub tag_prefix: TagPrefix,
    /// The paths that it is made from, if they are given.
    pub paths: Option<PathFilter>,
    /// Its context folder, its Dockerfile and what that ignores; absolute.
    pub places: Vec<PathBuf>,
}

impl Settings {
    /// Whether the image is published.
    pub fn is_published(&self) -> bool {
        !matches!(self.destination, Destination::Nowhere { .. })
    }

    /// Whether the run itself makes the repository where it is missing.
    pub fn makes_repository(&self) -> bool {
        matches!(self.create_repository, Some(MissingRepository::Declared(_)))
    }

    /// The accounts of registries and roles, where they are to be hidden.
    pub fn masked_accounts(&self) -> Vec<SecretString> {
        if !self.masks_accounts {
            return Vec::new();
        }
        let image = match &self.destination {
            Destination::Registry(image) => Some(image),
            Destination::Nowhere { image, .. } => image.as_ref(),
            Destination::Local { .. } => None,
        };
        let further = self.targets.iter();
        let identities = further
            .clone()
            .filter_map(RepositoryPlace::identity)
            .chain([&self.identity]);
        let of_roles = identities.filter_map(IdentitySettings::account_of_role);
        let images = further.filter_map(RepositoryPlace::image).chain(image);
        let of_registries = images.filter_map(|image| Some(image.registry.account()?.as_str()));
        let accounts: BTreeSet<&str> = of_registries.chain(of_roles).collect();
        accounts.into_iter().map(SecretString::from).collect()
    }

    /// Everything in the settings that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let secrets = self.build.secrets.iter();
        let of_build = secrets.filter_map(|secret| match &secret.source {
            SecretSource::Value(value) => Some(value),
            SecretSource::File(_) => None,
        });
        let of_caches = self.build.options.secrets();
        let of_logins = self.build.logins.lines.iter().map(|line| &line.password);
        let of_receivers = self.notify.receivers.iter().filter_map(|one| one.url.as_ref());
        let of_signing = self.sign.iter().flat_map(SignSettings::secrets);
        of_build
            .chain(of_receivers)
            .chain(of_signing)
            .chain(self.notify.key.as_ref().map(WebhookKey::secret))
            .chain(self.identity.secrets())
            .chain(&self.github.token)
            .chain(of_caches)
            .chain(of_logins)
    }
}
