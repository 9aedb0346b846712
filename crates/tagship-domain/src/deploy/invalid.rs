//! Why a file cannot say what it is to say.

use super::yaml::YamlProblem;

/// Why a file cannot say what it is to say of an image. Names from the file are cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeployFileProblem {
    /// There is nothing to change.
    #[error("does not exist")]
    Missing,
    /// It is no JSON, or not of the form.
    #[error("is no task definition: {0}")]
    NoTaskDefinition(String),
    /// It is no JSON, or not of the form.
    #[error("is no list of image definitions: {0}")]
    NoImageDefinitions(String),
    /// It is no JSON, or not of the form.
    #[error("is no input of `aws apprunner update-service`: {0}")]
    NoService(String),
    /// The run puts the image into no such repository.
    #[error("is about target `{target}`, and the run has {}", listed(.known))]
    NoTarget {
        /// The target that is wanted.
        target: String,
        /// Those of the run.
        known: Vec<String>,
    },
    /// A container is not there.
    #[error("has no container `{container}`; it has {}", listed(.known))]
    NoContainer {
        /// The container that is wanted.
        container: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// A text is not of the form that can be changed.
    #[error(transparent)]
    Yaml(#[from] YamlProblem),
    /// An image of several platforms is for none of them.
    #[error("takes one platform, and the image has {}; add `platform`", listed(.known))]
    SeveralPlatforms {
        /// The platforms.
        known: Vec<String>,
    },
    /// The image is not for the platform.
    #[error("is for `{platform}`, and the image has {}", listed(.known))]
    NoPlatform {
        /// The platform that is wanted.
        platform: String,
        /// Those of the image.
        known: Vec<String>,
    },
    /// A value is to hold a tag, and the image has none.
    #[error("is to hold a tag, and the run puts none")]
    NoTag,
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
