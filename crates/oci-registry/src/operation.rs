//! What is asked of a repository, for messages and permissions.

use std::fmt;

use tagship_domain::reference::{Digest, Reference};

/// One thing that is asked of a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation<'a> {
    ListTags,
    ListReferrers(&'a Digest),
    ReadManifest(&'a Reference),
    FindBlob(&'a Digest),
    ReadBlob(&'a Digest),
    StartUpload,
    CommitBlob(&'a Digest),
    PutManifest(&'a Reference),
}

impl Operation<'_> {
    /// The IAM action that ECR checks for it.
    /// Source: ECR user guide, "Required IAM permissions for pushing an image"; reads by `BatchGetImage`.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::ListTags => "ecr:ListImages",
            Self::ReadManifest(_) | Self::ListReferrers(_) => "ecr:BatchGetImage",
            Self::FindBlob(_) => "ecr:BatchCheckLayerAvailability",
            Self::ReadBlob(_) => "ecr:GetDownloadUrlForLayer",
            Self::StartUpload => "ecr:InitiateLayerUpload",
            Self::CommitBlob(_) => "ecr:CompleteLayerUpload",
            Self::PutManifest(_) => "ecr:PutImage",
        }
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListTags => f.write_str("listing tags"),
            Self::ListReferrers(digest) => write!(f, "listing what refers to `{digest}`"),
            Self::ReadManifest(reference) => write!(f, "reading manifest `{reference}`"),
            Self::FindBlob(digest) => write!(f, "looking for blob `{digest}`"),
            Self::ReadBlob(digest) => write!(f, "reading blob `{digest}`"),
            Self::StartUpload => f.write_str("starting an upload"),
            Self::CommitBlob(digest) => write!(f, "uploading blob `{digest}`"),
            Self::PutManifest(reference) => write!(f, "putting manifest `{reference}`"),
        }
    }
}
