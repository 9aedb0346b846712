//! Processes under test: their lines as they come, signals by process id, bounded waits.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than any step of a test takes, so that a hanging process fails its test and not the whole run.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// How many processes with exactly these arguments run on this machine, which the engines' builds do.
pub fn running(arguments: &[&str]) -> usize {
    let wanted: Vec<u8> = arguments
        .iter()
        .flat_map(|argument| [argument.as_bytes(), &[0][..]].concat())
        .collect();
    std::fs::read_dir("/proc")
        .expect("processes are listed")
        .filter_map(Result::ok)
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .filter(|command| *command == wanted)
        .count()
}

/// Which of a process's streams a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line of output, without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it came from.
    pub stream: Stream,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// The signals that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Int,
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Kill => "KILL",
        }
    }
}

enum ReadEvent {
    Line(Line, Vec<u8>),
    End,
}

/// A running process, ended when dropped.
pub struct Process {
    child: Child,
    what: String,
    heard: Receiver<ReadEvent>,
    open_streams: u8,
    lines: Vec<Line>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A process that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// Both streams' lines in the order in which they arrived.
    pub lines: Vec<Line>,
    /// Standard output, whole.
    pub stdout: String,
    /// Standard error, whole.
    pub stderr: String,
}

impl Process {
    /// Starts `command` without standard input and with both streams read.
    pub fn start(command: &mut Command) -> Self {
        let what = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`{what}` cannot be started: {error}"));
        let (heard, receiver) = channel();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        listen(stdout, Stream::Out, heard.clone());
        listen(stderr, Stream::Err, heard);
        Self {
            child,
            what,
            heard: receiver,
            open_streams: 2,
            lines: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// The process's id, which is its own until it was waited for.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) {
        // The child is not reaped before its streams end, so its id cannot belong to another process.
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal.name()])
            .arg(self.child.id().to_string())
            .status()
            .expect("`sh` runs");
        assert!(status.success(), "`{}` could not be signalled", self.what);
    }

    /// Waits for a line, among those that came already and those to come; gives the first that fits.
    pub fn wait_for_line(&mut self, fits: impl Fn(&Line) -> bool) -> Line {
        let deadline = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            while let Some(line) = self.lines.get(looked_at) {
                if fits(line) {
                    return line.clone();
                }
                looked_at += 1;
            }
            assert!(
                self.listen_until(deadline),
                "`{}` did not write the awaited line; it wrote:\n{}",
                self.what,
                transcript(&self.lines)
            );
        }
    }

    /// Whether both streams end within `time`.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while self.listen_until(deadline) {}
        self.open_streams == 0
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Finished {
        if !self.ends_within(PATIENCE) {
            let transcript = transcript(&self.lines);
            panic!("`{}` did not end; it wrote:\n{transcript}", self.what);
        }
        let status = self.child.wait().expect("a child can be waited for");
        Finished {
            code: status.code(),
            signal: status.signal(),
            lines: std::mem::take(&mut self.lines),
            stdout: String::from_utf8_lossy(&self.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
        }
    }

    /// Takes in one more thing that is heard; `false` when nothing came before `deadline` or nothing can come.
    fn listen_until(&mut self, deadline: Instant) -> bool {
        if self.open_streams == 0 {
            return false;
        }
        let time = deadline.saturating_duration_since(Instant::now());
        match self.heard.recv_timeout(time) {
            Ok(ReadEvent::Line(line, bytes)) => {
                match line.stream {
                    Stream::Out => self.stdout.extend(bytes),
                    Stream::Err => self.stderr.extend(bytes),
                }
                self.lines.push(line);
                true
            }
            Ok(ReadEvent::End) => {
                self.open_streams -= 1;
                self.open_streams > 0
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where the process has ended and was waited for.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Finished {
    /// Fails the test unless the exit code is `code`, showing what was written.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}, got {}; written:\n{}",
            self.code
                .map_or_else(|| "none".to_owned(), |code| code.to_string()),
            transcript(&self.lines)
        );
        self
    }
}

/// A program with nothing of the test's own environment but the search path, and `home` as its home.
pub fn scrubbed(program: impl AsRef<std::ffi::OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// `PATH` with these folders before those of this process.
pub fn path_behind(folders: &[&Path]) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().map(|folder| folder.to_path_buf());
    std::env::join_paths(folders.chain(std::env::split_paths(&path))).expect("no folder has a colon")
}

/// The folder of this repository.
pub fn repository_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The program under test, which stands one folder above the test program.
pub fn tagship_program() -> PathBuf {
    let test = std::env::current_exe().expect("the test program has a path");
    let folder = test.parent().and_then(Path::parent).expect("it stands in `deps`");
    folder.join(format!("tagship{}", std::env::consts::EXE_SUFFIX))
}

/// The program under test, with a scrubbed environment and `home` as its home and working folder.
pub fn tagship(home: &Path) -> Command {
    let mut command = scrubbed(tagship_program(), home);
    // The machine that tests run on may have an instance metadata service, which the tests must not reach.
    command.current_dir(home).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Finished {
    Process::start(command).wait()
}

/// Runs a command that must succeed; gives its standard output without the last line feed.
#[track_caller]
pub fn output_of(command: &mut Command) -> String {
    let finished = finish(command);
    assert!(
        finished.code == Some(0),
        "`{}` failed:\n{}",
        command.get_program().to_string_lossy(),
        transcript(&finished.lines)
    );
    finished.stdout.trim_end_matches('\n').to_owned()
}

/// The lines as a person reads them, with their streams.
pub fn transcript(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let stream = match line.stream {
            Stream::Out => "out",
            Stream::Err => "err",
        };
        writeln!(text, "{stream}| {}", line.text).expect("a string can be written to");
        text
    })
}

fn listen(stream: impl Read + Send + 'static, which: Stream, heard: Sender<ReadEvent>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let bytes = std::mem::take(&mut bytes);
            let text = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes)).into_owned();
            if heard
                .send(ReadEvent::Line(Line { stream: which, text }, bytes))
                .is_err()
            {
                return;
            }
        }
        heard.send(ReadEvent::End).ok();
    });
}
