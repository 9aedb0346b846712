//! Which tags a commit gets: rules, and what they make in a run.
//!
//! The rule language is that of `docker/metadata-action`. The strict [`Mode`] makes what can mislead an error; the
//! compatible one makes what the action makes.

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use crate::event::{Event, RepositoryInfo};
use crate::facts::CommitId;
use crate::immutability::Mutability;
use crate::reference::Tag;
use crate::version::TagPrefix;

mod apply;
mod arguments;
mod claim;
mod error;
mod evaluate;
mod evaluation;
mod fields;
mod flavor;
mod images;
mod kind;
mod labels;
mod latest;
mod line;
mod listing;
mod note;
mod order;
mod pattern;
mod reserved;
mod rule;
mod variables;
mod versions;

pub use arguments::{ArgumentError, FilledArguments};
pub use error::{LineError, LineProblem, TagError};
pub use evaluate::evaluate;
pub use evaluation::{Evaluation, Explanation, MadeTag, TagText};
pub use flavor::Flavor;
pub use images::Image;
pub use labels::{ImageLabels, Label, LabelRule, REQUEST, RESERVED, REVISION, VERSION, label_annotations};
pub use listing::{Listing, ListingError, Lists, RawLists};
pub use note::TagNote;
pub use order::{GreaterVersion, Order, VersionLine};
pub(crate) use reserved::{names_other_commit, names_other_version, promises_to_stay};
pub use rule::TagRule;
use variables::Text;
pub use variables::ref_tag;

/// How rules are read and what they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// What is unknown, illegal or without effect is an error, and no tag claims more than is true.
    #[default]
    Strict,
    /// Result for result what `docker/metadata-action` makes.
    MetadataAction,
}

impl Mode {
    /// The name of the compatible mode: that of the action.
    pub const COMPATIBLE: &str = "metadata-action";
}

/// What a tag promises. In the order in which tags are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TagClass {
    /// Names the commit; never moves.
    Commit,
    /// Names a version; never moves.
    Release,
    /// May point elsewhere tomorrow.
    Moving,
}

/// A tag that is wanted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DesiredTag {
    /// The tag.
    pub tag: Tag,
    /// What it promises.
    pub class: TagClass,
    /// The rule that made it, as the user would write it.
    pub rule: String,
    /// What decides where it may move; absent for a tag that stays, and for one that may move anywhere.
    #[serde(skip)]
    pub order: Option<Order>,
}

/// The tags of a commit, and the rules that made none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSet {
    /// In the order in which they are put; each tag once.
    pub tags: Vec<DesiredTag>,
    /// What a reader should know.
    pub notes: Vec<TagNote>,
}

/// What rules are applied to.
#[derive(Debug, Clone, Copy)]
pub struct TagContext<'a> {
    /// How.
    pub mode: Mode,
    /// What started the run.
    pub event: &'a Event,
    /// What is known of the repository.
    pub repository: &'a RepositoryInfo,
    /// The version, when it was given or computed.
    pub version: Option<&'a Version>,
    /// What git tags of versions begin with, when it is not the usual `v` or nothing.
    pub tag_prefix: Option<&'a TagPrefix>,
    /// The time of the run.
    pub now: Timestamp,
    /// The commit's time, when the checkout has it.
    pub committed_at: Option<Timestamp>,
    /// How many digits a short commit id has, if not the mode's own number.
    pub short_digits: Option<usize>,
    /// Whether the working tree differs from the commit.
    pub is_dirty: bool,
}

impl<'a> TagContext<'a> {
    /// The commit id's first digits: 12, or 7 as the action does.
    fn short_commit(&self) -> Option<&'a str> {
        let digits = self.short_digits.unwrap_or(match self.mode {
            Mode::Strict => 12,
            Mode::MetadataAction => 7,
        });
        let commit = self.event.commit.as_ref()?.as_str();
        Some(commit.get(..digits).unwrap_or(commit))
    }

    /// The repository's default branch.
    fn default_branch(&self) -> Option<&'a str> {
        let known = self.repository.default_branch.as_deref();
        known.or(self.event.default_branch.as_deref())
    }

    /// The commit's time: the event's word counts for less than the checkout's.
    fn committed_at(&self) -> Option<Timestamp> {
        self.committed_at.or(self.event.committed_at)
    }
}

impl TagSet {
    /// The tags to put, from what rules made.
    ///
    /// What the compatible mode makes is not always a tag; then nothing can be put.
    pub fn of(made: &Evaluation) -> Result<Self, TagError> {
        let mut tags: Vec<DesiredTag> = Vec::new();
        for MadeTag {
            name,
            class,
            rule,
            order,
            is_about_event: _,
        } in &made.tags
        {
            let tag = name.tag().map_err(|source| LineError {
                line: made.line_of(rule),
                column: 1,
                problem: LineProblem::Illegal(source.clone()),
            })?;
            if tags.iter().all(|known| known.tag != *tag) {
                tags.push(DesiredTag {
                    tag: tag.clone(),
                    class: *class,
                    rule: rule.clone(),
                    order: order.clone().filter(|_| *class == TagClass::Moving),
                });
            }
        }
        if tags.is_empty() {
            return Err(TagError::NoTag {
                silent: made.silent(),
            });
        }
        tags.sort_by_key(|wanted| wanted.class);
        Ok(Self {
            tags,
            notes: made.notes.clone(),
        })
    }
}

impl TagSet {
    /// The same in a repository that would not let the tag of a pull request move: one for each commit in its place,
    /// `pr-7-1a2b3c4`. `None` where nothing changes.
    pub fn of_immutable(&self, mutability: &Mutability, commit: &CommitId) -> Option<Self> {
        let is_of_pull_request = |wanted: &DesiredTag| {
            let number = wanted.tag.as_str().strip_prefix("pr-");
            let is_number = number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
            is_number && wanted.class == TagClass::Moving && mutability.protects(&wanted.tag)
        };
        if !self.tags.iter().any(is_of_pull_request) {
            return None;
        }
        let digits = commit.as_str().get(..7)?;
        let mut tags = Vec::new();
        for wanted in &self.tags {
            let mut wanted = wanted.clone();
            if is_of_pull_request(&wanted) {
                wanted.tag = Tag::parse(&format!("{}-{digits}", wanted.tag)).ok()?;
                wanted.class = TagClass::Commit;
                wanted.order = None;
            }
            tags.push(wanted);
        }
        tags.sort_by_key(|wanted| wanted.class);
        let notes = self.notes.clone();
        Some(Self { tags, notes })
    }
}

/// The tags that `rules` give a commit of which nothing else is known, strictly and without `latest`.
///
/// A dirty working tree is not what its commit says: all its tags are marked, and none of them promises to stay.
pub fn tag_set(
    rules: &[TagRule],
    version: Option<&Version>,
    commit: &CommitId,
    is_dirty: bool,
) -> Result<TagSet, TagError> {
    let event = Event {
        commit: Some(commit.clone()),
        ..Event::default()
    };
    let context = TagContext {
        mode: Mode::Strict,
        event: &event,
        repository: &RepositoryInfo::default(),
        version,
        tag_prefix: None,
        now: Timestamp::UNIX_EPOCH,
        committed_at: None,
        short_digits: None,
        is_dirty,
    };
    TagSet::of(&evaluate(rules, &Flavor::plain(), &context)?)
}

#[cfg(test)]
mod tests;
