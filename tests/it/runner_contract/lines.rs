//! The runner simulation's own reading of workflow commands.

use std::collections::BTreeMap;

use test_support::runner::commands::{Annotation, Observation, Reader};

fn read(lines: &[&str]) -> Observation {
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line);
    }
    reader.finish()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn an_annotation_has_its_properties_unescaped() {
    let seen = read(&["  ::error file=a%2Cb.rs,line=7,title=A%3AB::one%0Atwo%25"]);
    let expected = Annotation {
        level: "error".to_owned(),
        message: "one\ntwo%".to_owned(),
        properties: pairs(&[("file", "a,b.rs"), ("line", "7"), ("title", "A:B")]),
    };
    assert_eq!(seen.annotations, [expected]);
}

#[test]
fn an_escaped_percent_sign_is_unescaped_last() {
    let seen = read(&["::notice::%250A"]);
    assert_eq!(seen.annotations[0].message, "%0A");
}

#[test]
fn the_old_form_counts_anywhere_in_a_line() {
    let seen = read(&["#7 0.123 ##[set-output name=digest;x=y]evil%5D%3B"]);
    assert_eq!(seen.outputs, pairs(&[("digest", "evil];")]));
}

#[test]
fn the_new_form_counts_only_at_the_start_of_a_line() {
    let seen = read(&[
        "#7 0.1 ::set-output name=digest::evil",
        "\t::set-output name=tag::evil",
    ]);
    assert_eq!(seen.outputs, pairs(&[("tag", "evil")]));
    assert_eq!(seen.log, ["#7 0.1 ::set-output name=digest::evil"]);
}

#[test]
fn names_are_compared_without_case_and_unknown_ones_are_text() {
    let seen = read(&["::Set-Output NAME=a::b", "::frobnicate::x"]);
    assert_eq!(seen.outputs, pairs(&[("a", "b")]));
    assert_eq!(seen.log, ["::frobnicate::x"]);
}

#[test]
fn nothing_counts_between_stop_and_the_token() {
    let seen = read(&[
        "::stop-commands::4711-token",
        "::set-output name=a::evil",
        "##[error]evil",
        "::add-mask::evil",
        "::other-token::",
        "::4711-TOKEN::",
        "::set-output name=b::good",
    ]);
    assert_eq!(seen.outputs, pairs(&[("b", "good")]));
    assert!(
        seen.masks.is_empty(),
        "only the token itself is kept out of the log"
    );
    assert!(seen.log.contains(&"::stop-commands::***".to_owned()));
    assert!(seen.log.contains(&"##[error]evil".to_owned()));
}

#[test]
fn a_token_resumes_in_the_old_form_too() {
    let seen = read(&["::stop-commands::tok", "x ##[tok]", "::set-output name=a::b"]);
    assert_eq!(seen.outputs, pairs(&[("a", "b")]));
}

#[test]
fn a_used_token_is_text_again() {
    let seen = read(&["::stop-commands::tok", "::tok::", "::tok::"]);
    assert_eq!(seen.log, ["::stop-commands::tok", "::tok::", "::tok::"]);
    assert_eq!(seen.errors, Vec::<String>::new());
}

#[test]
fn tokens_that_would_resume_by_accident_fail_the_step() {
    for token in ["", "error", "Pause-Logging", "stop-commands"] {
        let line = format!("::stop-commands::{token}");
        let seen = read(&[&line, "::set-output name=a::b"]);
        assert_eq!(seen.errors.len(), 1, "{token}");
        assert_eq!(seen.outputs.len(), 1, "{token}: commands are still acted on");
    }
}

#[test]
fn disabled_commands_fail_the_step() {
    let seen = read(&["::set-env name=PATH::/evil", "::add-path::/evil"]);
    assert_eq!(seen.errors.len(), 2);
}

#[test]
fn masked_values_leave_the_log_whole_by_line_and_encoded() {
    // `c2VjcmV0LW9uZQ==` is `secret-one` by coreutils' `base64`.
    let seen = read(&[
        "::add-mask::secret-one%0Asecret-two",
        "a secret-two b",
        "c2VjcmV0LW9uZQ==",
        "nothing",
    ]);
    assert_eq!(seen.log, ["a *** b", "***==", "nothing"]);
}

#[test]
fn an_empty_mask_is_a_warning() {
    let seen = read(&["::add-mask:: "]);
    assert_eq!(seen.annotations[0].level, "warning");
    assert!(seen.masks.is_empty());
}

#[test]
fn ten_annotations_of_each_kind_are_kept_and_long_ones_cut() {
    let long = format!("::warning::{}", "x".repeat(5000));
    let mut lines = vec!["::error::e"; 12];
    lines.push(&long);
    let seen = read(&lines);
    assert_eq!(seen.annotations.len(), 11);
    assert_eq!(seen.annotations[10].message.len(), 4096);
    assert_eq!(seen.log.len(), 13, "all are in the log");
}

#[test]
fn groups_are_titles_in_the_log() {
    let seen = read(&["::group::Build", "inside", "::endgroup::"]);
    assert_eq!(seen.groups, ["Build"]);
    assert_eq!(seen.log, ["##[group]Build", "inside", "##[endgroup]"]);
}

#[test]
fn echo_shows_commands_but_never_a_mask() {
    let seen = read(&[
        "::echo::ON",
        "::set-output name=a::b",
        "::add-mask::hidden-value",
        "::echo::maybe",
    ]);
    assert_eq!(seen.log, ["::set-output name=a::b", "::echo::maybe"]);
    assert_eq!(seen.errors.len(), 1, "`maybe` is neither on nor off");
}
