//! The flags of `tagship iam`.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::destination::DestinationArguments;
use super::trust::{RoleArgumentError, TrustArguments};
use crate::inputs::{self, Environment};
use crate::run::{IamPolicy, IamRequest, PolicyFormat};
use tagship_domain::iam::{COMMANDS, CommandPermissions};

/// The flags of `tagship iam`.
#[derive(Debug, Args)]
pub(super) struct IamArguments {
    /// What the role may do, or who may assume it
    #[arg(value_enum, value_name = "POLICY", default_value_t = Policy::Permissions)]
    policy: Policy,
    /// The commands that the role is for; may be repeated [default: `ship`, with all that the settings switch on]
    #[arg(long = "for", value_name = "COMMAND", value_delimiter = ',', value_parser = commands())]
    commands: Vec<String>,
    /// Leave out what the commands work without
    #[arg(long)]
    only_required: bool,
    /// The language of the policy
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Json)]
    format: Format,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    destination: DestinationArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// What the role may do
    Permissions,
    /// Who may assume it
    Trust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// IAM's own
    Json,
    /// A data source `aws_iam_policy_document`
    Terraform,
}

fn commands() -> PossibleValuesParser {
    PossibleValuesParser::new(COMMANDS.iter().map(|command| command.name))
}

impl IamArguments {
    /// Returns what is asked for.
    pub(super) fn into_request(self, environment: &Environment) -> Result<IamRequest, RoleArgumentError> {
        let named = |name: &String| CommandPermissions::of(name);
        let given = self.destination.given();
        let is_of_registry = |name: &String| {
            ["repo", "prune", "lifecycle"]
                .iter()
                .any(|first| name.starts_with(first))
        };
        let (of_registry, of_images) = (
            self.commands.iter().any(is_of_registry),
            self.commands.is_empty() || !self.commands.iter().all(is_of_registry),
        );
        let mut targets = if of_registry {
            inputs::declared_targets(given.clone(), environment)?
        } else {
            inputs::targets(given.clone(), environment)?
        };
        if of_registry && of_images {
            targets
                .repositories
                .extend(inputs::targets(given, environment)?.repositories);
        }
        Ok(IamRequest {
            policy: match self.policy {
                Policy::Permissions => IamPolicy::Permissions {
                    commands: if self.commands.is_empty() {
                        targets.in_use.permissions()
                    } else {
                        self.commands.iter().filter_map(named).collect()
                    },
                    only_required: self.only_required,
                },
                Policy::Trust => IamPolicy::Trust(self.trust.into_request(environment)?),
            },
            format: match self.format {
                Format::Json => PolicyFormat::Json,
                Format::Terraform => PolicyFormat::Terraform,
            },
            targets,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Commands that ask AWS for nothing, or, as `doctor` and `action`, what other commands have rows for.
    const WITHOUT: [&str; 11] = [
        "action",
        "build",
        "completions",
        "doctor",
        "iam",
        "init",
        "local env",
        "local serve",
        "man",
        "tags",
        "version",
    ];
    const OTHERWISE: [(&str, &str); 1] = [("repo apply", "repo")];

    fn leaves(command: &clap::Command, before: &str, found: &mut Vec<String>) {
        for one in command.get_subcommands() {
            let name = format!("{before}{}", one.get_name());
            if one.has_subcommands() {
                leaves(one, &format!("{name} "), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn every_command_that_asks_aws_has_a_row() {
        let mut found = Vec::new();
        leaves(&crate::cli::Cli::command(), "", &mut found);
        assert!(found.contains(&"lifecycle preview".to_owned()), "{found:?}");
        for name in found {
            let other = OTHERWISE.iter().find(|(known, _)| *known == name);
            let row = other.map_or_else(|| name.replace(' ', "-"), |(_, row)| (*row).to_owned());
            let has_row = CommandPermissions::of(&row).is_some();
            let asks_nothing = WITHOUT.contains(&name.as_str());
            assert!(has_row != asks_nothing, "{name}");
        }
    }
}
