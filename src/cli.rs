//! The command line: one structure for each command, no logic.

mod arguments;
mod copy;
mod destination;
mod ending;
pub mod help;
mod iam;
mod init;
mod interrupt;
mod layout;
mod looking;
mod man;
mod output_options;
mod promote;
mod prune;
mod push;
mod registry_arguments;
mod release;
mod repo;
mod repo_cost;
mod repository;
mod scan;
mod session;
mod tags;
mod trust;
mod usage;
mod version;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::inputs::Environment;
use crate::ui::{ColorChoice, ProgressMode};
use ecr_local::ServeArguments;

pub use arguments::InputArguments;
use copy::CopyArguments;
pub use ending::install_panic_handler;
use iam::IamArguments;
use init::InitArguments;
use looking::{InspectArguments, LsArguments};
use promote::PromoteArguments;
use prune::PruneArguments;
use push::PushArguments;
use release::ReleaseArguments;
use repo::{LifecycleCommand, RepoCommand};
use scan::ScanArguments;
use tags::TagsArguments;
use version::VersionArguments;

/// Takes a commit to an immutable, verified, released container image in Amazon ECR, in one step
///
/// Build once, prove it, then tag it: the image is pushed by its digest and read back before any tag exists, so a
/// failed run burns no version, and a run that is repeated converges.
#[derive(Debug, Parser)]
#[command(
    name = "tagship",
    version = crate::ui::VERSION,
    max_term_width = 110,
    after_help = help::top(),
    after_long_help = help::top(),
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct GlobalArguments {
    /// Print the result as JSON; stdout carries nothing else
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Say only what went wrong
    #[arg(long, short, global = true, help_heading = "Output")]
    quiet: bool,
    /// Show the log: each input that counts with its origin, then every call with its status and time; twice for debugging, three times for everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    verbose: u8,
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        help = "Colour stderr: `auto`, `always` or `never`",
        help_heading = "Output"
    )]
    color: ColorChoice,
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "MODE",
        hide_possible_values = true,
        help = "Show what is done as `auto`, `plain`, `tty`, `json` (as `--json`) or `quiet` (as `--quiet`)",
        help_heading = "Output"
    )]
    progress: Option<ProgressMode>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish the commit: build, push by digest, verify, tag
    #[command(after_help = help::SHIP_SHORT, after_long_help = help::ship())]
    Ship(InputArguments<{ arguments::SHIP }>),
    /// Build the working tree, and publish nothing
    #[command(after_help = help::BUILD, after_long_help = help::BUILD)]
    Build(InputArguments<{ arguments::OTHER }>),
    /// Show what `ship` would do, and write nothing
    #[command(after_help = help::PLAN, after_long_help = help::PLAN)]
    Plan(InputArguments<{ arguments::PLAN }>),
    /// Show the tags and labels of the commit; nothing is built, and no registry is asked
    #[command(after_help = help::TAGS, after_long_help = help::TAGS)]
    Tags(Box<TagsArguments>),
    /// Show the next version, from the git tags and the commits since the last release
    #[command(after_help = help::VERSION, after_long_help = help::VERSION)]
    Version(VersionArguments),
    /// Find what keeps this checkout from being published, and what to do about it; nothing is written
    #[command(after_help = help::DOCTOR, after_long_help = help::DOCTOR)]
    Doctor(InputArguments<{ arguments::OTHER }>),
    /// Set this repository up: inputs, workflow, and what creates the role in AWS
    #[command(after_help = help::INIT, after_long_help = help::INIT)]
    Init(Box<InitArguments>),
    /// Print the IAM policies of the role that publishes
    #[command(after_help = help::IAM, after_long_help = help::IAM)]
    Iam(Box<IamArguments>),
    /// List what a repository holds: tags, versions, platforms, sizes, scans
    #[command(after_help = help::LS, after_long_help = help::LS)]
    Ls(Box<LsArguments>),
    /// Show one image's whole tree: index, images, configs, layers, labels, referrers
    #[command(after_help = help::INSPECT, after_long_help = help::INSPECT)]
    Inspect(Box<InspectArguments>),
    /// Show what the registry's scan found in an image, and whether the gate would let it pass
    #[command(after_help = help::SCAN, after_long_help = help::SCAN)]
    Scan(Box<ScanArguments>),
    /// Give an image that is there other tags, in its own repository or in others; and back
    #[command(after_help = help::PROMOTE, after_long_help = help::PROMOTE)]
    Promote(Box<PromoteArguments>),
    /// Publish an image or artifact that is there: of the engine, of an archive or layout, a Helm chart, WebAssembly
    #[command(after_help = help::PUSH, after_long_help = help::PUSH)]
    Push(Box<PushArguments>),
    /// Put the git tag of a published image, and publish its release on GitHub
    #[command(after_help = help::RELEASE, after_long_help = help::RELEASE)]
    Release(Box<ReleaseArguments>),
    /// Copy images from any registry to any other, byte for byte
    #[command(after_help = help::COPY, after_long_help = help::COPY)]
    Copy(Box<CopyArguments>),
    /// Declare repositories as code: plan, apply, import, delete; and see what they cost
    #[command(subcommand, subcommand_value_name = "COMMAND", arg_required_else_help = true)]
    Repo(RepoCommand),
    /// Show which images of repositories may go: old releases, gone branches, what has no tag; and delete them with `--apply`
    #[command(after_help = help::PRUNE, after_long_help = help::PRUNE)]
    Prune(Box<PruneArguments>),
    /// See what lifecycle policies would do
    #[command(subcommand, subcommand_value_name = "COMMAND", arg_required_else_help = true)]
    Lifecycle(LifecycleCommand),
    /// Work with the embedded ECR, which needs no AWS account
    #[command(subcommand, subcommand_value_name = "COMMAND", arg_required_else_help = true)]
    Local(LocalCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the page of the manual, or write those of all commands
    Man {
        /// The folder to write the pages to
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Publish as a GitHub action: `ship`, with the inputs taken from the runner's `INPUT_*` variables
    #[command(hide = true)]
    Action,
}

#[derive(Debug, Subcommand)]
enum LocalCommand {
    /// Serve the embedded ECR until it is interrupted
    #[command(after_help = help::SERVE, after_long_help = help::SERVE)]
    Serve(ServeArguments),
    /// Print the variables that lead the AWS CLI, the SDKs and Tagship to the embedded ECR that runs
    #[command(after_help = help::ENV, after_long_help = help::ENV)]
    Env {
        /// The folder of its state
        #[arg(long, alias = "local-data", value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

/// Runs the program; the exit codes are those of [`tagship_domain::error::FailureKind`].
pub fn main(arguments: impl IntoIterator<Item = OsString>, environment: io::Result<Environment>) -> ExitCode {
    let arguments = without_help_command(arguments.into_iter().collect());
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => match output_options::options(&cli, environment.as_ref().ok()) {
            Ok(options) => session::run(cli, options, environment),
            Err(error) => usage::refuse(&error, &Cli::command(), &arguments, environment),
        },
        Err(error) => usage::show(&error, &Cli::command(), &arguments, environment),
    }
}

/// Reads `tagship help ship` as `tagship ship --help`.
fn without_help_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.get(1).is_some_and(|command| command == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}
