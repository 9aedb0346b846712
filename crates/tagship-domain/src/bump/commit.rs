use std::borrow::Cow;

use git_conventional::Type;

use super::Level;
use crate::error::cleaned;
use crate::facts::CommitId;

/// A commit since the last release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// What its message says; `None` for one that is not conventional.
    pub change: Option<Change>,
    /// Whether a pre-release of the channel contains it.
    pub is_on_channel: bool,
}

impl Commit {
    /// What it calls for by itself; nothing for most types.
    pub fn level(&self) -> Option<Level> {
        self.change.as_ref().and_then(Change::level)
    }

    /// The version that its footer asks for.
    pub fn release_as(&self) -> Option<&str> {
        self.change.as_ref()?.release_as.as_deref()
    }
}

/// What a conventional commit's message says. Texts are fit for one line.
///
/// Source: Conventional Commits 1.0.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its type, in lower case.
    pub kind: String,
    /// What it is about.
    pub scope: Option<String>,
    /// The title without type and scope.
    pub description: String,
    /// What it breaks, or its description where it says no more than that it does.
    pub breaking: Option<String>,
    /// The version that the last footer `Release-As` names.
    release_as: Option<String>,
}

impl Change {
    /// The most bytes of a message that are read.
    pub const MAX_MESSAGE: usize = 1024 * 1024;

    /// Reads a message, of which nothing is known: not even that it is UTF-8.
    pub fn read(message: &[u8]) -> Option<Self> {
        let message = bounded(message);
        let message = message.trim();
        if let Some(reverted) = reverted(message) {
            return Some(Self {
                kind: Type::REVERT.as_str().to_owned(),
                scope: None,
                description: cleaned(reverted),
                breaking: None,
                release_as: None,
            });
        }
        let commit = git_conventional::Commit::parse(message).ok()?;
        let release_as = commit
            .footers()
            .iter()
            .rfind(|footer| footer.token().as_str().eq_ignore_ascii_case("Release-As"));
        Some(Self {
            kind: cleaned(commit.type_().as_str()).to_lowercase(),
            scope: commit.scope().map(|scope| cleaned(scope.as_str())),
            description: cleaned(commit.description()),
            breaking: commit.breaking_description().map(cleaned),
            release_as: release_as.map(|footer| cleaned(footer.value().lines().next().unwrap_or_default())),
        })
    }

    pub(super) fn level(&self) -> Option<Level> {
        match self.kind.as_str() {
            _ if self.breaking.is_some() => Some(Level::Major),
            "feat" => Some(Level::Minor),
            "fix" | "perf" | "revert" => Some(Level::Patch),
            _ => None,
        }
    }
}

/// The message as text; without the middle of an overlong one, since the title stands first and footers last.
fn bounded(message: &[u8]) -> Cow<'_, str> {
    let half = Change::MAX_MESSAGE / 2;
    match (message.get(..half), message.len().checked_sub(half)) {
        (Some(first), Some(rest)) if rest > half => {
            let last = message.get(rest..).unwrap_or_default();
            let (first, last) = (String::from_utf8_lossy(first), String::from_utf8_lossy(last));
            Cow::Owned(format!("{first}\n\n{last}"))
        }
        _ => String::from_utf8_lossy(message),
    }
}

/// What `git revert` says that it reverted, with what a forge may have put behind it.
fn reverted(message: &str) -> Option<&str> {
    let title = message.lines().next()?;
    let (reverted, _) = title.strip_prefix("Revert \"")?.rsplit_once('"')?;
    Some(reverted)
}
