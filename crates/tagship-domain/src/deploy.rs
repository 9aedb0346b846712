//! Files that deployments read: what each says of an image, as a pure function of what it said before.

mod entry;
mod invalid;
mod json;
mod kustomize;
mod render;
mod yaml;

pub use entry::{DeployFile, DeployForm, ImagePart, InvalidDeployFile};
pub use invalid::DeployFileProblem;
pub use render::DeployedImage;

#[cfg(test)]
mod tests;
