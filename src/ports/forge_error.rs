//! What can go wrong with the forge.

use std::borrow::Cow;

use tagship_domain::error::{Diagnose, FailureKind};

/// What a token does that sends findings.
pub const SHOW_FINDINGS: &str = "show findings in";
/// What a token does that gives a commit a status.
pub const SHOW_STATE: &str = "set the status of commits in";

/// What a token does that starts workflows.
pub const START_WORKFLOWS: &str = "start workflows of";

/// What a token does that makes deployments.
pub const HAND_OVER: &str = "make deployments of";

/// What a token does that opens pull requests.
pub const PROPOSE: &str = "open pull requests in";

/// What a token does that comments.
pub const COMMENT: &str = "comment on pull requests of";

/// What can go wrong with GitHub's API.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The repository is not `owner/name`.
    #[error("`{repository}` is not a GitHub repository of the form `owner/name`")]
    InvalidRepository {
        /// What was given.
        repository: String,
    },
    /// The API refused or failed.
    #[error("GitHub could not be asked about `{repository}`: {message}")]
    Failed {
        /// `owner/name`.
        repository: String,
        /// What happened.
        message: String,
        /// Whether it may have done what was asked for, or may do it later.
        is_unsure: bool,
    },
    /// The token is refused, or may not do what was asked for.
    #[error("GitHub does not let the token {action} `{repository}`: {message}")]
    NotPermitted {
        /// `owner/name`.
        repository: String,
        /// Such as `write to`.
        action: &'static str,
        /// In its words.
        message: String,
    },
    /// The token has asked too often.
    #[error("GitHub takes no more requests about `{repository}` for {seconds} s: {message}")]
    Limited {
        /// `owner/name`.
        repository: String,
        /// How long it is to be left alone, in seconds.
        seconds: u64,
        /// In its words.
        message: String,
    },
    /// The name is taken.
    #[error("`{name}` exists in `{repository}` already")]
    Taken {
        /// `owner/name`.
        repository: String,
        /// The name.
        name: String,
    },
    /// A workflow takes no run.
    #[error("`{workflow}` of `{repository}` was not started: {message}")]
    NotStarted {
        /// `owner/name`.
        repository: String,
        /// Its file.
        workflow: String,
        /// In GitHub's words.
        message: String,
    },
    /// A git remote failed.
    #[error("git remote `{remote}` failed: {message}")]
    Remote {
        /// Its name.
        remote: &'static str,
        /// In git's words.
        message: String,
        /// Whether it may have done what was asked for, or may do it later.
        is_unsure: bool,
    },
    /// A git remote does not let the checkout's credential do it.
    #[error("git remote `{remote}` refuses: {message}")]
    RemoteRefuses {
        /// Its name.
        remote: &'static str,
        /// In git's words.
        message: String,
    },
    /// The repository's own rules refuse it.
    #[error("the rules of `{repository}` refuse `{name}`: {message}")]
    AgainstRules {
        /// `owner/name`.
        repository: String,
        /// The git tag, branch or release.
        name: String,
        /// Which rule.
        rule: ForgeRule,
        /// In GitHub's words.
        message: String,
    },
}

/// A rule of a repository on the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeRule {
    /// Who may put new git tags or branches.
    Creation,
    /// Who may move those that are there.
    Update,
    /// No release takes a name again that an immutable one has had.
    SpentName,
    /// Another, such as a pattern for names, or protection of git tags by other means.
    Other,
}

impl ForgeRule {
    const fn hint(self) -> &'static str {
        match self {
            Self::Creation => {
                "add the app whose token `github-token` is to the bypass list of the ruleset that restricts creations, or leave these names out of its target"
            }
            Self::Update => {
                "let the ruleset that restricts updates leave out what moves, such as `refs/tags/v[0-9]`, or add the app whose token `github-token` is to its bypass list; without `release-moving-tags` nothing moves"
            }
            Self::SpentName => "take another version: the name of an immutable release is never free again",
            Self::Other => {
                "look at the rulesets and tag protection in the repository's settings, and let the owner of `github-token` past the one that this name falls under"
            }
        }
    }
}

impl ForgeError {
    /// Whether what was asked for may have been done all the same, or was done by another run: who looks knows.
    pub const fn is_unsure(&self) -> bool {
        matches!(
            self,
            Self::Failed { is_unsure: true, .. } | Self::Remote { is_unsure: true, .. } | Self::Taken { .. }
        )
    }
}

impl Diagnose for ForgeError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::InvalidRepository { .. } => FailureKind::Usage,
            Self::NotPermitted { .. } | Self::RemoteRefuses { .. } => FailureKind::Credentials,
            Self::Taken { .. } => FailureKind::TagConflict,
            Self::Failed { .. }
            | Self::Limited { .. }
            | Self::NotStarted { .. }
            | Self::Remote { .. }
            | Self::AgainstRules { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::InvalidRepository { .. } | Self::Taken { .. } => return None,
            Self::Failed { is_unsure: true, .. } | Self::Remote { is_unsure: true, .. } => {
                "run again: what was done stays, and is not done twice"
            }
            Self::Failed { .. } => "check that `github-token` may read the repository's `contents`",
            Self::NotPermitted { action, .. } if *action == SHOW_FINDINGS => {
                "give the job `permissions: security-events: write`; code scanning has to be on for the repository, and a pull request from a fork never has the right"
            }
            Self::NotPermitted { action, .. } if *action == SHOW_STATE => {
                "give the job `permissions: statuses: write`; a pull request from a fork never has it"
            }
            Self::NotPermitted { action, .. } if *action == COMMENT => {
                "give the job `permissions: pull-requests: write`; a pull request from a fork never has it"
            }
            // Source: GitHub docs, "Managing GitHub Actions settings for a repository", "Preventing GitHub Actions from creating
            // or approving pull requests".
            Self::NotPermitted { action, .. } if *action == PROPOSE => {
                "give the job `permissions: pull-requests: write` and `contents: write`, and let the repository's setting Actions > General > Workflow permissions allow GitHub Actions to create pull requests (an organisation has the same setting); or give `github-token` the token of an app"
            }
            Self::NotPermitted { action, .. } if *action == START_WORKFLOWS => {
                "give the job `permissions: actions: write`"
            }
            Self::NotPermitted { action, .. } if *action == HAND_OVER => {
                "give the job `permissions: deployments: write`; a pull request from a fork never has it"
            }
            Self::NotStarted { .. } => {
                "the workflow has to be on the default branch and at the git tag, with `on: workflow_dispatch` and the inputs `version`, `image` and `digest`; and the token needs `actions: write`"
            }
            // Source: GitHub docs, "Permissions for the GITHUB_TOKEN" and "Troubleshooting the REST API".
            Self::NotPermitted { .. } => {
                "give the job `permissions: contents: write`; a pull request from a fork never has it, an organisation may withhold it, and a commit that changes `.github/workflows` needs a token with the right `workflows` in `github-token`"
            }
            Self::Remote { .. } => {
                "the job needs the program `git`, and the checkout a remote `origin`; or give `TAGSHIP_GITHUB_TOKEN` for a repository on GitHub"
            }
            Self::RemoteRefuses { .. } => {
                "let the checkout keep a credential that may push tags, or give git one by `credential.helper`"
            }
            Self::Limited { .. } => "run again later; what was done stays, and is not done twice",
            Self::AgainstRules { rule, .. } => rule.hint(),
        };
        Some(hint.into())
    }
}
