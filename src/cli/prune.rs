//! The flags of `tagship prune`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::registry_arguments::{RegistryArguments, RepoArgumentError, repository_name};
use crate::inputs::{self, Environment};
use crate::run::PruneRequest;
use tagship_domain::prune::{BranchRule, Line, PruneRules, ReleaseRule};
use tagship_domain::reference::{RepositoryName, Tag};

/// The flags of `tagship prune`.
#[derive(Debug, Args)]
pub(super) struct PruneArguments {
    /// The repositories
    #[arg(value_name = "REPOSITORY", value_parser = repository_name, required = true)]
    names: Vec<RepositoryName>,
    /// Delete them; without it they are shown alone
    #[arg(long)]
    apply: bool,
    /// Of releases, keep this many of the greatest of each line
    #[arg(long, value_name = "COUNT", help_heading = "Which images may go")]
    keep_releases: Option<u32>,
    /// What a line of releases is
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = LineOf::Minor, requires = "keep_releases", help_heading = "Which images may go")]
    line: LineOf,
    /// Of images with such tags, keep those of branches that are there; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern, requires = "branches", help_heading = "Which images may go")]
    branch_tags: Vec<String>,
    /// The branches that are there, one a line, as `git ls-remote --heads origin` prints them
    #[arg(
        long,
        value_name = "FILE",
        requires = "branch_tags",
        help_heading = "Which images may go"
    )]
    branches: Option<PathBuf>,
    /// Of images with other tags alone, keep this many of the newest
    #[arg(long, value_name = "COUNT", help_heading = "Which images may go")]
    keep_last: Option<u32>,
    /// Keep images without a tag for this many days
    #[arg(long, value_name = "DAYS", help_heading = "Which images may go")]
    untagged_days: Option<u32>,
    /// Keep images with such a tag in any case; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern, help_heading = "Which images stay in any case")]
    keep: Vec<String>,
    /// Keep images that were pushed or pulled in this many days
    #[arg(long, value_name = "DAYS", help_heading = "Which images stay in any case")]
    keep_days: Option<u32>,
    #[command(flatten)]
    registry: RegistryArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LineOf {
    /// One major version
    Major,
    /// One minor version
    Minor,
}

/// A tag, in which `*` stands for zero or more characters.
fn pattern(text: &str) -> Result<String, &'static str> {
    let is_legal = Tag::parse(&text.replace('*', "x")).is_ok();
    let wrong = "a pattern is a tag, in which `*` stands for zero or more characters";
    is_legal.then(|| text.to_owned()).ok_or(wrong)
}

impl PruneArguments {
    /// What is asked for.
    pub(super) fn into_request(self, environment: &Environment) -> Result<PruneRequest, RepoArgumentError> {
        let branches = self.branches.map(|path| {
            let path = environment.working_directory().join(path);
            let invalid = |problem: String| RepoArgumentError::Branches {
                path: path.display().to_string(),
                problem,
            };
            let text = inputs::list_of_branches(&path).map_err(invalid)?;
            let names: Vec<&str> = text.lines().filter_map(branch).collect();
            if names.is_empty() {
                return Err(invalid("names no branch".to_owned()));
            }
            Ok(BranchRule::new(self.branch_tags, names))
        });
        let rules = PruneRules {
            keep: self.keep,
            keep_days: self.keep_days,
            releases: self.keep_releases.map(|keep| ReleaseRule {
                line: match self.line {
                    LineOf::Major => Line::Major,
                    LineOf::Minor => Line::Minor,
                },
                keep,
            }),
            branches: branches.transpose()?,
            last: self.keep_last,
            untagged_days: self.untagged_days,
        };
        if rules.is_empty() {
            return Err(RepoArgumentError::NoRule);
        }
        Ok(PruneRequest {
            settings: self.registry.into_settings(environment)?,
            names: self.names,
            rules,
            applies: self.apply,
        })
    }
}

/// The branch that a line names: `main`, or `<commit> refs/heads/main`.
fn branch(line: &str) -> Option<&str> {
    let name = line.split_whitespace().next_back()?;
    Some(name.strip_prefix("refs/heads/").unwrap_or(name))
}
