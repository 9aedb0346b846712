//! Jobs of CI systems other than GitHub Actions: what their variables say, in each system's words.

mod by_reference;

use std::fmt;

use jiff::Timestamp;

use super::{Base, Event, GitRef};
use crate::facts::CommitId;
use by_reference::{codebuild, jenkins};

/// A CI system whose jobs are read by their variables. GitHub's jobs have a payload, too, and are read with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CiSystem {
    /// Azure Pipelines. Source: Azure Pipelines docs, "Use predefined variables".
    AzurePipelines,
    /// Bitbucket Pipelines. Source: Bitbucket Cloud docs, "Variables and secrets".
    Bitbucket,
    /// Buildkite. Source: Buildkite docs, "Environment variables".
    Buildkite,
    /// `CircleCI`. Source: `CircleCI` docs, "Project values and variables".
    CircleCi,
    /// AWS `CodeBuild`. Source: `CodeBuild` user guide, "Environment variables in build environments".
    CodeBuild,
    /// GitLab CI/CD. Source: GitLab docs, "Predefined CI/CD variables reference".
    Gitlab,
    /// Jenkins. Source: documentation of the Git plugin and of the Pipeline Multibranch plugin.
    Jenkins,
}

/// What a job of another system than GitHub Actions is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiJob {
    /// The system.
    pub system: CiSystem,
    /// What started the job, in GitHub's words: `push`, `pull_request`, `schedule`, `workflow_dispatch`.
    pub event: Event,
    /// Whether the commit may be of another repository: a pull request from a fork, or one whose origin is unknown.
    pub is_of_fork: bool,
}

/// Looks up a variable that is set and not empty.
type Variables<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

impl CiSystem {
    /// Every system.
    pub const ALL: [Self; 7] = [
        Self::AzurePipelines,
        Self::Bitbucket,
        Self::Buildkite,
        Self::CircleCi,
        Self::CodeBuild,
        Self::Gitlab,
        Self::Jenkins,
    ];

    /// Returns the system that a job runs on.
    pub fn detect(variables: &Variables<'_>) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.is_here(variables))
    }

    fn is_here(self, variables: &Variables<'_>) -> bool {
        let (name, value) = self.mark();
        variables(name).is_some_and(|found| value.is_none_or(|value| found.eq_ignore_ascii_case(value)))
    }

    /// The variable that every job of the system has, and its value where that is always the same.
    const fn mark(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::AzurePipelines => ("TF_BUILD", Some("true")),
            Self::Bitbucket => ("BITBUCKET_BUILD_NUMBER", None),
            Self::Buildkite => ("BUILDKITE", Some("true")),
            Self::CircleCi => ("CIRCLECI", Some("true")),
            Self::CodeBuild => ("CODEBUILD_BUILD_ARN", None),
            Self::Gitlab => ("GITLAB_CI", Some("true")),
            Self::Jenkins => ("JENKINS_URL", None),
        }
    }

    /// The variables that hold an OIDC token of the job by the system's own doing, the best first.
    pub const fn id_tokens(self) -> &'static [&'static str] {
        match self {
            Self::Bitbucket => &["BITBUCKET_STEP_OIDC_TOKEN"],
            Self::CircleCi => &["CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"],
            _ => &[],
        }
    }

    /// The variable that says which run of which pipeline the job belongs to.
    pub const fn run_id(self) -> &'static str {
        match self {
            Self::AzurePipelines => "BUILD_BUILDID",
            Self::Bitbucket => "BITBUCKET_BUILD_NUMBER",
            Self::Buildkite => "BUILDKITE_BUILD_NUMBER",
            Self::CircleCi => "CIRCLE_WORKFLOW_ID",
            Self::CodeBuild => "CODEBUILD_BUILD_ID",
            Self::Gitlab => "CI_PIPELINE_ID",
            Self::Jenkins => "BUILD_NUMBER",
        }
    }

    /// Reads the variables of a job.
    pub fn job(self, variables: &Variables<'_>) -> CiJob {
        let (event, is_of_fork) = match self {
            Self::AzurePipelines => azure_pipelines(variables),
            Self::Bitbucket => bitbucket(variables),
            Self::Buildkite => buildkite(variables),
            Self::CircleCi => circleci(variables),
            Self::CodeBuild => codebuild(variables),
            Self::Gitlab => gitlab(variables),
            Self::Jenkins => jenkins(variables),
        };
        CiJob {
            system: self,
            event,
            is_of_fork,
        }
    }
}

impl fmt::Display for CiSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AzurePipelines => "Azure Pipelines",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::Buildkite => "Buildkite",
            Self::CircleCi => "CircleCI",
            Self::CodeBuild => "AWS CodeBuild",
            Self::Gitlab => "GitLab CI/CD",
            Self::Jenkins => "Jenkins",
        })
    }
}

/// What a job is at; the first that is known counts.
#[derive(Default)]
struct At<'a> {
    pull_request: Option<&'a str>,
    tag: Option<&'a str>,
    branch: Option<&'a str>,
}

impl At<'_> {
    fn git_ref(&self) -> GitRef {
        match (self.pull_request, self.tag, self.branch) {
            (Some(number), ..) => GitRef::new(&format!("refs/pull/{number}/merge")),
            (None, Some(tag), _) => GitRef::new(&format!("refs/tags/{tag}")),
            (None, None, Some(branch)) => GitRef::new(&format!("refs/heads/{branch}")),
            (None, None, None) => GitRef::default(),
        }
    }

    /// Returns the event of a job that a push started, or a person or schedule by `starter`.
    fn event(&self, commit: Option<&str>, target: Option<&str>, starter: Starter) -> Event {
        let name = match starter {
            _ if self.pull_request.is_some() => "pull_request",
            Starter::Push => "push",
            Starter::Schedule => "schedule",
            Starter::Person => "workflow_dispatch",
        };
        Event {
            name: name.to_owned(),
            git_ref: self.git_ref(),
            commit: commit.and_then(CommitId::parse),
            base_ref: target.filter(|_| self.pull_request.is_some()).map(short),
            ..Event::default()
        }
    }
}

#[derive(Clone, Copy)]
enum Starter {
    Push,
    Schedule,
    Person,
}

impl Starter {
    /// Reads the word that a system has for what started a job.
    fn of(word: Option<&str>, schedules: &[&str], persons: &[&str]) -> Self {
        match word {
            Some(word) if schedules.contains(&word) => Self::Schedule,
            Some(word) if persons.contains(&word) => Self::Person,
            _ => Self::Push,
        }
    }
}

/// A branch without `refs/heads/`.
fn short(branch: &str) -> String {
    branch.strip_prefix("refs/heads/").unwrap_or(branch).to_owned()
}

/// A commit, unless it is all zeros, which stands for none.
fn commit(text: Option<&str>) -> Option<CommitId> {
    text.filter(|hex| hex.bytes().any(|digit| digit != b'0'))
        .and_then(CommitId::parse)
}

/// Merge requests of forks run in the fork's project, or at a member's wish in the parent's.
fn gitlab(get: &Variables<'_>) -> (Event, bool) {
    let source = get("CI_PIPELINE_SOURCE");
    let external = get("CI_EXTERNAL_PULL_REQUEST_IID");
    let at = At {
        pull_request: get("CI_MERGE_REQUEST_IID").or(external),
        tag: get("CI_COMMIT_TAG"),
        branch: get("CI_COMMIT_BRANCH"),
    };
    let target = get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
        .or_else(|| get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME"));
    let starter = Starter::of(source, &["schedule"], &["web", "api", "trigger", "chat"]);
    let of_merge_request = commit(get("CI_MERGE_REQUEST_DIFF_BASE_SHA"));
    let event = Event {
        default_branch: get("CI_DEFAULT_BRANCH").map(str::to_owned),
        committed_at: get("CI_COMMIT_TIMESTAMP").and_then(|time| time.parse::<Timestamp>().ok()),
        base: of_merge_request
            .or_else(|| commit(get("CI_COMMIT_BEFORE_SHA")))
            .map(Base::Commit),
        ..at.event(get("CI_COMMIT_SHA"), target, starter)
    };
    let is_of_fork = if external.is_some() {
        get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY") != get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY")
    } else {
        at.pull_request.is_some() && get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != get("CI_PROJECT_ID")
    };
    (event, is_of_fork)
}

/// A number is given to pull requests of forks alone; the others are jobs of their branch.
fn circleci(get: &Variables<'_>) -> (Event, bool) {
    let branch = get("CIRCLE_BRANCH");
    let number = get("CIRCLE_PR_NUMBER").or_else(|| branch?.strip_prefix("pull/"));
    let at = At {
        pull_request: number,
        tag: get("CIRCLE_TAG"),
        branch,
    };
    let event = at.event(get("CIRCLE_SHA1"), None, Starter::Push);
    (event, number.is_some())
}

/// A build of a tag names it as its branch, too. One that a person or schedule started has `HEAD` as its commit, which stands
/// for the branch's newest.
fn buildkite(get: &Variables<'_>) -> (Event, bool) {
    let at = At {
        pull_request: get("BUILDKITE_PULL_REQUEST").filter(|number| *number != "false"),
        tag: get("BUILDKITE_TAG"),
        branch: get("BUILDKITE_BRANCH"),
    };
    let starter = Starter::of(get("BUILDKITE_SOURCE"), &["schedule"], &["ui", "api"]);
    let event = Event {
        default_branch: get("BUILDKITE_PIPELINE_DEFAULT_BRANCH").map(str::to_owned),
        is_of_head: at.tag.is_none() && get("BUILDKITE_COMMIT") == Some("HEAD"),
        ..at.event(
            get("BUILDKITE_COMMIT"),
            get("BUILDKITE_PULL_REQUEST_BASE_BRANCH"),
            starter,
        )
    };
    let own = get("BUILDKITE_REPO").map(owner_and_name);
    let other = get("BUILDKITE_PULL_REQUEST_REPO").map(owner_and_name);
    (
        event,
        at.pull_request.is_some() && (other.is_none() || own != other),
    )
}

/// The last two parts of a repository's address, whichever protocol it is of.
fn owner_and_name(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix(".git").unwrap_or(address);
    let mut parts: Vec<&str> = address.rsplit(['/', ':']).take(2).collect();
    parts.reverse();
    parts.join("/").to_ascii_lowercase()
}

/// A fork's pull request starts no pipeline here.
fn bitbucket(get: &Variables<'_>) -> (Event, bool) {
    let at = At {
        pull_request: get("BITBUCKET_PR_ID"),
        tag: get("BITBUCKET_TAG"),
        branch: get("BITBUCKET_BRANCH"),
    };
    let target = get("BITBUCKET_PR_DESTINATION_BRANCH");
    (at.event(get("BITBUCKET_COMMIT"), target, Starter::Push), false)
}

/// The reference is a full one, `refs/pull/7/merge` for a pull request.
fn azure_pipelines(get: &Variables<'_>) -> (Event, bool) {
    let git_ref = GitRef::new(get("BUILD_SOURCEBRANCH").unwrap_or_default());
    let at = At {
        pull_request: git_ref.pull_request(),
        tag: git_ref.tag(),
        branch: git_ref.branch(),
    };
    let starter = Starter::of(get("BUILD_REASON"), &["Schedule"], &["Manual"]);
    let target = get("SYSTEM_PULLREQUEST_TARGETBRANCH");
    let event = at.event(get("BUILD_SOURCEVERSION"), target, starter);
    let is_own = get("SYSTEM_PULLREQUEST_ISFORK").is_some_and(|fork| fork.eq_ignore_ascii_case("false"));
    (event, at.pull_request.is_some() && !is_own)
}

#[cfg(test)]
mod tests;
