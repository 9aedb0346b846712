//! Everything up to the plan. Nothing here writes.

mod requests;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use semver::Version;

use super::RunError;
use super::base_changed::CurrentBases;
use super::commit_naming::CommitNaming;
use super::connection::RegistryConnection;
use super::history::History;
use super::notify::warn_of_github;
use super::release::{ReleaseWish, makes_version, releasable};
use super::rule_inputs::fetch_repository_info;
use super::shared_registries::{SharedRegistries, repository_of};
use super::source::source;
use super::target::Target;
use super::version::{OfForge, merged};
use crate::pipeline::{PipelineError, PlannedRepository, gather, read_parts};
use crate::ports::{ReleasePlace, Reporter, RunEvent, Warning};
use crate::registry::UnmadeRepository;
use crate::settings::{BaseChanged, Publishing, Settings};
use tagship_domain::bump::VersionTag;
use tagship_domain::event::{Mismatch, RepositoryInfo};
use tagship_domain::facts::{Fact, Facts};
use tagship_domain::merging::MergedIndex;
use tagship_domain::plan::{Content, Note, Plan, PlanRequest, Scope};
use tagship_domain::reference::{ImageName, Tag};
use tagship_domain::tags::{Evaluation, LabelRule, ListingError, TagSet};

/// What is known before the registry is asked.
pub(super) struct RunContext<'a> {
    settings: &'a Settings,
    reporter: Arc<dyn Reporter>,
    target: Target,
    naming: CommitNaming<'a>,
    /// The release, if one is asked for, and GitHub's git tags of versions.
    release: Option<(ReleaseWish<'a>, Vec<VersionTag>)>,
    made: Evaluation,
    wanted: TagSet,
    /// The same, where the repository turned out to need other names.
    renamed: OnceLock<TagSet>,
    labels: BTreeMap<String, String>,
    /// What the base images are now, where that counts.
    bases: CurrentBases,
    /// The logins of a run with several images.
    shared: Option<&'a SharedRegistries>,
    /// The tags that this image has claimed among them.
    claimed: OnceLock<Vec<Tag>>,
}

impl<'a> RunContext<'a> {
    /// Reads the checkout and finds out where the image goes; `taken` are versions that other runs took meanwhile.
    pub(super) async fn read(
        settings: &'a Settings,
        taken: &[VersionTag],
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let source = source(settings).await?;
        if source.is_dirty() && !settings.allow_dirty {
            let (changes, count) = (source.changes, source.change_count);
            return Err(PipelineError::Dirty { changes, count }.into());
        }
        if taken.is_empty() {
            warn_of_github(settings, source.url.as_deref(), &*reporter);
        }
        let release = match ReleaseWish::of(settings, source.url.as_deref())? {
            Some(wish) if makes_version(settings) => {
                let tags = merged(taken.to_vec(), &wish.version_tags().await?);
                Some((wish, tags))
            }
            wish => wish.map(|wish| (wish, Vec::new())),
        };
        let of_forge = release
            .as_ref()
            .map_or_else(OfForge::default, |(wish, tags)| OfForge {
                forge: wish.forge(),
                tags,
            });
        if let Some((wish, _)) = &release {
            wish.check_review()?;
        }
        let naming = CommitNaming::of(settings, source, of_forge, &*reporter).await?;
        let unknown = naming.repository(RepositoryInfo::default());
        let mut made = settings.lists.evaluate(&naming.tag_context(&unknown))?;
        if let Some(mismatch) = &naming.mismatch {
            if made.has_release_of_event() {
                return Err(mismatch.clone().into());
            }
            made = made.without_event(mismatch);
        }
        if settings.needs_version {
            made.check_version()
                .map_err(|source| ListingError { list: "tags", source })?;
        }
        let wanted = TagSet::of(&made).map_err(|source| ListingError { list: "tags", source })?;
        for note in wanted.notes.iter().filter(|note| note.is_warning()) {
            reporter.event(RunEvent::Warning(&Warning {
                message: note.to_string(),
                file: None,
                line: None,
            }));
        }
        // What is wrong with labels is reported also when nothing is built.
        let labels = naming.labels(&made, &unknown)?;
        let target = Target::of(&settings.destination, &settings.identity).await?;
        Ok(Self {
            settings,
            reporter,
            target,
            naming,
            release,
            made,
            wanted,
            renamed: OnceLock::new(),
            labels,
            bases: CurrentBases::default(),
            shared: None,
            claimed: OnceLock::new(),
        })
    }

    /// The same, with the logins of a run with several images.
    pub(super) fn sharing(mut self, shared: Option<&'a SharedRegistries>) -> Self {
        self.shared = shared;
        self
    }

    /// Takes the planned tags for this image, where a run has several.
    pub(super) fn claim(&self, plan: &Plan) -> Result<(), RunError> {
        let Some(shared) = self.shared else {
            return Ok(());
        };
        let tags: Vec<Tag> = plan
            .tags
            .iter()
            .map(|planned| planned.wanted.tag.clone())
            .collect();
        shared.claim(self.image(), tags.iter())?;
        self.claimed.get_or_init(|| tags);
        Ok(())
    }

    /// Gives back the tags that were claimed, of which none was put.
    pub(super) fn give_back(&self) {
        if let (Some(shared), Some(tags)) = (self.shared, self.claimed.get()) {
            shared.give_back(self.image(), tags);
        }
    }

    /// Returns the version where it was counted for a release, and its git tag.
    pub(super) fn counted(&self) -> Option<(Version, String)> {
        // Parts that other jobs built bear the version that they were built with.
        let is_whole = matches!(self.settings.publishing, Publishing::Whole);
        let _counted = self.naming.counted_git_tag().filter(|_| is_whole)?;
        let version = self.naming.version.clone()?;
        let releases = self.release.as_ref()?.1.iter().filter(|tag| tag.is_stable());
        let greatest = releases.max_by(|a, b| a.version.cmp(&b.version));
        let earlier = greatest.map(|tag| tag.name.as_str());
        let git_tag = self.settings.tag_prefix.tag(&version, earlier);
        Some((version, git_tag))
    }

    /// Returns where the image goes.
    pub(super) fn image(&self) -> &ImageName {
        &self.target.image
    }

    /// Returns the repository, with the identity to use there.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the way to the registry; contacts no server.
    pub(super) async fn connect(&self) -> Result<RegistryConnection, RunError> {
        let image = self.image();
        let shared = self
            .shared
            .and_then(|shared| shared.ecr(&image.registry, &self.target.identity));
        if let Some(ecr) = shared {
            return RegistryConnection::over(ecr, image.clone(), Arc::clone(&self.reporter));
        }
        let caches = self.build_request().options.cache_to;
        let others: Vec<ImageName> = caches.iter().filter_map(repository_of).collect();
        let makes_repository = self.settings.makes_repository();
        let reporter = Arc::clone(&self.reporter);
        RegistryConnection::open_with(&self.target, &others, makes_repository, reporter).await
    }

    /// Returns the repository where it is to be made or changed.
    pub(super) async fn repository_to_put(
        &self,
        connection: &RegistryConnection,
    ) -> Result<Option<PlannedRepository>, RunError> {
        let wanted = self.settings.create_repository.as_ref();
        connection.repository_to_put(&self.target, wanted).await
    }

    /// What of the image is published. The parts of an index are read, and checked.
    pub(super) async fn scope(&self, connection: &RegistryConnection) -> Result<Scope, RunError> {
        let Publishing::Merge(digests) = &self.settings.publishing else {
            return Ok(self.scope_without_parts());
        };
        let parts = read_parts(&connection.repository()?, digests).await?;
        let annotations = &self.naming.build.options.annotations;
        let revision = self.naming.source.revision();
        let index = MergedIndex::of(&parts, &revision, &self.naming.request, annotations);
        Ok(Scope::Merged(Box::new(index.map_err(PipelineError::from)?)))
    }

    /// The same where the registry is not asked.
    pub(super) fn scope_without_parts(&self) -> Scope {
        match self.settings.publishing {
            Publishing::Whole | Publishing::Merge(_) => Scope::Whole,
            Publishing::Part => Scope::Part,
        }
    }

    /// Finds out what the base images are now, where changed ones are to be built on; gives what is not known of them.
    pub(super) async fn resolve_bases(&self, connection: &RegistryConnection) -> Vec<Note> {
        let is_dirty = self.naming.source.is_dirty();
        if self.settings.base_changed == BaseChanged::Ignore || is_dirty {
            return Vec::new();
        }
        let request = self.build_request();
        self.bases
            .resolve(self.settings, &request, connection, &*self.reporter)
            .await
    }

    /// What the registry says of the wanted tags, and what lies around them. A repository that is missing holds nothing, and one
    /// that is put is judged as what it will be.
    pub(super) async fn facts(
        &self,
        connection: &RegistryConnection,
        scope: &Scope,
        put: Option<&PlannedRepository>,
    ) -> Result<Facts, RunError> {
        let history = History::of(self.settings, Arc::clone(&self.reporter));
        let request = self.plan_request(scope.clone());
        if let Some(missing) = put.filter(|put| put.actual.is_none()) {
            let unmade = UnmadeRepository::of(&missing.declared);
            return Ok(gather(&unmade, &history, &request).await?);
        }
        let repository = connection.repository()?;
        let mut facts = gather(&repository, &history, &request).await?;
        if let Some(setting) = put.and_then(|put| put.declared.settings.mutability.clone()) {
            facts.mutability = Ok(setting);
        }
        let commit = &self.naming.source.commit;
        let renamed = facts
            .mutability
            .as_ref()
            .ok()
            .and_then(|setting| self.wanted.of_immutable(setting, commit));
        let Some(renamed) = renamed else {
            return Ok(facts);
        };
        let request = PlanRequest {
            wanted: self.renamed.get_or_init(|| renamed).clone(),
            ..request
        };
        Ok(gather(&repository, &history, &request).await?)
    }

    /// The plan, from what the registry says or from why it could not be asked.
    pub(super) async fn plan(&self, scope: Scope, facts: Fact<&Facts>) -> Result<Plan, RunError> {
        let known = facts.as_ref().ok().copied();
        let mut plan = Plan::new(self.plan_request(scope), facts);
        plan.max_size = self.settings.max_size;
        let signer = self.settings.sign.as_ref().map(|sign| sign.signer);
        plan.signer = signer.filter(|_| !plan.is_part);
        if let (Content::Published { digest, .. }, Some(facts)) = (&plan.content, known) {
            let image = facts.images.get(digest).filter(|image| image.unread.is_none());
            let wanted = self.settings.lists.labels.iter().filter_map(LabelRule::name);
            let is_kept =
                |name: &&str| image.is_some_and(|image| image.labels.get(*name) != self.labels.get(*name));
            let names: Vec<String> = wanted.filter(is_kept).map(str::to_owned).collect();
            plan.notes
                .extend((!names.is_empty()).then_some(Note::LabelsKept { names }));
        }
        plan.test.clone_from(&self.settings.test);
        // Asked only for an image that is built: a second run contacts the registry alone.
        if let Content::Build { request } = &mut plan.content {
            let known = if self.settings.offline {
                RepositoryInfo::default()
            } else {
                fetch_repository_info(&self.settings.github, &*self.reporter).await
            };
            request.labels = self.naming.labels(&self.made, &self.naming.repository(known))?;
            request.labels.extend(self.bases.labels(plan.rebase.as_ref()));
        }
        // A patched image is no release of its version: that is the one which keeps the tag.
        let makes_release = !plan.is_part && plan.rebase.is_none();
        if let Some((wish, tags)) = self.release.as_ref().filter(|_| makes_release) {
            match releasable(self.settings, &self.naming) {
                Ok(released) => {
                    plan.release = Some(Box::pin(wish.plan(released, tags, &self.reporter)).await?);
                }
                Err(reason) => plan.notes.push(Note::NotReleased(reason)),
            }
        }
        Ok(plan)
    }

    /// What the commit is called, and what it is.
    pub(super) fn naming(&self) -> &CommitNaming<'_> {
        &self.naming
    }

    /// The release that is asked for, and GitHub's git tags of versions.
    pub(super) fn wish(&self) -> Option<(&ReleaseWish<'a>, &[VersionTag])> {
        self.release.as_ref().map(|(wish, tags)| (wish, tags.as_slice()))
    }

    /// Where the version is released, if that is known.
    pub(super) fn place(&self) -> Option<ReleasePlace<'_>> {
        self.release.as_ref()?.0.place()
    }

    /// How the event and the checkout disagree, if they do.
    pub(super) fn mismatch(&self) -> Option<&Mismatch> {
        self.naming.mismatch.as_ref()
    }

    /// The repository's web address, if it is known.
    pub(super) fn web(&self) -> Option<&str> {
        self.naming.source.url.as_deref()
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        self.target.close().await;
    }
}
