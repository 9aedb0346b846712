//! What of an image is published, and when a published one is built again.

use std::path::PathBuf;

use tagship_domain::iam::Target;
use tagship_domain::reference::Digest;
use tagship_domain::setup::{PublishedImages, SettingsInUse, TargetRepository};

/// What becomes of a published commit whose base images changed since it was built.
///
/// The image that has the commit tag stays in either case: a release is what was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BaseChanged {
    /// It stays; what they are is not asked.
    #[default]
    Ignore,
    /// It is built again, and published under moving and dated tags.
    Rebuild,
}

/// What of an image is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publishing {
    /// All of it, under its tags.
    Whole,
    /// A part of it, by its digest alone.
    Part,
    /// All of it, made of parts that other runs pushed.
    Merge(Vec<Digest>),
}

/// The files that a run leaves; absolute.
///
/// Source: docker CLI reference, `docker buildx build`, `--metadata-file` and `--iidfile`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultFiles {
    /// For the digest.
    pub digest: Option<PathBuf>,
    /// For what `docker buildx build --metadata-file` writes.
    pub metadata: Option<PathBuf>,
    /// For the image's id.
    pub image_id: Option<PathBuf>,
    /// For the bill of materials.
    pub sbom: Option<PathBuf>,
}

/// How versions are reviewed before they are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewSettings {
    /// The changelog; absolute, in the checkout.
    pub file: PathBuf,
}

/// Where the images of a checkout go, for policies.
#[derive(Debug, Clone)]
pub struct TargetSettings {
    /// The repositories; at least one.
    pub repositories: Vec<TargetRepository>,
    /// The audience of the OIDC token.
    pub audience: String,
    /// What else the settings of these images switch on.
    pub in_use: SettingsInUse,
    /// Which images of the file are meant.
    pub images: PublishedImages,
}

impl TargetSettings {
    /// Returns where the repositories are.
    pub fn places(&self) -> Vec<Target> {
        self.repositories.iter().map(|one| one.place.clone()).collect()
    }
}
