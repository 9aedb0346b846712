//! The next version, from the tags that there are and the commits since the greatest of them.

mod changelog;
mod channel;
mod commit;
mod error;
mod level;
mod note;
mod release_as;

#[cfg(test)]
mod tests;

use semver::{BuildMetadata, Prerelease, Version};
use serde::Serialize;

pub use changelog::{Changelog, ChangelogEntry, Group};
pub use channel::{Channel, InvalidChannel};
pub use commit::{Change, Commit};
pub use error::BumpError;
pub use level::Level;
pub use note::Note;

use self::release_as::ReleaseAs;
use crate::facts::CommitId;
use crate::version::TagPrefix;

/// How versions are named, and which is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What stands before the version in git tags.
    pub prefix: TagPrefix,
    /// The version where there is none yet; neither pre-release nor build metadata.
    pub initial: Version,
    /// The pre-releases that are made, if not releases.
    pub channel: Option<Channel>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            prefix: TagPrefix::default(),
            initial: Version::new(0, 1, 0),
            channel: None,
        }
    }
}

/// A git tag that names a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// What it names.
    pub version: Version,
    /// What it points to, through tag objects; not always a commit.
    pub commit: CommitId,
}

impl VersionTag {
    /// Whether it names a release.
    pub fn is_stable(&self) -> bool {
        self.version.pre.is_empty()
    }
}

/// What lies between the last release and HEAD.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The greatest release that HEAD contains.
    pub previous: Option<VersionTag>,
    /// The commits that HEAD contains and `previous` does not, the newest first, and those that touch the wanted paths only.
    pub commits: Vec<Commit>,
}

/// Which version a commit is to have, and why. This is what `tagship version --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextVersion {
    /// Whether the commits call for a version that has no tag yet.
    pub released: bool,
    /// The commit's version: the one that is called for, or the one that it is tagged with.
    pub version: Option<Version>,
    /// The git tag of `version`.
    pub tag: Option<String>,
    /// The greatest release before; unknown for a commit that is tagged already.
    pub previous: Option<Version>,
    /// The git tag of `previous`.
    pub previous_tag: Option<String>,
    /// What became of `previous`.
    pub bump: Option<Level>,
    /// How many commits there are since `previous`.
    pub commits: usize,
    /// How many of them are not conventional, and so call for nothing.
    pub unconventional: usize,
    /// What they change.
    pub changelog: Changelog,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

impl NextVersion {
    /// The version of a commit that is tagged with one already: the greatest release, or else the greatest pre-release
    /// of the channel. Nothing of the commits before it needs to be known.
    pub fn of_tagged(tags: &[VersionTag], head: &CommitId, rules: &Rules) -> Option<Self> {
        let counts = |tag: &&VersionTag| {
            tag.commit == *head && (tag.is_stable() || rules.channel_number(&tag.version).is_some())
        };
        let greatest = tags
            .iter()
            .filter(counts)
            .max_by_key(|tag| (tag.is_stable(), &tag.version))?;
        Some(Self {
            version: Some(greatest.version.clone()),
            tag: Some(greatest.name.clone()),
            ..Self::unreleased(&History::default())
        })
    }

    /// The version that the commits call for. `tags` are all that there are, on whatever commit.
    pub fn of_commits(tags: &[VersionTag], history: &History, rules: &Rules) -> Result<Self, BumpError> {
        let release_as = ReleaseAs::of(tags, &history.commits);
        let mut unreleased = Self::unreleased(history);
        unreleased.notes = Note::of(&release_as, &history.commits);
        let Some(base) = base(history, rules, &release_as)? else {
            return Ok(unreleased);
        };
        if let Some(taken) = tags
            .iter()
            .find(|tag| tag.is_stable() && tag.version.cmp_precedence(&base).is_eq())
        {
            return Err(BumpError::Taken {
                tag: taken.name.clone(),
                commit: taken.commit.clone(),
            });
        }
        let version = rules.on_channel(base, tags)?;
        let earlier = history.previous.as_ref();
        Ok(Self {
            released: true,
            tag: Some(rules.prefix.tag(&version, earlier.map(|tag| tag.name.as_str()))),
            bump: earlier.and_then(|tag| Level::between(&tag.version, &version)),
            version: Some(version),
            ..unreleased
        })
    }

    fn unreleased(history: &History) -> Self {
        let previous = history.previous.as_ref();
        let is_unconventional = |commit: &&Commit| commit.change.is_none();
        Self {
            released: false,
            version: None,
            tag: None,
            previous: previous.map(|tag| tag.version.clone()),
            previous_tag: previous.map(|tag| tag.name.clone()),
            bump: None,
            commits: history.commits.len(),
            unconventional: history.commits.iter().filter(is_unconventional).count(),
            changelog: Changelog::of(&history.commits),
            notes: Vec::new(),
        }
    }
}

/// The release that the commits lead to; `None` where nothing that is not published yet calls for one.
fn base(history: &History, rules: &Rules, release_as: &ReleaseAs<'_>) -> Result<Option<Version>, BumpError> {
    let commits = &history.commits;
    // The very first version needs no reason, but a commit.
    let is_first = history.previous.is_none() && !commits.iter().any(|commit| commit.is_on_channel);
    let calls = |commit: &Commit| is_first || commit.level().is_some() || release_as.is_by(commit);
    if !commits
        .iter()
        .any(|commit| !commit.is_on_channel && calls(commit))
    {
        return Ok(None);
    }
    if let Some(version) = release_as.version(history.previous.as_ref())? {
        return Ok(Some(version));
    }
    let Some(previous) = &history.previous else {
        return Ok(Some(rules.initial.clone()));
    };
    let level = commits.iter().filter_map(Commit::level).max();
    let next = level.map(|level| level.of_line(&previous.version).after(&previous.version));
    match next {
        None => Ok(None),
        Some(Some(version)) => Ok(Some(version)),
        Some(None) => Err(BumpError::TooGreat {
            version: previous.version.clone(),
        }),
    }
}

impl Rules {
    /// The version of the rules' channel that leads to the release `base`, after all that there are.
    fn on_channel(&self, base: Version, tags: &[VersionTag]) -> Result<Version, BumpError> {
        let Some(channel) = &self.channel else {
            return Ok(base);
        };
        let leads_to_base = |version: &Version| {
            (version.major, version.minor, version.patch) == (base.major, base.minor, base.patch)
        };
        let taken = tags
            .iter()
            .map(|tag| &tag.version)
            .filter(|version| leads_to_base(version))
            .filter_map(|version| channel.number(&version.pre))
            .max();
        let next = match taken {
            None => Some(1),
            Some(number) => number.checked_add(1),
        };
        let pre = next.and_then(|number| Prerelease::new(&format!("{channel}.{number}")).ok());
        match pre {
            Some(pre) => Ok(Version {
                pre,
                build: BuildMetadata::EMPTY,
                ..base
            }),
            None => Err(BumpError::TooGreat { version: base }),
        }
    }

    /// Whether a version is a pre-release of the rules' channel, and which.
    fn channel_number(&self, version: &Version) -> Option<u64> {
        self.channel.as_ref()?.number(&version.pre)
    }

    /// Whether a tag is of the rules' channel and leads beyond `previous`.
    pub fn is_on_channel_after(&self, tag: &VersionTag, previous: Option<&Version>) -> bool {
        self.channel_number(&tag.version).is_some()
            && previous.is_none_or(|previous| tag.version.cmp_precedence(previous).is_gt())
    }
}
