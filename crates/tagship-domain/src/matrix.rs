//! A repository that holds several images: which of them a commit touches, as a matrix for GitHub.

use serde::Serialize;

use crate::paths::PathFilter;
use crate::version::TagPrefix;

/// One of several images.
#[derive(Debug, Clone)]
pub struct ImageParts {
    /// How it is named.
    pub row: Row,
    /// What git tags of its versions begin with.
    pub tag_prefix: TagPrefix,
    /// What it is made from.
    pub made_from: MadeFrom,
}

/// What an image is made from. Paths are relative to the repository's root.
#[derive(Debug, Clone)]
pub enum MadeFrom {
    /// What the user says.
    Paths(PathFilter),
    /// Its context folder and its Dockerfile.
    Places(Vec<Vec<u8>>),
    /// Something outside of the repository, so that nothing is known.
    Elsewhere,
}

/// One entry of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// The image's name in `tagship.yaml`.
    pub name: String,
    /// The context folder.
    pub context: String,
    /// The Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The repository that it is published to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What git tags of its versions begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_prefix: Option<String>,
}

/// A matrix of jobs. Source: GitHub docs, "Running variations of jobs in a workflow", `include`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// One entry for each job.
    pub include: Vec<Row>,
}

/// What a commit touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These paths, relative to the repository's root.
    Paths(Vec<Vec<u8>>),
    /// Perhaps everything, for a reason.
    Unknown(String),
}

impl Matrix {
    /// The images that a commit touches. `config` is the file that names them: it touches all.
    ///
    /// A pushed git tag that names a version of some images is about them, whatever the commit touches.
    pub fn of(
        images: &[ImageParts],
        changes: &Changes,
        config: Option<&[u8]>,
        pushed_tag: Option<&str>,
    ) -> Self {
        let of_tag =
            |image: &ImageParts| pushed_tag.is_some_and(|tag| image.tag_prefix.version(tag).is_some());
        let is_release = images.iter().any(of_tag);
        let is_touched = |image: &ImageParts| match changes {
            _ if is_release => of_tag(image),
            Changes::Unknown(_) => true,
            Changes::Paths(paths) => paths
                .iter()
                .any(|path| Some(path.as_slice()) == config || image.made_from.contains(path)),
        };
        let include = images.iter().filter(|image| is_touched(image));
        Self {
            include: include.map(|image| image.row.clone()).collect(),
        }
    }
}

/// Returns the names of the images of which the commit holds no file, so that no change ever touches them: a context folder or a
/// pattern that is misspelt. `paths` are the commit's files.
pub fn untouchable<'a>(images: &'a [ImageParts], paths: &[Vec<u8>]) -> Vec<&'a str> {
    let has_none = |image: &&ImageParts| !paths.iter().any(|path| image.made_from.contains(path));
    let images = images.iter().filter(has_none);
    images.map(|image| image.row.name.as_str()).collect()
}

impl MadeFrom {
    fn contains(&self, path: &[u8]) -> bool {
        match self {
            Self::Paths(filter) => filter.contains(path),
            Self::Places(places) => places.iter().any(|place| is_at_or_in(path, place)),
            Self::Elsewhere => true,
        }
    }
}

/// Whether `path` is the file, or in the folder, `place`; the root is the empty path. A submodule is one path, and the
/// place may lie in it.
fn is_at_or_in(path: &[u8], place: &[u8]) -> bool {
    let is_in = |path: &[u8], folder: &[u8]| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    place.is_empty() || is_in(path, place) || is_in(place, path)
}

#[cfg(test)]
mod tests;
