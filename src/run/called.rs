//! What `ship` and `plan` call a commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use semver::Version;

use super::RunError;
use super::naming::{event_of_checkout, version_for_rules, version_of};
use super::version::made_version;
use crate::clock::SystemClock;
use crate::git::GixCheckout;
use crate::ports::{Clock as _, Reporter};
use crate::settings::{Destination, Settings, WantedVersion};
use tagship_domain::event::{Event, Mismatch, RepositoryInfo};
use tagship_domain::facts::Source;
use tagship_domain::tags::{Evaluation, Given, Imprint, ListingError, Mode};

/// What the commit is called after; tags and labels are made of it as `tagship tags` makes them.
pub(super) struct Called<'a> {
    settings: &'a Settings,
    pub(super) source: Source,
    event: Event,
    /// How the event and the checkout disagree, if they do.
    pub(super) mismatch: Option<Mismatch>,
    pub(super) version: Option<Version>,
    /// Whether rules take the version as it is, and not the git tag that started the run.
    is_given: bool,
    now: Timestamp,
}

impl<'a> Called<'a> {
    pub(super) async fn of(
        settings: &'a Settings,
        source: Source,
        reporter: &dyn Reporter,
    ) -> Result<Self, RunError> {
        let prefix = &settings.tag_prefix;
        let checkout = GixCheckout::at(&settings.workspace);
        let context = &settings.build.context;
        let (mut event, mismatch) = if let Some(event) = &settings.event {
            let checked_out = checkout.checked_out(context, event)?;
            (event.clone(), event.mismatch(checked_out))
        } else {
            (event_of_checkout(&checkout, context, &source, prefix)?, None)
        };
        // What is built is what is checked out.
        event.commit = Some(source.commit.clone());
        let (version, is_given) = match (&settings.version, version_of(&event, &source, prefix)) {
            (Some(WantedVersion::Given(version)), _) => (Some(version.clone()), true),
            (Some(WantedVersion::Next), None) => (made_version(settings, reporter).await?, true),
            (_, of_tag) => (of_tag, false),
        };
        // A version that the event names is of the event's commit, and of no other.
        if let Some(mismatch) = mismatch.as_ref().filter(|_| !is_given && version.is_some())
            && event.named_tag().is_some()
        {
            return Err(mismatch.clone().into());
        }
        Ok(Self {
            version,
            is_given,
            mismatch,
            settings,
            source,
            event,
            now: SystemClock.now(),
        })
    }

    pub(super) fn given<'b>(&'b self, repository: &'b RepositoryInfo) -> Given<'b> {
        let mode = self.settings.lists.mode;
        let given = self.version.as_ref().filter(|_| self.is_given);
        Given {
            mode,
            event: &self.event,
            repository,
            version: given.or_else(|| version_for_rules(self.version.as_ref(), &self.event, mode)),
            tag_prefix: Some(&self.settings.tag_prefix),
            now: self.now,
            committed_at: Some(self.source.committed_at),
            short_digits: self.settings.short_digits,
            is_dirty: self.source.is_dirty(),
        }
    }

    pub(super) fn labels(
        &self,
        made: &Evaluation,
        repository: &RepositoryInfo,
    ) -> Result<BTreeMap<String, String>, ListingError> {
        let imprint = Imprint {
            version: self.version.as_ref(),
            created: self.source.committed_at,
        };
        let labels = self
            .settings
            .lists
            .labels(made, Some(imprint), &self.given(repository))?;
        Ok(labels
            .into_iter()
            .map(|label| (label.name, label.value))
            .collect())
    }

    /// The repository as labels tell of it. Strictly, an image has the name of its own repository, since several may
    /// come from one repository of git, and the address that the checkout or the job tells.
    pub(super) fn repository(&self, known: RepositoryInfo) -> RepositoryInfo {
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let url = self.source.url.clone();
        let (name, html_url) = match self.settings.lists.mode {
            Mode::Strict => {
                let repository = match &self.settings.destination {
                    Destination::Registry(image) => &image.repository,
                    Destination::Local { repository, .. } => repository,
                };
                (last(repository.as_str()), url.or(known.html_url))
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
