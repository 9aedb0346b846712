//! Tells the program which commit it is built from, for `tagship --version`.
//!
//! `scripts/build-binary` says it in two variables. Without them git is asked, for a release build alone: elsewhere every
//! commit would compile the package anew.

use std::path::Path;
use std::process::Command;

#[expect(
    clippy::disallowed_methods,
    reason = "a build script has its inputs in the environment alone"
)]
fn main() {
    let given = ["TAGSHIP_BUILD_COMMIT", "TAGSHIP_BUILD_DATE"].map(|name| {
        println!("cargo::rerun-if-env-changed={name}");
        std::env::var(name).ok().filter(|value| !value.is_empty())
    });
    let build = match given {
        [Some(commit), Some(date)] => format!("{commit} {date}"),
        _ if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") => {
            of_git().unwrap_or_else(|| "unknown".to_owned())
        }
        _ => "unknown".to_owned(),
    };
    println!("cargo::rustc-env=BUILD_STAMP={build}");
}

/// Returns the commit's 12 digits and its day in UTC, if this folder is the root of a repository.
fn of_git() -> Option<String> {
    // The source may lie within another project's repository.
    if !Path::new(".git").exists() {
        return None;
    }
    let head = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(head.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&[
        "log",
        "-1",
        "--abbrev=12",
        "--date=format-local:%Y-%m-%d",
        "--format=%h %cd",
    ])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .env("TZ", "UTC")
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
