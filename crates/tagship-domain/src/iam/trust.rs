//! Who may assume a role: jobs of one GitHub repository, by the claims of their tokens.
//!
//! Source: IAM user guide, "Create a role for OpenID Connect federation"; GitHub docs, "OpenID Connect reference".

use super::policy::{Federated, PolicyDocument, Statement};
use crate::reference::AccountId;
use crate::untrusted::cleaned;

/// A repository of GitHub, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubRepository {
    owner: String,
    name: String,
}

/// The numbers that stand for owner and repository in immutable subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositoryIds {
    /// The owner's.
    pub owner: u64,
    /// The repository's.
    pub repository: u64,
}

/// Which jobs of the repository are trusted. `*` and `?` in a value stand for any characters, as in IAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobFilter {
    /// Those of a branch.
    Branch(String),
    /// Those of a git tag.
    Tag(String),
    /// Those that name an environment; their tokens say nothing of branch or tag.
    Environment(String),
    /// Those of pull requests from the repository itself.
    PullRequest,
}

/// Which of GitHub's two forms of subject are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SubjectForms {
    /// `repo:octo/app:…`, of repositories that were there before 2026-07-15 and have not moved since.
    Classic,
    /// `repo:octo@1/app@2:…`, of all others.
    Immutable,
    /// Either: a repository has one of them, and changes to the second when it is renamed or transferred.
    #[default]
    Both,
}

/// What a role trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The role's account.
    pub account: AccountId,
    /// The partition of its resource names, such as `aws`.
    pub partition: &'static str,
    /// Who issues the tokens, without `https://`.
    pub issuer: String,
    /// The audience of the tokens.
    pub audience: String,
    /// Whose jobs.
    pub repository: GithubRepository,
    /// The repository's numbers, where they are known.
    pub ids: Option<RepositoryIds>,
    /// Which jobs; at least one filter.
    pub jobs: Vec<JobFilter>,
    /// In which form their subjects may be.
    pub forms: SubjectForms,
}

/// Why a text is none of what a trust policy is made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrust {
    /// It names no repository.
    #[error("`{shown}` is not a GitHub repository of the form `owner/name`")]
    Repository {
        /// What was given, cleaned.
        shown: String,
    },
    /// It is no name of a branch, git tag or environment.
    #[error("`{shown}` cannot be the name of {what}")]
    Filter {
        /// What was given, cleaned.
        shown: String,
        /// What it should name, such as `a branch`.
        what: &'static str,
    },
}

impl GithubRepository {
    /// Reads `owner/name`. Source: GitHub docs, "Username considerations"; the rules of github.com/new.
    pub fn parse(text: &str) -> Result<Self, InvalidTrust> {
        let legal = |part: &str, more: &str, most: usize| {
            (1..=most).contains(&part.len())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        match text.split_once('/') {
            Some((owner, name))
                if legal(owner, "-_", 39) && legal(name, "-_.", 100) && name != "." && name != ".." =>
            {
                Ok(Self {
                    owner: owner.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(InvalidTrust::Repository { shown: cleaned(text) }),
        }
    }
}

impl std::fmt::Display for GithubRepository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl JobFilter {
    /// Reads the name of a branch, or a pattern of such.
    pub fn branch(text: &str) -> Result<Self, InvalidTrust> {
        ref_name(text, "a branch").map(Self::Branch)
    }

    /// Reads the name of a git tag, or a pattern of such.
    pub fn tag(text: &str) -> Result<Self, InvalidTrust> {
        ref_name(text, "a git tag").map(Self::Tag)
    }

    /// Reads the name of an environment. Source: GitHub docs, "Managing environments": at most 255 characters.
    pub fn environment(text: &str) -> Result<Self, InvalidTrust> {
        let is_legal = (1..=255).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
            && !has_variable(text);
        if is_legal {
            Ok(Self::Environment(text.to_owned()))
        } else {
            Err(InvalidTrust::Filter {
                shown: cleaned(text),
                what: "an environment",
            })
        }
    }

    /// The end of a subject. Source: GitHub docs, "OpenID Connect reference": `:` in a value is `%3A`.
    fn ending(&self) -> String {
        match self {
            Self::Branch(name) => format!("ref:refs/heads/{name}"),
            Self::Tag(name) => format!("ref:refs/tags/{name}"),
            Self::Environment(name) => format!("environment:{}", name.replace(':', "%3A")),
            Self::PullRequest => "pull_request".to_owned(),
        }
    }
}

/// Source: git-check-ref-format(1); `*` and `?`, which no name has, are left for patterns.
fn ref_name(text: &str, what: &'static str) -> Result<String, InvalidTrust> {
    let is_legal = (1..=255).contains(&text.len())
        && !has_variable(text)
        && !text.starts_with(['/', '-'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || "~^:\\[".contains(c));
    if is_legal {
        Ok(text.to_owned())
    } else {
        Err(InvalidTrust::Filter {
            shown: cleaned(text),
            what,
        })
    }
}

/// Whether IAM would put something else in a part's place.
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
fn has_variable(text: &str) -> bool {
    text.contains("${")
}

impl Trust {
    /// Returns the resource name of the account's identity provider.
    pub fn provider_arn(&self) -> String {
        let Self {
            account,
            partition,
            issuer,
            ..
        } = self;
        format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}")
    }

    /// Returns the subjects that are trusted, in the forms that are asked for.
    ///
    /// Without the repository's numbers `*` stands for them. That is no wider than the classic form: `@` is in no name of
    /// an owner or a repository and `:` in no name of a ref, so that `octo@*/app@*:` fits no other owner and repository.
    pub fn subjects(&self) -> Vec<String> {
        let GithubRepository { owner, name } = &self.repository;
        let classic = format!("repo:{owner}/{name}");
        let immutable = match self.ids {
            Some(RepositoryIds {
                owner: owner_id,
                repository,
            }) => format!("repo:{owner}@{owner_id}/{name}@{repository}"),
            None => format!("repo:{owner}@*/{name}@*"),
        };
        let repositories: &[String] = match self.forms {
            SubjectForms::Classic => &[classic],
            SubjectForms::Immutable => &[immutable],
            SubjectForms::Both => &[classic, immutable],
        };
        repositories
            .iter()
            .flat_map(|repository| {
                self.jobs
                    .iter()
                    .map(move |job| format!("{repository}:{}", job.ending()))
            })
            .collect()
    }

    /// Returns the role's trust policy.
    pub fn policy(&self) -> PolicyDocument {
        let subjects = self.subjects();
        let operator = if subjects.iter().any(|subject| subject.contains(['*', '?'])) {
            "StringLike"
        } else {
            "StringEquals"
        };
        let mut statement =
            Statement::allowing("GithubJobs", vec!["sts:AssumeRoleWithWebIdentity".to_owned()]);
        statement.principal = Some(Federated {
            federated: self.provider_arn(),
        });
        let key = |claim: &str| format!("{}:{claim}", self.issuer);
        for (operator, claim, values) in [
            ("StringEquals", "aud", vec![self.audience.clone()]),
            (operator, "sub", subjects),
        ] {
            statement
                .conditions
                .entry(operator)
                .or_default()
                .insert(key(claim), values);
        }
        PolicyDocument::of(vec![statement])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(ids: Option<RepositoryIds>, forms: SubjectForms, jobs: Vec<JobFilter>) -> Trust {
        Trust {
            account: AccountId::parse("123456789012").unwrap(),
            partition: "aws",
            issuer: "token.actions.githubusercontent.com".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            repository: GithubRepository::parse("octo/app").unwrap(),
            ids,
            jobs,
            forms,
        }
    }

    const IDS: RepositoryIds = RepositoryIds {
        owner: 1,
        repository: 2,
    };

    // GitHub docs, "OpenID Connect reference", "Example subject claims".
    #[test]
    fn subjects_are_githubs() {
        let jobs = vec![
            JobFilter::branch("main").unwrap(),
            JobFilter::tag("v*").unwrap(),
            JobFilter::environment("prod:eu").unwrap(),
            JobFilter::PullRequest,
        ];
        assert_eq!(
            trust(Some(IDS), SubjectForms::Classic, jobs.clone()).subjects(),
            [
                "repo:octo/app:ref:refs/heads/main",
                "repo:octo/app:ref:refs/tags/v*",
                "repo:octo/app:environment:prod%3Aeu",
                "repo:octo/app:pull_request",
            ]
        );
        let main = vec![jobs[0].clone()];
        assert_eq!(
            trust(Some(IDS), SubjectForms::Both, main.clone()).subjects(),
            [
                "repo:octo/app:ref:refs/heads/main",
                "repo:octo@1/app@2:ref:refs/heads/main"
            ]
        );
        assert_eq!(
            trust(None, SubjectForms::Immutable, main).subjects(),
            ["repo:octo@*/app@*:ref:refs/heads/main"]
        );
    }

    #[test]
    fn patterns_are_compared_as_patterns_and_names_as_names() {
        let exact = trust(
            Some(IDS),
            SubjectForms::Both,
            vec![JobFilter::branch("main").unwrap()],
        );
        let json = exact.policy().to_json();
        assert!(!json.contains("StringLike"), "{json}");
        let wild = trust(
            Some(IDS),
            SubjectForms::Classic,
            vec![JobFilter::tag("v*").unwrap()],
        );
        insta::assert_snapshot!(wild.policy().to_json());
    }

    #[test]
    fn hostile_names_are_refused() {
        for text in [
            "",
            "octo",
            "octo/",
            "/app",
            "octo/app/x",
            "octo/..",
            "oc*to/app",
            "octo@1/app",
            "octo/a b",
        ] {
            assert!(GithubRepository::parse(text).is_err(), "{text}");
        }
        for text in [
            "", "a b", "a:b", "a..b", "/a", "a/", "a\nb", "a~1", "a^", "a\\b", "a.", "a${b}",
        ] {
            assert!(JobFilter::branch(text).is_err(), "{text:?}");
        }
        assert!(JobFilter::environment("a\nb").is_err());
        assert!(JobFilter::environment("${aws:username}").is_err());
        assert!(JobFilter::environment("a$b{c}").is_ok());
        assert!(JobFilter::environment(&"e".repeat(256)).is_err());
    }
}
