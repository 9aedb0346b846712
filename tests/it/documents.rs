//! Every example in the documents is run, or read as its reader would read it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use tagship::cli::Cli;
use tagship::report::OUTPUTS;
use tagship::schema::INPUTS;
use test_support::checkout::Checkout;
use test_support::process::{finish, tagship};

const DOCUMENTS: [&str; 14] = [
    "README.md",
    "docs/reference.md",
    "docs/local-ecr.md",
    "docs/building.md",
    "docs/versions.md",
    "docs/github-release.md",
    "docs/monorepo.md",
    "docs/pull-requests.md",
    "docs/permissions.md",
    "docs/copying.md",
    "docs/promoting.md",
    "docs/scanning.md",
    "docs/deploy.md",
    "docs/releasing.md",
];

/// The fenced blocks of a language in all documents, with where each begins.
fn blocks(language: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    for name in DOCUMENTS {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("it is there");
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if line.strip_prefix("```") != Some(language) {
                continue;
            }
            let block: Vec<&str> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| *line != "```")
                .collect();
            blocks.push((format!("{name}:{}", number + 1), block.join("\n")));
        }
    }
    assert!(!blocks.is_empty(), "no document has a block of `{language}`");
    blocks
}

fn commands() -> Vec<(String, Vec<String>)> {
    let lines = blocks("sh").into_iter().flat_map(|(place, block)| {
        let lines: Vec<String> = block.lines().map(str::to_owned).collect();
        lines.into_iter().map(move |line| (place.clone(), line))
    });
    lines
        .map(|(place, line)| {
            let line = line.split(" #").next().unwrap_or_default();
            (place, line.split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn every_command_is_one_that_there_is() {
    let mut own = 0;
    for (place, words) in commands() {
        let Some(first) = words.first() else { continue };
        if first == "tagship" {
            own += 1;
            let read = Cli::command().try_get_matches_from(&words);
            assert!(read.is_ok(), "{place}: {words:?}: {}", read.unwrap_err());
        } else if first.starts_with("scripts/") {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(first);
            assert!(script.is_file(), "{place}: {first}");
        }
    }
    assert!(own >= 3, "the documents show {own} commands");
}

#[test]
fn every_plan_runs_without_a_registry() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    checkout.tag("v1.0.0");
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut plans = 0;
    for (place, words) in commands() {
        let is_plan = words.iter().take(2).eq(["tagship", "plan"]);
        if !is_plan {
            continue;
        }
        plans += 1;
        let mut command = tagship(home.path());
        // No server answers there, so that nothing but this machine is asked.
        command
            .args(&words[1..])
            .args(["--endpoint-url", "http://127.0.0.1:9"])
            .current_dir(checkout.path());
        let run = finish(&mut command);
        run.expect_code(0);
        assert!(run.stdout.contains("1.0.0"), "{place}: {}", run.stdout);
    }
    assert!(plans > 0, "no document shows a plan");
}

#[test]
fn workflows_use_only_inputs_and_outputs_that_there_are() {
    let inputs: BTreeSet<&str> = INPUTS.iter().map(|input| input.name).collect();
    let outputs: BTreeSet<&str> = OUTPUTS.iter().map(|output| output.name).collect();
    let mut steps = 0;
    for (place, block) in blocks("yaml") {
        let workflow: serde_yaml::Value = serde_yaml::from_str(&block).expect("it is YAML");
        for (_, job) in workflow["jobs"].as_mapping().into_iter().flatten() {
            for step in job["steps"].as_sequence().into_iter().flatten() {
                if !step["uses"]
                    .as_str()
                    .is_some_and(|uses| uses.starts_with("tagship/"))
                {
                    continue;
                }
                steps += 1;
                for (input, _) in step["with"].as_mapping().into_iter().flatten() {
                    let input = input.as_str().expect("names are text");
                    assert!(inputs.contains(input), "{place}: there is no input `{input}`");
                }
                let id = step["id"].as_str().unwrap_or_default();
                for rest in block.split(&format!("steps.{id}.outputs.")).skip(1) {
                    let output: String = rest
                        .chars()
                        .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                        .collect();
                    assert!(
                        outputs.contains(output.as_str()),
                        "{place}: there is no output `{output}`"
                    );
                }
            }
        }
    }
    assert!(steps > 0, "no document shows the action");
}

#[test]
fn every_order_is_one_that_the_server_takes() {
    use ecr_local::{Fault, ScanOrder};
    for (place, block) in blocks("json") {
        let read = if block.contains("\"operation\"") {
            serde_json::from_str::<Fault>(&block).map(drop)
        } else {
            serde_json::from_str::<ScanOrder>(&block).map(drop)
        };
        assert!(read.is_ok(), "{place}: {}", read.unwrap_err());
    }
}
