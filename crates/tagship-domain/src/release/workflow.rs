//! Workflows that a release starts, because what is made with the job's own token starts none.

use std::fmt;

use serde::Serialize;

use crate::reference::{Digest, ImageName};
use crate::untrusted::cleaned;

/// The most bytes of a file's name.
const MAX_NAME: usize = 100;

/// The file of a workflow in `.github/workflows`, such as `deploy.yml`.
///
/// Source: GitHub REST API, "Create a workflow dispatch event", `workflow_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WorkflowFile(String);

/// What is no name of such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no file of `.github/workflows`: its name ends in `.yml` or `.yaml`, without a folder", cleaned(.0))]
pub struct InvalidWorkflowFile(String);

impl WorkflowFile {
    /// Reads the name of a file, without its folder. It stands in an address, so that letters, digits, `-`, `_` and `.` are
    /// taken alone.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkflowFile> {
        let stem = text.strip_suffix(".yml").or_else(|| text.strip_suffix(".yaml"));
        let is_legal = |stem: &str| {
            stem.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && stem
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if text.len() <= MAX_NAME && stem.is_some_and(is_legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWorkflowFile(text.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a workflow is started with: its inputs have these names, and all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowInputs {
    /// The version.
    pub version: String,
    /// The image by its digest.
    pub image: String,
    /// The digest alone.
    pub digest: String,
}

impl WorkflowInputs {
    /// Returns the inputs that name an image.
    pub fn new(version: &semver::Version, image: &ImageName, digest: Digest) -> Self {
        Self {
            version: version.to_string(),
            image: image.at(digest).to_string(),
            digest: digest.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_a_file_without_a_folder() {
        for text in ["deploy.yml", "_a-b.c.yaml", "1.yml"] {
            assert_eq!(WorkflowFile::parse(text).unwrap().to_string(), text);
        }
        let long = format!("{}.yml", "a".repeat(MAX_NAME));
        for text in [
            "",
            ".yml",
            "deploy",
            "deploy.yml.txt",
            ".github/workflows/deploy.yml",
            "../deploy.yml",
            "..yml",
            "a b.yml",
            "a?x=.yml",
            "a%2f.yml",
            "ä.yml",
            &long,
        ] {
            assert!(WorkflowFile::parse(text).is_err(), "{text}");
        }
        let evil = WorkflowFile::parse("\u{1b}[2Jx").unwrap_err().to_string();
        assert!(!evil.contains('\u{1b}'), "{evil}");
    }
}
