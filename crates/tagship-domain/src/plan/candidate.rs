//! What happens to one tag. Asked for the plan, and once more just before the tag is put.

use semver::Version;

use super::{Conflict, HoldReason, Obstacle, TagAction, TagSource};
use crate::build::RequestHash;
use crate::facts::{CommitId, Descent, Facts, ImageFacts, OrderingFacts, Revision};
use crate::merging::MergedIndex;
use crate::reference::{Digest, Tag};
use crate::tags::{DesiredTag, GreaterVersion, Order, TagClass, VersionLine};

/// The image that wants tags.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its digest, if it exists.
    pub digest: Option<Digest>,
    /// Its commit, marked when the working tree differs from it; absent where an image does not say it.
    pub revision: Option<&'a Revision>,
    /// Its version, if the commit has one.
    pub version: Option<&'a Version>,
    /// What it is built from beside the commit; absent where an image does not say it.
    pub request: Option<&'a RequestHash>,
}

/// What must be read before a moving tag can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The git tags.
    GitTags,
    /// All tags in the registry.
    RegistryTags,
    /// Where this commit stands to the other.
    Descent {
        /// This commit.
        of: CommitId,
        /// The commit of the image that has the tag.
        from: CommitId,
    },
}

/// What a decision comes to: an answer, or a question that is still open.
type Decision<T> = Result<T, Question>;

impl Candidate<'_> {
    /// What happens to the tag. One that hangs on what was not read is held.
    pub fn action(&self, wanted: &DesiredTag, facts: &Facts) -> TagAction {
        self.decide(wanted, facts)
            .unwrap_or_else(|_open| TagAction::Hold {
                at: facts.digest_of(&wanted.tag),
                reason: HoldReason::Undecided,
            })
    }

    /// What must still be read to decide the tag.
    pub fn question(&self, wanted: &DesiredTag, facts: &Facts) -> Option<Question> {
        self.decide(wanted, facts).err()
    }

    /// Returns why the tag cannot be set.
    pub fn conflict(&self, tag: &Tag, obstacle: Obstacle, facts: &Facts) -> Conflict {
        let existing = facts.digest_of(tag);
        let image = existing.and_then(|digest| facts.images.get(&digest));
        let label = self.revision.map(ToString::to_string);
        let is_of_commit = image.is_some_and(|image| label.is_some() && image.revision == label);
        let differing = image.filter(|_| is_of_commit && self.digest != existing);
        let differences = differing
            .zip(self.request)
            .map(|(image, request)| image.differences(request));
        Conflict {
            differences: differences.unwrap_or_default(),
            existing,
            existing_revision: image.and_then(|image| image.revision.clone()),
            ours: self.digest,
            our_revision: self.revision.cloned(),
            obstacle,
        }
    }

    fn decide(&self, wanted: &DesiredTag, facts: &Facts) -> Decision<TagAction> {
        let tag = &wanted.tag;
        let existing = facts.digest_of(tag);
        if let Some(digest) = existing
            && self.digest == Some(digest)
        {
            return Ok(TagAction::Keep { digest });
        }
        if let Some(held) = withheld(wanted, existing) {
            return Ok(held);
        }
        let setting = facts.mutability.as_ref();
        let is_protected = setting.is_ok_and(|setting| setting.protects(tag));
        // A dirty tree's tags promise nothing, but have no need to move either.
        let is_dirty = self.revision.is_some_and(|revision| revision.is_dirty);
        let conflict = |obstacle| TagAction::Conflict(self.conflict(tag, obstacle, facts));
        Ok(match (wanted.class, existing) {
            (TagClass::Moving, Some(_)) if is_protected && is_dirty => {
                conflict(Obstacle::RepositoryIsImmutable)
            }
            (TagClass::Moving, _) if is_protected && !is_dirty => conflict(Obstacle::RepositoryIsImmutable),
            (TagClass::Moving, at) => match self.held(wanted.order.as_ref(), at, facts)? {
                Some(reason) => TagAction::Hold { at, reason },
                None => at.map_or(TagAction::Create, |from| TagAction::Move { from }),
            },
            (TagClass::Commit | TagClass::Release, Some(_)) => conflict(Obstacle::Taken),
            (TagClass::Commit | TagClass::Release, None) => TagAction::Create,
        })
    }

    /// Why a moving tag must stay at the image that it has, or out of the registry when it has none.
    fn held(&self, order: Option<&Order>, at: Option<Digest>, facts: &Facts) -> Decision<Option<HoldReason>> {
        let image = at.and_then(|digest| facts.images.get(&digest));
        if order == Some(&Order::Anywhere) {
            return Ok(None);
        }
        // It is this commit on later base images.
        if self.digest.is_some() && image.is_some_and(|image| image.replaces == self.digest) {
            return Ok(Some(HoldReason::PointsToPatchedImage));
        }
        let theirs = image.and_then(|image| image.version.as_ref());
        if let Some(held) = HoldReason::of_greater_version(self.version, theirs) {
            return Ok(Some(held));
        }
        match (order, image) {
            (Some(Order::Versions(line)), _) => behind_version(line, &facts.ordering),
            (Some(Order::Commits), Some(image)) => self.behind_commit(image, &facts.ordering),
            (Some(Order::Commits), None) | (Some(Order::Elsewhere(_) | Order::Anywhere) | None, _) => {
                Ok(None)
            }
        }
    }

    /// A branch goes from commit to commit. An image that does not say which commit it is of has no place in it.
    fn behind_commit(&self, image: &ImageFacts, ordering: &OrderingFacts) -> Decision<Option<HoldReason>> {
        let theirs = image.revision.as_deref().and_then(CommitId::parse);
        let ours = self.revision.filter(|revision| !revision.is_dirty);
        let (Some(Revision { commit: of, .. }), Some(from)) = (ours, theirs) else {
            return Ok(None);
        };
        let descent = if *of == from {
            Descent::After
        } else {
            let known = ordering.descents.get(&from).copied();
            known.ok_or_else(|| Question::Descent {
                of: of.clone(),
                from: from.clone(),
            })?
        };
        Ok(match descent {
            Descent::After => None,
            Descent::Before => Some(HoldReason::PointsToLaterCommit(from)),
            Descent::Apart => Some(HoldReason::PointsToUnrelatedCommit(from)),
            Descent::Unknown { is_shallow: true } => Some(HoldReason::CommitOutOfReach(from)),
            Descent::Unknown { is_shallow: false } => Some(HoldReason::CommitNotInRepository(from)),
        })
    }
}

/// That a tag stays where it is, whatever the registry says: the event gives it to another commit than the one that is
/// checked out.
pub(super) fn withheld(wanted: &DesiredTag, at: Option<Digest>) -> Option<TagAction> {
    match &wanted.order {
        Some(Order::Elsewhere(mismatch)) => Some(TagAction::Hold {
            at,
            reason: HoldReason::EventIsAboutAnotherCommit(mismatch.clone()),
        }),
        _ => None,
    }
}

/// A version is the greatest of its line only if no git tag and no tag in the registry says otherwise.
fn behind_version(line: &VersionLine, ordering: &OrderingFacts) -> Decision<Option<HoldReason>> {
    let ours = line.version();
    if !line.is_stable() {
        return Ok(Some(HoldReason::NotStable {
            ours: ours.to_owned(),
        }));
    }
    let exists = |GreaterVersion { version, tag }: GreaterVersion, place| {
        Ok(Some(HoldReason::GreaterVersionExists {
            version,
            ours: ours.to_owned(),
            place,
            tag,
        }))
    };
    let git = ordering.git_tags.as_ref().ok_or(Question::GitTags)?;
    if let Some(greater) = line.greater_in_git(&git.names) {
        return exists(greater, TagSource::Git);
    }
    match ordering.registry_tags.as_ref().ok_or(Question::RegistryTags)? {
        Ok(tags) => match line.greater_in_registry(tags.iter().map(Tag::as_str)) {
            Some(greater) => exists(greater, TagSource::Registry),
            None => Ok(None),
        },
        Err(unknown) if git.is_shallow => Ok(Some(HoldReason::VersionsUnknown {
            ours: ours.to_owned(),
            unknown: unknown.clone(),
        })),
        Err(_) => Ok(None),
    }
}

/// What of an image a run publishes.
#[derive(Debug, Clone, Default)]
pub enum Scope {
    /// All of it, under its tags.
    #[default]
    Whole,
    /// A part of it, by digest alone: another run merges it with others.
    Part,
    /// All of it, made of parts that are in the repository.
    Merged(Box<MergedIndex>),
}
