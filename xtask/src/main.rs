//! Chores of this repository: `cargo xtask generate` writes anew what is made from tables in the code.
//!
//! The generators stand beside the tests that compare: a generated file cannot differ from what a test expects.

use std::io;
use std::process::{Command, ExitCode};

/// The tests that write files, by the beginning of their names.
const GENERATORS: [&str; 6] = [
    "building_page",
    "errors_index",
    "inputs_generated",
    "limits_page",
    "permissions_page",
    "schemas::the_schemas_are",
];

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("generate"), None) => generate(),
        _ => Err(io::Error::other("usage: cargo xtask generate")),
    }
}

/// Writes `action.yml`, `docs/reference.md`, the tables in `docs`, and `docs/schemas/*.json`.
fn generate() -> io::Result<ExitCode> {
    let status = Command::new("cargo")
        .args(["test", "--quiet", "--package", "tagship", "--test", "it", "--"])
        .args(GENERATORS)
        .env("TAGSHIP_REGENERATE", "1")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
