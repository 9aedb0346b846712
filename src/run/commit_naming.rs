//! What `ship` and `plan` call a commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use semver::Version;

use super::RunError;
use super::review::ReviewedVersion;
use super::rule_inputs::{event_of_checkout, version_for_rules, version_of};
use super::source::checkout;
use super::version::{OfForge, made_version};
use crate::clock::SystemClock;
use crate::git::GixCheckout;
use crate::ports::{Clock as _, GitError, Reporter, RunEvent};
use crate::settings::{Destination, RequestedVersion, Settings};
use tagship_domain::build::{BuildRequest, ContextOrigin, NamedContext, Places, RequestHash};
use tagship_domain::event::{Event, Mismatch, RepositoryInfo};
use tagship_domain::facts::Source;
use tagship_domain::reference::Tag;
use tagship_domain::tags::{
    Evaluation, FilledArguments, ImageLabels, ListingError, Mode, TagClass, TagContext,
};
use tagship_domain::version::release_tag;

/// What the commit is called after; tags and labels are made of it as `tagship tags` makes them.
pub(super) struct CommitNaming<'a> {
    settings: &'a Settings,
    pub(super) source: Source,
    event: Event,
    /// How the event and the checkout disagree, if they do.
    pub(super) mismatch: Option<Mismatch>,
    pub(super) version: Option<Version>,
    /// The version that is to be reviewed before a commit has it.
    pub(super) proposed: Option<Version>,
    /// Whether rules take the version as it is, and not the git tag that started the run.
    is_given: bool,
    /// What is built, without labels.
    pub(super) build: BuildRequest,
    /// What the image is built from beside the commit.
    pub(super) request: RequestHash,
    now: Timestamp,
}

impl<'a> CommitNaming<'a> {
    pub(super) async fn of(
        settings: &'a Settings,
        source: Source,
        of_forge: OfForge<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Self, RunError> {
        let prefix = &settings.tag_prefix;
        let checkout = checkout(settings);
        let context = &settings.build.context;
        let (mut event, mismatch) = if let Some(event) = &settings.event {
            let checked_out = checkout.checked_out(context, event)?;
            let mismatch = event.mismatch(checked_out);
            let is_of_address = settings.build.git.is_some();
            let mismatch = mismatch.map(|mismatch| {
                if is_of_address {
                    mismatch.of_address()
                } else {
                    mismatch
                }
            });
            (event.clone(), mismatch)
        } else {
            (event_of_checkout(&checkout, context, &source, prefix)?, None)
        };
        // What is built is what is checked out.
        event.commit = Some(source.commit.clone());
        if source.is_given && settings.version == Some(RequestedVersion::Next) && event.named_tag().is_none()
        {
            let what = "`version: auto`";
            return Err(GitError::NeedsCheckout { what }.into());
        }
        let review = settings
            .release
            .as_ref()
            .and_then(|release| release.review.as_ref());
        let mut proposed = None;
        let (version, is_given) = match (&settings.version, version_of(&event, &source, prefix)) {
            (Some(RequestedVersion::Exact(version)), _) => (Some(version.clone()), true),
            (Some(RequestedVersion::Next), None) => {
                let next = made_version(settings, of_forge, reporter).await?;
                let made = match review {
                    Some(review) => ReviewedVersion::of(review, next, of_forge.tags, prefix)?,
                    None => ReviewedVersion::unreviewed(next),
                };
                proposed = made.proposed;
                (made.version, true)
            }
            (_, of_tag) => (of_tag, false),
        };
        // A version that the event names is of the event's commit, and of no other.
        if let Some(mismatch) = mismatch.as_ref().filter(|_| !is_given && version.is_some())
            && event.named_tag().is_some()
        {
            return Err(mismatch.clone().into());
        }
        let build = build_request(settings, &source);
        let places = places(&checkout, &build)?;
        let mut naming = Self {
            request: RequestHash::of(&build, &places),
            build,
            version,
            proposed,
            is_given,
            mismatch,
            settings,
            source,
            event,
            now: SystemClock.now(),
        };
        naming.fill_arguments(&places, reporter)?;
        Ok(naming)
    }

    /// Fills variables into build arguments: what comes of them is what the image is built from.
    fn fill_arguments(&mut self, places: &Places, reporter: &dyn Reporter) -> Result<(), RunError> {
        let unknown = RepositoryInfo::default();
        let context = self.tag_context(&unknown);
        let filled = FilledArguments::of(&self.build.build_args, self.version.as_ref(), &context)?;
        for name in &filled.left {
            let note = format!(
                "build argument `{name}` has braces that name no variable, and is passed on as it is"
            );
            reporter.event(RunEvent::Note(&note));
        }
        self.build.build_args = filled.arguments;
        self.request = RequestHash::of(&self.build, places);
        Ok(())
    }

    /// The branch that the run is of, if it is of one.
    pub(super) fn branch(&self) -> Option<&str> {
        self.event.git_ref.branch()
    }

    /// The git tag of the version, where the version was counted because there is none on the commit.
    pub(super) fn counted_git_tag(&self) -> Option<String> {
        let is_counted = self.is_given && self.settings.version == Some(RequestedVersion::Next);
        let version = self.version.as_ref().filter(|_| is_counted)?;
        Some(self.settings.tag_prefix.tag(version, None))
    }

    pub(super) fn tag_context<'b>(&'b self, repository: &'b RepositoryInfo) -> TagContext<'b> {
        let mode = self.settings.lists.mode;
        let tag_context = self.version.as_ref().filter(|_| self.is_given);
        TagContext {
            mode,
            event: &self.event,
            repository,
            version: tag_context.or_else(|| version_for_rules(self.version.as_ref(), &self.event, mode)),
            tag_prefix: Some(&self.settings.tag_prefix),
            now: self.now,
            committed_at: Some(self.source.committed_at),
            short_digits: self.settings.short_digits,
            is_dirty: self.source.is_dirty(),
        }
    }

    /// The tags that a run with the default rules would have given an image of this commit, be they wanted now or not.
    pub(super) fn usual_tags(&self) -> Vec<(Tag, TagClass)> {
        if self.source.is_dirty() {
            return Vec::new();
        }
        let commit = Tag::parse(&format!("sha-{}", self.source.commit.short()));
        let git_tags = self.source.tags.iter();
        let versions = git_tags.filter_map(|tag| self.settings.tag_prefix.version(tag));
        let releases = versions.filter_map(|version| release_tag(&version).ok());
        let commit = commit.into_iter().map(|tag| (tag, TagClass::Commit));
        commit
            .chain(releases.map(|tag| (tag, TagClass::Release)))
            .collect()
    }

    pub(super) fn labels(
        &self,
        made: &Evaluation,
        repository: &RepositoryInfo,
    ) -> Result<BTreeMap<String, String>, ListingError> {
        let imprint = ImageLabels {
            version: self.version.as_ref(),
            created: self.source.committed_at,
            request: &self.request,
        };
        let labels = self
            .settings
            .lists
            .labels(made, Some(imprint), &self.tag_context(repository))?;
        Ok(labels
            .into_iter()
            .map(|label| (label.name, label.value))
            .collect())
    }

    /// The repository as labels tell of it. Strictly, an image has the name of its own repository, since several may
    /// come from one repository of git, and the address that the checkout or the job has.
    pub(super) fn repository(&self, known: RepositoryInfo) -> RepositoryInfo {
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let url = self.source.url.clone();
        let (name, html_url) = match self.settings.lists.mode {
            Mode::Strict => {
                let repository = match &self.settings.destination {
                    Destination::Registry(image) => Some(&image.repository),
                    Destination::Local { repository, .. } => Some(repository),
                    Destination::Nowhere { name, .. } => name.as_ref(),
                };
                let name = repository.and_then(|repository| last(repository.as_str()));
                (name, url.or(known.html_url))
            }
            Mode::MetadataAction => {
                let of_job = self.settings.github.repository.as_deref();
                (
                    known.name.or_else(|| of_job.and_then(last)),
                    known.html_url.or(url),
                )
            }
        };
        RepositoryInfo {
            name,
            html_url,
            ..known
        }
    }
}

/// Where the build's folders and files lie in the repository.
fn places(checkout: &GixCheckout, build: &BuildRequest) -> Result<Places, GitError> {
    let place = |path| checkout.place_in(&build.context, path);
    let contexts = build
        .options
        .contexts
        .iter()
        .filter_map(|(name, context)| match context {
            NamedContext::Folder(path) => Some(place(path).map(|place| (name.clone(), place))),
            NamedContext::Address(_) => None,
        });
    Ok(Places {
        context: place(&build.context)?,
        dockerfile: place(&build.dockerfile)?,
        contexts: contexts.collect::<Result<_, _>>()?,
    })
}

fn build_request(settings: &Settings, source: &Source) -> BuildRequest {
    let build = &settings.build;
    BuildRequest {
        context: build.context.clone(),
        dockerfile: build.dockerfile.clone(),
        target: build.target.clone(),
        build_args: build.args.clone(),
        secrets: build.secrets.clone(),
        labels: BTreeMap::new(),
        platforms: build.platforms.clone(),
        no_cache: build.no_cache,
        committed_at: source.committed_at.as_second(),
        reproducible: build.reproducible,
        base_images: Vec::new(),
        options: build.options.clone(),
        origin: build.git.as_ref().map(|git| ContextOrigin {
            address: git.address.to_string(),
            tree: settings.tree(),
        }),
    }
}
