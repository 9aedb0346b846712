//! `docs/errors.md` names errors as the program words them.

use std::collections::BTreeSet;
use std::fs;

use test_support::process::repository_root;

use crate::architecture::all_sources;

/// A message with each part that varies as `…`.
fn normalised(message: &str) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        text += "…";
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    text + rest
}

/// What stands in `#[error("…")]` anywhere, as far as it is a text.
fn messages() -> BTreeSet<String> {
    let mut messages = BTreeSet::new();
    for source in ["src", "crates"].iter().flat_map(|folder| all_sources(folder)) {
        for attribute in source.text.split("#[error(").skip(1) {
            let text = attribute
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split_once('"'));
            messages.extend(text.map(|(text, _)| normalised(text)));
        }
    }
    messages
}

#[test]
fn the_page_names_errors_as_they_are_worded() {
    let page = fs::read_to_string(repository_root().join("docs/errors.md")).unwrap();
    let messages = messages();
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert!(named.len() > 25, "{}", named.len());
    let wrong: Vec<&&str> = named.iter().filter(|named| !messages.contains(**named)).collect();
    assert!(wrong.is_empty(), "no error is worded so: {wrong:#?}");
}
