//! Messages of every form, whoever wrote them.

use crate::bump::{Change, Level};

fn read(message: &str) -> Option<Change> {
    Change::read(message.as_bytes())
}

/// Source: Conventional Commits 1.0.0, the section of examples.
#[test]
fn the_specifications_examples() {
    for (message, kind, scope, breaking) in [
        (
            "feat: allow provided config object to extend other configs\n\nBREAKING CHANGE: `extends` key in config \
             file is now used for extending other config files",
            "feat",
            None,
            true,
        ),
        (
            "feat!: send an email to the customer when a product is shipped",
            "feat",
            None,
            true,
        ),
        (
            "feat(api)!: send an email to the customer when a product is shipped",
            "feat",
            Some("api"),
            true,
        ),
        (
            "chore!: drop support for Node 6\n\nBREAKING CHANGE: use JavaScript features not available in Node 6.",
            "chore",
            None,
            true,
        ),
        ("docs: correct spelling of CHANGELOG", "docs", None, false),
        ("feat(lang): add Polish language", "feat", Some("lang"), false),
        (
            "fix: prevent racing of requests\n\nIntroduce a request id and a reference to latest request. Dismiss\n\
             incoming responses other than from latest request.\n\nRemove timeouts which were used to mitigate the \
             racing issue but are\nobsolete now.\n\nReviewed-by: Z\nRefs: #123",
            "fix",
            None,
            false,
        ),
        (
            "revert: let us never again speak of the noodle incident\n\nRefs: 676104e, a215868",
            "revert",
            None,
            false,
        ),
    ] {
        let change = read(message).unwrap();
        assert_eq!(
            (
                change.kind.as_str(),
                change.scope.as_deref(),
                change.breaking.is_some()
            ),
            (kind, scope, breaking),
            "{message}"
        );
    }
}

#[test]
fn reverts_of_git_and_of_forges_are_reverts() {
    for message in [
        "Revert \"feat: a\"\n\nThis reverts commit 860c1904a1ce19322e91ac35af1ab07466440c37.",
        "Revert \"feat: a\" (#12)\n\nReverts octo/app#11",
    ] {
        let change = read(message).unwrap();
        assert_eq!(
            (change.kind.as_str(), change.description.as_str()),
            ("revert", "feat: a")
        );
        assert_eq!(change.level(), Some(Level::Patch));
    }
    assert_eq!(read("Revert it"), None);
    assert_eq!(read("Revert \"it"), None);
}

#[test]
fn a_squashed_commit_counts_by_its_title_and_its_footers() {
    let message = "fix: a (#12)\n\n* feat: b\n\n* c\n\n---------\n\nCo-authored-by: d";
    assert_eq!(read(message).unwrap().level(), Some(Level::Patch));
    let message = "fix: a (#12)\n\n* feat: b\n\nBREAKING CHANGE: c\n\nCo-authored-by: d";
    assert_eq!(read(message).unwrap().level(), Some(Level::Major));
}

#[test]
fn foreign_bytes_stay_out_of_the_changelog() {
    let change =
        Change::read(b"feat(\xff\x1b[31m): a\x07\xe2\x80\xaeb\r\n\r\nBREAKING CHANGE: \xff\n::error::c")
            .unwrap();
    assert_eq!(change.scope.as_deref(), Some("\u{fffd}\u{fffd}"));
    assert_eq!(change.description, "a\u{fffd}b");
    assert_eq!(change.breaking.as_deref(), Some("\u{fffd} ::error::c"));
    for message in [
        "",
        "\n\n",
        ":",
        "feat:",
        "feat: ",
        "feat(: a",
        "feat(): a",
        "(a): b",
        "!: a",
        "\u{0}",
    ] {
        assert_eq!(read(message), None, "{message:?}");
    }
}

#[test]
fn of_a_huge_message_the_title_and_the_footers_are_read() {
    let long = format!(
        "fix: a\n\n{}\n\nBREAKING CHANGE: b",
        "ä\n".repeat(Change::MAX_MESSAGE)
    );
    let change = read(&long).unwrap();
    assert_eq!(change.breaking.as_deref(), Some("b"));
    let title = format!("fix: {}", "a".repeat(2 * Change::MAX_MESSAGE));
    assert!(read(&title).unwrap().description.chars().count() <= 401);
    for part in ["a: b\n", "\n\n", "a #", "BREAKING CHANGE: a\n\n", "\r"] {
        read(&format!(
            "fix: a\n\n{}",
            part.repeat(Change::MAX_MESSAGE / part.len())
        ));
    }
}

/// Source: git 2.47, `git revert` of a revert; older versions write the second form.
#[test]
fn titles_that_git_writes_are_read() {
    for (message, kind, level) in [
        ("Revert \"feat: x\"", "revert", Level::Patch),
        ("Reapply \"feat: x\"", "feat", Level::Minor),
        (
            "Reapply \"fix: x\" (#12)\n\nThis reverts commit 0.",
            "fix",
            Level::Patch,
        ),
        ("Revert \"Revert \"feat: x\"\"", "feat", Level::Minor),
        ("Revert \"Reapply \"feat: x\"\"", "revert", Level::Patch),
        ("Reapply \"Add x\"", "revert", Level::Patch),
        ("Reapply \"feat!: x\"", "feat", Level::Major),
    ] {
        let change = read(message).unwrap();
        assert_eq!(
            (change.kind.as_str(), change.level()),
            (kind, Some(level)),
            "{message}"
        );
    }
}

#[test]
fn byte_order_marks_are_no_part_of_a_title() {
    for message in ["\u{feff}feat: x", "\u{feff}\r\nfeat: x", "\n\u{feff} feat: x\r\n"] {
        assert_eq!(read(message).unwrap().kind, "feat", "{message:?}");
    }
    assert_eq!(read("\u{feff}Revert \"x\"").unwrap().kind, "revert");
}
