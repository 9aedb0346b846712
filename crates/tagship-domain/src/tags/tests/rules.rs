//! The lines of the input `tags`.

use super::*;

#[test]
fn wrong_rules_say_what_is_wrong_and_where() {
    let messages: Vec<String> = [
        "type=colour",
        "# a comment\n\ntype=semver,patern={{version}}",
        "type=semver,pattern={{minro}}",
        "type=semver,pattern=ä{{version}}",
        "type=semver,pattern={{branch}}",
        "type=semver,pattern={{version}},value=banana",
        "type=semver,match=v.*",
        "type=semver,match=v(?=1)",
        "type=pep440,value=one",
        "type=schedule,pattern={{date}}",
        "type=schedule,pattern={{date 'YYYY' tz='Mars/Olympus'}}",
        "type=schedule,pattern={{sha}}",
        "type=match",
        "type=match,pattern=(a)\\1",
        "type=match,pattern=v(.*),group=2",
        "type=match,pattern=/v/q",
        "type=match,pattern=v{9999}{9999}",
        "type=ref",
        "type=ref,event=release",
        "type=sha,format=medium",
        "type=sha,formt=long",
        "type=sha,short",
        "type=sha,type=raw",
        "type=sha,prefix=-",
        "type=raw",
        "type=raw,value=a b",
        "type=raw,value=a,value=b",
        "type=raw,value={{sha 'x'}}",
        "type=raw,value={{#if tag}}x{{/if}}",
        "type=raw,value=x,enable=yes",
        "type=raw,value=x,enable={{branch}}",
        "type=raw,value=x,priority=high",
        "type=raw,value=\"x\"",
        "\"type=raw",
        "type=raw,value=x,",
        "-x",
        "type=raw,value={{commit_date 'YYYY'}}",
        "type=raw,value={{date 'HH:mm'}}",
        "type=sha\ntype=sah\ntype=raw",
    ]
    .into_iter()
    .map(|rules| {
        let run = Run::push(Mode::Strict, "heads/main");
        let message = run.tags(rules, "");
        assert!(message.starts_with("error: "), "{rules}: {message}");
        message
    })
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_tag_that_is_too_long_is_an_error() {
    let branch = "x".repeat(125);
    let run = Run::push(Mode::Strict, &format!("heads/{branch}"));
    assert_eq!(run.tags("type=ref,event=branch", ""), branch);
    let message = run.tags("type=sha\ntype=ref,event=branch,prefix=dev-", "");
    assert!(
        message.starts_with("error: line 2, column 30: the rule makes no legal tag")
            && message.contains("longer than 128"),
        "{message}"
    );
}

#[test]
fn quotes_keep_commas_and_names_ignore_case_and_space() {
    let run = Run::push(Mode::Strict, "tags/release12");
    assert_eq!(
        run.tags(
            r#" TYPE = match , "pattern=^release\d{1,2}" "#.trim(),
            "latest=false"
        ),
        "error: line 1, column 16: a quote stands around a whole field, and `\"\"` for a quote in it"
    );
    assert_eq!(
        run.tags(r#"TYPE = match,"pattern=^release\d{1,2}""#, "latest=false"),
        "release12"
    );
    assert_eq!(run.tags("type=raw, value = x ", "latest=false"), "x");
}

#[test]
fn priorities_sort_and_equal_ones_keep_their_order() {
    let run = Run::push(Mode::Strict, "heads/main");
    assert_eq!(
        run.tags(
            "type=sha,prefix=a\ntype=sha,prefix=b,priority=100.5\ntype=sha,prefix=c\nlast,priority=-1",
            ""
        )
        .replace("860c1904a1ce", ""),
        "b, a, c, last"
    );
}

#[test]
fn javascripts_expressions_mean_what_they_mean_there() {
    // Each result is node's.
    for (pattern, tag, expected) in [
        (r"\d+", "v１2", "2"),
        (r"[\d.]+", "v1.2", "1.2"),
        (r"[^\d]+", "12ab", "ab"),
        (r"[\D]+", "12ab", "ab"),
        (r"[[]", "a[b", "-"),
        (r"[a&&b]+", "x&a", "-a"),
        (r"\w+", "ä-b", "b"),
        (r"\bb", "a-b", "b"),
        (r"v\/1", "v/1", "v-1"),
        (r"(?<major>\d)\.", "v1.2", "1."),
        (r"[^]+", "ab", "ab"),
        (r"\a\-", "a-", "a-"),
        (r"v{2}\d{2}", "vv12", "vv12"),
        (r"v{|x{2", "v{", "v-"),
        ("/^B$/im", "b", "b"),
        ("/b/y", "ab", ""),
        ("/a/y", "ab", "a"),
    ] {
        let run = Run::push(Mode::MetadataAction, &format!("tags/{tag}"));
        assert_eq!(
            run.tags(&format!("type=match,pattern={pattern}"), "latest=false"),
            expected,
            "{pattern}"
        );
    }
}

#[test]
fn a_hostile_expression_is_refused_or_quick() {
    let run = Run::push(Mode::Strict, &format!("tags/{}", "a".repeat(4000)));
    let cut = run.tags("type=match,pattern=(a+)+$,group=1", "latest=false");
    assert_eq!(cut.len(), 128, "{cut}");
    for pattern in [
        "(".repeat(600),
        format!("{}{}", "(".repeat(60), ")".repeat(60)),
        "(a{1000}){1000}".to_owned(),
        "x".repeat(1001),
    ] {
        let message = run.tags(&format!("type=match,pattern={pattern}"), "");
        assert!(message.contains("regular expression"), "{message}");
    }
}

#[test]
fn what_is_too_long_or_too_much_is_an_error() {
    let message = |text: &str| TagRule::parse_list(text, Mode::Strict).unwrap_err().to_string();
    assert!(message(&"x".repeat(5000)).contains("at most"));
    assert!(message(&"x\n".repeat(10_001)).starts_with("line 10001"));
    assert!(TagRule::parse(&"x".repeat(5000)).is_err());
}
