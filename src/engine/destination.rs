//! Where the result of one build goes.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use buildkit_session::Export;

use crate::ports::BuildError;

/// Where the result of one build goes.
#[derive(Debug, Default)]
pub(super) struct Destination {
    /// To the engine's exporters; nowhere when empty.
    pub(super) exports: Vec<Export>,
    /// The file that an exporter's bytes go to.
    pub(super) file: Option<File>,
}

impl Destination {
    /// To one exporter, which sends nothing here.
    pub(super) fn export(export: Export) -> Self {
        Self {
            exports: vec![export],
            file: None,
        }
    }

    /// Takes back what was written.
    pub(super) fn empty(&self) -> Result<(), BuildError> {
        let emptied = self.file.as_ref().map(|mut file| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))
        });
        let failed = |error: std::io::Error| buildkit_session::Error::Output {
            problem: error.to_string(),
        };
        emptied.transpose().map_err(failed)?;
        Ok(())
    }

    /// The same, for a second try.
    pub(super) fn again(&self) -> Result<Self, BuildError> {
        let file = self.file.as_ref().map(File::try_clone).transpose();
        Ok(Self {
            exports: self.exports.clone(),
            file: file.map_err(|error| buildkit_session::Error::Output {
                problem: error.to_string(),
            })?,
        })
    }
}
