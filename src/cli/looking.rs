//! The flags of the commands that look at a repository.

use clap::Args;

use super::repository::{RepositoryArgumentError, RepositoryArguments};
use crate::inputs::Environment;
use crate::run::{InspectRequest, LsRequest};
use tagship_domain::reference::PartialRef;

/// The flags of `tagship ls`.
#[derive(Debug, Args)]
pub(super) struct LsArguments {
    /// The repository [default: that of the settings]
    #[arg(value_name = "[HOST/]REPOSITORY")]
    name: Option<String>,
    /// List also images without tags: those of an index, signatures, what lost its tag
    #[arg(long)]
    all: bool,
    /// The most images that are shown; 0 shows all
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    repository: RepositoryArguments,
}

impl LsArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<LsRequest, RepositoryArgumentError> {
        let named = self.name.as_deref().map(PartialRef::parse_name).transpose()?;
        Ok(LsRequest {
            settings: self
                .repository
                .into_settings(&named.unwrap_or_default(), environment)?,
            all: self.all,
            limit: Some(self.limit).filter(|limit| *limit > 0),
        })
    }
}

/// The flags of `tagship inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The image: `[HOST/]REPOSITORY:TAG`, the same with `@DIGEST`, or a tag or digest alone in the repository of the
    /// settings
    #[arg(value_name = "IMAGE")]
    image: String,
    #[command(flatten)]
    repository: RepositoryArguments,
}

impl InspectArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<InspectRequest, RepositoryArgumentError> {
        let named = PartialRef::parse(&self.image)?;
        let no_reference = || RepositoryArgumentError::NoReference(self.image.clone());
        Ok(InspectRequest {
            reference: named.reference.clone().ok_or_else(no_reference)?,
            settings: self.repository.into_settings(&named, environment)?,
        })
    }
}
