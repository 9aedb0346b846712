//! Tags, by rules and events.

use super::*;
use crate::event::{JobVariables, License, Payload};

mod claim;
mod compatible;
mod listing;
mod lists;
mod order;
mod properties;
mod rules;
mod strict;

const COMMIT: &str = "860c1904a1ce19322e91ac35af1ab07466440c37";
const NOW: &str = "2020-01-10T00:30:00Z";

/// A run to try rules in.
#[derive(Debug, Clone)]
struct Run {
    mode: Mode,
    event: Event,
    repository: RepositoryInfo,
    version: Option<Version>,
    is_dirty: bool,
}

impl Run {
    /// A run that `name` started at `git_ref`.
    fn new(mode: Mode, name: &str, git_ref: &str) -> Self {
        Self::with_payload(mode, name, git_ref, "{}")
    }

    fn with_payload(mode: Mode, name: &str, git_ref: &str, payload: &str) -> Self {
        let variables = JobVariables {
            event_name: name,
            git_ref,
            sha: COMMIT,
            head_of_pull_request: false,
        };
        Self {
            mode,
            event: Event::of_job(variables, &Payload::parse(payload.as_bytes()).unwrap()),
            repository: RepositoryInfo {
                name: Some("Hello-World".to_owned()),
                description: Some("This your first repo!".to_owned()),
                html_url: Some("https://github.com/octocat/Hello-World".to_owned()),
                default_branch: Some("main".to_owned()),
                license: Some(License {
                    spdx_id: Some("MIT".to_owned()),
                }),
            },
            version: None,
            is_dirty: false,
        }
    }

    /// A push of a reference such as `tags/v1.2.3`.
    fn push(mode: Mode, git_ref: &str) -> Self {
        Self::new(mode, "push", &format!("refs/{git_ref}"))
    }

    fn evaluate(&self, rules: &str, flavor: &str) -> Result<Evaluation, TagError> {
        let rules = TagRule::parse_list_or_defaults(rules, self.mode)?;
        evaluate(&rules, &Flavor::parse_list(flavor, self.mode)?, &self.context())
    }

    fn context(&self) -> TagContext<'_> {
        TagContext {
            mode: self.mode,
            event: &self.event,
            repository: &self.repository,
            version: self.version.as_ref(),
            tag_prefix: None,
            now: NOW.parse().unwrap(),
            // The action asks GitHub; what it compares with was given the time of the run.
            committed_at: (self.mode == Mode::MetadataAction).then(|| NOW.parse().unwrap()),
            short_digits: None,
            is_dirty: self.is_dirty,
        }
    }

    /// The tags that rules make, with commas; or the message.
    fn tags(&self, rules: &str, flavor: &str) -> String {
        match self.evaluate(rules, flavor) {
            Ok(made) => made
                .tags
                .iter()
                .map(|tag| tag.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => format!("error: {error}"),
        }
    }
}
