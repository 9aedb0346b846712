//! What can be wrong with a layout, and what to do about it.

use std::borrow::Cow;
use std::io;

use tagship_domain::reference::{Digest, Tag};

/// What is wrong with a layout on a disk.
#[derive(Debug, thiserror::Error)]
pub enum LayoutProblem {
    /// There is nothing of this name.
    #[error("there is no such file or folder")]
    Absent,
    /// A copy to it did not come to its end.
    #[error("it holds no image yet: the copy to it was broken off")]
    BrokenOff,
    /// It is no layout.
    #[error("it has no `{0}`")]
    NoLayout(&'static str),
    /// It is what a Docker before 25 saves.
    #[error("it is a `docker save` archive of a Docker before 25, which is no OCI layout")]
    OldArchive,
    /// The folder holds something else.
    #[error("it is a folder of something else")]
    Occupied,
    /// The archive is there already.
    #[error("it is there already, and an archive is not added to")]
    Exists,
    /// It is not said which of its images is meant.
    #[error("it has {count} images, and none of them is named{}", listed(tags))]
    Ambiguous {
        /// How many there are.
        count: usize,
        /// Their tags.
        tags: Vec<String>,
    },
    /// A tag is that of several images.
    #[error("it has several images with the tag `{tag}`")]
    SameTag {
        /// The tag.
        tag: Tag,
    },
    /// Content that should be there is not.
    #[error("it lacks `{digest}`")]
    Lacks {
        /// The digest.
        digest: Digest,
    },
    /// A file is not what its name says.
    #[error("it has other content for `{digest}`: {found}")]
    Altered {
        /// What its name says.
        digest: Digest,
        /// What it is.
        found: String,
    },
    /// Another process changes it, and does not end.
    #[error("another process has locked its index for {seconds} s")]
    Locked {
        /// How long it was waited for.
        seconds: u64,
    },
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Unwritable(#[source] io::Error),
    /// It is damaged, or of a form that is not read.
    #[error("{0}")]
    Malformed(String),
}

impl LayoutProblem {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Absent => "check the path, which begins in the current folder".into(),
            Self::BrokenOff => "repeat that copy: it sends what is missing".into(),
            Self::NoLayout(_) => {
                "name a layout, as `tagship copy` and `skopeo copy` write it: `oci:` is a folder, `oci-archive:` a tar archive".into()
            }
            Self::SameTag { .. } => "name one by its digest, as `oci:FOLDER@sha256:…`; its `index.json` lists them".into(),
            Self::OldArchive => "`tagship push` takes it as it is".into(),
            Self::Occupied => "name a folder that is empty or not there yet".into(),
            Self::Exists => "name another file, or remove this one".into(),
            Self::Ambiguous { .. } => {
                "add a tag, as `:1.4.0`, or a digest, as `@sha256:…`; `tagship copy --all-tags` takes all".into()
            }
            Self::Lacks { .. } | Self::Altered { .. } => {
                "it is not whole: make it again, where it came from".into()
            }
            Self::Locked { .. } => {
                "repeat it when the other process has ended: what is copied is not sent a second time".into()
            }
            Self::Unwritable(_) => "look at the space and the permissions there, and repeat".into(),
            Self::Malformed(_) => return None,
        })
    }
}

impl From<String> for LayoutProblem {
    fn from(problem: String) -> Self {
        Self::Malformed(problem)
    }
}

fn listed(tags: &[String]) -> String {
    if tags.is_empty() {
        return String::new();
    }
    format!("; its tags are `{}`", tags.join("`, `"))
}
