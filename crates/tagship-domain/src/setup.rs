//! The files that bring a repository from nothing to its first published image: inputs, workflow, policies, and what creates
//! the role and the repositories in AWS.

mod cloudformation;
mod commands;
mod mutability;
mod terraform;
mod workflow;

use std::collections::BTreeSet;

pub use self::mutability::TagSettings;

use self::mutability::NewMutability;
use crate::iam::{CommandPermissions, PolicyDocument, Target, Trust, needed, permission_policy};
use crate::reference::{Region, RegistryHost};

/// The folder of what is created in AWS.
const FOLDER: &str = "tagship-setup";

/// What is to be set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The repositories that are published to, all in the account of the trust; at least one.
    pub repositories: Vec<TargetRepository>,
    /// The role's name.
    pub role: RoleName,
    /// The identities that it trusts.
    pub trust: Trust,
    /// What creates it.
    pub tool: SetupTool,
    /// What else the settings switch on.
    pub in_use: SettingsInUse,
    /// Which images of the file are published.
    pub images: PublishedImages,
}

/// A repository that images are published to.
#[derive(Debug, Clone)]
pub struct TargetRepository {
    /// Where it is.
    pub place: Target,
    /// The tags of each image that goes there; none where no image is meant.
    pub tags: Vec<TagSettings>,
}

/// Which images of a file are published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PublishedImages {
    /// The one that the inputs are about.
    #[default]
    Single,
    /// One of several, by its name.
    Named(String),
    /// Of several those that a commit touches.
    Touched,
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

/// What creates the role and the repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupTool {
    /// A script of AWS CLI commands.
    AwsCli,
    /// CloudFormation templates.
    CloudFormation,
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
        let Trust {
            account, partition, ..
        } = &self.trust;
        format!("arn:{partition}:iam::{account}:role/{}", self.role)
    }

    /// Returns the commands that create the role and the repositories, run in the repository's root.
    ///
    /// Source: AWS CLI command reference, `cloudformation deploy`; Terraform CLI, "Switching working directory".
    pub fn creation(&self) -> Vec<String> {
        match self.tool {
            SetupTool::AwsCli => vec![format!("sh {FOLDER}/create.sh")],
            SetupTool::CloudFormation => cloudformation::templates(self)
                .into_iter()
                .map(|template| {
                    format!(
                        "aws cloudformation deploy --region {} --stack-name {} --template-file {FOLDER}/{} \
                         --capabilities CAPABILITY_NAMED_IAM",
                        template.region,
                        cloudformation::stack_name(&self.role),
                        template.name
                    )
                })
                .collect(),
            SetupTool::Terraform => vec![
                format!("terraform -chdir={FOLDER} init"),
                format!("terraform -chdir={FOLDER} apply"),
            ],
        }
    }

    /// Returns all files, in the order in which a reader should look at them.
    pub fn files(&self) -> Vec<SetupFile> {
        let file = |path: &str, content: String| SetupFile {
            path: path.to_owned(),
            content,
            is_executable: false,
        };
        let in_folder = |name: &str, content: String| file(&format!("{FOLDER}/{name}"), content);
        let mut files = Vec::new();
        // A file of several images is there.
        if let (PublishedImages::Single, Some(first)) = (&self.images, self.repositories.first()) {
            files.push(file("tagship.yaml", inputs(&first.place)));
        }
        files.push(file(".github/workflows/tagship.yml", workflow::workflow(self)));
        match self.tool {
            SetupTool::AwsCli => files.extend([
                in_folder("trust-policy.json", self.trust.policy().to_json() + "\n"),
                in_folder("permission-policy.json", self.permissions().to_json() + "\n"),
                SetupFile {
                    is_executable: true,
                    ..in_folder("create.sh", commands::script(self))
                },
            ]),
            SetupTool::CloudFormation => {
                let templates = cloudformation::templates(self).into_iter();
                files.extend(templates.map(|template| in_folder(&template.name, template.text)));
            }
            SetupTool::Terraform => files.push(in_folder("main.tf", terraform::module(self))),
        }
        files
    }

    /// Where the role is made, and all that names no region.
    fn region(&self) -> Option<&Region> {
        self.repositories.first().map(|first| &first.place.region)
    }

    /// Which tags of a repository may move; `None` where ECR makes it by a template.
    fn mutability(&self, repository: &TargetRepository) -> Option<NewMutability> {
        let is_by_template = self.in_use.commands.contains("create-by-template");
        (!is_by_template).then(|| repository.mutability(&self.trust.jobs))
    }

    fn permissions(&self) -> PolicyDocument {
        let permissions = needed(self.in_use.permissions());
        let places: Vec<Target> = self.repositories.iter().map(|one| one.place.clone()).collect();
        permission_policy(&permissions, &places)
    }
}

fn inputs(place: &Target) -> String {
    format!(
        "# The inputs of `tagship ship`: docs/reference.md\nregistry: {}\nrepository: {}\n",
        RegistryHost::of(&place.account, &place.region),
        place.repository
    )
}

#[cfg(test)]
mod tests;
