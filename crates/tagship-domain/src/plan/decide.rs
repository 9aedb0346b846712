use super::candidate::withheld;
use super::{Content, Note, Plan, PlannedTag, TagAction, Unknown, Wish};
use crate::facts::{Facts, Surroundings};
use crate::tags::WantedTag;

/// The planner.
pub(super) fn decide(wish: Wish, facts: Result<&Facts, Unknown>) -> Plan {
    let revision = wish.source.revision();
    let mut notes: Vec<Note> = wish.wanted.notes.iter().cloned().map(Note::Tag).collect();
    if wish.source.is_dirty() {
        let count = wish.source.change_count;
        notes.push(Note::Dirty { count });
    }
    let action = |wanted: &WantedTag| match &facts {
        Err(_) => withheld(wanted, None).unwrap_or(TagAction::Unchecked),
        Ok(facts) => wish.candidate(facts, &revision).action(wanted, facts),
    };
    let tags = wish
        .wanted
        .tags
        .iter()
        .map(|wanted| PlannedTag {
            wanted: wanted.clone(),
            action: action(wanted),
        })
        .collect();
    let published = facts
        .as_ref()
        .ok()
        .and_then(|facts| wish.published(facts, &revision));
    let mut mutability = None;
    match facts {
        Err(unknown) => notes.push(Note::RegistryUnchecked(unknown)),
        Ok(facts) => {
            match &facts.mutability {
                Ok(setting) => mutability = Some(setting.clone()),
                Err(unknown) => notes.push(Note::MutabilityUnknown(unknown.clone())),
            }
            notes.extend(unseen(&facts.surroundings));
        }
    }
    let content = match published {
        Some((digest, tag, basis)) if !wish.rebuild => Content::Published { digest, tag, basis },
        _ => Content::Build {
            request: Box::new(wish.build),
        },
    };
    Plan {
        image: wish.image,
        revision,
        version: wish.version,
        request: wish.request,
        content,
        tags,
        mutability,
        notes,
    }
}

/// Where greater versions may be that were not seen. Who sees neither git tags nor the registry's moves nothing.
fn unseen(surroundings: &Surroundings) -> Option<Note> {
    let is_shallow = surroundings.git_tags.as_ref()?.is_shallow;
    match (surroundings.registry_tags.as_ref()?, is_shallow) {
        (Ok(_), true) => Some(Note::GitTagsIncomplete),
        (Err(unknown), false) => Some(Note::RegistryTagsUnknown(unknown.clone())),
        _ => None,
    }
}
