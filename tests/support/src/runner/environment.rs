//! The environment that the runner gives to a container action.

use std::collections::BTreeMap;

use super::folders::{Folders, StepFiles};

/// What workflow and event tell about a job.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// `owner/name`.
    pub repository: String,
    /// The full commit id.
    pub sha: String,
    /// The full ref, such as `refs/tags/v1.2.3`.
    pub git_ref: String,
    /// The event's name, such as `push`.
    pub event_name: String,
    /// The address of GitHub's API.
    pub api_url: String,
    /// Where and with what OIDC tokens are had, if the job has `id-token: write`.
    pub id_token: Option<(String, String)>,
    /// The workflow's own `env`.
    pub env: BTreeMap<String, String>,
}

impl JobContext {
    /// A push of a tag or branch.
    pub fn push(repository: &str, git_ref: &str, sha: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            sha: sha.to_owned(),
            git_ref: git_ref.to_owned(),
            event_name: "push".to_owned(),
            api_url: "https://api.github.com".to_owned(),
            id_token: None,
            env: BTreeMap::new(),
        }
    }

    fn ref_type_and_name(&self) -> (&'static str, &str) {
        let kinds = [
            ("refs/tags/", "tag"),
            ("refs/heads/", "branch"),
            ("refs/pull/", "branch"),
        ];
        let found = kinds
            .iter()
            .find_map(|(prefix, kind)| Some((*kind, self.git_ref.strip_prefix(prefix)?)));
        found.unwrap_or(("branch", &self.git_ref))
    }
}

/// The variable of an input: in capitals, spaces to underscores; dashes and dots stay.
pub fn input_variable(name: &str) -> String {
    format!("INPUT_{}", name.replace(' ', "_").to_uppercase())
}

/// All variables with the values that the docker client is given: translated to the container's paths.
pub fn variables(
    job: &JobContext,
    inputs: &BTreeMap<String, String>,
    folders: &Folders,
    files: &StepFiles,
) -> BTreeMap<String, String> {
    let mut variables = job.env.clone();
    let mut set = |name: &str, value: &str| {
        variables.insert(name.to_owned(), value.to_owned());
    };
    for (name, value) in inputs {
        set(&input_variable(name), value);
    }
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let (ref_type, ref_name) = job.ref_type_and_name();
    let owner = job.repository.split('/').next().unwrap_or_default();
    for (name, value) in [
        ("ACTION", "__tagship_tagship"),
        ("ACTION_PATH", ""),
        ("ACTION_REF", "v1"),
        ("ACTION_REPOSITORY", "tagship/tagship"),
        ("ACTOR", "octocat"),
        ("ACTOR_ID", "583231"),
        ("API_URL", &job.api_url),
        ("BASE_REF", ""),
        ("EVENT_NAME", &job.event_name),
        ("GRAPHQL_URL", &format!("{}/graphql", job.api_url)),
        ("HEAD_REF", ""),
        ("JOB", "ship"),
        ("REF", &job.git_ref),
        ("REF_NAME", ref_name),
        ("REF_PROTECTED", "false"),
        ("REF_TYPE", ref_type),
        ("REPOSITORY", &job.repository),
        ("REPOSITORY_ID", "74"),
        ("REPOSITORY_OWNER", owner),
        ("REPOSITORY_OWNER_ID", "65"),
        ("RETENTION_DAYS", "90"),
        ("RUN_ATTEMPT", "1"),
        ("RUN_ID", "1658821493"),
        ("RUN_NUMBER", "3"),
        ("SERVER_URL", "https://github.com"),
        ("SHA", &job.sha),
        ("TRIGGERING_ACTOR", "octocat"),
        ("WORKFLOW", "release"),
        (
            "WORKFLOW_REF",
            &format!("{}/.github/workflows/release.yml@{}", job.repository, job.git_ref),
        ),
        ("WORKFLOW_SHA", &job.sha),
        ("WORKSPACE", &path(folders.workspace())),
        ("EVENT_PATH", &path(folders.workflow().join("event.json"))),
    ] {
        set(&format!("GITHUB_{name}"), value);
    }
    for (name, file) in files.all() {
        set(&format!("GITHUB_{}", name.to_uppercase()), &path(file));
    }
    for (name, value) in [
        ("HOME", path(folders.home())),
        ("RUNNER_OS", "Linux".to_owned()),
        ("RUNNER_ARCH", "X64".to_owned()),
        ("RUNNER_NAME", "GitHub Actions 2".to_owned()),
        ("RUNNER_ENVIRONMENT", "github-hosted".to_owned()),
        ("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache".to_owned()),
        ("RUNNER_TEMP", path(folders.temp())),
        ("RUNNER_WORKSPACE", path(folders.runner_workspace())),
        ("ACTIONS_RUNTIME_URL", "http://127.0.0.1:9/".to_owned()),
        (
            "ACTIONS_RUNTIME_TOKEN",
            "runtime-token-of-the-simulated-runner".to_owned(),
        ),
    ] {
        set(name, &value);
    }
    if let Some((url, token)) = &job.id_token {
        set("ACTIONS_ID_TOKEN_REQUEST_URL", url);
        set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token);
    }
    for value in variables.values_mut() {
        *value = folders.translate(value);
    }
    variables
}
