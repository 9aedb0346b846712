//! The tags that a promotion or a push is to put.

use crate::clock::SystemClock;
use crate::ports::Clock as _;
use crate::run::RunError;
use tagship_domain::copying::{CopyConflicts, CopyObstacle};
use tagship_domain::event::{Event, RepositoryInfo};
use tagship_domain::facts::{ImageFacts, Revision};
use tagship_domain::reference::ImageName;
use tagship_domain::tags::{DesiredTag, ListingError, Lists, Mode, RawLists, TagClass, TagContext, TagSet};
use tagship_domain::version::release_tag;

/// The tags that rules make of what the image says of itself.
pub(in crate::run) fn desired(
    rules: &str,
    facts: &ImageFacts,
    revision: Option<&Revision>,
) -> Result<Vec<DesiredTag>, RunError> {
    let raw = RawLists {
        tags: rules,
        flavor: "latest=false",
        ..RawLists::default()
    };
    let of_flag = |ListingError { source, .. }| ListingError { list: "--to", source };
    let lists: Lists = raw.read(Mode::Strict).map_err(of_flag)?;
    let event = Event {
        commit: revision.map(|revision| revision.commit.clone()),
        ..Event::default()
    };
    let context = TagContext {
        mode: Mode::Strict,
        event: &event,
        repository: &RepositoryInfo::default(),
        version: facts.version.as_ref(),
        tag_prefix: None,
        now: SystemClock.now(),
        committed_at: None,
        short_digits: None,
        is_dirty: revision.is_some_and(|revision| revision.is_dirty),
    };
    let made = lists.evaluate(&context).map_err(of_flag)?;
    let mut tags = TagSet::of(&made)
        .map_err(|source| ListingError { list: "--to", source })?
        .tags;
    // A version with build metadata, whose `+` no tag can have.
    let own = facts
        .version
        .as_ref()
        .and_then(|version| release_tag(version).ok());
    for tag in tags.iter_mut().filter(|tag| Some(&tag.tag) == own.as_ref()) {
        tag.class = TagClass::Release;
    }
    Ok(tags)
}

/// Refuses tags that name another commit than the image, or than one of the images in it.
pub(in crate::run) fn refuse_other_commits(
    to: &ImageName,
    tags: &[DesiredTag],
    facts: &ImageFacts,
) -> Result<(), RunError> {
    let tags = tags.iter().filter_map(|wanted| {
        let obstacle = CopyObstacle::of_other_commit(&wanted.tag, facts)?;
        Some((wanted.tag.clone(), obstacle))
    });
    let tags: Vec<_> = tags.collect();
    if tags.is_empty() {
        return Ok(());
    }
    let target = to.to_string();
    Err(CopyConflicts { target, tags }.into())
}
