//! Strict mode.

use std::fmt::Write as _;

use super::*;

fn at(git_ref: &str) -> Run {
    Run::push(Mode::Strict, git_ref)
}

#[test]
fn without_rules_there_are_the_release_tag_and_the_commit_tag() {
    assert_eq!(at("tags/v1.2.3").tags("", ""), "1.2.3, sha-860c1904a1ce, latest");
    assert_eq!(
        at("tags/v1.2.3").tags("", "latest=false"),
        "1.2.3, sha-860c1904a1ce"
    );
    assert_eq!(at("heads/main").tags("", ""), "sha-860c1904a1ce");
}

/// Each rule makes this tag with this promise.
fn check(rows: &[(&str, &str, &str)]) {
    for (git_ref, rule, expected) in rows {
        let made = at(git_ref).evaluate(rule, "latest=false").unwrap();
        let made: Vec<String> = made
            .tags
            .iter()
            .map(|tag| format!("{} {:?}", tag.name, tag.class))
            .collect();
        assert_eq!(made, [*expected], "{git_ref}: {rule}");
    }
}

#[test]
fn rules_about_versions_make_their_tag() {
    check(&[
        (
            "tags/v1.2.3+b.5",
            "type=semver,pattern={{version}}",
            "1.2.3_b.5 Release",
        ),
        ("tags/v1.2.3+b.5", "type=semver", "1.2.3_b.5 Release"),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{ major }}.{{ minor }}",
            "1.2 Moving",
        ),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{major}}.{{minor}}.{{patch}}",
            "1.2.3 Release",
        ),
        ("tags/v1.2.3", "type=semver,pattern={{major}}", "1 Moving"),
        ("tags/v1.2.3", "type=semver,pattern={{raw}}", "v1.2.3 Release"),
        (
            "tags/v1.2.3",
            "type=semver,pattern={{version}},suffix=-alpine",
            "1.2.3-alpine Release",
        ),
        (
            "tags/v1.2.3-rc.1",
            "type=semver,pattern=v{{version}}",
            "v1.2.3-rc.1 Release",
        ),
        (
            "tags/v0.1.2",
            "type=semver,pattern={{major}},enable=true",
            "0 Moving",
        ),
        (
            "tags/v0.1.2",
            "type=semver,pattern={{major}}.{{minor}}",
            "0.1 Moving",
        ),
        (
            "tags/app/v1.2.3",
            "type=semver,pattern={{version}},match=^app/v(.+)$",
            "1.2.3 Release",
        ),
        (
            "tags/1.2.3.post4",
            "type=pep440,pattern={{version}}",
            "1.2.3.post4 Release",
        ),
        (
            "tags/1.2.3.4",
            "type=pep440,pattern={{major}}.{{minor}}",
            "1.2 Moving",
        ),
        (
            "tags/1.2.3+local.1",
            "type=pep440,pattern={{version}}",
            "1.2.3_local.1 Release",
        ),
        (
            "tags/p1/v1.2.3",
            r"type=match,pattern=p1/v(\d+\.\d+),group=1",
            "1.2 Moving",
        ),
        (
            "tags/p1/v1.2.3",
            r"type=match,pattern=\d+\.\d+\.\d+",
            "1.2.3 Release",
        ),
        ("tags/x", r#"type=match,"pattern=^.{1,3}$""#, "x Moving"),
    ]);
}

#[test]
fn other_rules_make_their_tag() {
    check(&[
        ("heads/main", "type=edge", "edge Moving"),
        ("heads/main", "type=edge,branch=main", "edge Moving"),
        (
            "heads/feature/a+b",
            "type=ref,event=branch",
            "feature-a_b-0d3e8cd Moving",
        ),
        ("tags/v1.2.3", "type=ref,event=tag", "v1.2.3 Release"),
        ("tags/candidate", "type=ref,event=tag", "candidate Moving"),
        ("pull/7/merge", "type=ref,event=pr", "pr-7 Moving"),
        ("heads/main", "type=raw,value=latest", "latest Moving"),
        ("heads/main", "edge", "edge Moving"),
        ("heads/main", "type=raw,edge", "edge Moving"),
        ("heads/main", "2.0.0", "2.0.0 Release"),
        (
            "heads/feature/x",
            "type=raw,value={{branch}}-{{sha}}",
            "feature-x-860c1904a1ce Commit",
        ),
        (
            "heads/main",
            "type=raw,value={{date 'YYYYMMDD-HHmm' tz='Asia/Tokyo'}}",
            "20200110-0930 Moving",
        ),
        (
            "heads/main",
            "type=sha,format=long,prefix=",
            "860c1904a1ce19322e91ac35af1ab07466440c37 Commit",
        ),
        ("heads/main", "type=sha,prefix=git-", "git-860c1904a1ce Commit"),
    ]);
}

/// Each type at each event: what it makes, or why it makes nothing.
#[test]
fn every_type_at_every_event() {
    let pull_request = r#"{"number": 7, "pull_request": {"base": {"ref": "main"}}}"#;
    let release = r#"{"release": {"tag_name": "v1.2.3"}, "repository": {"default_branch": "main"}}"#;
    let events = [
        ("push", "refs/heads/main", "{}"),
        ("push", "refs/tags/v1.2.3", "{}"),
        ("pull_request", "refs/pull/7/merge", pull_request),
        ("pull_request_target", "refs/heads/main", pull_request),
        ("release", "refs/tags/v1.2.3", release),
        ("release", "refs/heads/main", release),
        ("schedule", "refs/heads/main", "{}"),
        ("workflow_dispatch", "refs/heads/dev", "{}"),
        ("", "", "{}"),
    ];
    let rules = [
        "type=schedule",
        "type=semver",
        "type=pep440,pattern={{version}}",
        r"type=match,pattern=\d\.\d",
        "type=edge",
        "type=ref,event=branch",
        "type=ref,event=tag",
        "type=ref,event=pr",
        "raw",
        "type=sha",
    ]
    .join("\n");
    let mut table = String::new();
    for (name, git_ref, payload) in events {
        let made = Run::with_payload(Mode::Strict, name, git_ref, payload)
            .evaluate(&rules, "")
            .unwrap();
        writeln!(table, "{name} at {git_ref}").unwrap();
        for explained in made.explanations {
            let result = explained.tag.or(explained.reason).unwrap();
            writeln!(table, "  {:<32} {result}", explained.rule).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_prerelease_moves_nothing() {
    let run = at("tags/v2.0.8-beta.67");
    let rules = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\n\
        type=semver,pattern={{major}}.{{minor}}.{{patch}}\ntype=semver,pattern={{major}}";
    assert_eq!(run.tags(rules, ""), "2.0.8-beta.67");
    assert_eq!(run.tags(rules, "latest=true"), "2.0.8-beta.67");
    assert_eq!(run.tags("type=ref,event=tag", ""), "v2.0.8-beta.67");
    assert_eq!(run.tags(r"type=match,pattern=v(\d\.\d),group=1", ""), "2.0");
    assert_eq!(
        at("tags/20200110-RC2").tags(r"type=match,pattern=\d+", ""),
        "20200110"
    );
    assert_eq!(
        at("tags/app/v1.0.0-rc.1").tags("type=ref,event=tag", ""),
        "app-v1.0.0-rc.1"
    );
    assert_eq!(run.tags("type=raw,value=latest", ""), "latest");
}

#[test]
fn zero_alone_is_made_only_when_asked_for() {
    let run = at("tags/v0.1.2");
    assert!(
        run.tags("type=semver,pattern={{major}}", "")
            .contains("promise each other nothing"),
        "{}",
        run.tags("type=semver,pattern={{major}}", "")
    );
    assert_eq!(
        run.tags("type=semver,pattern=v{{major}},enable=true", "latest=false"),
        "v0"
    );
}

#[test]
fn the_order_of_rules_does_not_decide_about_latest() {
    assert_eq!(
        at("tags/v1.2.3").tags("type=sha,priority=2000\ntype=semver", ""),
        "sha-860c1904a1ce, 1.2.3, latest"
    );
    assert_eq!(at("tags/v1.2.3").tags("latest\ntype=semver", ""), "1.2.3, latest");
    assert_eq!(at("heads/main").tags("type=ref,event=branch", ""), "main");
    assert_eq!(
        at("heads/main").tags("type=ref,event=branch", "latest=true"),
        "main, latest"
    );
}

#[test]
fn the_version_comes_from_what_is_given_the_tag_or_the_release() {
    let mut run = at("heads/main");
    run.version = Some(Version::new(4, 5, 6));
    assert_eq!(run.tags("type=semver", "latest=false"), "4.5.6");
    assert_eq!(run.tags("type=semver,value=v1.0.0", "latest=false"), "1.0.0");
    let release = Run::with_payload(
        Mode::Strict,
        "release",
        "refs/heads/main",
        r#"{"release": {"tag_name": "v7.8.9"}}"#,
    );
    assert_eq!(release.tags("type=semver", "latest=false"), "7.8.9");
    assert_eq!(
        at("tags/v1.2.3").tags("type=semver,value={{tag}}", "latest=false"),
        "1.2.3"
    );
    assert_eq!(at("heads/main").tags("type=semver,value={{tag}}\nx", ""), "x");
}

#[test]
fn whether_a_branch_is_the_default_one_is_never_guessed() {
    let rules = "x,enable={{is_default_branch}}\ny,enable={{is_not_default_branch}}";
    assert_eq!(at("heads/main").tags(rules, ""), "x");
    assert_eq!(at("heads/dev").tags(rules, ""), "y");
    let without = |git_ref| {
        let mut run = at(git_ref);
        run.repository = RepositoryInfo::default();
        run.tags(rules, "")
    };
    assert_eq!(without("tags/main"), "y");
    assert!(without("heads/main").contains("`is_default_branch` is unknown in this run"));
}

#[test]
fn flavors_stand_around_tags_without_an_affix_of_their_own() {
    let run = at("tags/v1.2.3");
    assert_eq!(
        run.tags("type=semver\ntype=sha", "prefix=p-,onlatest=true\nsuffix=-alpine"),
        "p-1.2.3-alpine, sha-860c1904a1ce-alpine, p-latest"
    );
    assert_eq!(
        run.tags(
            "type=semver",
            "prefix={{tag}}-,onlatest=true,suffix=-x,onlatest=true"
        ),
        "v1.2.3-1.2.3-x, v1.2.3-latest-x"
    );
}

#[test]
fn tags_of_a_dirty_tree_are_marked_and_promise_nothing() {
    let mut run = at("tags/v1.2.3");
    run.is_dirty = true;
    let made = run.evaluate("type=semver\ntype=sha", "").unwrap();
    let made: Vec<_> = made
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), tag.class))
        .collect();
    assert_eq!(
        made,
        [
            ("1.2.3-dirty", TagClass::Moving),
            ("sha-860c1904a1ce-dirty", TagClass::Moving),
            ("latest-dirty", TagClass::Moving)
        ]
    );
}

#[test]
fn what_is_put_stands_once_with_the_stronger_promise_and_in_the_order_of_promises() {
    let commit = CommitId::parse(COMMIT).unwrap();
    let version = Version::new(1, 2, 3);
    let put = |rules: &str| {
        let rules = TagRule::parse_list(rules, Mode::Strict).unwrap();
        let wanted = tag_set(&rules, Some(&version), &commit, false).unwrap();
        wanted
            .tags
            .iter()
            .map(|tag| format!("{} {:?}", tag.tag, tag.class))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        put("type=semver\ntype=sha\nedge"),
        ["sha-860c1904a1ce Commit", "1.2.3 Release", "edge Moving"]
    );
    assert_eq!(
        put("1.2\ntype=semver,pattern={{major}}.{{minor}}"),
        ["1.2 Moving"]
    );
    assert_eq!(
        put("type=semver,pattern=x\ntype=sha,format=long,prefix=\nx"),
        [format!("{COMMIT} Commit"), "x Moving".to_owned()]
    );
}

#[test]
fn no_tag_at_all_is_an_error_that_tells_why() {
    let message = at("heads/main").tags(
        "type=semver\ntype=ref,event=tag,enable={{is_not_default_branch}}",
        "",
    );
    assert_eq!(
        message,
        "error: no tag rule made a tag for this commit: `type=semver` made no tag: `refs/heads/main` is not a tag, \
         and no version is set; `type=ref,event=tag,enable={{is_not_default_branch}}` made no tag: `enable` is \
         `false`"
    );
}

#[test]
fn what_the_compatible_mode_makes_is_put_only_if_it_is_legal() {
    let run = Run::push(Mode::MetadataAction, "heads/main");
    let made = run.evaluate("x\n-y", "").unwrap();
    assert_eq!(
        TagSet::of(&made).unwrap_err().to_string(),
        "line 2, column 1: the rule makes no legal tag: tag `-y` starts with `.` or `-`"
    );
}
