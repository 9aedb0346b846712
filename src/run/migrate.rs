//! Reads a workflow and prints it as one of Tagship. Nothing is written.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::json;

use super::Outcome;
use crate::migration::{self, MigrationError};
use crate::regular_file;
use tagship_domain::error::{Diagnose, FailureKind, cleaned};

/// The most bytes that a workflow may have; more than GitHub takes.
const MAX_FILE_BYTES: u64 = 512 * 1024;

/// Why no workflow is printed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The file cannot be read.
    #[error("`{file}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be migrated.
    #[error("`{file}`: {source}")]
    Migration {
        /// The file.
        file: String,
        /// Why.
        source: MigrationError,
    },
}

impl Diagnose for MigrateError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Migration { source, .. } => source.hint(),
        }
    }
}

/// Migrates the workflow in a file.
pub fn migrate(path: &Path) -> Result<Outcome, MigrateError> {
    let file = cleaned(&path.display().to_string());
    let text = read(path).map_err(|source| MigrateError::Unreadable {
        file: file.clone(),
        source,
    })?;
    let migrated = migration::migrate(&text).map_err(|source| MigrateError::Migration { file, source })?;
    let notes: String = migrated
        .notes
        .iter()
        .map(|note| format!("{} {note}\n", if note.is_work() { "!" } else { "-" }))
        .collect();
    Ok(Outcome {
        json: json!({"workflow": migrated.workflow, "notes": migrated.notes}),
        text: migrated.workflow,
        closing: notes,
        ..Outcome::default()
    })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    regular_file::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 512 KiB",
        ));
    }
    Ok(text)
}
