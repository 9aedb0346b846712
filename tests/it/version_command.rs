//! `tagship version` on histories of every form.

use serde_json::{Value, json};
use test_support::checkout::{Checkout, FIRST_COMMIT_AT};
use test_support::history::History;
use test_support::process::{Finished, finish, tagship};

fn version(checkout: &Checkout, arguments: &[&str]) -> Finished {
    finish(tagship(checkout.path()).arg("version").args(arguments))
}

/// What `--json` prints.
fn data(checkout: &Checkout, arguments: &[&str]) -> Value {
    let run = version(checkout, &[arguments, &["--json"]].concat());
    run.expect_code(0);
    serde_json::from_str(&run.stdout).expect("it is JSON")
}

/// The tag of the version, and how many commits lead to it.
fn tag(checkout: &Checkout, arguments: &[&str]) -> (Option<String>, u64) {
    let data = data(checkout, arguments);
    let tag = data["tag"].as_str().map(str::to_owned);
    (tag, data["commits"].as_u64().expect("it is a number"))
}

#[test]
fn stdout_is_the_version_alone_and_empty_where_there_is_none() {
    let mut checkout = Checkout::empty();
    let commit = |checkout: &Checkout, message: &str| {
        checkout.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    };
    checkout.commit(&[("a", "1")]);
    let shown = |checkout: &Checkout| {
        let run = version(checkout, &[]);
        run.expect_code(0);
        (run.stdout, run.stderr)
    };
    let pair = |out: &str, err: &str| (out.to_owned(), err.to_owned());
    assert_eq!(
        shown(&checkout),
        pair(
            "0.1.0\n",
            "`v0.1.0` is the first release: 1 commit and no release before, 1 of them not conventional\n"
        )
    );
    checkout.annotated_tag("v1.2.3");
    assert_eq!(shown(&checkout), pair("1.2.3\n", "HEAD is tagged `v1.2.3`\n"));
    commit(&checkout, "docs: a");
    assert_eq!(
        shown(&checkout),
        pair("", "no commit calls for a release: 1 commit since `v1.2.3`\n")
    );
    commit(&checkout, "feat: a");
    assert_eq!(
        shown(&checkout),
        pair(
            "1.3.0\n",
            "`v1.3.0` is the next minor release: 2 commits since `v1.2.3`\n"
        )
    );
    let quiet = version(&checkout, &["--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("1.3.0\n", ""));
}

#[test]
fn json_tells_everything() {
    let mut checkout = Checkout::with(&[("a", "1")]);
    checkout.tag("v1.2.3");
    checkout.commit(&[("a", "2")]);
    checkout.git(&["commit", "--quiet", "--allow-empty", "--message", "fix(api): a"]);
    let expected = json!({
        "released": true, "version": "1.2.4", "tag": "v1.2.4", "previous": "1.2.3", "previous-tag": "v1.2.3",
        "bump": "patch", "commits": 2, "error": null, "exit-code": 0, "unconventional": 1,
        "changelog": [{"title": "Fixes", "entries": [
            {"commit": checkout.head(), "type": "fix", "scope": "api", "description": "a"},
        ]}],
    });
    assert_eq!(data(&checkout, &[]), expected);
    checkout.tag("v1.2.4");
    let expected = json!({
        "released": false, "version": "1.2.4", "tag": "v1.2.4", "previous": null, "previous-tag": null,
        "bump": null, "commits": 0, "error": null, "exit-code": 0, "unconventional": 0, "changelog": [],
    });
    assert_eq!(data(&checkout, &[]), expected);
}

#[test]
fn the_greatest_release_counts_wherever_it_was_merged_from() {
    let mut history = History::default();
    let root = history.commit(&[], "feat: root");
    history.tag("v1.0.0", root);
    let side = history.commit(&[root], "fix: on the side");
    history.annotated_tag("v1.2.0", side);
    let main = history.commit(&[root], "fix: on main");
    history.tag("v1.1.0", main);
    let other = history.commit(&[root], "docs: elsewhere");
    let third = history.commit(&[root], "feat: third");
    // What HEAD does not contain, and what is no commit, no release or no version at all.
    let unmerged = history.commit(&[main], "feat!: unmerged");
    history.tag("v9.0.0", unmerged);
    history.tag("v1.3.0-rc.1", main);
    for name in ["v1.9", "v01.9.0", "1.9.0.0", "app/v7.0.0", "latest"] {
        history.tag(name, main);
    }
    let merge = history.commit(&[main, side, other, third], "Merge branches");
    let checkout = history.into_checkout(merge);
    checkout.git(&["tag", "v8.0.0", "HEAD^{tree}"]);
    checkout.git(&[
        "tag",
        "--annotate",
        "--message",
        "nested",
        "v1.2.0-nested",
        "v1.2.0",
    ]);
    // The commits on main, elsewhere, the third, and the merge.
    assert_eq!(tag(&checkout, &[]), (Some("v1.3.0".to_owned()), 4));
    checkout.git(&["tag", "--annotate", "--message", "nested", "v1.2.5", "v1.2.0"]);
    assert_eq!(tag(&checkout, &[]), (Some("v1.3.0".to_owned()), 4));
    // Another order of the same: from the store of packed references.
    checkout.git(&["pack-refs", "--all"]);
    checkout.git(&["commit-graph", "write", "--reachable"]);
    assert_eq!(tag(&checkout, &[]), (Some("v1.3.0".to_owned()), 4));
}

#[test]
fn equal_times_and_clocks_that_differ_make_no_commit_new() {
    for step in [0, 7200] {
        let mut history = History::default();
        // Each commit is as old as its parent, or two hours older.
        let time = |number: u64| FIRST_COMMIT_AT + 40 * 3600 - step * number;
        let mut chain = vec![history.commit_with(&[], "feat: root", time(0), &["a"])];
        for number in 1..8 {
            let parent = *chain.last().expect("it has a root");
            chain.push(history.commit_with(&[parent], "fix: a", time(number), &["a"]));
        }
        history.tag("v1.0.0", chain[7]);
        let late = history.commit_with(&[chain[1]], "docs: from an old commit", time(8), &["b"]);
        let merge = history.commit_with(&[chain[7], late, chain[4]], "docs: merge", time(9), &[]);
        let checkout = history.into_checkout(merge);
        assert_eq!(tag(&checkout, &[]), (None, 2), "{step}");
    }
}

#[test]
fn a_shallow_clone_is_refused_unless_its_commit_is_tagged() {
    let mut checkout = Checkout::with(&[("a", "1")]);
    checkout.tag("v1.2.3");
    checkout.commit(&[("a", "2")]);
    let clone = checkout.shallow_clone();
    let run = version(&clone, &[]);
    run.expect_code(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("is a shallow clone"), "{}", run.stderr);
    assert!(run.stderr.contains("`fetch-depth: 0`"), "{}", run.stderr);
    clone.tag("v1.2.4");
    assert_eq!(version(&clone, &[]).stdout, "1.2.4\n");
}

#[test]
fn parts_of_a_repository_have_versions_of_their_own() {
    let mut history = History::default();
    let at = FIRST_COMMIT_AT;
    let root = history.commit_with(&[], "feat: all", at, &["app/a", "web/a", "README.md"]);
    history.tag("app/v1.0.0", root);
    history.tag("web-1.4.0", root);
    history.tag("v3.0.0", root);
    let app = history.commit_with(&[root], "feat: app", at + 1, &["app/b"]);
    let side = history.commit_with(&[root], "feat!: web", at + 2, &["web/deep/a"]);
    let docs = history.commit_with(&[app], "fix: docs", at + 3, &["app/README.md"]);
    // Against its first parent this merge brings in what the side made.
    let merge = history.commit_with(&[docs, side], "fix: merge the web", at + 4, &["web/deep/a"]);
    let checkout = history.into_checkout(merge);
    let part = |prefix: &str, paths: &[&str]| {
        let mut arguments = vec!["--tag-prefix", prefix];
        arguments.extend(paths.iter().flat_map(|path| ["--path", path]));
        tag(&checkout, &arguments)
    };
    let some = |tag: &str| Some(tag.to_owned());
    assert_eq!(part("app/v", &["app/**"]), (some("app/v1.1.0"), 2));
    assert_eq!(part("app/v", &["app/**", "!**/*.md"]), (some("app/v1.1.0"), 1));
    assert_eq!(part("app/v", &["**/*.md"]), (some("app/v1.0.1"), 1));
    assert_eq!(part("web-", &["web/**"]), (some("web-2.0.0"), 2));
    assert_eq!(part("web-", &["lib/**"]), (None, 0));
    assert_eq!(part("v", &[]), (some("v4.0.0"), 4));
    assert_eq!(part("lib/v", &["web/**"]), (some("lib/v0.1.0"), 3));
    assert_eq!(part("lib/v", &["lib/**"]), (None, 0));
}

#[test]
fn a_release_elsewhere_is_a_conflict() {
    let mut history = History::default();
    let root = history.commit(&[], "feat: root");
    history.tag("1.0.0", root);
    let elsewhere = history.commit(&[root], "feat: elsewhere");
    history.tag("v1.1.0", elsewhere);
    let head = history.commit(&[root], "feat: here");
    let checkout = history.into_checkout(head);
    let run = version(&checkout, &[]);
    run.expect_code(10);
    let commit = checkout.git(&["rev-parse", "v1.1.0"]);
    let expected = format!(
        "error: the commits lead to git tag `v1.1.0`, which is taken by commit {}",
        &commit[..12]
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert!(run.stderr.contains("`Release-As`"), "{}", run.stderr);
    checkout.git(&["tag", "--delete", "v1.1.0"]);
    assert_eq!(tag(&checkout, &[]).0.as_deref(), Some("1.1.0"));
}

#[test]
fn candidates_count_up_and_lead_to_the_release() {
    let mut history = History::default();
    let root = history.commit(&[], "feat: root");
    history.tag("v1.0.0", root);
    let fix = history.commit(&[root], "fix: a");
    history.tag("v1.0.1-rc.1", fix);
    let feature = history.commit(&[fix], "feat: b");
    history.tag("v1.1.0-rc.1", feature);
    let elsewhere = history.commit(&[root], "feat: elsewhere");
    history.annotated_tag("v1.1.0-rc.4", elsewhere);
    let docs = history.commit(&[feature], "docs: c");
    let checkout = history.into_checkout(docs);
    let candidate = |checkout: &Checkout| tag(checkout, &["--channel", "rc"]).0;
    assert_eq!(candidate(&checkout), None);
    assert_eq!(
        tag(&checkout, &["--channel=beta"]).0.as_deref(),
        Some("v1.1.0-beta.1")
    );
    assert_eq!(tag(&checkout, &[]).0.as_deref(), Some("v1.1.0"));
    checkout.git(&["commit", "--quiet", "--allow-empty", "--message", "perf: d"]);
    assert_eq!(candidate(&checkout).as_deref(), Some("v1.1.0-rc.5"));
    checkout.tag("v1.1.0-rc.5");
    assert_eq!(candidate(&checkout).as_deref(), Some("v1.1.0-rc.5"));
    assert_eq!(tag(&checkout, &[]).0.as_deref(), Some("v1.1.0"));
}

#[test]
fn hostile_messages_neither_break_nor_colour_anything() {
    let mut history = History::default();
    let root = history.commit(&[], "feat: root");
    history.tag("v1.0.0", root);
    let long = [
        b"fix: long\n\n".to_vec(),
        vec![b'x'; 3_000_000],
        b"\n\nBREAKING CHANGE: \xff\x1b[31m".to_vec(),
    ]
    .concat();
    let mut head = root;
    for message in [
        b"\xff\xfe: \x00".to_vec(),
        b"\n".to_vec(),
        b"fix(\xc3\x28): \x1b]0;a\x07\r\n::error::b".to_vec(),
        long,
    ] {
        head = history.commit(&[head], message);
    }
    let checkout = history.into_checkout(head);
    let run = version(&checkout, &["--json"]);
    run.expect_code(0);
    assert!(
        !run.stdout.contains("\\u001b") && !run.stdout.contains("\\u0007"),
        "{}",
        run.stdout
    );
    let data: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(data["version"], "2.0.0");
    assert_eq!(data["changelog"][0]["entries"][0]["breaking"], "\u{fffd}\u{fffd}");
}

#[test]
fn what_cannot_be_answered_is_an_error() {
    let checkout = Checkout::empty();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let run = version(&checkout, arguments);
        run.expect_code(code);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    };
    refused(&[], 2, "has no commit yet");
    refused(&["--channel", "1"], 2, "a channel is a letter");
    refused(&["--initial", "1.0"], 2, "--initial");
    refused(&["--initial", "1.0.0-rc.1"], 2, "it is not a release");
    refused(
        &["--tag-prefix", "a b"],
        2,
        "cannot stand in the name of a git tag",
    );
    refused(&["--path", "./app/**"], 2, "the path pattern `./app/**` is wrong");
    refused(&["--path", "!app/**"], 2, "at least one without `!`");
    checkout.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "chore: a\n\nRelease-As: 1.x",
    ]);
    refused(&[], 2, "`Release-As: 1.x` in commit ");
    let nowhere = tempfile::tempdir().expect("a temporary folder can be made");
    let run = finish(tagship(nowhere.path()).arg("version"));
    run.expect_code(2);
    assert!(
        run.stderr.contains("is not in a git repository"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_bare_repository_has_versions_too() {
    let checkout = Checkout::with(&[("a", "1")]);
    let clone = Checkout::empty();
    let origin = checkout.path().to_str().expect("a path is text");
    clone.git(&["clone", "--quiet", "--bare", origin, "bare.git"]);
    let run = finish(tagship(&clone.path().join("bare.git")).arg("version"));
    assert_eq!(run.stdout, "0.1.0\n", "{}", run.stderr);
}

/// What `plan` with `version: auto` wants: the tags, and what it says.
fn automatic(checkout: &Checkout, code: i32) -> (Vec<String>, String) {
    let data = tempfile::tempdir().expect("a temporary folder can be made");
    let run = finish(tagship(data.path()).current_dir(checkout.path()).args([
        "plan",
        "--json",
        "--local",
        "--repository",
        "team/app",
        "--version",
        "auto",
    ]));
    run.expect_code(code);
    let plan: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let tags = plan["tags"].as_array().into_iter().flatten();
    let tags = tags.map(|tag| tag["tag"].as_str().expect("it is text").to_owned());
    (tags.collect(), run.stderr)
}

#[test]
fn a_plan_takes_the_next_version_where_no_tag_names_one() {
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    checkout.tag("v1.2.3");
    let commit_tag = |checkout: &Checkout| format!("sha-{}", &checkout.head()[..12]);
    assert_eq!(
        automatic(&checkout, 0).0,
        [commit_tag(&checkout), "1.2.3".to_owned()]
    );
    checkout.commit(&[("a", "1")]);
    let (tags, said) = automatic(&checkout, 0);
    assert_eq!(tags, [commit_tag(&checkout)]);
    assert!(said.contains("no commit calls for a release"), "{said}");
    checkout.git(&["commit", "--quiet", "--allow-empty", "--message", "feat: a"]);
    let (tags, said) = automatic(&checkout, 0);
    assert_eq!(tags, [commit_tag(&checkout), "1.3.0".to_owned()]);
    assert!(said.contains("`v1.3.0` is the next minor release"), "{said}");
    // What a git tag says is not made up anew.
    checkout.tag("v1.3.0-rc.1");
    assert_eq!(
        automatic(&checkout, 0).0,
        [commit_tag(&checkout), "1.3.0-rc.1".to_owned()]
    );
    checkout.git(&["tag", "--delete", "v1.3.0-rc.1"]);
    checkout.write(".git/info/exclude", "tagship.yaml");
    checkout.write("tagship.yaml", "paths: docs/**\n");
    assert_eq!(automatic(&checkout, 0).0, [commit_tag(&checkout)]);
    let (tags, said) = automatic(&checkout.shallow_clone(), 2);
    assert_eq!(tags, Vec::<String>::new());
    assert!(said.contains("`fetch-depth: 0`"), "{said}");
}
