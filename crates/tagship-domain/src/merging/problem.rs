//! Why images cannot be merged.

use std::borrow::Cow;
use std::fmt;

use crate::build::RequestPart;
use crate::content::Platform;
use crate::error::{Diagnose, FailureKind, cleaned};
use crate::facts::{Revision, Unknown};
use crate::reference::Digest;

/// Why images cannot be merged into one index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// One of them is not in the repository.
    #[error("image {digest}, which is to be merged, is not in the repository")]
    Missing {
        /// The image.
        digest: Digest,
    },
    /// What it says of itself cannot be read.
    #[error("image {digest}, which is to be merged, cannot be checked: {unknown}")]
    Unread {
        /// The image.
        digest: Digest,
        /// Why.
        unknown: Unknown,
    },
    /// It is no image.
    #[error("{digest}, which is to be merged, is no image")]
    NoImage {
        /// What it is.
        digest: Digest,
    },
    /// It does not say what it runs on.
    #[error("image {digest}, which is to be merged, says no platform")]
    NoPlatform {
        /// The image.
        digest: Digest,
    },
    /// It is of another commit.
    #[error("image {digest}, which is to be merged, is of {}, and not of commit {wanted}", OfCommit(found.as_deref()))]
    OtherCommit {
        /// The image.
        digest: Digest,
        /// The commit that it says.
        found: Option<String>,
        /// The commit that is published.
        wanted: Revision,
    },
    /// It does not say what it was built from.
    #[error("image {digest}, which is to be merged, does not say what it was built from")]
    NoRequest {
        /// The image.
        digest: Digest,
    },
    /// It was built from something else.
    #[error(
        "image {digest}, which is to be merged, was built with other {}",
        Parts(differences)
    )]
    OtherRequest {
        /// The image.
        digest: Digest,
        /// In what it differs.
        differences: Vec<RequestPart>,
    },
    /// Two images are of one platform.
    #[error("platform {platform} is there twice: {} and {}", digests[0], digests[1])]
    PlatformTwice {
        /// The platform.
        platform: Platform,
        /// The images.
        digests: [Digest; 2],
    },
    /// The images are not of the platforms that are asked for.
    #[error(
        "the images are not of the `platforms` that are asked for: {}",
        Platforms(missing, unasked)
    )]
    OtherPlatforms {
        /// Those without an image.
        missing: Vec<Platform>,
        /// Those that nothing asks for.
        unasked: Vec<Platform>,
    },
}

struct OfCommit<'a>(Option<&'a str>);

impl fmt::Display for OfCommit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(commit) => write!(f, "commit {}", cleaned(commit)),
            None => f.write_str("no commit that it names"),
        }
    }
}

struct Parts<'a>(&'a [RequestPart]);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(|part| format!("`{}`", part.as_str())).collect();
        f.write_str(&names.join(", "))
    }
}

struct Platforms<'a>(&'a [Platform], &'a [Platform]);

impl fmt::Display for Platforms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.0.iter().map(|platform| format!("{platform} is missing"));
        let unasked = self
            .1
            .iter()
            .map(|platform| format!("{platform} is not among them"));
        f.write_str(&missing.chain(unasked).collect::<Vec<_>>().join(", "))
    }
}

impl Diagnose for MergeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unread { .. } => FailureKind::Credentials,
            _ => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Missing { .. } => {
                "give the digests that jobs with `by-digest` pushed to this repository; a lifecycle policy may have expired them"
            }
            Self::Unread { .. } => "let the role read images, with `ecr:GetDownloadUrlForLayer`",
            Self::NoImage { .. } | Self::NoPlatform { .. } => "give digests of images",
            Self::OtherCommit { .. } => {
                "let all jobs of the run check the same commit out, with a clean working tree"
            }
            Self::NoRequest { .. } => "push the parts with `tagship ship --by-digest`",
            Self::OtherRequest { .. } => {
                "give all jobs the same inputs, but for `platforms`; arguments that differ by platform are named in `volatile-build-args`"
            }
            Self::PlatformTwice { .. } => "give one image for each platform",
            Self::OtherPlatforms { .. } => {
                "check that every job left its digest, and that `platforms` names what they build"
            }
        };
        Some(hint.into())
    }
}
