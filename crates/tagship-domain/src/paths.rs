//! Which paths of a repository are meant: the patterns of GitHub's `paths:` filters.

use std::iter::Peekable;
use std::str::Chars;

use regex::bytes::{Regex, RegexBuilder};

use crate::error::{Diagnose, FailureKind};
use crate::untrusted::cleaned;

/// Patterns for paths relative to the repository's root, with `/` between folders.
///
/// `*` stands for any text without `/`, `**` for any text, `[a-z]` for one of some characters, `?` for zero or one
/// and `+` for one or more of what stands before it; `\` takes a character's meaning away. The whole path has to match.
/// A pattern behind `!` takes out what those before it let in, and later ones may let it in again.
/// Source: GitHub docs, "Workflow syntax", filter pattern cheat sheet.
#[derive(Debug, Clone)]
pub struct PathFilter {
    patterns: Vec<PathPattern>,
}

/// A pattern is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFilterError {
    /// One of them cannot be read.
    #[error("the path pattern `{pattern}` is wrong: {problem}")]
    Pattern {
        /// It, as it was given, or the beginning of it.
        pattern: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// None lets a path in.
    #[error("path patterns need at least one without `!`")]
    OnlyExceptions,
    /// There are too many.
    #[error("there are more than {} path patterns", PathFilter::MAX_PATTERNS)]
    TooMany,
}

impl Diagnose for PathFilterError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

impl PathFilter {
    /// The most patterns.
    pub const MAX_PATTERNS: usize = 256;

    /// Reads patterns, in the order in which they count.
    pub fn parse<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PathFilterError> {
        if patterns.len() > Self::MAX_PATTERNS {
            return Err(PathFilterError::TooMany);
        }
        let patterns: Vec<PathPattern> = patterns
            .iter()
            .map(|text| PathPattern::parse(text.as_ref()))
            .collect::<Result<_, _>>()?;
        if patterns.iter().all(|pattern| pattern.is_exception) {
            return Err(PathFilterError::OnlyExceptions);
        }
        Ok(Self { patterns })
    }

    /// Whether `path` is meant. A path is bytes: git knows no encoding of names.
    pub fn contains(&self, path: &[u8]) -> bool {
        self.patterns
            .iter()
            .rev()
            .find(|pattern| pattern.regex.is_match(path))
            .is_some_and(|pattern| !pattern.is_exception)
    }
}

#[derive(Debug, Clone)]
struct PathPattern {
    regex: Regex,
    is_exception: bool,
}

impl PathPattern {
    /// The most bytes of a pattern.
    const MAX_LENGTH: usize = 1000;
    /// The most bytes of a compiled pattern.
    const MAX_SIZE: usize = 256 * 1024;

    fn parse(text: &str) -> Result<Self, PathFilterError> {
        let wrong = |problem| PathFilterError::Pattern {
            pattern: cleaned(text),
            problem,
        };
        let (is_exception, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if pattern.len() > Self::MAX_LENGTH {
            return Err(wrong("it is longer than 1000 bytes"));
        }
        let regex = translated(pattern).map_err(wrong)?;
        let regex = RegexBuilder::new(&regex)
            .size_limit(Self::MAX_SIZE)
            .dfa_size_limit(Self::MAX_SIZE)
            .build()
            .map_err(|_too_large| wrong("it is too large"))?;
        Ok(Self { regex, is_exception })
    }
}

/// The regular expression of a pattern; refuses what GitHub takes and nothing can ever match.
fn translated(pattern: &str) -> Result<String, &'static str> {
    if pattern.is_empty() {
        return Err("it is empty");
    }
    if pattern.starts_with('/') {
        return Err("paths begin at the repository's root, without `/`");
    }
    if pattern.ends_with('/') {
        return Err("a folder's files are meant by `folder/**`");
    }
    if pattern.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("no path has an empty part, `.` or `..`");
    }
    // Bytes, and `.` for all of them.
    let mut regex = "(?s-u)^".to_owned();
    let mut may_repeat = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let is_repeatable = matches!(c, '[' | '\\') || !matches!(c, '*' | '?' | '+');
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                regex.push_str(if chars.next_if_eq(&'/').is_some() {
                    "(?:.+/)?"
                } else {
                    ".*"
                });
            }
            '*' => regex.push_str("[^/]*"),
            '?' | '+' if may_repeat => regex.push(c),
            '?' | '+' => return Err("before `?` and `+` stands the character that they repeat"),
            '[' => regex.push_str(&class(&mut chars)?),
            '\\' => {
                let c = chars.next().ok_or("`\\` stands before a character")?;
                regex.push_str(&literal(c));
            }
            c => regex.push_str(&literal(c)),
        }
        may_repeat = is_repeatable;
    }
    regex.push('$');
    Ok(regex)
}

/// One character; in a group, since it may be several bytes.
fn literal(c: char) -> String {
    format!("(?:{})", regex::escape(c.encode_utf8(&mut [0; 4])))
}

/// What stands between `[` and `]`: letters, digits and ranges of them, `-`, `_` and `.`.
fn class(chars: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    const UNCLOSED: &str = "`[` has no `]`";
    let mut class = "[".to_owned();
    loop {
        match chars.next().ok_or(UNCLOSED)? {
            ']' if class.len() > 1 => break,
            low if low.is_ascii_alphanumeric() && chars.next_if_eq(&'-').is_some() => {
                let high = chars.next().ok_or(UNCLOSED)?;
                if !is_range(low, high) {
                    return Err("ranges are within `a-z`, `A-Z` or `0-9`");
                }
                class.extend([low, '-', high]);
            }
            c if c.is_ascii_alphanumeric() => class.push(c),
            c @ ('-' | '_' | '.') => class.extend(['\\', c]),
            _ => return Err("between `[` and `]` stand letters, digits, `-`, `_` and `.`"),
        }
    }
    class.push(']');
    Ok(class)
}

fn is_range(low: char, high: char) -> bool {
    let kinds = [
        char::is_ascii_lowercase,
        char::is_ascii_uppercase,
        char::is_ascii_digit,
    ];
    low <= high && kinds.iter().any(|kind| kind(&low) && kind(&high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(patterns: &[&str], path: &str) -> bool {
        PathFilter::parse(patterns).unwrap().contains(path.as_bytes())
    }

    /// Source: GitHub docs, "Workflow syntax", patterns to match file paths: each row of the table, and what it is
    /// said not to match.
    #[test]
    fn every_row_of_githubs_table() {
        let rows: [(&[&str], &[&str], &[&str]); 14] = [
            (&["*"], &["README.md", "server.rb"], &["docs/README.md"]),
            (&["*.jsx?"], &["page.js", "page.jsx"], &["page.jsxx", "a/page.js"]),
            (&["**"], &["all/the/files.md"], &[]),
            (&["*.js"], &["app.js", "index.js"], &["js/app.js"]),
            (
                &["**.js"],
                &["index.js", "js/index.js", "src/js/app.js"],
                &["a.jsx"],
            ),
            (
                &["docs/*"],
                &["docs/README.md", "docs/file.txt"],
                &["docs/a/b.md", "x/docs/a"],
            ),
            (
                &["docs/**"],
                &["docs/README.md", "docs/mona/octocat.txt"],
                &["docs"],
            ),
            (
                &["docs/**/*.md"],
                &[
                    "docs/README.md",
                    "docs/mona/hello-world.md",
                    "docs/a/markdown/file.md",
                ],
                &["docs/file.txt"],
            ),
            (
                &["**/docs/**"],
                &["docs/hello.md", "dir/docs/my-file.txt"],
                &["mydocs/a"],
            ),
            (
                &["**/README.md"],
                &["README.md", "js/README.md"],
                &["js/MYREADME.md"],
            ),
            (
                &["**/*src/**"],
                &["a/src/app.js", "my-src/code/js/app.js"],
                &["src.js"],
            ),
            (
                &["**/*-post.md"],
                &["my-post.md", "path/their-post.md"],
                &["path/post.md"],
            ),
            (
                &["*.md", "!README.md"],
                &["hello.md"],
                &["README.md", "docs/hello.md"],
            ),
            (
                &["*.md", "!README.md", "README*"],
                &["hello.md", "README.md", "README.doc"],
                &["a.doc"],
            ),
        ];
        for (patterns, inside, outside) in rows {
            for path in inside {
                assert!(contains(patterns, path), "{patterns:?} {path}");
            }
            for path in outside {
                assert!(!contains(patterns, path), "{patterns:?} {path}");
            }
        }
    }

    #[test]
    fn characters_may_be_classes_repeated_or_escaped() {
        for (pattern, inside, outside) in [
            ("v[12].[0-9]+/a", "v1.25/a", "v3.1/a"),
            ("[CB]at", "Bat", "bat"),
            (r"c\+\+/**", "c++/a", "ccc/a"),
            (r"\!a", "!a", "a"),
            ("a!", "a!", "a"),
            ("ä+", "ää", "\u{e4}a"),
            ("ä?b", "b", "\u{e3}b"),
            ("a.b", "a.b", "axb"),
            ("[a.-]", "-", ","),
            ("(a|b)", "(a|b)", "a"),
            ("a\nb*", "a\nb\n", "ab"),
        ] {
            assert!(contains(&[pattern], inside), "{pattern} {inside}");
            assert!(!contains(&[pattern], outside), "{pattern} {outside}");
        }
        let any = PathFilter::parse(&["**/?*".replace('?', "")]).unwrap();
        assert!(any.contains(b"a/\xff\xfe"));
    }

    #[test]
    fn what_can_match_nothing_is_an_error() {
        let error = |patterns: &[&str]| PathFilter::parse(patterns).unwrap_err().to_string();
        for (pattern, problem) in [
            ("", "it is empty"),
            ("!", "it is empty"),
            ("/a", "paths begin at the repository's root, without `/`"),
            ("a/", "a folder's files are meant by `folder/**`"),
            ("./a", "no path has an empty part, `.` or `..`"),
            ("a//b", "no path has an empty part, `.` or `..`"),
            ("../a", "no path has an empty part, `.` or `..`"),
            ("?a", "before `?` and `+` stands the character that they repeat"),
            ("*+", "before `?` and `+` stands the character that they repeat"),
            ("a+?", "before `?` and `+` stands the character that they repeat"),
            ("a\\", "`\\` stands before a character"),
            ("[ab", "`[` has no `]`"),
            ("[a-", "`[` has no `]`"),
            ("[z-a]", "ranges are within `a-z`, `A-Z` or `0-9`"),
            ("[A-z]", "ranges are within `a-z`, `A-Z` or `0-9`"),
            (
                "[!a]",
                "between `[` and `]` stand letters, digits, `-`, `_` and `.`",
            ),
            (
                "[]",
                "between `[` and `]` stand letters, digits, `-`, `_` and `.`",
            ),
        ] {
            assert_eq!(
                error(&["a", pattern]),
                format!("the path pattern `{pattern}` is wrong: {problem}")
            );
        }
        assert_eq!(error(&["!a"]), "path patterns need at least one without `!`");
        assert_eq!(error(&[]), "path patterns need at least one without `!`");
        assert_eq!(error(&["a"; 257]), "there are more than 256 path patterns");
        assert!(error(&[&"a".repeat(1001)]).contains("longer than 1000 bytes"));
    }

    #[test]
    fn matching_takes_no_more_than_linear_time_and_bounded_memory() {
        let greedy = "**a".repeat(300);
        let path = "a".repeat(4000);
        assert!(contains(&[&greedy], &path));
        assert!(!contains(&[&format!("{greedy}b")], &path));
        let error = PathFilter::parse(&["[a-z]+".repeat(160)]);
        assert!(error.is_ok());
    }
}
