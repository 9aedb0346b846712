//! What a file in the checkout may say.
//!
//! Who opens a pull request writes the file. So inputs that say where credentials go, or that relax a check, count
//! from the file only when the workflow names it, and never when the event is about another repository's commit.

use std::path::Path;

use super::Environment;
use super::container::is_address;
use super::paths::Paths;
use super::quoted;
use crate::schema::{Input, MaySet};
use tagship_domain::event::Payload;

use super::event::read_bounded;

/// How far the file is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The run is on the user's own machine: the file is the user's.
    Own,
    /// The workflow names the file with `config`.
    Named,
    /// The file lies in the checkout, and the workflow does not name it.
    Found,
    /// The event is about a commit of another repository, so the file may be a stranger's.
    Foreign,
}

impl Trust {
    pub(super) fn of(environment: &Environment, is_named: bool) -> Self {
        // Source: documentation of GitHub, GitLab, CircleCI and others: `CI` is set in every job.
        let in_job = environment.in_actions()
            || environment.other_ci().is_some()
            || environment.get("CI").is_some_and(|ci| ci != "false");
        if !in_job {
            Self::Own
        } else if is_foreign(environment) {
            Self::Foreign
        } else if is_named {
            Self::Named
        } else {
            Self::Found
        }
    }

    /// Whether the file may say everything.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Own | Self::Named)
    }

    /// Whether the checkout may be a stranger's.
    pub(super) fn is_foreign(self) -> bool {
        self == Self::Foreign
    }

    /// Whether the run is a job, whose log shows where its settings come from.
    pub(super) fn in_job(self) -> bool {
        self != Self::Own
    }

    /// Checks what the file says for an input; gives what is wrong, and what to do.
    pub(super) fn check(
        self,
        input: &Input,
        texts: &[String],
        paths: &Paths,
    ) -> Result<(), (String, String)> {
        if self.is_whole() || input.may_set.allows(texts, paths) {
            return Ok(());
        }
        Err(self.refusal(input.name, input.may_set.limit()))
    }

    /// What is wrong with a key that the file may not say, where `limit` says which of its values are meant; and what to do.
    pub(super) fn refusal(self, key: &str, limit: &str) -> (String, String) {
        let message = format!("`{key}`{limit} counts only when the workflow says so");
        let hint = match self {
            Self::Foreign => {
                "give it as an input of the step: the event is about a commit of another repository, whose file \
                 has no say in this"
            }
            _ => "give it as an input of the step, or name the file there: `config: tagship.yaml`",
        };
        (message, hint.to_owned())
    }
}

impl MaySet {
    /// Whether a file that is not trusted may give these texts.
    fn allows(self, texts: &[String], paths: &Paths) -> bool {
        match self {
            // Which registry it may be is decided where the account is known.
            Self::Anyone | Self::OwnAccount => true,
            Self::Workflow => false,
            Self::WithinCheckout => texts
                .iter()
                .map(|text| text.trim())
                .all(|text| !is_address(text) && paths.is_within(Path::new(text))),
            Self::FolderWithinCheckout => texts.iter().flat_map(|text| text.lines()).all(|line| {
                let value = line.split_once('=').map_or("", |(_, value)| value.trim());
                !is_address(value) && paths.is_within(Path::new(value))
            }),
            Self::WithValue => texts
                .iter()
                .flat_map(|text| quoted::entries(text))
                .all(|entry| entry.contains('=')),
        }
    }

    /// Which values need the workflow, where others do not.
    const fn limit(self) -> &'static str {
        match self {
            Self::Anyone | Self::OwnAccount | Self::Workflow => "",
            Self::WithinCheckout | Self::FolderWithinCheckout => " outside of the checkout",
            Self::WithValue => " without `=value`, which takes a variable of the job,",
        }
    }
}

/// Whether the event is about a commit of another repository. An event that cannot be read counts as one.
fn is_foreign(environment: &Environment) -> bool {
    let name = environment.get("GITHUB_EVENT_NAME").unwrap_or_default();
    payload(environment).is_about_another_repository(name)
        || environment.other_job().is_some_and(|job| job.is_of_fork)
}

/// What the event's file says, as far as it can be read.
pub(super) fn payload(environment: &Environment) -> Payload {
    environment
        .get("GITHUB_EVENT_PATH")
        .map(|path| environment.working_directory().join(path))
        .and_then(|path| read_bounded(&path, Payload::MAX_BYTES).ok())
        .and_then(|json| Payload::parse(&json).ok())
        .unwrap_or_default()
}
