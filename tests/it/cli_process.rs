//! The program as a process: help, usage errors, exit codes, streams and the runner's files.
//!
//! Every process gets an environment of its own, so that the machine's does not count.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn tagship(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagship"));
    command
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    tagship(folder.path()).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_goes_to_stdout() {
    for (name, arguments) in [
        ("top", ["--help"].as_slice()),
        ("ship", &["ship", "--help"]),
        ("ship_short", &["ship", "-h"]),
        ("plan_short", &["plan", "-h"]),
        ("tags", &["tags", "--help"]),
        ("version", &["version", "--help"]),
        ("iam", &["iam", "--help"]),
        ("ls", &["ls", "--help"]),
        ("inspect", &["inspect", "--help"]),
        ("init", &["init", "--help"]),
        ("promote", &["promote", "--help"]),
        ("push", &["push", "--help"]),
        ("release", &["release", "--help"]),
        ("copy", &["copy", "--help"]),
        ("doctor_short", &["doctor", "-h"]),
        ("local", &["local", "--help"]),
        ("local_serve", &["local", "serve", "--help"]),
        ("completions", &["completions", "--help"]),
        ("man", &["man", "--help"]),
        ("action", &["action", "--help"]),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(stderr(&output), "");
        insta::assert_snapshot!(format!("help_{name}"), stdout(&output));
    }
}

#[test]
fn the_version_is_one_line() {
    for flag in ["--version", "-V"] {
        let output = run(&[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output), format!("tagship {}\n", tagship::ui::VERSION));
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man");
    let output = tagship(folder.path())
        .args(["man", "--dir"])
        .arg(&pages)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()));
    let mut names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in ["tagship.1", "tagship-ship.1", "tagship-local-serve.1"] {
        assert!(
            names.iter().any(|known| known == name),
            "no `{name}` among {names:?}"
        );
    }
    assert!(!names.iter().any(|name| name.contains("action")), "{names:?}");
    let page = stdout(&run(&["man"]));
    assert_eq!(page, fs::read_to_string(pages.join("tagship.1")).unwrap());
    assert!(page.contains(".TH tagship 1"), "{page}");
}

#[test]
fn pages_that_cannot_be_written_are_an_error() {
    let output = run(&["man", "--dir", "/dev/null/man"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: the pages cannot be written to `/dev/null/man`: "));
}

#[test]
fn usage_errors_have_the_shape_of_all_errors_and_code_2() {
    for (arguments, message, hint) in [
        (
            ["ship", "--tgs", "x"].as_slice(),
            "unexpected argument `--tgs` found",
            "a similar argument exists: `--tags`",
        ),
        (
            &["ship", "extra"],
            "unexpected argument `extra` found",
            "`tagship ship --help` lists the options",
        ),
        (
            &["shp"],
            "unrecognized subcommand `shp`",
            "a similar subcommand exists: `ship`",
        ),
        (
            &["ship", "--color", "red", "--local"],
            "invalid value `red` for `--color <WHEN>` [possible values: auto, always, never]",
            "`tagship ship --help` lists the options",
        ),
        (
            &["ship", "--local", "--progress", "tty"],
            "`--progress` asks for `tty`, and stderr is no terminal",
            "take `auto`, which looks for one, or `plain`",
        ),
        (
            &["ship", "--local", "--quiet", "--progress=plain"],
            "`--quiet` and `--progress plain` cannot be used together",
            "leave one of them out",
        ),
        (
            &["plan", "--progress", "rawjson"],
            "invalid value `rawjson` for `--progress <MODE>` [possible values: auto, plain, tty, json, quiet]",
            "`tagship plan --help` lists the options",
        ),
        (
            &["local", "serve", "--account", "12"],
            "invalid value `12` for `--account <ID>`: account id `12` is not 12 digits",
            "`tagship local serve --help` lists the options",
        ),
        (
            &["ship", "--version"],
            "a value is required for `--version <VERSION>` but none was supplied",
            "`tagship ship --help` lists the options",
        ),
        (
            // Of a variable that is not set.
            &["promote", "--from", "1.0.0", "--to", " "],
            "invalid value ` ` for `--to <TAG|RULE>`: it is blank",
            "`tagship promote --help` lists the options",
        ),
        (
            // A flag that is misspelt, where a value may stand.
            &["copy", "--nope"],
            "unexpected argument `--nope` found",
            "`tagship copy --help` lists the options",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert_eq!(
            stderr(&output),
            format!("error: {message}\n\nhint: {hint}\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_number_below_zero_is_judged_as_a_number() {
    let output = run(&[
        "plan",
        "--local",
        "--repository",
        "team/app",
        "--compression-level",
        "-1",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`--compression-level`: `-1` is no level of `gzip`, which has 0 to 9"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn without_a_command_there_is_help_on_stderr_and_code_2() {
    for arguments in [[].as_slice(), &["local"], &["--quiet"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(stderr(&output).contains("Usage: tagship"), "{}", stderr(&output));
    }
}

#[test]
fn help_is_a_word_too() {
    for command in ["ship", "promote"] {
        let by_word = run(&["help", command]);
        assert_eq!(by_word.status.code(), Some(0));
        assert_eq!(stdout(&by_word), stdout(&run(&[command, "--help"])));
    }
    assert_eq!(stdout(&run(&["help"])), stdout(&run(&["--help"])));
}

#[test]
fn with_json_an_error_is_data_too() {
    for arguments in [["ship", "--json"].as_slice(), &["--json", "ship", "--nonsense"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let data: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(data["status"], "failed");
        assert_eq!(data["exit-code"], 2);
        assert!(data["error"]["message"].is_string(), "{data}");
        assert!(stderr(&output).starts_with("error: "));
    }
    // What publishes nothing has no report, whose fields would say that nothing was published.
    for arguments in [
        ["ls", "--json"].as_slice(),
        &["inspect", "--json", "1.0.0"],
        &["promote", "--json", "1.0.0", "prod"],
        &["copy", "--json", "a"],
        &["tags", "--json", "--tag", "type=x"],
        &["iam", "--json"],
        &["ls", "--json", "--nonsense"],
        &["--json"],
        &["local", "--json"],
    ] {
        let output = run(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            stderr(&output)
        );
        let data: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        let names: Vec<&String> = data.as_object().unwrap().keys().collect();
        assert_eq!(names, ["error", "exit-code"], "{arguments:?}");
    }
}

#[test]
fn settings_errors_have_code_2_and_name_their_origins() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::write(
        folder.path().join("tagship.yaml"),
        "repository: Team/App\nregistory: x\n",
    )
    .unwrap();
    let output = tagship(folder.path())
        .args(["plan", "--account-id", "123456789012"])
        .env("TAGSHIP_AWS_REGION", "mars")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn completions_are_made_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = stdout(&output);
        assert!(script.contains("build-args"), "{shell}");
        // The action's own command is not for people: as each of the shells would name it.
        for offer in [
            "tagship,action",
            "(action)",
            "\"action\"",
            "cand action ",
            "'action'",
        ] {
            assert!(!script.contains(offer), "{shell}: {offer}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tagship(folder.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut talk = String::new();
    child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(talk, "");
}

#[test]
fn a_full_disk_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = tagship(folder.path())
        .args(["completions", "bash"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: the result cannot be written to stdout"));
}

/// A job's step: its files, and the variables that name them.
struct Step {
    folder: TempDir,
}

impl Step {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        for name in ["output", "summary", "artifacts"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        Self { folder }
    }

    fn command(&self) -> Command {
        let path = self.folder.path();
        let mut command = tagship(path);
        command
            .arg("action")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", path)
            .env("GITHUB_OUTPUT", path.join("output"))
            .env("GITHUB_STEP_SUMMARY", path.join("summary"))
            .env("GITHUB_ARTIFACTS", path.join("artifacts"));
        command
    }
}

#[test]
fn progress_is_chosen_by_the_flag_then_by_the_variable() {
    let plan = |arguments: &[&str], variable: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut command = tagship(folder.path());
        command
            .args(["plan", "--repository", "Not/Legal"])
            .args(arguments);
        command.env("TAGSHIP_PROGRESS", variable).output().unwrap()
    };
    for (arguments, variable, has_json) in [
        (["--progress", "json"].as_slice(), "", true),
        (&["--progress=json"], "plain", true),
        (&[], "json", true),
        (&["--progress", "plain"], "json", false),
        (&["--progress", "quiet"], "", false),
        (&["--quiet"], "json", false),
        (&[], "auto", false),
    ] {
        let output = plan(arguments, variable);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("Not/Legal"), "{arguments:?} {variable}");
        let json = serde_json::from_str::<serde_json::Value>(&stdout(&output));
        assert_eq!(json.is_ok(), has_json, "{arguments:?} {variable}");
    }
    for (variable, message) in [
        (
            "tty",
            "error: `TAGSHIP_PROGRESS` asks for `tty`, and stderr is no terminal\n",
        ),
        (
            "loud",
            "error: `TAGSHIP_PROGRESS`: `loud` is no way to show progress\n",
        ),
    ] {
        let output = plan(&["--json"], variable);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with(message), "{}", stderr(&output));
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(json["exit-code"], 2);
    }
}

#[test]
fn what_is_wrong_in_the_file_is_noted_at_its_line() {
    let step = Step::new();
    let folder = step.folder.path().join("services/a");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("tagship.yaml"),
        "repository: team/app\n\nno-such-input: 1\n",
    )
    .unwrap();
    let mut command = tagship(&folder);
    let output = command
        .arg("plan")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", step.folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let talk = stderr(&output);
    assert!(
        talk.contains("\n::error title=Tagship,file=services/a/tagship.yaml,line=3::"),
        "{talk}"
    );
}

#[test]
fn a_step_that_fails_writes_every_output_and_one_annotation() {
    let step = Step::new();
    let output = step
        .command()
        .env("INPUT_REPOSITORY", "Team/App")
        .env("INPUT_DRY-RUN", "maybe")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let talk = stderr(&output);
    assert_eq!(talk.matches("::error title=Tagship::").count(), 1, "{talk}");
    assert!(
        talk.contains("input `repository`: ") && talk.contains("input `dry-run`: "),
        "{talk}"
    );
    let written = fs::read_to_string(step.folder.path().join("output")).unwrap();
    for declared in tagship::report::OUTPUTS {
        assert!(
            written.contains(&format!("{}<<ghadelimiter_", declared.name)),
            "{}",
            declared.name
        );
    }
}

#[test]
fn a_step_that_fails_says_where_the_image_would_have_gone() {
    let step = Step::new();
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let output = step
        .command()
        .env("INPUT_REPOSITORY", "team/app")
        .env("INPUT_REGISTRY", registry)
        .output()
        .unwrap();
    // Its folder is no checkout.
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let written = fs::read_to_string(step.folder.path().join("output")).unwrap();
    for (name, value) in [
        ("repository", "team/app"),
        ("registry", registry),
        ("status", "failed"),
    ] {
        let mut lines = written.lines();
        lines.find(|line| line.starts_with(&format!("{name}<<")));
        assert_eq!(lines.next(), Some(value), "{name}: {written}");
    }
}

#[test]
fn secrets_are_masked_before_anything_else_is_said() {
    let step = Step::new();
    let output = step
        .command()
        .env("INPUT_REPOSITORY", "team/app")
        .env("INPUT_LOCAL", "true")
        .env("INPUT_SECRETS", "npm=s3cret-value")
        .env("INPUT_GITHUB-TOKEN", "s3cret-token")
        .env("INPUT_DRY-RUN", "true")
        .output()
        .unwrap();
    let talk = stderr(&output);
    let first: Vec<&str> = talk.lines().take(2).collect();
    assert_eq!(first, ["::add-mask::s3cret-value", "::add-mask::s3cret-token"]);
    assert_eq!(talk.matches("s3cret").count(), 2, "{talk}");
    assert!(!stdout(&output).contains("s3cret"));
}

#[test]
fn a_file_that_cannot_be_written_stops_the_step_before_it_begins() {
    let step = Step::new();
    let output = step
        .command()
        .env("GITHUB_OUTPUT", step.folder.path())
        .env("INPUT_REPOSITORY", "team/app")
        .env("INPUT_LOCAL", "true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let talk = stderr(&output);
    assert!(talk.starts_with("error: `"), "{talk}");
    assert!(
        talk.contains("which `GITHUB_OUTPUT` names, cannot be written"),
        "{talk}"
    );
    assert_eq!(
        fs::read_to_string(step.folder.path().join("summary")).unwrap(),
        ""
    );
}

/// Where a value comes from is the first question about a run that does something else than it should.
#[test]
fn the_log_says_what_counts_and_by_what() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("tagship.yaml"),
        "repository: team/app\ntags: [type=sha]\n",
    )
    .unwrap();
    let output = tagship(folder.path())
        .args(["plan", "-v", "--offline", "--account-id", "123456789012"])
        .env("TAGSHIP_AWS_REGION", "eu-central-1")
        .env("TAGSHIP_SECRETS", "npm=s3cret-value")
        .output()
        .unwrap();
    let log = stderr(&output);
    for line in [
        "`account-id` is `123456789012`, from `--account-id`",
        "`aws-region` is `eu-central-1`, from `TAGSHIP_AWS_REGION`",
        "`repository` is `team/app`, from tagship.yaml:1:1",
        "`tags` is `type=sha`, from tagship.yaml:2:1",
        "`secrets` is given, from `TAGSHIP_SECRETS`",
        "`context` is `.` by default",
    ] {
        assert!(log.contains(line), "no {line} in\n{log}");
    }
    assert!(!log.contains("s3cret"), "{log}");
    assert!(
        !log.contains("`target` is"),
        "what has no value is not said: {log}"
    );
}
