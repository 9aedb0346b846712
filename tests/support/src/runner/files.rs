//! What the runner makes of the files that a step writes.

use std::collections::BTreeMap;
use std::fmt;

use super::mask::Masker;

/// The largest summary that is uploaded, in bytes.
pub const SUMMARY_LIMIT: usize = 1024 * 1024;
/// The largest artifacts file, in bytes.
pub const ARTIFACTS_LIMIT: usize = 1024 * 1024;
/// The most artifacts of a job.
pub const ARTIFACTS_COUNT: usize = 500;

/// Why the runner fails a step for what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// The line is neither `name=value` nor `name<<delimiter`.
    Format(String),
    /// The line has no name or no delimiter.
    Empty(String),
    /// The value's end is missing.
    NoDelimiter(String),
    /// The value's last line has no line feed, so the delimiter cannot follow.
    NoLineFeed(String),
    /// The file is too large, or has too many lines.
    TooMuch,
    /// Two lines name the same subject with different digests.
    Contradiction(String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(line) => write!(f, "invalid format `{line}`"),
            Self::Empty(line) => write!(f, "name and delimiter must not be empty in `{line}`"),
            Self::NoDelimiter(delimiter) => write!(f, "matching delimiter not found `{delimiter}`"),
            Self::NoLineFeed(delimiter) => write!(f, "no line feed before the delimiter `{delimiter}`"),
            Self::TooMuch => f.write_str("the file is too large"),
            Self::Contradiction(name) => write!(f, "`{name}` has two digests"),
        }
    }
}

/// Reads `GITHUB_OUTPUT`, `GITHUB_ENV` or `GITHUB_STATE`: `name=value` lines and
/// `name<<delimiter` … `delimiter` blocks. A carriage return is part of what it stands in.
pub fn key_values(text: &str) -> Result<BTreeMap<String, String>, FileError> {
    let mut values = BTreeMap::new();
    let mut lines = Lines { rest: text };
    while let Some((line, _)) = lines.next_line() {
        if line.is_empty() {
            continue;
        }
        let (key, value) = match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|at| equals < at) => {
                (&line[..equals], line[equals + 1..].to_owned())
            }
            (_, Some(heredoc)) => (
                &line[..heredoc],
                lines.block(line, &line[..heredoc], &line[heredoc + 2..])?,
            ),
            _ => return Err(FileError::Format(line.to_owned())),
        };
        values.insert(key.to_owned(), value);
    }
    Ok(values)
}

struct Lines<'a> {
    rest: &'a str,
}

impl<'a> Lines<'a> {
    /// The next line without its line feed, and whether it has one.
    fn next_line(&mut self) -> Option<(&'a str, bool)> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((line, rest)) = self.rest.split_once('\n') {
            self.rest = rest;
            return Some((line, true));
        }
        Some((std::mem::take(&mut self.rest), false))
    }

    fn block(&mut self, line: &str, name: &str, delimiter: &str) -> Result<String, FileError> {
        if name.is_empty() || delimiter.is_empty() {
            return Err(FileError::Empty(line.to_owned()));
        }
        let mut value: Vec<&str> = Vec::new();
        loop {
            match self.next_line() {
                Some((line, _)) if line == delimiter => return Ok(value.join("\n")),
                Some((line, true)) => value.push(line),
                Some((_, false)) => return Err(FileError::NoLineFeed(delimiter.to_owned())),
                None => return Err(FileError::NoDelimiter(delimiter.to_owned())),
            }
        }
    }
}

/// The job summary as it is shown: masked line by line; an error and nothing uploaded when too large.
pub fn summary(text: &str, masker: &Masker) -> Result<Option<String>, FileError> {
    match text.len() {
        0 => Ok(None),
        1..=SUMMARY_LIMIT => Ok(Some(text.lines().map(|line| masker.mask(line) + "\n").collect())),
        _ => Err(FileError::TooMuch),
    }
}

/// The subjects of `GITHUB_ARTIFACTS`: name and digest of each `oci://name@sha256:…` line; other lines are files.
pub fn artifacts(text: &str) -> Result<BTreeMap<String, Option<String>>, FileError> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if text.len() > ARTIFACTS_LIMIT || lines.len() > ARTIFACTS_COUNT {
        return Err(FileError::TooMuch);
    }
    let mut subjects: BTreeMap<String, Option<String>> = BTreeMap::new();
    for line in lines {
        if line.contains('=') {
            return Err(FileError::Format(line.to_owned()));
        }
        let (name, digest) = match line.strip_prefix("oci://") {
            None => (line, None),
            Some(reference) => match reference.split_once('@') {
                Some((name, digest)) if is_sha256(digest) => (name, Some(digest.to_owned())),
                _ => return Err(FileError::Format(line.to_owned())),
            },
        };
        if subjects.get(name).is_some_and(|known| *known != digest) {
            return Err(FileError::Contradiction(name.to_owned()));
        }
        subjects.insert(name.to_owned(), digest);
    }
    Ok(subjects)
}

fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}
