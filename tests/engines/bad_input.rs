//! Every wrong input gets one clear sentence, a hint and the right exit code, and leaves nothing in the registry.

use std::fs;
use std::process::Command;

use ecr_local::JournalEntry;
use test_support::engines;
use test_support::local::Ecr;
use test_support::process::{finish, tagship};
use test_support::shipping::{DOCKERFILE, NO_ENGINE, Shipyard};

/// Runs a command that must fail; compares what it says with the snapshot of this name. Gives what was asked of AWS.
#[track_caller]
fn refused(name: &str, yard: &Shipyard, command: &mut Command) -> Vec<JournalEntry> {
    let finished = finish(command);
    let asked = yard.ecr.journal();
    let code = finished.code.expect("no signal ends it");
    let folder = yard.checkout.path().to_string_lossy().into_owned();
    let home = yard.home().to_string_lossy().into_owned();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(&regex::escape(&folder), "[checkout]");
    settings.add_filter(&regex::escape(&home), "[home]");
    settings.add_filter(&regex::escape(&yard.ecr.host()), "[registry]");
    settings.add_filter(&yard.checkout.head(), "[commit]");
    settings.add_filter(&yard.checkout.head()[..12], "[short-commit]");
    settings.add_filter(r"sha256:[0-9a-f]{64}", "[digest]");
    settings.add_filter(r"\d+(\.\d+)? ?m?s\b", "[time]");
    // Whether a small transfer is seen depends on when the engine speaks of it.
    settings.add_filter(r"(?m)^transferring .*\n", "");
    let said = format!(
        "exit code {code}\n--- stdout\n{}--- stderr\n{}",
        finished.stdout, finished.stderr
    );
    settings.bind(|| insta::assert_snapshot!(format!("bad_input__{name}"), said));
    assert!(yard.tags().is_empty(), "nothing is in the registry");
    asked
}

/// `tagship ship` with wrong arguments, without an engine: inputs are read before anything else is touched.
#[track_caller]
fn refused_arguments(name: &str, arguments: &[&str]) {
    let yard = Shipyard::new();
    let asked = refused(name, &yard, &mut yard.command("ship", NO_ENGINE, arguments));
    assert_eq!(asked, [], "nothing was asked of AWS");
}

#[test]
fn an_illegal_repository() {
    refused_arguments("illegal_repository", &["--repository", "Team/App:1.0"]);
}

#[test]
fn an_illegal_registry() {
    refused_arguments("illegal_registry", &["--registry", "https://example.com/"]);
}

#[test]
fn an_illegal_role() {
    refused_arguments("illegal_role", &["--role-to-assume", "arn:aws:iam::1:user/x"]);
}

#[test]
fn a_number_out_of_range() {
    refused_arguments("number_out_of_range", &["--role-duration-seconds", "60"]);
}

#[test]
fn a_version_that_is_none() {
    refused_arguments("illegal_version", &["--version", "1.2"]);
}

#[test]
fn a_tag_that_is_illegal() {
    refused_arguments("illegal_tag", &["--tags", "type=raw,value=.hidden"]);
}

#[test]
fn a_tag_rule_that_is_unknown() {
    refused_arguments("unknown_tag_rule", &["--tags", "type=semvr"]);
}

#[test]
fn an_illegal_platform() {
    refused_arguments("illegal_platform", &["--platforms", "linux"]);
}

#[test]
fn an_account_that_is_not_allowed() {
    refused_arguments("account_not_allowed", &["--allowed-account-ids", "999999999999"]);
}

#[test]
fn several_problems_are_told_together() {
    refused_arguments(
        "several_problems",
        &[
            "--repository",
            "UPPER",
            "--version",
            "one",
            "--platforms",
            "x",
            "--labels",
            "novalue",
        ],
    );
}

#[test]
fn a_context_that_is_missing() {
    refused_arguments("missing_context", &["--context", "nowhere"]);
}

#[test]
fn a_dockerfile_that_is_missing() {
    refused_arguments("missing_dockerfile", &["--file", "docker/Dockerfile"]);
}

#[test]
fn a_flag_that_is_unknown() {
    let yard = Shipyard::new();
    let finished = finish(&mut yard.command("ship", NO_ENGINE, &["--platfrom", "linux/amd64"]));
    finished.expect_code(2);
    assert!(finished.stderr.contains("--platforms"), "{}", finished.stderr);
}

#[test]
fn a_key_of_the_file_that_is_unknown() {
    let yard = Shipyard::new();
    yard.checkout
        .write("tagship.yaml", "repository: team/app\nplatfrom: linux/amd64\n");
    refused("unknown_key", &yard, &mut yard.command("ship", NO_ENGINE, &[]));
}

#[test]
fn a_folder_that_is_no_checkout() {
    let yard = Shipyard::new();
    let mut command = yard.command("ship", NO_ENGINE, &[]);
    fs::write(yard.home().join("Dockerfile"), DOCKERFILE).expect("a file can be written");
    refused("no_checkout", &yard, command.current_dir(yard.home()));
}

#[test]
fn a_commit_without_a_version() {
    let mut yard = Shipyard::new();
    yard.commit_more();
    refused(
        "no_version",
        &yard,
        &mut yard.command("ship", NO_ENGINE, &["--tags", "type=semver,pattern={{version}}"]),
    );
}

#[test]
fn an_engine_that_is_missing() {
    let yard = Shipyard::new();
    refused("missing_engine", &yard, &mut yard.command("ship", NO_ENGINE, &[]));
}

#[test]
fn a_repository_that_is_missing() {
    let yard = Shipyard::new();
    let missing = ["--repository", "team/missing"];
    refused(
        "missing_repository",
        &yard,
        &mut yard.command("ship", NO_ENGINE, &missing),
    );
}

#[test]
fn a_role_that_does_not_trust_the_token() {
    let yard = Shipyard::new();
    // The role trusts `repo:*`; an organisation can have its subjects made otherwise.
    yard.ecr.jobs_say("sub", "organization:octo-org");
    refused("role_denied", &yard, &mut yard.command("ship", NO_ENGINE, &[]));
}

#[test]
fn a_job_without_the_permission_for_tokens() {
    let yard = Shipyard::new();
    let mut command = yard.command("ship", NO_ENGINE, &[]);
    command
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_URL")
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        .env("GITHUB_ACTIONS", "true");
    let asked = refused("no_token_permission", &yard, &mut command);
    assert_eq!(asked, []);
}

#[test]
fn a_run_without_any_credentials() {
    let yard = Shipyard::new();
    let mut command = yard.command("ship", NO_ENGINE, &[]);
    command
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_URL")
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    refused("no_credentials", &yard, &mut command);
}

#[test]
fn an_output_file_that_cannot_be_written() {
    let yard = Shipyard::new();
    let mut command = tagship(yard.home());
    // A folder is never written as a file.
    command.arg("action").env("GITHUB_OUTPUT", yard.checkout.path());
    let asked = refused("unwritable_output", &yard, &mut command);
    assert_eq!(asked, [], "it is found before anything is done");
}

#[test]
fn a_dockerfile_that_is_wrong() {
    let yard = Shipyard::with(
        Ecr::start(),
        &[("Dockerfile", "FROM busybox:1\n\nCOPPY hello /\n")],
    );
    let engine = engines::named("docker28-containerd");
    refused(
        "wrong_dockerfile",
        &yard,
        &mut yard.command("ship", &engine.host(), &[]),
    );
}

#[test]
fn a_build_step_that_fails() {
    for engine in engines::all() {
        let recipe = "FROM busybox:1\nRUN echo the last words && exit 7\n";
        let yard = Shipyard::with(Ecr::start(), &[("Dockerfile", recipe)]);
        let finished = finish(&mut yard.command("ship", &engine.host(), &[]));
        finished.expect_code(1);
        // Docker 20.10 does not say which line of the Dockerfile a step comes from.
        let place = if engine.name == "docker20-classic" {
            "RUN echo"
        } else {
            "Dockerfile:2"
        };
        for part in ["the last words", place, "hint: "] {
            assert!(
                finished.stderr.contains(part),
                "{}: no `{part}` in\n{}",
                engine.name,
                finished.stderr
            );
        }
        assert!(yard.tags().is_empty());
    }
}
