//! What can go wrong with the program that indexes layers for lazy loading.

use std::io;

/// What can go wrong with the program `soci`.
#[derive(Debug, thiserror::Error)]
pub enum SociProblem {
    /// It cannot be run.
    #[error("the program `soci` cannot be run: {0}")]
    Unusable(#[source] io::Error),
    /// It converts images of containerd alone.
    #[error("the program `soci` is too old: its `convert` has no `--standalone`")]
    TooOld,
    /// It fails.
    #[error("`soci convert` failed: {0}")]
    Failed(String),
    /// It takes too long.
    #[error("`soci convert` did not end within {seconds} s")]
    Late {
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
    /// What it made is not the image with an index.
    #[error("`soci convert` made something else than the image with an index of its layers: {0}")]
    Unexpected(&'static str),
}

impl SociProblem {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Unusable(_) | Self::TooOld => {
                "install `soci` 0.13 or later on the machine that runs the command, or leave `soci` out"
            }
            Self::Failed(words) if words.contains("no ztocs") || words.contains("empty") => {
                "layers of less than 10 MiB get no index: an image without a larger one gains nothing by `soci`, and is published without it"
            }
            Self::Failed(_) => "its own words say why; without `soci` the image is published as it was built",
            Self::Late { .. } => "run again, or leave `soci` out",
            Self::Unexpected(_) => "update `soci`, or leave it out",
        }
    }
}
