//! The page about versions: every example prints what the page says.

use std::path::Path;

use test_support::checkout::Checkout;
use test_support::page::check;
use test_support::process::{finish, scrubbed};

/// Commits have the ids of the page, because their authors and times are always the same.
fn printed(command: &str, checkout: &Checkout) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tagship"));
    let folder = program.parent().expect("a program lies in a folder");
    let run = finish(
        scrubbed("/bin/sh", checkout.path())
            .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
            .current_dir(checkout.path())
            .env("PROGRAMS", folder)
            .envs(checkout.identity()),
    );
    run.stdout
}

#[test]
fn every_example_prints_what_the_page_says() {
    let checkout = Checkout::empty();
    check(include_str!("../../docs/versions.md"), 20, |command| {
        printed(command, &checkout)
    });
}
