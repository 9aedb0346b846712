//! Reading: the facts that the plan is made of.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use oci_registry::{ImageDescription, READ_BLOB, describe};

use super::PipelineError;
use crate::ports::{ReadHistory, ReadRegistry, ReadRepository, RegistryError};
use tagship_domain::base_digests::{BASES, BaseDigests, REPLACES};
use tagship_domain::build::RequestHash;
use tagship_domain::content::{Content, Manifest};
use tagship_domain::facts::{Fact, Facts, ImageFacts, OrderingFacts};
use tagship_domain::immutability::Mutability;
use tagship_domain::merging::{ImagePart, MergeError};
use tagship_domain::plan::{Candidate, PlanRequest, Question, Unknown};
use tagship_domain::reference::{Digest, Tag};
use tagship_domain::tags::{DesiredTag, REQUEST, REVISION, TagClass, VERSION};
use tagship_domain::version::from_git_tag;

/// Reads what the plan needs to know: the repository's setting, the wanted tags, the images they point to, and what
/// moving tags hang on.
///
/// A role that may not read the setting or list the tags is no obstacle: the rest says enough to keep every promise.
pub async fn gather(
    registry: &dyn ReadRegistry,
    history: &dyn ReadHistory,
    request: &PlanRequest,
) -> Result<Facts, PipelineError> {
    let wanted: Vec<&DesiredTag> = request.wanted.tags.iter().collect();
    // The first failure ends both: what one was refused the other would only be refused again.
    let mut names = names(&wanted);
    names.extend(request.also.iter().map(|(tag, _)| tag.clone()));
    names.sort_unstable();
    names.dedup();
    let (mutability, (tags, images)) = tokio::try_join!(mutability(registry), look(registry, &names))?;
    let facts = Facts {
        mutability,
        tags,
        images,
        ordering: OrderingFacts::default(),
    };
    let revision = request.source.revision();
    let candidate = request.candidate(&facts, &revision);
    let facts = resolve_questions(facts, registry, history, &wanted, candidate).await?;
    // Moving tags that have the published image leave it where base images changed: what that hangs on is asked too.
    let Some(replacement) = request.replacement(&facts, &revision) else {
        return Ok(facts);
    };
    let moving = wanted
        .into_iter()
        .filter(|wanted| wanted.class == TagClass::Moving);
    let moving: Vec<&DesiredTag> = moving.collect();
    resolve_questions(facts, registry, history, &moving, replacement).await
}

/// Reads what the tags of an image need to know of a repository that gets it as a copy.
pub async fn gather_copy(
    registry: &dyn ReadRegistry,
    history: &dyn ReadHistory,
    tags: &[DesiredTag],
    candidate: Candidate<'_>,
) -> Result<Facts, PipelineError> {
    let wanted: Vec<&DesiredTag> = tags.iter().collect();
    let names = names(&wanted);
    let (mutability, (tags, images)) = tokio::try_join!(mutability(registry), look(registry, &names))?;
    let facts = Facts {
        mutability,
        tags,
        images,
        ordering: OrderingFacts::default(),
    };
    resolve_questions(facts, registry, history, &wanted, candidate).await
}

/// Gathers what decides on tags in a repository that is missing, and that is made with this setting. `registry` is not asked.
pub async fn gather_missing(
    mutability: Mutability,
    registry: &dyn ReadRepository,
    history: &dyn ReadHistory,
    tags: &[DesiredTag],
    candidate: Candidate<'_>,
) -> Result<Facts, PipelineError> {
    let wanted: Vec<&DesiredTag> = tags.iter().collect();
    let facts = Facts {
        mutability: Ok(mutability),
        tags: BTreeMap::new(),
        images: BTreeMap::new(),
        ordering: OrderingFacts {
            registry_tags: Some(Ok(Vec::new())),
            ..OrderingFacts::default()
        },
    };
    resolve_questions(facts, registry, history, &wanted, candidate).await
}

/// Asks everything that the decisions on the wanted tags still hang on, and nothing else.
pub(super) async fn resolve_questions(
    mut facts: Facts,
    registry: &dyn ReadRepository,
    history: &dyn ReadHistory,
    wanted: &[&DesiredTag],
    candidate: Candidate<'_>,
) -> Result<Facts, PipelineError> {
    loop {
        let question = wanted
            .iter()
            .find_map(|wanted| candidate.question(wanted, &facts));
        let ordering = &mut facts.ordering;
        match question {
            None => return Ok(facts),
            Some(Question::GitTags) => ordering.git_tags = Some(history.git_tags().await?),
            Some(Question::RegistryTags) => {
                ordering.registry_tags = Some(list_registry_tags(registry).await?);
            }
            Some(Question::Descent { of, from }) => {
                let descent = history.descent(&of, &from).await?;
                ordering.descents.insert(from, descent);
            }
        }
    }
}

/// Reads the repository's setting.
async fn mutability(registry: &dyn ReadRegistry) -> Result<Fact<Mutability>, RegistryError> {
    match registry.mutability().await {
        Err(RegistryError::NotPermitted { action, .. }) => Ok(Err(Unknown::NotPermitted { action })),
        read => read.map(Ok),
    }
}

/// Lists the registry's tags.
async fn list_registry_tags(registry: &dyn ReadRepository) -> Result<Fact<Vec<Tag>>, RegistryError> {
    match registry.list_tags().await {
        Err(RegistryError::NotPermitted { action, .. }) => Ok(Err(Unknown::NotPermitted { action })),
        Err(error @ RegistryError::Refused { .. }) => Ok(Err(Unknown::Refused {
            message: error.to_string(),
        })),
        read => read.map(Ok),
    }
}

/// Tags that exist, and what their images say of themselves.
type TagSnapshot = (BTreeMap<Tag, Manifest>, BTreeMap<Digest, ImageFacts>);

/// The names of wanted tags.
pub(super) fn names(wanted: &[&DesiredTag]) -> Vec<Tag> {
    wanted.iter().map(|wanted| wanted.tag.clone()).collect()
}

/// Looks at tags now.
pub(super) async fn look(registry: &dyn ReadRepository, names: &[Tag]) -> Result<TagSnapshot, RegistryError> {
    let tags = registry.resolve(names).await?;
    let images = read_images(&tags, registry).await?;
    Ok((tags, images))
}

/// Reads what the images under tags say of themselves.
pub(super) async fn read_images(
    tags: &BTreeMap<Tag, Manifest>,
    registry: &dyn ReadRepository,
) -> Result<BTreeMap<Digest, ImageFacts>, RegistryError> {
    let mut images = BTreeMap::new();
    for manifest in tags.values() {
        if let Entry::Vacant(unknown) = images.entry(manifest.digest()) {
            unknown.insert(image_facts(manifest, registry).await?);
        }
    }
    Ok(images)
}

/// Reads images that other runs pushed by digest.
pub async fn read_parts(
    registry: &dyn ReadRepository,
    digests: &[Digest],
) -> Result<Vec<ImagePart>, PipelineError> {
    let mut found = registry.look_up(digests, &[]).await?.digests;
    let mut parts = Vec::new();
    for digest in digests {
        let manifest = found
            .remove(digest)
            .ok_or(MergeError::Missing { digest: *digest })?;
        let facts = image_facts(&manifest, registry).await?;
        parts.push(ImagePart { manifest, facts });
    }
    Ok(parts)
}

/// What the labels of its config say of an image that is there whole.
pub(super) fn facts(image: ImageDescription) -> ImageFacts {
    let label = |name| image.labels.get(name);
    let said = image.labels_of.iter();
    let said = said.filter_map(|(digest, labels)| Some((*digest, labels.get(REVISION)?.clone())));
    let mut revisions: Vec<(Digest, String)> = said.collect();
    let distinct: BTreeSet<&str> = revisions.iter().map(|(_, said)| said.as_str()).collect();
    // What its images say differently is no commit's.
    let revision = if distinct.len() > 1 {
        Some(Vec::from_iter(distinct).join(", "))
    } else {
        let only = distinct.into_iter().next().map(str::to_owned);
        revisions.clear();
        label(REVISION).cloned().or(only)
    };
    ImageFacts {
        revision,
        revisions,
        request: label(REQUEST).and_then(|request| RequestHash::parse(request)),
        // Other tools write what the git tag is.
        version: label(VERSION).and_then(|version| from_git_tag(version)),
        is_version_of_tags: false,
        bases: label(BASES).and_then(|bases| BaseDigests::parse(bases)),
        replaces: label(REPLACES).and_then(|digest| Digest::parse(digest).ok()),
        platforms: image.platforms,
        size: image.size,
        labels: image.labels,
        unread: None,
    }
}

/// What an image says of itself whose labels are these.
pub fn label_facts(labels: BTreeMap<String, String>) -> ImageFacts {
    facts(ImageDescription {
        labels,
        ..ImageDescription::default()
    })
}

/// Reads what an image says of itself.
///
/// An image that is not Tagship's may be damaged or of another kind; it then says nothing of itself.
pub async fn image_facts(
    manifest: &Manifest,
    registry: &dyn ReadRepository,
) -> Result<ImageFacts, RegistryError> {
    match describe(manifest, registry).await {
        Err(
            RegistryError::Manifest(_)
            | RegistryError::ContentMissing { .. }
            | RegistryError::ContentMismatch { .. },
        ) => Ok(ImageFacts::default()),
        // Whoever may only push may not read what an image says.
        Err(RegistryError::NotPermitted { action, .. }) if action == READ_BLOB => Ok(told(manifest)
            .unwrap_or_else(|| ImageFacts {
                unread: Some(Unknown::NotPermitted { action }),
                ..ImageFacts::default()
            })),
        described => described.map(facts),
    }
}

/// What the annotations of a manifest say, where they say from which commit and request the image is.
fn told(manifest: &Manifest) -> Option<ImageFacts> {
    let annotations = match manifest.content().ok()? {
        Content::Image(image) => image.annotations,
        Content::Index(index) => index.annotations,
    };
    let told = label_facts(annotations);
    (told.revision.is_some() && told.request.is_some()).then_some(told)
}
