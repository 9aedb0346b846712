//! What `tagship.yaml` may say, and where its problems are.

use std::fmt::Write as _;

use super::*;

/// The problems, as `line:column: message (hint)`.
fn problems(text: &str) -> Vec<String> {
    parse(text)
        .problems
        .into_iter()
        .map(|problem| {
            let hint = problem.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}:{}: {}{hint}", problem.line, problem.column, problem.message)
        })
        .collect()
}

#[test]
fn values_stay_the_texts_that_they_are() {
    let config = parse(
        "repository: team/app\nversion: 1.10\ntags:\n  - 1.10\n  - 0x10\n  - type=sha\nlabels:\n  a.b: 1.20\nbuild-args: |\n  A=1\n  B=2\nno-cache: true\ntarget: ~\n",
    );
    assert_eq!(config.problems, []);
    let of = |name: &str| {
        let entry = config
            .entries
            .iter()
            .find(|entry| entry.input.name == name)
            .unwrap();
        (entry.line, entry.column, entry.texts.join("|"), entry.is_cut)
    };
    assert_eq!(of("version"), (2, 1, "1.10".to_owned(), false));
    assert_eq!(of("tags"), (3, 1, "1.10|0x10|type=sha".to_owned(), true));
    assert_eq!(of("labels"), (7, 1, "a.b=1.20".to_owned(), true));
    assert_eq!(of("build-args"), (9, 1, "A=1\nB=2\n".to_owned(), false));
    assert_eq!(of("no-cache"), (12, 1, "true".to_owned(), false));
    assert_eq!(of("target").2, "");
}

#[test]
fn a_list_may_be_one_plain_value() {
    let config = parse("tags: 1.10\n");
    assert_eq!(config.entries[0].texts, ["1.10"]);
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "\n", "# only a comment\n", "---\n", "{}"] {
        let config = parse(text);
        assert!(
            config.problems.is_empty() && config.entries.is_empty(),
            "{text:?} {config:?}"
        );
    }
}

#[test]
fn each_problem_has_its_place() {
    let text = "\
registory: x
repository: team/app
repository: team/other
github-token: abc
config: other.yaml
context:
  - a
tags:
  - ok
  - [nested]
labels:
  a: {b: c}
buildArgs: {}
";
    insta::assert_snapshot!(problems(text).join("\n"));
    let config = parse(text);
    let read: Vec<_> = config.entries.iter().map(|entry| entry.input.name).collect();
    assert_eq!(read, ["repository"], "what is right is still read");
}

#[test]
fn what_is_no_mapping_is_refused_with_its_place() {
    for text in [
        "- a\n- b\n",
        "just text",
        "a: b: c\n",
        "repository: \"open\n",
        "repository: x\n---\nrepository: y\n",
        "[a]: b\n",
    ] {
        assert_eq!(problems(text).len(), 1, "{text:?} {:?}", problems(text));
    }
}

#[test]
fn what_is_wrong_is_shown_without_its_value() {
    for text in [
        "root:$6$s3cret:19000",
        "s3cret",
        "- s3cret",
        "tags:\n  - {a: s3cret}",
        "context: [s3cret]",
        "labels: {a: {b: s3cret}}",
        "registry: \"s3cret",
        "registry: @s3cret",
        "registry: *s3cret",
    ] {
        let problems = problems(text);
        assert!(!problems.is_empty(), "{text}");
        assert!(!problems.join("").contains("s3cret"), "{text}: {problems:?}");
    }
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let last = level - 1;
        writeln!(
            bomb,
            "a{level}: &a{level} [*a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}, *a{last}]"
        )
        .unwrap();
    }
    bomb += "tags: *a11\n";
    assert!(!problems(&bomb).is_empty());
    assert!(!problems(&format!("tags: {}\n", "[".repeat(5000))).is_empty());
    let deep = |depth: usize| problems(&format!("tags: {}{}\n", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(deep(64), ["1:70: lies deeper than 64 lists and mappings"]);
    assert_eq!(deep(30_000).len(), 1);
    let block: String = (0..200).map(|depth| "- ".repeat(depth) + "x\n").collect();
    assert_eq!(problems(&block).len(), 1);
    let aliases = format!("target: &a x\ntags: [{}]\n", "*a, ".repeat(65));
    assert_eq!(problems(&aliases), ["2:264: there are more than 64 aliases"]);
    assert_eq!(
        problems("tags: &a [*a]\n"),
        ["1:11: an alias stands for nothing that is complete"]
    );
    let large = format!(
        "target: &a {}\ntags: [{}]\n",
        "x".repeat(30_000),
        "*a, ".repeat(60)
    );
    assert_eq!(problems(&large).len(), 1, "1.8 MB of copies");
    let many: String = (0..200)
        .map(|n| format!("key{n}: x"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(problems(&many).len(), 1);
}

#[test]
fn files_that_are_too_large_or_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagship.yaml");
    assert!(matches!(load(&path), Ok(None)));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(load(&path), Err(ConfigError::TooLarge { .. })));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(load(&path), Err(ConfigError::NotText { .. })));
    assert!(matches!(load(folder.path()), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn images_are_a_mapping_from_names_or_a_list_with_names() {
    for text in [
        "registry: x\nimages:\n  api:\n    context: a\n    paths: [a/**]\n  web:\n",
        "registry: x\nimages:\n  - name: api\n    context: a\n    paths: [a/**]\n  - name: web\n",
    ] {
        let config = parse(text);
        assert_eq!(config.problems, []);
        let entries = |entries: &[ConfigEntry]| {
            let entries = entries.iter();
            let entries = entries.map(|entry| format!("{}={}", entry.input.name, entry.texts.join("|")));
            entries.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(entries(&config.entries), "registry=x");
        let images: Vec<String> = config
            .images
            .iter()
            .map(|image| format!("{}: {}", image.name, entries(&image.entries)))
            .collect();
        assert_eq!(images, ["api: context=a paths=a/**", "web: "]);
    }
}

#[test]
fn each_problem_of_an_image_has_its_place() {
    let text = "\
images:
  api:
    contxt: a
    name: b
    github-token: x
  web api:
    context: [a]
  api:
    context: b
only: api
";
    let mapping = problems(text);
    let text = "\
images:
  - name: api
    context: a
  - context: b
  - name: api
  - name: ../x
    images: {}
  - text
";
    insta::assert_snapshot!(format!(
        "{}\n---\n{}",
        mapping.join("\n"),
        problems(text).join("\n")
    ));
    for text in [
        "images: text",
        "images: 7",
        "images:\n  - - a\n",
        "images: {a: [b]}",
        "images: {a: b}",
    ] {
        assert_eq!(problems(text).len(), 1, "{text:?} {:?}", problems(text));
    }
}

#[test]
fn an_alias_is_what_it_stands_for() {
    let config = parse("target: &stage app\ntags:\n  - *stage\nlabels: {a: *stage}\n");
    assert_eq!(config.problems, []);
    let texts: Vec<_> = config.entries.iter().map(|entry| entry.texts.join("|")).collect();
    assert_eq!(texts, ["app", "app", "a=app"]);
}

/// The file may be a link to what the user did not mean to show.
#[test]
fn no_problem_shows_a_value() {
    for text in [
        "root:$6$s3cret:19000:0\ndaemon:*:s3cret\n",
        "s3cret",
        "target: [s3cret]\n",
        "tags: {a: {b: s3cret}}\n",
        "target: \"s3cret\n",
        "images: s3cret\n",
        "target: *s3cret\n",
        "target: !s3cret [x]\n",
        "target: @s3cret\n",
    ] {
        let problems = problems(text);
        assert!(!problems.is_empty(), "{text}");
        assert!(!problems.concat().contains("s3cret"), "{problems:?}");
    }
}
