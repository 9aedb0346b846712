//! The planner.

use super::candidate::withheld;
use super::rebase::RebaseDecision;
use super::{Content, Note, Plan, PlanRequest, PlannedTag, ReuseReason, Scope, TagAction};
use crate::build::BuildRequest;
use crate::facts::{Fact, Facts, OrderingFacts};
use crate::immutability::Mutability;
use crate::rebuild::RebuildBase;
use crate::reference::{ImageName, Tag};
use crate::tags::{DesiredTag, TagClass, TagSet};

/// The planner.
pub(super) fn decide(request: PlanRequest, facts: Fact<&Facts>) -> Plan {
    let revision = request.source.revision();
    let mut notes: Vec<Note> = request.wanted.notes.iter().cloned().map(Note::Tag).collect();
    notes.extend(Note::of_source(&request.source));
    let action = |wanted: &DesiredTag| match &facts {
        Err(_) => withheld(wanted, None).unwrap_or(TagAction::Unchecked),
        Ok(facts) => request.candidate(facts, &revision).action(wanted, facts),
    };
    let is_part = matches!(request.scope, Scope::Part);
    // A part gets no tag, but one that the whole cannot get is found before it is built.
    let counts = |tag: &PlannedTag| !is_part || matches!(tag.action, TagAction::Conflict(_));
    let mut tags: Vec<PlannedTag> = request
        .wanted
        .tags
        .iter()
        .map(|wanted| PlannedTag {
            wanted: wanted.clone(),
            action: action(wanted),
        })
        .filter(counts)
        .collect();
    let mut published = facts.as_ref().ok().and_then(|facts| {
        let (digest, tag, basis) = request.published(facts, &revision)?;
        let digest = if is_part {
            request.published_part(facts, digest)?
        } else {
            digest
        };
        Some((digest, tag, basis))
    });
    let rebuild = request.rebuild.then_some(match (&published, &facts) {
        (Some((digest, ..)), _) => RebuildBase::Published(*digest),
        (None, Ok(_)) => RebuildBase::Unpublished,
        (None, Err(_)) => RebuildBase::Unknown,
    });
    if rebuild.is_some() {
        tags.retain(|tag| matches!(tag.action, TagAction::Keep { .. } | TagAction::Conflict(_)));
    }
    let mut rebase = None;
    if let (Some((digest, ..)), Ok(facts)) = (&published, &facts) {
        match request.rebase(*digest, &tags, facts, &revision) {
            RebaseDecision::Current => {}
            RebaseDecision::Left { changes, reason } => {
                notes.push(Note::BaseChangeLeft { changes, reason });
            }
            RebaseDecision::Replaced {
                rebase: made,
                newer,
                tags: moving,
            } => {
                notes.push(Note::BaseChanged(made.clone()));
                rebase = Some(made);
                published = newer.map(|(digest, tag)| (digest, tag, ReuseReason::Label));
                tags = moving;
            }
        }
    }
    let (mutability, of_registry) = registry_notes(facts, &request.image, &tags);
    notes.extend(of_registry);
    let content = match (published, request.scope) {
        (Some((digest, tag, basis)), _) if !request.rebuild => Content::Published { digest, tag, basis },
        (_, Scope::Merged(index)) => Content::Merge { index },
        _ => {
            let mut build = Box::new(request.build);
            notes.extend(fit(
                &mut build,
                is_part,
                &request.image,
                mutability.as_ref(),
                &request.wanted,
            ));
            Content::Build { request: build }
        }
    };
    Plan {
        image: request.image,
        revision,
        version: request.version,
        request: request.request,
        repository: None,
        content,
        is_part,
        rebuild,
        rebase,
        tags,
        mutability,
        targets: Vec::new(),
        gate: None,
        max_size: None,
        signer: None,
        test: None,
        release: None,
        notes,
        missing_git_tag: request.missing_git_tag,
        is_declared: request.is_declared,
    }
}

/// The repository's setting, and what a reader should know of what was read of it.
fn registry_notes(
    facts: Fact<&Facts>,
    image: &ImageName,
    tags: &[PlannedTag],
) -> (Option<Mutability>, Vec<Note>) {
    let mut notes = Vec::new();
    let mut mutability = None;
    match facts {
        Err(unknown) => notes.push(Note::RegistryUnchecked(unknown)),
        Ok(facts) => {
            match &facts.mutability {
                Ok(setting) => {
                    mutability = Some(setting.clone());
                    notes.extend(unprotected(image, tags, setting));
                }
                Err(unknown) => notes.push(Note::MutabilityUnknown(unknown.clone())),
            }
            notes.extend(unseen(&facts.ordering));
            let unread = facts.images.values().find_map(|image| image.unread.clone());
            notes.extend(unread.map(Note::LabelsUnread));
        }
    }
    (mutability, notes)
}

/// Leaves out of a build what it cannot have; gives what a reader should know of it.
fn fit(
    build: &mut BuildRequest,
    is_part: bool,
    image: &ImageName,
    mutability: Option<&Mutability>,
    wanted: &TagSet,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if is_part {
        // Whoever merges the parts makes the index.
        build
            .options
            .annotations
            .retain(|annotation| !annotation.is_of_index());
    }
    let tags = wanted.tags.iter().map(|wanted| &wanted.tag);
    let error = build.options.cache_error(image, mutability, &tags);
    if let Some(error) = error.filter(|_| build.options.is_cache_optional) {
        build.options.without_caches();
        notes.push(Note::WithoutCache(error));
    }
    for (name, context) in &build.options.contexts {
        notes.extend(context.moving_repository().map(|address| Note::ContextMoves {
            name: name.clone(),
            address: address.to_owned(),
        }));
    }
    notes
}

/// The new tags that promise to stay, where the repository would let them move. A dirty tree's tags promise nothing.
fn unprotected(image: &ImageName, tags: &[PlannedTag], setting: &Mutability) -> Option<Note> {
    let tags: Vec<Tag> = tags
        .iter()
        .filter(|planned| planned.action == TagAction::Create && planned.wanted.class != TagClass::Moving)
        .map(|planned| planned.wanted.tag.clone())
        .filter(|tag| !setting.protects(tag))
        .collect();
    (!tags.is_empty()).then_some(if image.registry.is_public_ecr() {
        Note::NeverProtected { tags }
    } else {
        Note::Unprotected { tags }
    })
}

/// Where greater versions may be that were not seen. Who sees neither git tags nor the registry's moves nothing.
fn unseen(ordering: &OrderingFacts) -> Option<Note> {
    let is_shallow = ordering.git_tags.as_ref()?.is_shallow;
    match (ordering.registry_tags.as_ref()?, is_shallow) {
        (Ok(_), true) => Some(Note::GitTagsIncomplete),
        (Err(unknown), false) => Some(Note::RegistryTagsUnknown(unknown.clone())),
        _ => None,
    }
}
