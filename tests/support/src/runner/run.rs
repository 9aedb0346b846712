//! Running a container action's step, and cancelling it.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use super::commands::{Observation, Reader};
use super::environment::{JobContext, variables};
use super::files;
use super::folders::{Folders, StepFiles};
use crate::engines::Engine;
use crate::process::{Finished, PATIENCE, Process, Signal};
use crate::unique;

/// How long a cancelled step has after SIGINT. Source: the runner's `ProcessInvoker`.
pub const INT_TO_TERM: Duration = Duration::from_millis(7500);
/// How long it has after SIGTERM. Source: as above.
pub const TERM_TO_KILL: Duration = Duration::from_millis(2500);

/// One step that uses a container action.
#[derive(Debug, Clone)]
pub struct Step {
    /// The image.
    pub image: String,
    /// The inputs, declared ones with their defaults among them.
    pub inputs: BTreeMap<String, String>,
    /// `runs.entrypoint`.
    pub entrypoint: Option<String>,
    /// `runs.args`.
    pub args: Vec<String>,
    /// The job's network, which it has when it has services.
    pub network: Option<String>,
    /// Whether the engine's socket is mounted. The runner always does; Kubernetes runners have none.
    pub socket: bool,
    /// Flags that make the container see another world: names, authorities.
    pub world: Vec<String>,
}

impl Step {
    /// A step that runs `image` with `inputs`.
    pub fn new(image: &str, inputs: &[(&str, &str)]) -> Self {
        Self {
            image: image.to_owned(),
            inputs: inputs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            entrypoint: None,
            args: Vec::new(),
            network: None,
            socket: true,
            world: Vec::new(),
        }
    }
}

/// A step that runs.
pub struct Running {
    engine: &'static Engine,
    label: String,
    files: StepFiles,
    /// The docker client's process.
    pub process: Process,
}

/// What became of a step.
#[derive(Debug)]
pub struct StepResult {
    /// The exit code of the docker client, which is the container's; `None` when it had to be killed.
    pub exit_code: Option<i32>,
    /// The signals that the runner had to send.
    pub signals: Vec<Signal>,
    /// What the output did.
    pub seen: Observation,
    /// The step's outputs: those of commands, then those of the file over them.
    pub outputs: BTreeMap<String, String>,
    /// `GITHUB_ENV`.
    pub env: BTreeMap<String, String>,
    /// `GITHUB_STATE`, and what commands saved.
    pub state: BTreeMap<String, String>,
    /// `GITHUB_PATH`.
    pub path: Vec<String>,
    /// The summary that is shown.
    pub summary: Option<String>,
    /// The subjects of `GITHUB_ARTIFACTS` with their digests.
    pub artifacts: BTreeMap<String, Option<String>>,
    /// Containers that the step left, running or not.
    pub containers_left: Vec<String>,
    /// The errors that the runner reports, beside the exit code.
    pub errors: Vec<String>,
    /// The process, for its raw output.
    pub finished: Finished,
}

impl StepResult {
    /// Whether the step is shown as successful.
    pub fn succeeded(&self) -> bool {
        self.exit_code == Some(0) && self.errors.is_empty() && self.signals.is_empty()
    }

    /// The log as it is shown, and how the step ended.
    pub fn log(&self) -> String {
        let code = self
            .exit_code
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        let errors = self.errors.join("; ");
        format!(
            "{}\n[exit code {code}; errors of the runner: {errors}]",
            self.seen.log.join("\n")
        )
    }
}

/// Starts a step.
pub fn start(engine: &'static Engine, folders: &Folders, job: &JobContext, step: &Step) -> Running {
    let files = StepFiles::new(folders);
    let label = unique::hex64()[..6].to_owned();
    let variables = variables(job, &step.inputs, folders, &files);
    let mut command = Command::new("docker");
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .envs(&variables)
        .args(arguments(engine, folders, step, &label, &variables));
    Running {
        engine,
        label,
        files,
        process: Process::start(&mut command),
    }
}

/// The runner's own flags in its own order; only the engine's address and its socket's path are the test's.
fn arguments(
    engine: &Engine,
    folders: &Folders,
    step: &Step,
    label: &str,
    variables: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut arguments: Vec<String> = ["--host", &engine.host(), "run", "--name"]
        .map(str::to_owned)
        .into();
    arguments.push(format!("{}_{}", sanitized(&step.image), &unique::hex64()[..6]));
    arguments.extend(["--label", label, "--workdir", "/github/workspace", "--rm"].map(str::to_owned));
    for name in variables.keys() {
        arguments.extend(["-e".to_owned(), name.clone()]);
    }
    arguments.extend(["-e".to_owned(), "GITHUB_ACTIONS=true".to_owned()]);
    if !variables.contains_key("CI") {
        arguments.extend(["-e".to_owned(), "CI=true".to_owned()]);
    }
    if let Some(entrypoint) = &step.entrypoint {
        arguments.extend(["--entrypoint".to_owned(), entrypoint.clone()]);
    }
    if let Some(network) = &step.network {
        arguments.extend(["--network".to_owned(), network.clone()]);
    }
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let socket = step
        .socket
        .then(|| (engine.socket.clone(), "/var/run/docker.sock"));
    let folders = [
        (path(folders.temp()), "/github/runner_temp"),
        (path(folders.home()), "/github/home"),
        (path(folders.workflow()), "/github/workflow"),
        (path(folders.file_commands()), "/github/file_commands"),
        (path(folders.workspace()), "/github/workspace"),
    ];
    for (host, container) in socket.into_iter().chain(folders) {
        arguments.extend(["-v".to_owned(), format!("{host}:{container}")]);
    }
    arguments.extend(step.world.iter().cloned());
    arguments.push(step.image.clone());
    arguments.extend(step.args.iter().cloned());
    arguments
}

/// An image's name as a part of a container's name: letters, digits and underscores, no digit first.
fn sanitized(image: &str) -> String {
    let kept: String = image
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    kept.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()
}

impl Running {
    /// Waits for the end.
    pub fn wait(self) -> StepResult {
        self.end(Vec::new())
    }

    /// Cancels the step as the runner does: SIGINT to the docker client, then SIGTERM, then SIGKILL.
    pub fn cancel(mut self) -> StepResult {
        let mut signals = Vec::new();
        for (signal, time) in [
            (Signal::Int, INT_TO_TERM),
            (Signal::Term, TERM_TO_KILL),
            (Signal::Kill, PATIENCE),
        ] {
            self.process.signal(signal);
            signals.push(signal);
            if self.process.ends_within(time) {
                break;
            }
        }
        self.end(signals)
    }

    fn end(self, signals: Vec<Signal>) -> StepResult {
        let finished = self.process.wait();
        let containers_left = self.engine.containers_with_label(&self.label);
        for id in &containers_left {
            self.engine.try_run(&["rm", "--force", id]);
        }
        let mut reader = Reader::default();
        for line in &finished.lines {
            reader.line(&line.text);
        }
        let seen = reader.finish();
        let mut errors = seen.errors.clone();
        let read = |name: &str| self.files.read(name);
        let mut outputs = seen.outputs.clone();
        outputs.extend(kept(
            files::key_values(&read("output")),
            "GITHUB_OUTPUT",
            &mut errors,
        ));
        let mut state = seen.state.clone();
        state.extend(kept(
            files::key_values(&read("state")),
            "GITHUB_STATE",
            &mut errors,
        ));
        let env = kept(files::key_values(&read("env")), "GITHUB_ENV", &mut errors);
        let artifacts = kept(
            files::artifacts(&read("artifacts")),
            "GITHUB_ARTIFACTS",
            &mut errors,
        );
        let summary = files::summary(&read("step_summary"), &seen.masker);
        let summary = kept(summary, "GITHUB_STEP_SUMMARY", &mut errors);
        let path = read("path").lines().map(str::to_owned).collect();
        StepResult {
            exit_code: finished.code,
            signals,
            outputs,
            env,
            state,
            path,
            summary,
            artifacts,
            containers_left,
            errors,
            seen,
            finished,
        }
    }
}

fn kept<T: Default>(read: Result<T, files::FileError>, variable: &str, errors: &mut Vec<String>) -> T {
    read.unwrap_or_else(|error| {
        errors.push(format!("unable to process `{variable}`: {error}"));
        T::default()
    })
}
