use super::candidate::withheld;
use super::{Content, Plan, PlannedTag, TagAction, Wish, revision};
use crate::facts::{Facts, Surroundings, paths};
use crate::tags::WantedTag;

/// The planner.
pub(super) fn decide(wish: Wish, facts: Result<&Facts, String>) -> Plan {
    let revision = revision(&wish.source);
    let mut notes: Vec<String> = wish.wanted.notes.iter().map(ToString::to_string).collect();
    if wish.source.is_dirty() {
        notes.push(format!(
            "the working tree differs from its commit in {}: tags and revision are marked `-dirty`",
            paths(wish.source.change_count)
        ));
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
        Err(reason) => notes.push(format!(
            "tags and the repository's setting could not be checked: {reason}"
        )),
        Ok(facts) => {
            match &facts.mutability {
                Ok(setting) => mutability = Some(setting.clone()),
                Err(reason) => notes.push(format!("the repository's tag mutability is unknown: {reason}")),
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
fn unseen(surroundings: &Surroundings) -> Option<String> {
    let is_shallow = surroundings.git_tags.as_ref()?.is_shallow;
    match (surroundings.registry_tags.as_ref()?, is_shallow) {
        (Ok(_), true) => Some(
            "greater versions were looked for in the registry: the clone is shallow, and may lack git tags"
                .to_owned(),
        ),
        (Err(reason), false) => Some(format!(
            "greater versions were looked for among git tags alone: {reason}"
        )),
        _ => None,
    }
}
