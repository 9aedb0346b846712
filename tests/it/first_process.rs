//! The action as the first process of a container: signals do nothing to it that it does not take, whatever it waits for.
//!
//! Source: `pid_namespaces(7)`, "The namespace init process"; the runner sends SIGINT, after 7.5 s SIGTERM, and SIGKILL
//! after 2.5 s more.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use test_support::checkout::Checkout;
use test_support::process::{Finished, PATIENCE, Process, scrubbed, tagship_program};

/// The runner's patience with SIGINT.
const ASKED: Duration = Duration::from_millis(7500);

/// A step in a namespace of processes of its own, where it is the first one.
struct Step {
    checkout: Checkout,
    variables: Vec<(&'static str, String)>,
}

impl Step {
    fn new() -> Self {
        let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
        for file in ["output", "summary"] {
            fs::write(checkout.path().join(".git").join(file), "").unwrap();
        }
        let step = Self {
            checkout,
            variables: Vec::new(),
        };
        let path = |file: &str| step.path(file).display().to_string();
        let (output, summary) = (path("output"), path("summary"));
        step.variable("GITHUB_OUTPUT", output)
            .variable("GITHUB_STEP_SUMMARY", summary)
            .variable("INPUT_REPOSITORY", "team/app")
    }

    /// A file that the build does not read.
    fn path(&self, file: &str) -> std::path::PathBuf {
        self.checkout.path().join(".git").join(file)
    }

    fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn start(&self) -> Process {
        let folder = self.checkout.path();
        let mut command = scrubbed("unshare", folder);
        command
            .args(["--pid", "--fork", "--kill-child", "--"])
            .arg(tagship_program())
            .arg("action")
            .current_dir(folder)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", folder)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command)
    }

    /// Interrupts the step once `is_there`, and expects that it writes all that a cancelled run writes.
    #[track_caller]
    fn is_cancelled(&self, is_there: impl FnOnce()) {
        let mut process = self.start();
        is_there();
        let asked = Instant::now();
        interrupt_first_process(process.id());
        assert!(
            process.ends_within(ASKED),
            "it did not end after {:?}",
            asked.elapsed()
        );
        self.expect_all_outputs(&process.wait(), 130);
    }

    #[track_caller]
    fn expect_all_outputs(&self, finished: &Finished, code: i32) {
        finished.expect_code(code);
        assert_eq!(
            finished.stderr.matches("::error title=Tagship::").count(),
            1,
            "{}",
            finished.stderr
        );
        let outputs = fs::read_to_string(self.path("output")).unwrap();
        for declared in tagship::report::OUTPUTS {
            assert!(
                outputs.contains(&format!("{}<<", declared.name)),
                "{}: {outputs}",
                declared.name
            );
        }
        assert_ne!(fs::read_to_string(self.path("summary")).unwrap(), "");
    }
}

/// Sends SIGINT to the child of `unshare`, as the engine does on behalf of the runner.
fn interrupt_first_process(unshare: u32) {
    let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
    let first = children.trim().to_owned();
    let status = Command::new("sh")
        .args(["-c", "kill -s INT \"$1\"", "sh", &first])
        .status()
        .unwrap();
    assert!(status.success(), "{first}");
}

/// A peer that takes a connection and says nothing; the closure waits for it.
fn silent_peer() -> (String, impl FnOnce()) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let wait = move || {
        let (connection, _) = listener.accept().unwrap();
        // It stays open as long as the test's process lasts, and so does whoever else comes.
        std::mem::forget((connection, listener));
    };
    (address, wait)
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Waits until another process opens the pipe for reading.
fn is_read(pipe: &Path) {
    /// Linux, `asm-generic/fcntl.h`, `O_NONBLOCK`: without a reader, opening fails.
    const NOT_WAITING: i32 = 0o4000;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match fs::OpenOptions::new()
            .write(true)
            .custom_flags(NOT_WAITING)
            .open(pipe)
        {
            Ok(writer) => return std::mem::forget(writer),
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::NotFound),
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("`{}` is not read", pipe.display());
}

#[test]
fn a_slow_disk_under_git_does_not_hold_a_cancelled_step() {
    for file in [".git/HEAD", ".git/config", ".git/packed-refs"] {
        let step = Step::new()
            .variable("INPUT_LOCAL", "true")
            .variable("INPUT_DRY-RUN", "true");
        let pipe = step.checkout.path().join(file);
        fs::remove_file(&pipe).ok();
        make_pipe(&pipe);
        step.is_cancelled(|| is_read(&pipe));
    }
}

#[test]
fn no_silent_peer_holds_a_cancelled_step() {
    let role = "arn:aws:iam::123456789012:role/publish";
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    // GitHub, which is to give an OIDC token.
    let (address, is_there) = silent_peer();
    Step::new()
        .variable("INPUT_REGISTRY", registry)
        .variable("INPUT_ROLE-TO-ASSUME", role)
        .variable("ACTIONS_ID_TOKEN_REQUEST_URL", format!("http://{address}/"))
        .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t0ken")
        .is_cancelled(is_there);

    // AWS.
    let (address, is_there) = silent_peer();
    Step::new()
        .variable("INPUT_REGISTRY", address.clone())
        .variable("INPUT_ENDPOINT-URL", format!("http://{address}"))
        .variable("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .variable(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .is_cancelled(is_there);

    // The engine.
    let (address, is_there) = silent_peer();
    Step::new()
        .variable("INPUT_LOCAL", "true")
        .variable("INPUT_DOCKER-HOST", format!("tcp://{address}"))
        .is_cancelled(is_there);
}

#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let refused = |step: Step, code: i32, words: &str| {
        let mut process = step.start();
        assert!(process.ends_within(ASKED), "{words}");
        let finished = process.wait();
        finished.expect_code(code);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    };
    let local = || {
        Step::new()
            .variable("INPUT_LOCAL", "true")
            .variable("INPUT_DRY-RUN", "true")
    };

    let step = local();
    make_pipe(&step.checkout.path().join("tagship.yaml"));
    refused(step, 2, "is no regular file");

    let step = local();
    make_pipe(&step.checkout.path().join(".dockerignore"));
    refused(step, 2, "it is no regular file");

    for (variable, code, words) in [
        (
            "GITHUB_OUTPUT",
            1,
            "which `GITHUB_OUTPUT` names, cannot be written",
        ),
        (
            "GITHUB_STEP_SUMMARY",
            1,
            "which `GITHUB_STEP_SUMMARY` names, cannot be written",
        ),
        ("GITHUB_EVENT_PATH", 0, "==> plan"),
    ] {
        let step = local();
        let pipe = step.path("pipe");
        make_pipe(&pipe);
        refused(step.variable(variable, pipe.display().to_string()), code, words);
    }
}
