//! `tagship release`: git tag and release of an image that is published already.

use std::sync::Arc;

use super::connection::RegistryConnection;
use super::inspect::{add_version, named, unread_error};
use super::release::{ReleaseImageRequest, ReleaseWish};
use super::target::Target;
use super::{Outcome, RunError};
use crate::git::GixCheckout;
use crate::pipeline::{Ledger, PipelineError, ReleasedImage, image_facts, release};
use crate::ports::{ReadRepository as _, Reporter, RunEvent, Stage};
use crate::registry::Repository;
use crate::report::release_plan_text;
use semver::Version;
use tagship_domain::facts::{CommitId, ImageFacts, Revision};
use tagship_domain::reference::{Digest, ImageRef, Tag};
use tagship_domain::version::release_tag;

/// Releases an image: the git tag goes to the commit that the image says it is of.
pub async fn release_published(
    request: &ReleaseImageRequest,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    ledger.enter(Stage::Read, &*reporter);
    let target = Target::of(&request.repository.destination, &request.repository.identity).await?;
    let released = Box::pin(release_from(request, &target, reporter, ledger)).await;
    target.close().await;
    released
}

/// An image that says what it is.
struct Candidate {
    digest: Digest,
    facts: ImageFacts,
    version: Version,
    commit: CommitId,
    /// Those of its tags that promise to stay.
    tags: Vec<Tag>,
}

async fn release_from(
    request: &ReleaseImageRequest,
    target: &Target,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    let connection = RegistryConnection::open(target, Arc::clone(&reporter)).await?;
    let repository = connection.repository()?;
    let candidate = Candidate::read(request, target, &repository).await?;
    ledger.enter(Stage::Plan, &*reporter);
    let source = GixCheckout::at(&request.workspace).source(&request.workspace);
    let web = source.ok().and_then(|source| source.url);
    let wish = ReleaseWish::of_image(request, web.as_deref())?;
    let known = wish.version_tags().await?;
    let released = (candidate.version.clone(), candidate.commit.clone());
    let plan = wish.plan(released, &known, &reporter).await?;
    let text = release_plan_text(&plan, &target.image, candidate.digest);
    ledger.releasing(
        &plan,
        (&target.image, candidate.digest),
        &candidate.facts,
        &candidate.tags,
    );
    if let Some(conflict) = plan.conflict() {
        reporter.event(RunEvent::Block(&text));
        return Err(PipelineError::from(conflict.clone()).into());
    }
    if request.dry_run {
        ledger.dry_run();
        return Ok(Outcome {
            text,
            json: serde_json::json!(plan),
            ..Outcome::default()
        });
    }
    reporter.event(RunEvent::Block(&text));
    let place = wish.place().ok_or(RunError::NoForge)?;
    if !plan.is_fulfilled() {
        place.tags().check_write().await.map_err(PipelineError::from)?;
        let image = ReleasedImage {
            findings: None,
            name: &target.image,
            digest: candidate.digest,
            tags: &candidate.tags,
            platforms: &candidate.facts.platforms,
            repository: &repository,
        };
        release(&plan, image, place, &*reporter, ledger).await?;
    }
    ledger.published();
    Ok(Outcome::of_report(ledger))
}

impl Candidate {
    async fn read(
        request: &ReleaseImageRequest,
        target: &Target,
        repository: &Repository,
    ) -> Result<Self, RunError> {
        let image = || -> ImageRef { target.image.at(request.reference.clone()) };
        let manifest = named(repository, &request.reference).await?;
        let manifest = manifest.ok_or_else(|| RunError::ImageMissing(image().to_string()))?;
        let digest = manifest.digest();
        let mut facts = image_facts(&manifest, repository).await?;
        add_version(&mut facts, &digest, repository).await?;
        if let Some(unread) = &facts.unread {
            return Err(unread_error(unread, &target.image));
        }
        let unfit = |problem: String| RunError::NotReleasable {
            image: image(),
            problem,
        };
        let version = facts.version.clone();
        let version = version.ok_or_else(|| unfit("it does not say its version".to_owned()))?;
        let revision = facts.revision.as_deref().and_then(Revision::of_label);
        let revision = revision.ok_or_else(|| unfit("it does not say its commit".to_owned()))?;
        if revision.is_dirty {
            return Err(unfit("it was built from a working tree with changes".to_owned()));
        }
        let commit = revision.commit;
        let version_tag = release_tag(&version).map_err(|error| unfit(error.to_string()))?;
        let commit_tag = Tag::parse(&format!("sha-{}", commit.short()));
        let names: Vec<Tag> = commit_tag.into_iter().chain([version_tag.clone()]).collect();
        let found = repository.resolve(&names).await?;
        let is_its = |tag: &Tag| found.get(tag).is_some_and(|manifest| manifest.digest() == digest);
        if !is_its(&version_tag) {
            return Err(unfit(format!("tag `{version_tag}` does not point to it")));
        }
        Ok(Self {
            tags: names.into_iter().filter(is_its).collect(),
            digest,
            facts,
            version,
            commit,
        })
    }
}
