//! The page about tags: every example prints what the page says.

use std::path::Path;
use std::process::{Command, Stdio};

use test_support::page::check;

/// Runs a line of the page in a folder without a checkout, as after a push to `main`.
fn printed(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tagship"));
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("({command}) 2>&1")])
        .env_clear()
        .env("HOME", folder)
        .env("PATH", program.parent().unwrap())
        .env("GITHUB_EVENT_NAME", "push")
        .env("GITHUB_REF", "refs/heads/main")
        .env("GITHUB_SHA", "860c1904a1ce19322e91ac35af1ab07466440c37")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_prints_what_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    check(include_str!("../../docs/tags.md"), 30, |command| {
        printed(command, folder.path())
    });
}
