//! Places in files, and the lines around them.

use std::fmt;

use serde::Serialize;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLocation {
    /// The file, relative to the workspace where it lies in it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The line and those around it, where they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<SourceLine>,
}

/// One line of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    /// Its number, from 1.
    pub line: u32,
    /// Its text, fit to be shown.
    pub text: String,
    /// Whether it is what the excerpt is about.
    #[serde(rename = "marked")]
    pub is_marked: bool,
}

impl SourceLocation {
    /// Takes a place whose file is not shown.
    pub fn new(file: impl Into<String>, line: u32) -> Self {
        Self {
            file: file.into(),
            line,
            excerpt: Vec::new(),
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// As `docker buildx` shows it. Source: `BuildKit`, `solver/errdefs`, `Source.Print`.
impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_marked { ">>>" } else { "   " };
        let line = format!("{:>4} | {mark} {}", self.line, self.text);
        f.write_str(line.trim_end())
    }
}
