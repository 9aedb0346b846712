//! The inputs of the scan gate.

use super::*;

const IGNORED: &str = "id=CVE-2024-3094,until=2026-12-31,reason=not reached";

#[test]
fn limits_where_nothing_is_scanned_are_refused() {
    let said = |case: Case| case.problem();
    for case in [
        Case::complete().flag("fail-on", "critical"),
        Case::complete().flag("scan", "off").flag("fail-on", "critical"),
        Case::complete()
            .flag("fail-on", "critical")
            .file("tagship.yaml", "scan: off\n"),
        Case::complete()
            .variable("TAGSHIP_SCAN", "off")
            .flag("fail-on", "critical"),
    ] {
        let (message, hint) = said(case);
        assert_eq!(message, "`--fail-on`: `fail-on` is given, and nothing is scanned");
        assert_eq!(
            hint.as_deref(),
            Some("give `scan: wait` or `scan: start`, or leave `fail-on` out")
        );
    }
    let (message, _) = said(Case::complete().file("tagship.yaml", "scan: off\nfail-on: critical\n"));
    assert!(
        message.ends_with("`fail-on` is given, and nothing is scanned"),
        "{message}"
    );
    // A run that switches the file's gate off knows that there is none.
    let off = Case::complete()
        .file("tagship.yaml", "scan: wait\nfail-on: critical\n")
        .flag("scan", "off");
    assert!(off.settings().gate.is_none());
}

#[test]
fn an_entry_that_is_wrong_is_named_by_its_number() {
    let (message, _) = Case::complete()
        .flag("scan", "wait")
        .flag("ignore-findings", &format!("{IGNORED}\nCVE-2024-1"))
        .problem();
    assert_eq!(
        message,
        "`--ignore-findings`: entry 2, `CVE-2024-1`: `CVE-2024-1` is not of the form `name=value`"
    );
}

#[test]
fn a_file_for_findings_that_cannot_be_written_is_found_before_the_build() {
    let case = |file: &str| {
        let case = Case::complete().file("folder/there", "").flag("scan", "wait");
        case.flag("sarif-file", file)
    };
    for (file, problem) in [
        ("none/findings.sarif", "its folder does not exist"),
        ("folder", "it is no regular file"),
    ] {
        let (message, _) = case(file).problem();
        assert!(message.starts_with("`--sarif-file`: `"), "{message}");
        assert!(
            message.ends_with(&format!("cannot be written: {problem}")),
            "{message}"
        );
    }
    let good = case("folder/findings.sarif");
    assert!(good.settings().gate.unwrap().sarif.is_some());
    assert!(!good.path().join("folder/findings.sarif").exists());
}
