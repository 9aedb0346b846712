//! Holds the image of a pull request against that of the branch it goes to.

use std::collections::BTreeMap;

use super::RunError;
use super::connection::RegistryConnection;
use crate::pipeline::{Ledger, image_facts};
use crate::ports::{ReadRepository, ReadScans, RegistryError, Reporter, RunEvent, Warning};
use crate::registry::Repository;
use crate::settings::Settings;
use tagship_domain::comparison::{BaseImage, Comparison, ImageContent};
use tagship_domain::content::{Content, Manifest};
use tagship_domain::event::{Base, Event};
use tagship_domain::facts::Facts;
use tagship_domain::findings::{Finding, ScanResult};
use tagship_domain::reference::{Digest, Tag};

/// Adds the comparison to the report, where a comment was asked for and there is something to compare. It is no reason to
/// fail.
pub(super) async fn compare(
    settings: &Settings,
    connection: &RegistryConnection,
    ledger: &Ledger,
    reporter: &dyn Reporter,
) {
    let (Some(_), Some(event)) = (&settings.notify.comment, &settings.event) else {
        return;
    };
    match comparison(event, connection, ledger).await {
        Ok(comparison) => ledger.compared(comparison),
        Err(error) => {
            let message = format!("the image is compared with none: {}", error.reason());
            let (file, line) = (None, None);
            reporter.event(RunEvent::Warning(&Warning { message, file, line }));
        }
    }
}

async fn comparison(
    event: &Event,
    connection: &RegistryConnection,
    ledger: &Ledger,
) -> Result<Option<Comparison>, RunError> {
    let Some(manifest) = ledger.published_manifest() else {
        return Ok(None);
    };
    let repository = connection.repository()?;
    let Some((tag, base)) = base(event, &repository).await? else {
        return Ok(None);
    };
    let decision = ledger.gate_decision();
    let of_image = decision.map(|decision| {
        let found = decision.images.into_iter().flat_map(|image| match image.result {
            ScanResult::Found { findings, .. } => findings,
            ScanResult::Unscannable { .. } | ScanResult::Nothing { .. } => Vec::new(),
        });
        found.collect::<Vec<Finding>>()
    });
    let (mut after, _) = content(&manifest, &repository).await?;
    let (mut before, images) = content(&base, &repository).await?;
    if of_image.is_some() {
        before.findings = findings(&images, &connection.scans()).await;
    }
    after.findings = of_image;
    let base = shown(tag, &base, &repository).await?;
    Ok(Some(Comparison::new(base, &before, &after)))
}

/// Holds an image that is in no registry against that of the branch it goes to, if there is one. What it is like
/// `measure` finds out; that is asked only where there is something to compare.
pub(super) async fn compare_unpublished(
    event: &Event,
    repository: &Repository,
    measure: impl Future<Output = Result<ImageContent, RunError>>,
) -> Result<Option<Comparison>, RunError> {
    let Some((tag, base)) = base(event, repository).await? else {
        return Ok(None);
    };
    let after = measure.await?;
    let (before, _) = content(&base, repository).await?;
    let base = shown(tag, &base, repository).await?;
    Ok(Some(Comparison::new(base, &before, &after)))
}

/// The image of the branch, and the tag that it was found by.
async fn base(event: &Event, repository: &Repository) -> Result<Option<(Tag, Manifest)>, RegistryError> {
    let tags = base_tags(event);
    let mut found = repository.resolve(&tags).await?;
    let mut tags = tags.into_iter();
    Ok(tags.find_map(|tag| found.remove(&tag).map(|manifest| (tag, manifest))))
}

async fn shown(tag: Tag, base: &Manifest, repository: &Repository) -> Result<BaseImage, RegistryError> {
    Ok(BaseImage {
        tag,
        digest: base.digest(),
        revision: image_facts(base, repository).await?.revision,
    })
}

/// The tags that an image of the base may have, the best first: that of its commit, of its branch, and those that follow a
/// branch by convention.
fn base_tags(event: &Event) -> Vec<Tag> {
    let commit = match &event.base {
        Some(Base::MergeBase(commit) | Base::Commit(commit)) => Some(format!("sha-{}", commit.short())),
        _ => None,
    };
    let branch = event.base_ref.as_ref().map(|branch| branch.replace('/', "-"));
    let others = ["edge", "latest"].map(str::to_owned);
    let names = commit.into_iter().chain(branch).chain(others);
    names.filter_map(|name| Tag::parse(&name).ok()).collect()
}

/// What counts of an image, and the digests of its images.
pub(super) async fn content(
    manifest: &Manifest,
    repository: &dyn ReadRepository,
) -> Result<(ImageContent, Vec<Digest>), RegistryError> {
    let images = match manifest.content()? {
        Content::Index(index) => {
            let entries = index.manifests.iter().filter(|entry| !entry.is_about_another());
            let digests: Vec<Digest> = entries.map(|entry| entry.digest).collect();
            repository.look_up(&digests, &[]).await?.digests
        }
        Content::Image(_) => BTreeMap::from([(manifest.digest(), manifest.clone())]),
    };
    let mut blobs = BTreeMap::new();
    let mut layers = BTreeMap::new();
    for image in images.values() {
        if let Content::Image(image) = image.content()? {
            blobs.insert(image.config.digest, image.config.size);
            layers.extend(image.layers.iter().map(|layer| (layer.digest, layer.size)));
        }
    }
    blobs.extend(&layers);
    let content = ImageContent {
        size: blobs.values().copied().fold(0, u64::saturating_add),
        layers,
        findings: None,
    };
    Ok((content, images.into_keys().collect()))
}

/// What scans found in images that are there; `None` where one of them has no findings to read.
async fn findings(images: &[Digest], scans: &dyn ReadScans) -> Option<Vec<Finding>> {
    let mut findings = Vec::new();
    for image in images {
        let scan = scans.scan(image).await.ok().flatten()?;
        findings.extend(scan.found?.findings);
    }
    Some(findings)
}

/// The image that is published already stands in the report: one under a tag, or an image of its index.
pub(super) async fn note_published(
    digest: Digest,
    facts: &Facts,
    repository: &Repository,
    ledger: &Ledger,
) -> Result<(), RunError> {
    let mut tagged = facts.tags.values();
    let manifest = match tagged.find(|manifest| manifest.digest() == digest) {
        Some(manifest) => Some(manifest.clone()),
        None => repository.manifest(&digest).await?,
    };
    let manifest = manifest.ok_or(RegistryError::ContentMissing { digest })?;
    match facts.images.get(&digest) {
        Some(image) => ledger.image(digest, image),
        None => ledger.image(digest, &image_facts(&manifest, repository).await?),
    }
    ledger.manifest(&manifest);
    Ok(())
}
