//! The flags of `tagship release`.

use std::collections::BTreeMap;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use super::repository::{RepositoryArgumentError, RepositoryArguments};
use crate::inputs::{self, Environment};
use crate::run::ReleaseImageRequest;
use crate::schema::{INPUTS, Input};
use tagship_domain::reference::PartialRef;

/// The flags of `tagship release`.
#[derive(Debug, Args)]
pub(super) struct ReleaseArguments {
    /// The image: `[HOST/]REPOSITORY:TAG`, the same with `@DIGEST`, or a tag or digest alone in the repository of the
    /// settings
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Put an annotated git tag with the digest, and publish nothing
    #[arg(long, help_heading = "Release")]
    git_tag: bool,
    #[command(flatten)]
    release: ReleaseInputArguments,
    #[command(flatten)]
    repository: RepositoryArguments,
}

impl ReleaseArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<ReleaseImageRequest, RepositoryArgumentError> {
        let named = PartialRef::parse(&self.image)?;
        let no_reference = || RepositoryArgumentError::NoReference(self.image.clone());
        let reference = named.reference.clone().ok_or_else(no_reference)?;
        let mut given = self.release.0;
        if self.git_tag {
            given.insert("release", vec!["git-tag".to_owned()]);
        }
        let raw = self.repository.and(given).into_raw(&named, environment)?;
        let read = inputs::release(raw, environment)?;
        Ok(ReleaseImageRequest {
            repository: read.repository,
            reference,
            release: read.release,
            tag_prefix: read.tag_prefix,
            paths: read.paths,
            dry_run: read.dry_run,
            workspace: environment.working_directory().to_owned(),
            github: inputs::forge(environment),
        })
    }
}

/// The inputs about releases as flags, made from the table.
#[derive(Debug)]
struct ReleaseInputArguments(BTreeMap<&'static str, Vec<String>>);

impl ReleaseInputArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        let names = [
            "release-notes",
            "release-annotated",
            "release-moving-tags",
            "dispatch-workflow",
            "tag-prefix",
            "paths",
            "dry-run",
        ];
        INPUTS.iter().filter(move |input| names.contains(&input.name))
    }
}

impl Args for ReleaseInputArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ReleaseInputArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(Self::inputs(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
