//! `action.yml` and `docs/reference.md` are made from the table of inputs; a stale one fails here.
//!
//! `cargo xtask generate` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use tagship::cli::help::EXIT_CODES;
use tagship::report::OUTPUTS;
use tagship::schema::{INPUTS, Input, InputKind, Section};

#[test]
fn action_yml_is_what_the_table_says() {
    is_fresh("action.yml", &action_yml());
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    is_fresh("docs/reference.md", &reference_page());
}

/// Read by another program than the one that wrote it: what the runner would see of the action.
#[test]
fn action_yml_declares_each_input_and_output_once_and_calls_the_action() {
    let action: serde_yaml::Value = serde_yaml::from_str(&action_yml()).unwrap();
    let names = |key: &str| -> Vec<String> {
        let declared = action.get(key).and_then(serde_yaml::Value::as_mapping).unwrap();
        declared
            .keys()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    let inputs: Vec<&str> = INPUTS.iter().map(|input| input.name).collect();
    assert_eq!(names("inputs"), inputs);
    let outputs: Vec<&str> = OUTPUTS.iter().map(|output| output.name).collect();
    assert_eq!(names("outputs"), outputs);
    assert_eq!(action["runs"]["using"].as_str(), Some("docker"));
    assert_eq!(action["runs"]["image"].as_str(), Some("Dockerfile"));
    assert_eq!(action["runs"]["args"][0].as_str(), Some("action"));
    for input in INPUTS {
        let default = &action["inputs"][input.name]["default"];
        assert_eq!(
            default.as_str(),
            input.action_default,
            "a default of `{}` in action.yml would win over tagship.yaml",
            input.name
        );
    }
}

#[test]
fn names_and_variables_are_distinct_and_legal() {
    let mut names: Vec<&str> = INPUTS.iter().map(|input| input.name).collect();
    assert!(names.iter().all(|name| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    }));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), INPUTS.len());
}

#[expect(clippy::disallowed_methods, reason = "a test has no front that sets it")]
pub(crate) fn is_fresh(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("TAGSHIP_REGENERATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is stale: cargo xtask generate");
}

fn action_yml() -> String {
    let mut text = "\
# Made from the table of inputs: cargo xtask generate
# Defaults are not given here, because the runner would pass them on as if the workflow had set them, and
# tagship.yaml would never count.
name: Tagship
description: Takes a commit to an immutable, verified, released container image in Amazon ECR, in one step
author: The Tagship authors
branding:
  icon: anchor
  color: blue
inputs:
"
    .to_owned();
    for input in INPUTS {
        let description = quoted(&format!("{}.{}", input.help, default_sentence(input)));
        write!(
            text,
            "  {}:\n    description: {description}\n    required: false\n",
            input.name
        )
        .unwrap();
        if let Some(default) = input.action_default {
            writeln!(text, "    default: {default}").unwrap();
        }
    }
    text.push_str("outputs:\n");
    for output in OUTPUTS {
        let description = quoted(output.description);
        write!(text, "  {}:\n    description: {description}\n", output.name).unwrap();
    }
    text.push_str("runs:\n  using: docker\n  image: Dockerfile\n  args:\n    - action\n");
    text
}

/// A text in single quotes. Source: YAML 1.2.2, section 7.3.2.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn default_sentence(input: &Input) -> String {
    match default(input) {
        Some(default) => format!(" Default: {default}."),
        None => String::new(),
    }
}

fn default(input: &Input) -> Option<String> {
    input.default_note.map(str::to_owned).or_else(|| {
        let lines: Vec<String> = input.default?.lines().map(|line| format!("`{line}`")).collect();
        Some(lines.join(" and "))
    })
}

fn reference_page() -> String {
    let mut page = "\
<!-- Made from the table of inputs: cargo xtask generate -->
# Reference

## Inputs

Every input has one name, and can be given in four ways. The first that is given and not empty counts:

1. the flag `--name`, or the action's input `name`;
2. the variable `TAGSHIP_NAME`, in upper case with `_` for `-`;
3. the key `name` in `tagship.yaml`, in the workspace;
4. the default, which may be another tool's variable.

Flags of the kind *true or false* stand alone (`--dry-run`) or take a value (`--dry-run=false`). *Entries* are lines; as
flag they may be repeated, in `tagship.yaml` they may be a list or, where they are pairs, a mapping. Relative paths begin
in the workspace: in the action the checkout, elsewhere the current folder. In the action, paths of the runner's host
and of job containers are understood too.
"
    .to_owned();
    for section in Section::ALL {
        write!(page, "\n### {}\n", section.heading()).unwrap();
        for input in INPUTS.iter().filter(|input| input.section == section) {
            input_entry(&mut page, input);
        }
    }
    page.push_str(
        "
## What a file in the checkout may say

On your own machine `tagship.yaml` is yours, and may say everything. In a job (`GITHUB_ACTIONS`, `CI`) it is whoever wrote
the commit, so that some inputs count from the file only when the workflow names it (`config: tagship.yaml`), and never
when the event is about a commit of another repository ([pull requests from forks](pull-requests.md)). A run that finds
such a key in the file, and not in the workflow, ends with exit code 2 before anything is contacted.

| input | may stand in a file that the workflow does not name |
|---|---|
",
    );
    for input in INPUTS.iter().filter(|input| input.faces.has_file_key()) {
        writeln!(page, "| `{}` | {} |", input.name, input.may_set.described()).unwrap();
    }
    page.push_str(
        "
## What the action's container does not see

The action runs in a container that is given the workspace, `RUNNER_TEMP` and the engine's socket. It has none of the host's
programs, of its `~/.docker`, `~/.aws` and `~/.ssh`, and of its ssh agent. These values are refused in the action before anything is done;
with `uses: tagship/tagship/setup@v1` the command runs on the host itself and takes them.

| input | needs `setup` for |
|---|---|
",
    );
    for input in INPUTS {
        if let Some(described) = input.needs_setup.described() {
            writeln!(page, "| `{}` | {described} |", input.name).unwrap();
        }
    }
    page.push_str(
        "
## Outputs of the action

Every output is always written; those that a run has nothing for are empty.

| output | what |
|---|---|
",
    );
    for output in OUTPUTS {
        writeln!(page, "| `{}` | {} |", output.name, output.description).unwrap();
    }
    page.push_str("\n## Exit codes\n\n| code | what |\n|---|---|\n| 0 | done |\n");
    for (kind, meaning) in EXIT_CODES {
        writeln!(page, "| {} | {meaning} |", kind.exit_code()).unwrap();
    }
    page.push_str(
        "
## Environment

| variable | what |
|---|---|
| `TAGSHIP_<NAME>` | any input |
| `NO_COLOR` | not empty: no colour |
| `CLICOLOR_FORCE` | not empty and not `0`: colour also where stderr is no terminal |
| `RUNNER_DEBUG` | `1`: show the log, as `-vv` does; the runner sets it when a job is run again with debugging |
| `GITHUB_ACTIONS` | `true`: talk to the runner (groups, annotations, masks) and read GitHub's variables |

## The command `tagship action`

The entry point of the action: `tagship ship`, with the inputs taken from the runner's `INPUT_*` variables, and with
the outputs, the summary and the attestable subject written to the files that the runner names.

## Secrets in what is printed

Every secret that Tagship knows is replaced by `***` in what it prints, line by line, from 5 characters on; in GitHub
Actions it is also given to the runner as a mask before it is used. Secrets that come from a file (`src=`) are read only
when a build step asks for them, and are not recognised in the step's output.
",
    );
    page
}

fn input_entry(page: &mut String, input: &Input) {
    let kind = match input.kind {
        InputKind::Text => "text",
        InputKind::Flag => "true or false",
        InputKind::FlagOr(word) => &format!("true, false or `{word}`"),
        InputKind::Integer { .. } => "whole number",
        InputKind::Entries => "entries",
        InputKind::Records { .. } => "entries of fields",
        InputKind::Secret => "secret",
    };
    let mut names = vec![format!("input `{}`", input.name)];
    if input.faces.has_flag() {
        names.insert(0, format!("`--{}`", input.name));
    }
    names.push(format!("`{}`", input.variable()));
    if input.faces.has_file_key() {
        names.push(format!("key `{}`", input.name));
    }
    write!(
        page,
        "\n#### `{}`\n\n{}.\n\n- {} · {kind}\n",
        input.name,
        input.help,
        names.join(" · ")
    )
    .unwrap();
    if let Some(default) = default(input) {
        writeln!(page, "- default: {default}").unwrap();
    }
    if let Some(default) = input.action_default {
        writeln!(page, "- default in the action: `{default}`").unwrap();
    }
}
