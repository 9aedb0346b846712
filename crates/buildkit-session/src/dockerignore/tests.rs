//! Ignore files, judged as moby's pattern matcher judges them.

use super::{PatternList, clean, glob_matches, has_wildcards};

fn list(patterns: &[&str]) -> PatternList {
    PatternList::parse(patterns.iter().copied()).unwrap()
}

/// As a walk asks: folder by folder.
fn matches(patterns: &[&str], path: &str) -> bool {
    let list = list(patterns);
    let mut above = None;
    let mut result = false;
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    for end in ends {
        let (matched, folder) = list.matches(&path[..end], above.as_ref()).unwrap();
        (result, above) = (matched, Some(folder));
    }
    result
}

// What whole contexts come to is in the recorded table of the context's tests; here is what it cannot show.

#[test]
fn a_pattern_that_could_not_change_a_folder_does_not_count_in_it() {
    // Not `!foo` takes `foo/bar` back: when `foo` was judged, there was nothing to take back.
    assert!(matches(&["foo/bar", "!foo"], "foo/bar"));
    assert!(!matches(&["foo", "!foo"], "foo/bar"));
}

#[test]
fn special_characters_are_those_of_go() {
    // Literal without a wildcard, an expression with one.
    assert!(matches(&["a|b"], "a|b"));
    assert!(!matches(&["a|b"], "a"));
    assert!(matches(&["a|b*"], "abc"), "`^a|b[^/]*$` begins with `a`");
    assert!(matches(&["a{2}?"], "aax"));
    assert!(!matches(&["a{2}?"], "a{2}x"));
    assert!(matches(&["a{x}*"], "a{x}y"), "no count, no repetition");
    assert!(matches(&[r"\d?"], "1x"));
    assert!(!matches(&[r"\d?"], "\u{661}x"), "digits are ASCII");
    assert!(matches(&["[a-c&&b]"], "c"), "no set operations");
    assert!(matches(&["[[:alpha:]]1"], "x1"));
    assert!(matches(&["a.b?"], "a.bc"));
    assert!(!matches(&["a.b?"], "axbc"));
}

#[test]
fn expressions_that_go_refuses_are_errors_once_they_are_needed() {
    for pattern in ["?{2}{3}", r"\p?", "?{3,1}"] {
        let list = list(&[pattern]);
        assert!(list.matches("any", None).is_err(), "{pattern}");
    }
    assert!(PatternList::parse(["!"]).is_err());
    assert!(PatternList::parse(["a["]).is_err());
}

#[test]
fn folders_are_passed_over_unless_something_in_them_may_match() {
    let may_except = |patterns: &[&str], folder: &str| list(patterns).may_except_in(folder);
    assert!(!may_except(&["node_modules"], "node_modules"));
    assert!(!may_except(&["a", "!b/c"], "a"));
    assert!(may_except(&["a", "!a/b/c"], "a"));
    assert!(may_except(&["a", "!a/b/c"], "a/b"));
    assert!(may_except(&["a", "!a/b/**"], "a/b"));
    assert!(!may_except(&["a", "!ab/c"], "a"));
    assert!(may_except(&["a", "!**/c"], "a"), "it may be anywhere");

    let may_match = |patterns: &[&str], folder: &str| list(patterns).may_match_in(folder);
    assert!(may_match(&["a/b/c"], "a"));
    assert!(!may_match(&["a/b/c"], "b"));
    assert!(may_match(&["*.txt"], "b"));
    assert!(!may_match(&["a", "!b/c"], "b"));
}

#[test]
fn paths_are_cleaned_by_text_alone() {
    for (path, cleaned) in [
        ("src/main.rs", "src/main.rs"),
        ("src///main.rs/", "src/main.rs"),
        ("./src/./main.rs/.", "src/main.rs"),
        ("src/lib/../main.rs", "src/main.rs"),
        ("/../../etc", "/etc"),
        ("../etc/..", ".."),
        ("src/../..", ".."),
        ("", "."),
        ("/", "/"),
    ] {
        assert_eq!(clean(path), cleaned, "{path}");
    }
}

#[test]
fn globs_follow_the_rules_of_go() {
    for (glob, name, expected) in [
        ("main.rs", "main.rs", Some(true)),
        ("*", "main.rs", Some(true)),
        ("*", "", Some(true)),
        ("*.rs", "main.rs", Some(true)),
        ("m*n*", "main.rs", Some(true)),
        ("m*n*x", "main.rs", Some(false)),
        ("ma?n.rs", "ma\u{263a}n.rs", Some(true)),
        ("?", "", Some(false)),
        ("[lm]ain.rs", "main.rs", Some(true)),
        ("[k-n]ain.rs", "main.rs", Some(true)),
        ("[^k-n]ain.rs", "main.rs", Some(false)),
        ("[^x]ain.rs", "main.rs", Some(true)),
        ("[n-k]ain.rs", "main.rs", Some(false)),
        (r"m\*n", "m*n", Some(true)),
        (r"m\*n", "main", Some(false)),
        (r"[\]-_]", "^", Some(true)),
        (r"[\-]", "-", Some(true)),
        ("[]x]", "]", None),
        ("[-x]", "-", None),
        ("[x-]", "x", None),
        ("main[", "main", None),
        ("[^x", "m", None),
        (r"main\", "main", None),
    ] {
        assert_eq!(glob_matches(glob, name).ok(), expected, "{glob} {name}");
    }
    assert!(has_wildcards("a*") && has_wildcards("[") && has_wildcards(r"\\?"));
    assert!(!has_wildcards(r"\*\?\["));
}
