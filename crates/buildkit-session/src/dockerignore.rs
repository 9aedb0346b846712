//! `.dockerignore` patterns, exactly as Docker's clients match them.
//!
//! The frontend reads the file and hands the patterns back; the client leaves out what they match. Nothing
//! but Docker's own rules will do: a file more changes the image's digest, a file less breaks its build.
//! Source: Dockerfile reference, ".dockerignore file"; the module moby/patternmatcher, whose quirks are kept on purpose.

mod glob;
mod pattern;

pub(crate) use glob::{glob_matches, has_wildcards};

use pattern::Pattern;
use tagship_domain::untrusted::cleaned;

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{0}` cannot be read")]
pub struct InvalidPattern(String);

impl InvalidPattern {
    fn new(pattern: &str) -> Self {
        Self(cleaned(pattern))
    }
}

/// Patterns in their order, the last that matches decides.
#[derive(Debug)]
pub struct PatternList {
    patterns: Vec<Pattern>,
}

/// The patterns of an ignore file, as the frontend hands them back.
///
/// Source: moby/patternmatcher, `ignorefile.ReadAll`.
pub(crate) fn patterns_of(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut patterns = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let line = line.trim();
        let (pattern, mark) = line
            .strip_prefix('!')
            .map_or((line, ""), |rest| (rest.trim(), "!"));
        if line.is_empty() {
            continue;
        }
        // A lone `!` stays what it is: an error once it is read.
        let pattern = if pattern.is_empty() {
            String::new()
        } else {
            let cleaned = clean(pattern);
            let relative = cleaned.strip_prefix('/').filter(|rest| !rest.is_empty());
            relative.unwrap_or(&cleaned).to_owned()
        };
        patterns.push(format!("{mark}{pattern}"));
    }
    patterns
}

/// Which patterns matched a folder: they match everything in it.
#[derive(Debug, Clone, Default)]
pub struct FolderMatches(Vec<bool>);

impl PatternList {
    /// Reads patterns, such as the lines of a file without its comments.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        let mut patterns = Vec::new();
        for line in lines {
            let line = line.trim();
            if !line.is_empty() {
                patterns.push(Pattern::parse(line)?);
            }
        }
        Ok(Self { patterns })
    }

    /// Whether a path matches, given what matched the folder that it is in; and which patterns did.
    pub fn matches(
        &self,
        path: &str,
        folder: Option<&FolderMatches>,
    ) -> Result<(bool, FolderMatches), InvalidPattern> {
        let mut matched = false;
        let mut own = vec![false; self.patterns.len()];
        for (index, (pattern, own)) in self.patterns.iter().zip(&mut own).enumerate() {
            let mut hit = folder.is_some_and(|folder| folder.0.get(index).copied().unwrap_or_default());
            if !hit {
                // A pattern that could not change the outcome is not tried, and so does not count for what
                // is in this folder either.
                if pattern.is_exception() != matched {
                    continue;
                }
                hit = pattern.matches(path)?;
            }
            *own = hit;
            if hit {
                matched = !pattern.is_exception();
            }
        }
        Ok((matched, FolderMatches(own)))
    }

    /// Whether a pattern may match something in `folder`, though it does not match `folder` itself.
    pub(crate) fn may_match_in(&self, folder: &str) -> bool {
        self.any_reaches_into(folder, false)
    }

    /// Whether a `!` pattern may take back something in `folder`.
    pub(crate) fn may_except_in(&self, folder: &str) -> bool {
        self.any_reaches_into(folder, true)
    }

    /// A pattern with wildcards may match anywhere; then all are taken to.
    fn any_reaches_into(&self, folder: &str, exceptions: bool) -> bool {
        let concerned = || {
            self.patterns
                .iter()
                .filter(move |pattern| pattern.is_exception() == exceptions)
        };
        concerned().any(|pattern| !pattern.is_plain_prefix())
            || concerned().any(|pattern| pattern.lies_in(folder))
    }
}

/// The shortest path that means the same, by text alone: `a/./b//c/..` is `a/b`, nothing is `.`.
///
/// Source: Go, `path.Clean`.
pub fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above the root is the root.
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests;
