//! The flags of `tagship tags`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::inputs::{self, ActionVariables, Environment, NoNumber, SettingsError};
use crate::run::TagsRequest;
use tagship_domain::error::{Diagnose, FailureKind, cleaned};
use tagship_domain::event::RepositoryInfo;
use tagship_domain::tags::Mode;
use tagship_domain::version::TagPrefix;

/// The flags of `tagship tags`.
#[derive(Debug, Args)]
pub(super) struct TagsArguments {
    /// A name to put tags behind; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Lists")]
    image: Vec<String>,
    /// Several of them, one on a line; may be repeated
    #[arg(long, value_name = "LINES", help_heading = "Lists")]
    images: Vec<String>,
    /// A rule; may be repeated
    #[arg(long, value_name = "RULE", help_heading = "Lists")]
    tag: Vec<String>,
    /// Several of them, one on a line; may be repeated
    #[arg(long, value_name = "LINES", help_heading = "Lists")]
    tags: Vec<String>,
    /// `latest=auto|true|false`, `prefix=TEXT` or `suffix=TEXT`; may be repeated
    #[arg(long, value_name = "LINE", help_heading = "Lists")]
    flavor: Vec<String>,
    /// Several of them, one on a line; may be repeated
    #[arg(long, value_name = "LINES", help_heading = "Lists")]
    flavors: Vec<String>,
    /// A label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Lists")]
    label: Vec<String>,
    /// Several of them, one on a line; may be repeated
    #[arg(long, value_name = "LINES", help_heading = "Lists")]
    labels: Vec<String>,
    /// An annotation; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Lists")]
    annotation: Vec<String>,
    /// Several of them, one on a line; may be repeated
    #[arg(long, value_name = "LINES", help_heading = "Lists")]
    annotations: Vec<String>,
    /// The image to take, of those that stand under `images` in `tagship.yaml`
    #[arg(long, value_name = "NAME", help_heading = "Lists")]
    only: Option<String>,
    /// The version, or `auto` for the next one; without it the git tags on the commit say it
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Make what another tool makes of the same lists
    #[arg(long, value_enum, value_name = "TOOL")]
    compat: Option<Compatible>,
    /// What git tags of versions begin with, such as `api/v` [default: `v` or nothing]
    #[arg(long, value_name = "TEXT")]
    tag_prefix: Option<TagPrefix>,
    /// The time of the run, RFC 3339
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// A file with GitHub's answer to `GET /repos/{owner}/{repo}`, in place of asking
    #[arg(long, value_name = "FILE")]
    repository_info: Option<PathBuf>,
    /// Say of each rule which tag it made, or why it made none
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compatible {
    /// The action `docker/metadata-action`
    MetadataAction,
}

/// What stands around the lists is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum TagsArgumentError {
    #[error("`--repository-info`: `{file}` {problem}")]
    RepositoryInfo { file: String, problem: String },
    #[error(transparent)]
    Variables(#[from] NoNumber),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Diagnose for TagsArgumentError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::RepositoryInfo { .. } | Self::Variables(_) => None,
        }
    }
}

impl TagsArguments {
    /// What is asked for; `notes` get what the user should know.
    pub(super) fn into_request(
        self,
        environment: &Environment,
        notes: &mut Vec<String>,
    ) -> Result<TagsRequest, TagsArgumentError> {
        let has_rules = !self.tags.is_empty() || !self.tag.is_empty();
        // What a flag does not say is what `ship` would take.
        let lists = inputs::list_inputs(self.only, self.version, has_rules, environment)?;
        let mode = match self.compat {
            None => lists.mode,
            Some(Compatible::MetadataAction) => Mode::MetadataAction,
        };
        let variables = ActionVariables::read(environment, mode)?;
        let repository = self
            .repository_info
            .map(|file| repository_info(&environment.working_directory().join(file)))
            .transpose()?;
        Ok(TagsRequest {
            images: list(self.image, self.images).unwrap_or(lists.images),
            tags: list(self.tag, self.tags).unwrap_or(lists.tags),
            flavor: list(self.flavor, self.flavors).unwrap_or(lists.flavor),
            labels: list(self.label, self.labels).unwrap_or(lists.labels),
            annotations: list(self.annotation, self.annotations).unwrap_or_default(),
            mode,
            tag_prefix: self.tag_prefix.unwrap_or(lists.tag_prefix),
            version: lists.version,
            paths: lists.paths,
            now: self.now,
            event: inputs::job_event(environment, variables.head_of_pull_request, notes),
            repository,
            short_digits: variables.short_digits,
            explain: self.explain,
            github: inputs::forge(environment),
            workspace: environment.working_directory().to_owned(),
        })
    }
}

/// A list of one or two flags; `None` where neither is given.
fn list(mut lines: Vec<String>, more: Vec<String>) -> Option<String> {
    lines.extend(more);
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn repository_info(file: &Path) -> Result<RepositoryInfo, TagsArgumentError> {
    let wrong = |problem: String| TagsArgumentError::RepositoryInfo {
        file: cleaned(&file.display().to_string()),
        problem: cleaned(&problem),
    };
    let json = inputs::read_bounded(file, RepositoryInfo::MAX_BYTES)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    RepositoryInfo::parse(&json).map_err(|error| wrong(error.to_string()))
}
