//! Pages of the documentation whose examples are run.

use std::path::Path;
use std::process::Command;

use super::local::Ecr;
use super::process::{finish, scrubbed, tagship_program};

/// What the registry is called on the pages.
pub const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

/// Runs a command of a page in a shell, with the settings of the page's reader, and gives what it prints: with the
/// registry's name as on the page.
pub fn run_at(ecr: &Ecr, home: &Path, command: &str) -> String {
    run_as(&ecr.command(home, &[]), home, command).replace(&ecr.host(), REGISTRY)
}

/// The same with the settings of another reader, and with names as they are printed.
pub fn run_as(reader: &Command, home: &Path, command: &str) -> String {
    let program = tagship_program();
    let settings = reader.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut shell = scrubbed("/bin/sh", home);
    shell
        .envs(settings.filter(|(name, _)| *name != "PATH"))
        .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
        .current_dir(home)
        .env("PROGRAMS", program.parent().expect("a program lies in a folder"));
    finish(&mut shell).stdout
}

/// Commands in the blocks of `console`, with what each prints, in the order of the page.
pub fn examples(page: &str) -> Vec<(&str, String)> {
    let mut examples: Vec<(&str, String)> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
        } else if let (true, Some(command)) = (is_inside, line.strip_prefix("$ ")) {
            examples.push((command, String::new()));
        } else if let (true, Some((_, printed))) = (is_inside, examples.last_mut()) {
            printed.push_str(line);
            printed.push('\n');
        }
    }
    examples
}

/// Fails unless each example prints what the page says when `run` runs it.
#[track_caller]
pub fn check(page: &str, least: usize, run: impl Fn(&str) -> String) {
    let examples = examples(page);
    assert!(examples.len() >= least, "{} examples", examples.len());
    let wrong: Vec<String> = examples
        .into_iter()
        .filter_map(|(command, expected)| {
            let found = run(command);
            (found != expected).then(|| format!("$ {command}\n{found}but the page says\n{expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
