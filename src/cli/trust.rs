//! The flags that say which jobs a role trusts.

use clap::{Args, ValueEnum};
use url::Url;

use crate::inputs::{Environment, SettingsError};
use crate::run::TrustRequest;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::iam::{GithubRepository, InvalidTrust, JobFilter, RepositoryIds, SubjectForms};

/// What the policies of a role are made from is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoleArgumentError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("`GITHUB_REPOSITORY`: {0}")]
    Variable(#[from] InvalidTrust),
}

impl Diagnose for RoleArgumentError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::Variable(_) => Some("name the repository with `--github-repository`".into()),
        }
    }
}

/// Which jobs a role trusts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which jobs the role trusts")]
pub(super) struct TrustArguments {
    /// The repository on GitHub [default: `GITHUB_REPOSITORY`, else the remote `origin`]
    #[arg(long, value_name = "OWNER/NAME", value_parser = GithubRepository::parse)]
    github_repository: Option<GithubRepository>,
    /// Jobs of a branch, or of those of a pattern; may be repeated [default: main]
    #[arg(long, value_name = "PATTERN", value_parser = JobFilter::branch)]
    branch: Vec<JobFilter>,
    /// Jobs of a git tag, or of those of a pattern; may be repeated [default: v*, or the images' `tag-prefix`]
    #[arg(long, value_name = "PATTERN", value_parser = JobFilter::tag)]
    tag: Vec<JobFilter>,
    /// Jobs that name an environment, or one of a pattern; may be repeated. Their tokens say nothing of branch and tag
    #[arg(long, value_name = "PATTERN", value_parser = JobFilter::environment)]
    environment: Vec<JobFilter>,
    /// Jobs of pull requests from the repository itself
    #[arg(long)]
    pull_request: bool,
    /// How the token's subject names the repository: since 2026-07-15 with its id and its owner's
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Both)]
    subject: Form,
    /// The id of the repository's owner, for immutable subjects [default: `GITHUB_REPOSITORY_OWNER_ID`, else any]
    #[arg(long, value_name = "ID", requires = "repository_id")]
    owner_id: Option<u64>,
    /// The id of the repository, for immutable subjects [default: `GITHUB_REPOSITORY_ID`, else any]
    #[arg(long, value_name = "ID", requires = "owner_id")]
    repository_id: Option<u64>,
    /// Who issues the tokens, if not github.com
    #[arg(long, value_name = "URL", value_parser = issuer, default_value = "https://token.actions.githubusercontent.com")]
    issuer: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Either form
    Both,
    /// `repo:owner/name:…` alone
    Classic,
    /// `repo:owner@1/name@2:…` alone
    Immutable,
}

/// Reads an issuer's URL; gives it as resource names and condition keys have it, without `https://`.
///
/// Source: IAM user guide, "Create an OpenID Connect identity provider": `https`, no port, no query.
fn issuer(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_plain = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.host_str() {
        Some(host) if OTHERS.contains(&host) => Err(
            "its tokens do not say their subjects as GitHub's do: docs/other-ci.md says what to trust"
                .to_owned(),
        ),
        Some(host) if is_plain => Ok(format!("{host}{}", url.path().trim_end_matches('/'))),
        _ => Err("it is not of the form `https://host/path`".to_owned()),
    }
}

/// The servers whose repositories an issuer knows: github.com's, or those of the GitHub Enterprise server that it is.
fn servers(issuer: &str, environment: &Environment) -> Vec<String> {
    if issuer != DEFAULT_ISSUER {
        let host = issuer.split('/').next().unwrap_or(issuer);
        return vec![host.to_owned()];
    }
    let of_job = environment.get("GITHUB_SERVER_URL");
    let of_job = of_job.and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_owned));
    std::iter::once("github.com".to_owned()).chain(of_job).collect()
}

/// Who issues the tokens of jobs on github.com, without `https://`.
const DEFAULT_ISSUER: &str = "token.actions.githubusercontent.com";

/// Who issues tokens whose subjects are not GitHub's. Source: each system's page on OpenID Connect.
const OTHERS: [&str; 5] = [
    "gitlab.com",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "api.bitbucket.org",
    "vstoken.dev.azure.com",
];

impl TrustArguments {
    /// Returns the name of the repository that flags or the job's variables give, and which of its jobs are trusted.
    pub(super) fn into_request(self, environment: &Environment) -> Result<TrustRequest, InvalidTrust> {
        let of_job = environment
            .get("GITHUB_REPOSITORY")
            .map(GithubRepository::parse)
            .transpose()?;
        let number = |name: &str| environment.get(name)?.parse::<u64>().ok();
        let ids = match (self.owner_id, self.repository_id) {
            (Some(owner), Some(repository)) => Some((owner, repository)),
            // The variables are about the job's own repository.
            _ if self.github_repository.is_none() || self.github_repository == of_job => {
                number("GITHUB_REPOSITORY_OWNER_ID").zip(number("GITHUB_REPOSITORY_ID"))
            }
            _ => None,
        };
        let mut jobs = [self.branch, self.tag, self.environment].concat();
        jobs.extend(self.pull_request.then_some(JobFilter::PullRequest));
        Ok(TrustRequest {
            repository: self.github_repository.or(of_job),
            ids: ids.map(|(owner, repository)| RepositoryIds { owner, repository }),
            jobs,
            forms: match self.subject {
                Form::Both => SubjectForms::Both,
                Form::Classic => SubjectForms::Classic,
                Form::Immutable => SubjectForms::Immutable,
            },
            servers: servers(&self.issuer, environment),
            issuer: self.issuer,
            workspace: environment.working_directory().to_owned(),
        })
    }
}
