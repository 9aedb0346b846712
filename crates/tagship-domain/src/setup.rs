//! The files that bring a repository from nothing to its first published image: inputs, workflow, policies, and what creates
//! the role and the repository in AWS.

mod commands;
mod mutability;
mod terraform;
mod workflow;

use std::collections::BTreeSet;

pub use self::mutability::TagSettings;

use self::mutability::NewMutability;
use crate::iam::{CommandPermissions, PolicyDocument, Target, Trust, needed, permission_policy};
use crate::reference::RegistryHost;

/// The folder of what is created in AWS.
const FOLDER: &str = "tagship-setup";

/// What is to be set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The repository that is published to.
    pub target: Target,
    /// The role's name.
    pub role: RoleName,
    /// The identities that it trusts.
    pub trust: Trust,
    /// What creates it.
    pub tool: SetupTool,
    /// What else the settings switch on.
    pub in_use: SettingsInUse,
    /// The tags that the image gets.
    pub tags: TagSettings,
    /// The image that is published, where the file holds several.
    pub only: Option<String>,
}

/// What settings switch on, as far as a role or a job hangs on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsInUse {
    /// The rows of the permissions' table that a role needs besides that of `ship`, by their names.
    pub commands: BTreeSet<&'static str>,
    /// What the job needs.
    pub job: BTreeSet<JobNeed>,
}

impl SettingsInUse {
    /// Returns the rows of the permissions' table for `ship` with these settings.
    pub fn permissions(&self) -> Vec<&'static CommandPermissions> {
        let names = std::iter::once("ship").chain(self.commands.iter().copied());
        names.filter_map(CommandPermissions::of).collect()
    }
}

/// What a job needs besides a checkout of its commit and a token for AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobNeed {
    /// All commits and git tags.
    History,
    /// The right to put git tags and releases.
    Contents,
    /// The right to comment on pull requests.
    PullRequests,
    /// The right to upload findings.
    SecurityEvents,
    /// That the workflow names the file: it says what counts only then.
    File,
    /// `cosign` on the runner.
    Cosign,
    /// `notation` on the runner.
    Notation,
}

/// What creates the role and the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupTool {
    /// A script of AWS CLI commands.
    AwsCli,
    /// A Terraform module.
    Terraform,
}

/// One file of a setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupFile {
    /// Its place, relative to the repository's root.
    pub path: String,
    /// What is in it.
    pub content: String,
    /// Whether it is a script.
    pub is_executable: bool,
}

/// The name of a role: 1 to 64 characters of `[\w+=,.@-]`. Source: IAM API reference, `CreateRole`, `RoleName`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

/// Why a text is no name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not 1 to 64 letters, digits or characters of `_+=,.@-`")]
pub struct InvalidRoleName;

impl RoleName {
    /// Reads a role's name.
    pub fn parse(text: &str) -> Result<Self, InvalidRoleName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRoleName)
        }
    }
}

impl std::fmt::Display for RoleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setup {
    /// Returns the role's resource name.
    pub fn role_arn(&self) -> String {
        let Target { account, region, .. } = &self.target;
        format!("arn:{}:iam::{account}:role/{}", region.partition(), self.role)
    }

    /// Returns all files, in the order in which a reader should look at them.
    pub fn files(&self) -> Vec<SetupFile> {
        let file = |path: &str, content: String| SetupFile {
            path: path.to_owned(),
            content,
            is_executable: false,
        };
        let in_folder = |name: &str, content: String| file(&format!("{FOLDER}/{name}"), content);
        let mut files = vec![
            file("tagship.yaml", self.inputs()),
            file(".github/workflows/tagship.yml", workflow::workflow(self)),
        ];
        match self.tool {
            SetupTool::AwsCli => files.extend([
                in_folder("trust-policy.json", self.trust.policy().to_json() + "\n"),
                in_folder("permission-policy.json", self.permissions().to_json() + "\n"),
                SetupFile {
                    is_executable: true,
                    ..in_folder("create.sh", commands::script(self))
                },
            ]),
            SetupTool::Terraform => files.push(in_folder("main.tf", terraform::module(self))),
        }
        files
    }

    fn inputs(&self) -> String {
        let Target {
            account,
            region,
            repository,
            ..
        } = &self.target;
        format!(
            "# The inputs of `tagship ship`: docs/reference.md\nregistry: {}\nrepository: {repository}\n",
            RegistryHost::of(account, region)
        )
    }

    /// Which tags of the repository may move; `None` where ECR makes it by a template.
    fn mutability(&self) -> Option<NewMutability> {
        let is_by_template = self.in_use.commands.contains("create-by-template");
        (!is_by_template).then(|| self.tags.mutability(&self.trust.jobs))
    }

    fn permissions(&self) -> PolicyDocument {
        let permissions = needed(self.in_use.permissions());
        permission_policy(&permissions, std::slice::from_ref(&self.target))
    }
}

#[cfg(test)]
mod tests;
