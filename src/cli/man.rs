//! The pages of the manual, made of the same structures as the help.

use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use tagship_domain::error::{Diagnose, FailureKind};

use super::Cli;

/// The pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the pages cannot be written to `{}`: {source}", folder.display())]
pub(super) struct ManError {
    folder: PathBuf,
    source: io::Error,
}

impl Diagnose for ManError {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }
}

/// Returns the page of `tagship` itself.
pub(super) fn page() -> String {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).ok();
    String::from_utf8_lossy(&page).into_owned()
}

/// Writes one page for each command: `tagship.1`, `tagship-ship.1` and so on.
pub(super) fn write_pages(folder: &Path) -> Result<(), ManError> {
    let failed = |source| ManError {
        folder: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)
}
