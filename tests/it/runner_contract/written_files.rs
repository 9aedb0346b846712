//! The runner simulation's own reading of outputs.

use std::collections::BTreeMap;

use test_support::runner::files::{FileError, artifacts, key_values, summary};
use test_support::runner::mask::Masker;

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn both_forms_are_read_and_the_last_value_stays() {
    let text = "a=1\n\nb<<END\nx=1\ny\nEND\nempty<<E\nE\na=2=3";
    let expected = pairs(&[("a", "2=3"), ("b", "x=1\ny"), ("empty", "")]);
    assert_eq!(key_values(text), Ok(expected));
}

#[test]
fn an_equals_sign_before_the_heredoc_makes_it_a_plain_value() {
    assert_eq!(key_values("a=b<<END\n"), Ok(pairs(&[("a", "b<<END")])));
    assert_eq!(key_values("a<<E=F\nx\nE=F\n"), Ok(pairs(&[("a", "x")])));
}

#[test]
fn blank_lines_and_line_feeds_stay_in_a_block() {
    assert_eq!(key_values("a<<E\n\nx\n\nE\n"), Ok(pairs(&[("a", "\nx\n")])));
}

#[test]
fn a_carriage_return_belongs_to_what_it_stands_in() {
    assert_eq!(key_values("a=1\r\n"), Ok(pairs(&[("a", "1\r")])));
    assert_eq!(
        key_values("a<<E\r\nx\nE\n"),
        Err(FileError::NoDelimiter("E\r".to_owned()))
    );
}

#[test]
fn malformed_files_are_errors() {
    for (text, error) in [
        ("neither", FileError::Format("neither".to_owned())),
        ("<<E\nE\n", FileError::Empty("<<E".to_owned())),
        ("a<<\n", FileError::Empty("a<<".to_owned())),
        ("a<<E\nx\n", FileError::NoDelimiter("E".to_owned())),
        ("a<<E\nx E", FileError::NoLineFeed("E".to_owned())),
    ] {
        assert_eq!(key_values(text), Err(error), "{text}");
    }
}

#[test]
fn a_summary_is_masked_and_one_above_a_mebibyte_is_not_shown() {
    let mut masker = Masker::default();
    masker.add("hidden-value");
    assert_eq!(summary("", &masker), Ok(None));
    assert_eq!(
        summary("a hidden-value\nb", &masker),
        Ok(Some("a ***\nb\n".to_owned()))
    );
    assert!(summary(&"x".repeat(1_048_576), &masker).is_ok());
    assert_eq!(summary(&"x".repeat(1_048_577), &masker), Err(FileError::TooMuch));
}

#[test]
fn artifacts_are_subjects_by_name_with_one_digest_each() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let other = format!("sha256:{}", "b".repeat(64));
    let line = |digest: &str| format!("oci://registry/team/app@{digest}\n");
    let expected = BTreeMap::from([("registry/team/app".to_owned(), Some(digest.clone()))]);
    assert_eq!(artifacts(&line(&digest)), Ok(expected.clone()));
    assert_eq!(artifacts(&line(&digest).repeat(2)), Ok(expected));
    let both = line(&digest) + &line(&other);
    assert_eq!(
        artifacts(&both),
        Err(FileError::Contradiction("registry/team/app".to_owned()))
    );
    assert_eq!(artifacts("a=b"), Err(FileError::Format("a=b".to_owned())));
    assert!(
        artifacts("oci://registry/team/app:1.0").is_err(),
        "an image needs a digest"
    );
    assert_eq!(artifacts(&"x\n".repeat(501)), Err(FileError::TooMuch));
}
