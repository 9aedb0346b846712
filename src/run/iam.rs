//! Policies for the role that publishes. No AWS API is called.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Outcome;
use crate::git::GixCheckout;
use crate::settings::TargetSettings;
use tagship_domain::error::{Diagnose, FailureKind, cleaned};
use tagship_domain::iam::{
    CommandPermissions, GithubRepository, JobFilter, Need, Permission, PolicyDocument, RepositoryIds,
    SubjectForms, Target, Trust, needed, permission_policy, terraform_document,
};
use tagship_domain::repositories::RegistryKind;

/// Which policy is asked for.
#[derive(Debug, Clone)]
pub struct IamRequest {
    /// The policy.
    pub policy: IamPolicy,
    /// Its language.
    pub format: PolicyFormat,
    /// What it is about.
    pub targets: TargetSettings,
}

/// A policy of a role.
#[derive(Debug, Clone)]
pub enum IamPolicy {
    /// What the role may do.
    Permissions {
        /// For these commands.
        commands: Vec<&'static CommandPermissions>,
        /// Whether what they work without is left out.
        only_required: bool,
    },
    /// Who may assume it.
    Trust(TrustRequest),
}

/// The language of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFormat {
    /// IAM's own.
    Json,
    /// Terraform's.
    Terraform,
}

/// Which jobs a role trusts.
#[derive(Debug, Clone)]
pub struct TrustRequest {
    /// Whose jobs; the remote `origin` names it when absent.
    pub repository: Option<GithubRepository>,
    /// The repository's numbers, where they are known.
    pub ids: Option<RepositoryIds>,
    /// Which of its jobs; those of `main` and of the images' versions where none is named.
    pub jobs: Vec<JobFilter>,
    /// In which form their subjects may be.
    pub forms: SubjectForms,
    /// Who issues the tokens, without `https://`.
    pub issuer: String,
    /// The hosts that the remote `origin` may be at.
    pub servers: Vec<String>,
    /// The folder of the checkout; absolute.
    pub workspace: PathBuf,
}

/// Why no policy can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IamError {
    /// Nothing names the repository on GitHub.
    #[error(
        "the repository on GitHub is not known: neither `GITHUB_REPOSITORY` nor the remote `origin` names it"
    )]
    NoRepository,
    /// The remote `origin` is at another server than the one whose jobs are trusted.
    #[error("the remote `origin` is at `{host}`, and the jobs that are trusted are those of another server")]
    OtherServer {
        /// Its host; cleaned.
        host: String,
    },
    /// A role is of one account.
    #[error("the images go to registries of several accounts, and a role belongs to one")]
    SeveralAccounts,
}

impl Diagnose for IamError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoRepository => "name it with `--github-repository owner/name`".into(),
            Self::OtherServer { .. } => {
                "name the repository with `--github-repository owner/name`, and where GitHub Enterprise makes the tokens, what issues \
                 them with `--issuer`"
                    .into()
            }
            Self::SeveralAccounts => "name one image with `--only`".into(),
        })
    }
}

/// Makes a policy, and shows it.
pub fn iam(request: IamRequest) -> Result<Outcome, IamError> {
    let targets = &request.targets.places();
    let (name, policy, mut data) = match request.policy {
        IamPolicy::Permissions {
            commands,
            only_required,
        } => {
            let public: Vec<Target> = of_kind(targets, RegistryKind::Public);
            let private = of_kind(targets, RegistryKind::Private);
            let wanted = |permission: &Permission| !only_required || permission.need == Need::Required;
            let mut permissions = needed(commands.iter().copied());
            permissions.retain(wanted);
            let mut of_public = needed(commands.iter().filter_map(|command| command.in_public()));
            of_public.retain(wanted);
            let policy = match (private.is_empty(), public.is_empty()) {
                (_, true) => permission_policy(&permissions, targets),
                (true, false) => {
                    permissions.clear();
                    permission_policy(&of_public, &public)
                }
                (false, false) => {
                    permission_policy(&permissions, &private).and(permission_policy(&of_public, &public))
                }
            };
            if !public.is_empty() {
                permissions.extend(of_public);
            }
            ("tagship_permissions", policy, json!({"permissions": permissions}))
        }
        IamPolicy::Trust(trust) => {
            let trust = trust.trust(&request.targets)?;
            let data = json!({"provider": trust.provider_arn(), "subjects": trust.subjects()});
            ("tagship_trust", trust.policy(), data)
        }
    };
    if let Some(fields) = data.as_object_mut() {
        fields.insert("policy".to_owned(), json!(policy));
    }
    Ok(Outcome {
        text: worded(name, &policy, request.format),
        json: data,
        ..Outcome::default()
    })
}

fn of_kind(targets: &[Target], kind: RegistryKind) -> Vec<Target> {
    let is_of_kind = |target: &&Target| target.kind == kind;
    targets.iter().filter(is_of_kind).cloned().collect()
}

fn worded(name: &str, policy: &PolicyDocument, format: PolicyFormat) -> String {
    match format {
        PolicyFormat::Json => policy.to_json() + "\n",
        PolicyFormat::Terraform => terraform_document(name, policy),
    }
}

impl TrustRequest {
    /// Returns what the role of the targets' account trusts.
    pub(super) fn trust(self, settings: &TargetSettings) -> Result<Trust, IamError> {
        let repository = match self.repository {
            Some(repository) => repository,
            None => of_origin(&self.workspace, &self.servers)?,
        };
        let mut places = settings.repositories.iter().map(|one| &one.place);
        let Some(first) = places.next() else {
            return Err(IamError::SeveralAccounts);
        };
        if places.any(|place| place.account != first.account) {
            return Err(IamError::SeveralAccounts);
        }
        let jobs = if self.jobs.is_empty() {
            usual_jobs(settings)
        } else {
            self.jobs
        };
        Ok(Trust {
            account: first.account.clone(),
            partition: first.region.partition(),
            issuer: self.issuer,
            audience: settings.audience.clone(),
            repository,
            ids: self.ids,
            jobs,
            forms: self.forms,
        })
    }
}

/// The jobs of the branch `main`, and those of git tags that are versions of the images.
fn usual_jobs(settings: &TargetSettings) -> Vec<JobFilter> {
    let tags = settings.repositories.iter().flat_map(|one| &one.tags);
    let mut prefixes: Vec<&str> = tags.map(|tags| tags.prefix.given().unwrap_or("v")).collect();
    if prefixes.is_empty() {
        prefixes.push("v");
    }
    let mut jobs: Vec<JobFilter> = JobFilter::branch("main").into_iter().collect();
    // A prefix that IAM would read as a variable is named by `--tag` alone.
    for job in prefixes
        .iter()
        .flat_map(|prefix| JobFilter::tag(&format!("{prefix}*")))
    {
        if !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    jobs
}

/// The repository that the remote `origin` names on one of these servers. A repository of that name elsewhere is another one.
fn of_origin(workspace: &Path, servers: &[String]) -> Result<GithubRepository, IamError> {
    let url = GixCheckout::at(workspace).origin(workspace);
    let parts = url
        .as_deref()
        .and_then(|url| url.split_once("://")?.1.split_once('/'));
    let (host, path) = parts.ok_or(IamError::NoRepository)?;
    if !servers.iter().any(|server| server.eq_ignore_ascii_case(host)) {
        return Err(IamError::OtherServer { host: cleaned(host) });
    }
    GithubRepository::parse(path).map_err(|_invalid| IamError::NoRepository)
}
