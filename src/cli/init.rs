//! `tagship init`: its flags, and the questions that it asks in a terminal.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::destination::DestinationArguments;
use super::trust::{RoleArgumentError, TrustArguments};
use crate::inputs::{self, Environment};
use crate::ports::RunEvent;
use crate::run::{self, InitError, InitRequest, Outcome};
use crate::ui::Ui;
use tagship_domain::error::Diagnose;
use tagship_domain::setup::{RoleName, SetupTool};

/// The flags of `tagship init`.
#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// Print this workflow with its steps for Amazon ECR replaced by Tagship; nothing is written
    #[arg(long, value_name = "WORKFLOW", conflicts_with_all = ["yes", "role", "tool", "TrustArguments"])]
    from: Option<PathBuf>,
    /// Write the files without asking
    #[arg(long, short)]
    yes: bool,
    /// The role's name
    #[arg(long, value_name = "NAME", default_value = "tagship-publish", value_parser = RoleName::parse)]
    role: RoleName,
    /// What creates the role and the repositories
    #[arg(long, value_enum, value_name = "TOOL", default_value_t = Tool::AwsCli)]
    tool: Tool,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    destination: DestinationArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tool {
    /// A script for the AWS CLI
    AwsCli,
    /// CloudFormation templates, one for each region
    #[value(name = "cloudformation")]
    CloudFormation,
    /// A Terraform module
    Terraform,
}

impl InitArguments {
    /// Sets the repository up, as far as flags and answers say.
    pub(super) fn run(mut self, ui: &Ui, environment: &Environment) -> Result<Outcome, Box<dyn Diagnose>> {
        if let Some(from) = self.from {
            let path = environment.working_directory().join(from);
            return run::migrate(&path).map_err(boxed);
        }
        if inputs::is_public(self.destination.given(), environment) {
            return Err(boxed(InitError::Public));
        }
        if !self.yes && ui.can_ask() {
            self.ask_for_what_is_missing(ui, environment);
        }
        let is_sure = self.yes;
        let request = self.into_request(environment).map_err(boxed)?;
        let setup = run::prepare_setup(request).map_err(boxed)?;
        if is_sure {
            return setup.write().map_err(boxed);
        }
        if !ui.can_ask() || ui.is_json() {
            return Ok(setup.unwritten());
        }
        ui.reporter().event(RunEvent::Block(&setup.shown()));
        let question = format!("write {} new files? [y/N] ", setup.missing());
        let is_yes = ui
            .ask(&question)
            .is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"));
        if is_yes {
            setup.write().map_err(boxed)
        } else {
            Ok(Outcome {
                closing: "nothing was written\n".to_owned(),
                ..Outcome::default()
            })
        }
    }

    fn ask_for_what_is_missing(&mut self, ui: &Ui, environment: &Environment) {
        const QUESTIONS: [(&str, &str); 3] = [
            ("repository", "the ECR repository, such as team/app: "),
            ("account-id", "the AWS account, 12 digits: "),
            ("aws-region", "the region, such as eu-central-1: "),
        ];
        if inputs::targets(self.destination.given(), environment).is_ok() {
            return;
        }
        for (input, question) in QUESTIONS {
            self.destination.answer(input, || ui.ask(question));
        }
    }

    fn into_request(self, environment: &Environment) -> Result<InitRequest, RoleArgumentError> {
        Ok(InitRequest {
            targets: inputs::targets(self.destination.given(), environment)?,
            role: self.role,
            trust: self.trust.into_request(environment)?,
            tool: match self.tool {
                Tool::AwsCli => SetupTool::AwsCli,
                Tool::CloudFormation => SetupTool::CloudFormation,
                Tool::Terraform => SetupTool::Terraform,
            },
            workspace: environment.working_directory().to_owned(),
        })
    }
}

fn boxed(error: impl Diagnose) -> Box<dyn Diagnose> {
    Box::new(error)
}
