//! What the issuer's tokens say of a job.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the tokens of the embedded issuer say of the job that asks for one.
///
/// Source: GitHub docs, "`OpenID` Connect reference".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GithubClaims {
    /// `owner/name`.
    pub repository: String,
    /// The owner's number.
    pub repository_owner_id: u64,
    /// The repository's number.
    pub repository_id: u64,
    /// The full name of the git reference, such as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The commit.
    pub sha: String,
    /// What started the workflow, such as `push`.
    pub event_name: String,
    /// The deployment environment, which takes the place of the reference in `sub`.
    pub environment: Option<String>,
    /// Whether `sub` has the numbers too (`repo:owner@1/name@2:…`), as for repositories made since July 2026.
    pub immutable_subject: bool,
    /// Claims that are added, or take the place of others.
    pub overrides: Map<String, Value>,
}

impl Default for GithubClaims {
    fn default() -> Self {
        Self {
            repository: "example/app".to_owned(),
            repository_owner_id: 1001,
            repository_id: 2002,
            git_ref: "refs/heads/main".to_owned(),
            sha: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            event_name: "push".to_owned(),
            environment: None,
            immutable_subject: false,
            overrides: Map::new(),
        }
    }
}

impl GithubClaims {
    /// The claim `sub`.
    pub fn subject(&self) -> String {
        let (owner, name) = self.owner_and_name();
        let repository = if self.immutable_subject {
            format!(
                "{owner}@{}/{name}@{}",
                self.repository_owner_id, self.repository_id
            )
        } else {
            format!("{owner}/{name}")
        };
        // A colon separates the parts, so within one it is escaped.
        let context = match &self.environment {
            Some(environment) => format!("environment:{}", environment.replace(':', "%3A")),
            None if self.event_name == "pull_request" => "pull_request".to_owned(),
            None => format!("ref:{}", self.git_ref.replace(':', "%3A")),
        };
        format!("repo:{repository}:{context}")
    }

    fn owner_and_name(&self) -> (&str, &str) {
        self.repository.split_once('/').unwrap_or((&self.repository, ""))
    }

    /// All claims but those of time and issuer.
    pub(super) fn payload(&self, audience: Option<&str>) -> Map<String, Value> {
        let (owner, _) = self.owner_and_name();
        let audience = audience.map_or_else(|| format!("https://github.com/{owner}"), str::to_owned);
        let ref_type = if self.git_ref.starts_with("refs/tags/") {
            "tag"
        } else {
            "branch"
        };
        let workflow = format!(
            "{}/.github/workflows/release.yml@{}",
            self.repository, self.git_ref
        );
        let mut payload: Map<String, Value> = [
            ("sub", self.subject()),
            ("aud", audience),
            ("repository", self.repository.clone()),
            ("repository_owner", owner.to_owned()),
            ("repository_owner_id", self.repository_owner_id.to_string()),
            ("repository_id", self.repository_id.to_string()),
            ("repository_visibility", "private".to_owned()),
            ("ref", self.git_ref.clone()),
            ("ref_type", ref_type.to_owned()),
            ("sha", self.sha.clone()),
            ("event_name", self.event_name.clone()),
            ("actor", owner.to_owned()),
            ("actor_id", self.repository_owner_id.to_string()),
            ("base_ref", String::new()),
            ("head_ref", String::new()),
            ("workflow", "release".to_owned()),
            ("workflow_ref", workflow.clone()),
            ("workflow_sha", self.sha.clone()),
            ("job_workflow_ref", workflow),
            ("job_workflow_sha", self.sha.clone()),
            ("run_id", "1".to_owned()),
            ("run_number", "1".to_owned()),
            ("run_attempt", "1".to_owned()),
            ("runner_environment", "github-hosted".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
        if let Some(environment) = &self.environment {
            payload.insert("environment".to_owned(), environment.as_str().into());
        }
        payload.extend(self.overrides.clone());
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected texts are GitHub's: "OpenID Connect reference", "Example subject claims".
    #[test]
    fn subjects_have_githubs_forms() {
        let with = |change: fn(&mut GithubClaims)| {
            let mut claims = GithubClaims::default();
            change(&mut claims);
            claims.subject()
        };
        assert_eq!(with(|_| ()), "repo:example/app:ref:refs/heads/main");
        assert_eq!(
            with(|claims| claims.event_name = "pull_request".to_owned()),
            "repo:example/app:pull_request"
        );
        assert_eq!(
            with(|claims| claims.environment = Some("prod:eu".to_owned())),
            "repo:example/app:environment:prod%3Aeu"
        );
        assert_eq!(
            with(|claims| claims.immutable_subject = true),
            "repo:example@1001/app@2002:ref:refs/heads/main"
        );
    }
}
