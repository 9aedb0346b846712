//! A commit since the last release.

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
    /// Whether its message speaks of a breaking change in a place where none is read.
    pub hides_breaking: bool,
    /// Whether a pre-release of the channel contains it.
    pub is_on_channel: bool,
}

impl Commit {
    /// Reads a commit with this message, of which nothing is known: not even that it is UTF-8.
    pub fn read(id: CommitId, message: &[u8], is_on_channel: bool) -> Self {
        let change = Change::read(message);
        let is_breaking = change.as_ref().is_some_and(|change| change.breaking.is_some());
        Self {
            id,
            hides_breaking: !is_breaking && names_breaking(&bounded(message)),
            change,
            is_on_channel,
        }
    }

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
    /// The most reverts of reverts that are read.
    const MAX_REVERTS: usize = 8;
    /// The most bytes of a message that are read.
    pub const MAX_MESSAGE: usize = 1024 * 1024;

    /// Reads a message, of which nothing is known: not even that it is UTF-8.
    pub fn read(message: &[u8]) -> Option<Self> {
        let message = bounded(message);
        // Editors and shells put byte order marks in front.
        let message = message.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
        let message = message.trim_end();
        let mut reapplied = None;
        for _ in 0..Self::MAX_REVERTS {
            match OfGit::read(reapplied.unwrap_or(message)) {
                Some(OfGit::Revert(title)) => return Some(Self::revert(title)),
                Some(OfGit::Reapply(title)) => reapplied = Some(title),
                None => break,
            }
        }
        match reapplied {
            // What was reverted is back: it is what it was, as far as its title says.
            Some(title) => Some(Self::conventional(title).unwrap_or_else(|| Self::revert(title))),
            None => Self::conventional(message),
        }
    }

    fn conventional(message: &str) -> Option<Self> {
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

    fn revert(title: &str) -> Self {
        Self {
            kind: Type::REVERT.as_str().to_owned(),
            scope: None,
            description: cleaned(title),
            breaking: None,
            release_as: None,
        }
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

/// A title that git itself writes, with the title that it is about.
enum OfGit<'a> {
    Revert(&'a str),
    /// A revert that is reverted; before 2.43 git called it so.
    Reapply(&'a str),
}

impl<'a> OfGit<'a> {
    /// Reads the first line, with what a forge may have put behind the quoted title.
    ///
    /// Source: git, `sequencer.c`, `refer_to_commit` and `do_pick_commit`.
    fn read(message: &'a str) -> Option<Self> {
        let quoted = |text: &'a str, word: &str| {
            let (title, _) = text.strip_prefix(word)?.strip_prefix(" \"")?.rsplit_once('"')?;
            Some(title)
        };
        let title = message.lines().next()?;
        if let Some(title) = quoted(title, "Reapply") {
            return Some(Self::Reapply(title));
        }
        let reverted = quoted(title, "Revert")?;
        Some(match quoted(reverted, "Revert") {
            Some(title) => Self::Reapply(title),
            None => Self::Revert(reverted),
        })
    }
}

/// Whether a line says that it breaks something: as a footer, or as one of the titles that a forge lists when it
/// squashes commits.
fn names_breaking(message: &str) -> bool {
    message.lines().any(|line| {
        let listed = line.trim_start();
        let text = listed.trim_start_matches(['*', '-']).trim_start();
        if ["BREAKING CHANGE:", "BREAKING-CHANGE:"]
            .iter()
            .any(|token| text.starts_with(token))
        {
            return true;
        }
        let is_listed = text.len() < listed.len();
        is_listed && Change::read(text.as_bytes()).is_some_and(|change| change.breaking.is_some())
    })
}
