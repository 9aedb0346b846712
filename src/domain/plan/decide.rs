use semver::Version;

use super::{Conflict, Content, Obstacle, Plan, PlannedTag, TagAction, Wish, revision};
use crate::domain::facts::{ImageFacts, RegistryFacts, paths};
use crate::domain::reference::{Digest, Tag};
use crate::domain::tags::TagClass;

/// The planner.
pub(super) fn decide(wish: Wish, registry: Result<&RegistryFacts, String>) -> Plan {
    let revision = revision(&wish.source);
    let mut notes = wish.wanted.silent.clone();
    if wish.source.is_dirty() {
        notes.push(format!(
            "the working tree differs from its commit in {}: tags and revision are marked `-dirty`",
            paths(wish.source.change_count)
        ));
    }
    let published = registry
        .as_ref()
        .ok()
        .and_then(|facts| published(&wish, &revision, facts));
    let tags = wish
        .wanted
        .tags
        .iter()
        .map(|wanted| {
            let action = match &registry {
                Err(_) => TagAction::Unchecked,
                Ok(facts) => {
                    let seen = Seen {
                        is_dirty: wish.source.is_dirty(),
                        facts,
                        ours: published.as_ref().map(|(digest, _)| *digest),
                        revision: &revision,
                    };
                    seen.action(&wanted.tag, wanted.class, wish.version.as_ref())
                }
            };
            PlannedTag {
                wanted: wanted.clone(),
                action,
            }
        })
        .collect();
    let mut mutability = None;
    match registry {
        Err(reason) => notes.push(format!(
            "tags and the repository's setting could not be checked: {reason}"
        )),
        Ok(facts) => match &facts.mutability {
            Ok(setting) => mutability = Some(setting.clone()),
            Err(reason) => notes.push(format!("the repository's tag mutability is unknown: {reason}")),
        },
    }
    let content = match published {
        Some((digest, tag)) if !wish.rebuild => Content::Published { digest, tag },
        _ => Content::Build {
            request: Box::new(wish.build),
        },
    };
    Plan {
        image: wish.image,
        revision,
        version: wish.version,
        content,
        tags,
        mutability,
        notes,
    }
}

/// The image of this very commit, and the tag that tells.
///
/// The commit tag tells by its name, unless the image says that it is of another commit. A release tag tells when
/// its image says that it is of this commit: then an earlier run, or somebody, left the commit tag out.
/// Nothing tells for a dirty tree.
fn published(wish: &Wish, revision: &str, facts: &RegistryFacts) -> Option<(Digest, Tag)> {
    if wish.source.is_dirty() {
        return None;
    }
    let tells = |tag: &Tag, class: TagClass| {
        let digest = facts.tags.get(tag)?.digest();
        let says = facts
            .images
            .get(&digest)
            .and_then(|image| image.revision.as_deref());
        let ours = match class {
            TagClass::Commit => says.is_none_or(|says| says == revision),
            TagClass::Release => says == Some(revision),
            TagClass::Moving => false,
        };
        ours.then(|| (digest, tag.clone()))
    };
    wish.wanted
        .tags
        .iter()
        .find_map(|wanted| tells(&wanted.tag, wanted.class))
}

/// What a tag is decided on.
struct Seen<'a> {
    /// A dirty tree's tags promise nothing, but have no need to move either.
    is_dirty: bool,
    facts: &'a RegistryFacts,
    ours: Option<Digest>,
    revision: &'a str,
}

impl Seen<'_> {
    fn action(&self, tag: &Tag, class: TagClass, version: Option<&Version>) -> TagAction {
        let existing = self
            .facts
            .tags
            .get(tag)
            .map(crate::domain::content::Manifest::digest);
        if let Some(digest) = existing
            && self.ours == Some(digest)
        {
            return TagAction::Keep { digest };
        }
        let protected = self
            .facts
            .mutability
            .as_ref()
            .is_ok_and(|setting| setting.protects(tag));
        match (class, existing) {
            (TagClass::Moving, Some(_)) if protected && self.is_dirty => {
                self.conflict(existing, Obstacle::Taken)
            }
            (TagClass::Moving, _) if protected && !self.is_dirty => {
                self.conflict(existing, Obstacle::RepositoryIsImmutable)
            }
            (_, None) => TagAction::Create,
            (TagClass::Moving, Some(from)) => self
                .facts
                .images
                .get(&from)
                .and_then(|image| goes_backwards(version, image))
                .map_or(TagAction::Move { from }, |reason| TagAction::Hold {
                    at: from,
                    reason,
                }),
            (TagClass::Commit | TagClass::Release, Some(_)) => self.conflict(existing, Obstacle::Taken),
        }
    }

    fn conflict(&self, existing: Option<Digest>, obstacle: Obstacle) -> TagAction {
        let image = existing.and_then(|digest| self.facts.images.get(&digest));
        TagAction::Conflict(Conflict {
            existing,
            existing_revision: image.and_then(|image| image.revision.clone()),
            ours: self.ours,
            our_revision: self.revision.to_owned(),
            obstacle,
        })
    }
}

/// Why a moving tag must not leave `image` for an image of `version`, if it must not.
pub fn goes_backwards(version: Option<&Version>, image: &ImageFacts) -> Option<String> {
    let (ours, theirs) = (version?, image.version.as_ref()?);
    (ours.cmp_precedence(theirs).is_lt())
        .then(|| format!("it points to version {theirs}, which is greater than {ours}"))
}
