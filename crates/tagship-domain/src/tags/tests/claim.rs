//! Which tags another commit than the event's may have.

use super::*;
use crate::build::RequestHash;
use crate::event::CheckedOut;
use crate::facts::{Facts, OrderingFacts, Revision};
use crate::plan::{Candidate, TagAction};

const OTHER: &str = "266574110acf203503badf966df2ea24b5d732d7";

/// What becomes of each tag when another commit than the event's is checked out.
fn elsewhere(run: &Run, rules: &str, flavor: &str) -> Vec<String> {
    let mismatch = run
        .event
        .mismatch(CheckedOut {
            head: CommitId::parse(OTHER).unwrap(),
            event_commit: run.event.commit.clone(),
            tag_commit: None,
        })
        .unwrap();
    let made = run.evaluate(rules, flavor).unwrap().without_event(&mismatch);
    let facts = Facts {
        mutability: Ok(Mutability::Immutable),
        tags: std::collections::BTreeMap::new(),
        images: std::collections::BTreeMap::new(),
        ordering: OrderingFacts::default(),
    };
    let request = RequestHash::parse(&format!("v1:{}-", "0123456789abcdef.".repeat(7))).unwrap();
    let revision = Revision {
        commit: CommitId::parse(OTHER).unwrap(),
        is_dirty: false,
    };
    let candidate = Candidate {
        digest: None,
        revision: Some(&revision),
        version: None,
        request: Some(&request),
    };
    TagSet::of(&made)
        .unwrap()
        .tags
        .iter()
        .map(|wanted| {
            let action = candidate.action(wanted, &facts);
            if let TagAction::Hold { reason, .. } = &action {
                assert!(reason.hint().is_some(), "what is withheld is warned of");
            }
            format!("{} {}", wanted.tag, action.name())
        })
        .collect()
}

#[test]
fn tags_of_a_branch_are_withheld_when_another_commit_is_checked_out() {
    let payload = r#"{"repository": {"default_branch": "main"}}"#;
    let run = Run::with_payload(Mode::Strict, "workflow_run", "refs/heads/main", payload);
    for (rules, flavor, expected) in [
        (
            "type=ref,event=branch\ntype=sha",
            "",
            "sha-860c1904a1ce create, main hold",
        ),
        ("type=edge", "", "edge hold"),
        ("type=raw,value={{branch}}-latest", "", "main-latest hold"),
        ("type=raw,value=x,prefix={{branch}}-", "", "main-x hold"),
        ("type=raw,value=x", "suffix=-{{branch}}", "x-main hold"),
        ("type=raw,value={{branch}}-{{sha}}", "", "main-860c1904a1ce hold"),
        (
            "type=raw,value=stable,enable={{is_default_branch}}",
            "",
            "stable hold",
        ),
        ("latest", "", "latest hold"),
        ("type=raw,value=dev-{{sha}}", "", "dev-860c1904a1ce create"),
    ] {
        assert_eq!(elsewhere(&run, rules, flavor).join(", "), expected, "{rules}");
    }
}

#[test]
fn a_version_of_the_checkout_is_no_claim_of_the_event() {
    let mut run = Run::push(Mode::Strict, "heads/main");
    run.version = Some(Version::new(1, 2, 3));
    assert_eq!(elsewhere(&run, "type=semver", "latest=false"), ["1.2.3 create"]);
    let made = |run: &Run, rules| run.evaluate(rules, "").unwrap().has_release_of_event();
    assert!(!made(&run, "type=semver"));
    assert!(!made(&run, "type=semver,value=1.0.0"));
    run.version = None;
    run.event.git_ref = crate::event::GitRef::new("refs/tags/v1.0.0");
    for rules in [
        "type=semver",
        "type=ref,event=tag",
        "type=match,pattern=\\d.*",
        "type=raw,value={{tag}}",
        r#"type=semver,"match=v(.*)""#,
    ] {
        assert!(made(&run, rules), "{rules}");
    }
}

#[test]
fn a_tag_that_holds_the_commits_id_is_a_commit_tag() {
    let run = Run::push(Mode::Strict, "heads/main");
    for rules in [
        "type=raw,value=dev-{{sha}}",
        "type=raw,value=dev,suffix=-{{sha}}",
        "type=ref,event=branch,suffix=-{{sha}}",
        "type=raw,value={{sha}}",
        "type=sha",
    ] {
        let made = run.evaluate(rules, "").unwrap();
        assert_eq!(made.tags[0].class, TagClass::Commit, "{rules}");
    }
    let with_flavor = run.evaluate("type=raw,value=dev", "suffix=-{{sha}}").unwrap();
    assert_eq!(with_flavor.tags[0].class, TagClass::Commit);
    let moving = run.evaluate("type=raw,value=dev", "").unwrap();
    assert_eq!(moving.tags[0].class, TagClass::Moving);
}

#[test]
fn a_branch_never_makes_the_tag_of_a_version() {
    for branch in ["2.0.0", "v2.0.0", "2.0.0-rc.1"] {
        let run = Run::push(Mode::Strict, &format!("heads/{branch}"));
        for rules in [
            "type=ref,event=branch",
            "type=raw,value={{branch}}",
            "type=match,pattern=.*,value={{branch}}",
            "type=raw,value={{branch}},suffix=-x",
        ] {
            let made = run.evaluate(&format!("{rules}\ntype=sha"), "").unwrap();
            let names: Vec<&str> = made.tags.iter().map(|tag| tag.name.as_str()).collect();
            assert_eq!(names, ["sha-860c1904a1ce"], "{branch} {rules}");
        }
        // Asked for, or marked as what it is.
        assert!(
            run.tags("type=semver,value={{branch}}", "")
                .starts_with(branch.trim_start_matches('v'))
        );
        assert_eq!(
            run.tags("type=ref,event=branch,prefix=branch-", ""),
            format!("branch-{branch}")
        );
        let made = run.evaluate("type=raw,value={{branch}}-{{sha}}", "").unwrap();
        assert_eq!(made.tags[0].class, TagClass::Commit, "{branch}");
    }
    let run = Run::push(Mode::MetadataAction, "heads/2.0.0");
    assert_eq!(run.tags("type=ref,event=branch", ""), "2.0.0");
}

/// Whoever may push a branch may not release, nor take the tag of another commit.
#[test]
fn a_branch_never_takes_a_tag_that_promises_something() {
    let commit = "a1".repeat(20);
    for branch in ["latest", "2", "v2", "2.0", "sha-0123456789ab", commit.as_str()] {
        let run = Run::push(Mode::Strict, &format!("heads/{branch}"));
        for rules in ["type=ref,event=branch", "type=raw,value={{branch}}"] {
            let made = run.evaluate(&format!("{rules}\ntype=sha"), "").unwrap();
            let names: Vec<&str> = made.tags.iter().map(|tag| tag.name.as_str()).collect();
            assert_eq!(names, ["sha-860c1904a1ce"], "{branch} {rules}");
            assert_eq!(made.notes.len(), 1, "{branch} {rules}: {:?}", made.notes);
        }
    }
}

#[test]
fn a_tag_that_names_a_commit_is_that_commits() {
    let run = Run::push(Mode::Strict, "heads/main");
    let made = run
        .evaluate(
            "type=raw,value=sha-860c1904a1ce\ntype=raw,value=sha-0123456789ab",
            "",
        )
        .unwrap();
    let tags: Vec<_> = made
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), tag.class))
        .collect();
    assert_eq!(tags, [("sha-860c1904a1ce", TagClass::Commit)]);
    assert!(
        made.notes
            .iter()
            .any(|note| note.to_string().contains("names another commit")),
        "{:?}",
        made.notes
    );
}

/// The branch that a pull request goes to, or that a git tag was made from, is one as well.
#[test]
fn the_branch_below_makes_no_tag_of_a_version_either() {
    let pull_request = r#"{"pull_request": {"base": {"ref": "2.0.0"}}}"#;
    let tag = r#"{"base_ref": "refs/heads/2.0.0"}"#;
    for (name, git_ref, payload) in [
        ("pull_request", "refs/pull/7/merge", pull_request),
        ("push", "refs/tags/nightly", tag),
    ] {
        let run = Run::with_payload(Mode::Strict, name, git_ref, payload);
        for rules in [
            "type=raw,value={{base_ref}}",
            "type=raw,value=2.0.0,suffix=-{{base_ref}}",
        ] {
            let made = run.evaluate(&format!("{rules}\ntype=sha"), "").unwrap();
            let names: Vec<&str> = made.tags.iter().map(|tag| tag.name.as_str()).collect();
            assert_eq!(names, ["sha-860c1904a1ce"], "{name} {rules}");
        }
        assert_eq!(run.tags("type=raw,value=to-{{base_ref}}", ""), "to-2.0.0");
    }
    // The version is the git tag's own.
    let run = Run::with_payload(
        Mode::Strict,
        "push",
        "refs/tags/v1.2.3",
        r#"{"base_ref": "refs/heads/main"}"#,
    );
    for rules in [
        "type=raw,value={{tag}},suffix=-{{base_ref}}",
        "type=ref,event=tag,suffix=-{{base_ref}}",
    ] {
        let made = run.evaluate(rules, "latest=false").unwrap();
        assert_eq!(made.tags[0].name.as_str(), "v1.2.3-main", "{rules}");
        assert_eq!(made.tags[0].class, TagClass::Release, "{rules}");
    }
}

#[test]
fn what_is_said_of_a_runs_tags_is_what_may_surprise() {
    let notes = |run: &Run, rules: &str| -> Vec<String> {
        let made = run.evaluate(rules, "latest=false").unwrap();
        made.notes.iter().map(ToString::to_string).collect()
    };
    let branch = Run::push(Mode::Strict, "heads/main");
    // A run that is not of a rule's kind is the everyday case.
    let everyday =
        "type=semver\ntype=schedule\ntype=ref,event=tag\ntype=ref,event=pr\ntype=edge,branch=x\ntype=sha";
    assert_eq!(notes(&branch, everyday), [""; 0]);
    assert_eq!(notes(&branch, "type=semver,value=\ntype=sha"), [""; 0]);

    let tag = Run::push(Mode::Strict, "tags/v1.16");
    insta::assert_snapshot!(
        notes(&tag, "type=semver\ntype=sha").join("\n"),
        @"git tag `v1.16` names no version, so that no tag of a version is made: a version has three numbers, such as `1.16.0` or `1.16.0-rc.1`"
    );
    let warns = |rules: &str| {
        let made = tag.evaluate(rules, "").unwrap();
        made.notes.iter().any(TagNote::is_warning)
    };
    assert!(warns("type=semver\ntype=sha"));
    assert!(
        !warns("type=pep440,pattern={{version}}\ntype=sha"),
        "Python takes it"
    );
    // Where a version has to be there, the same is an error, and so is any other run without one.
    let refused = |run: &Run, rules: &str| {
        let error = run.evaluate(rules, "latest=false").unwrap().check_version();
        error.err().map(|error| error.to_string())
    };
    insta::assert_snapshot!(
        refused(&tag, "type=semver\ntype=sha").unwrap(),
        @"the run makes no tag of a version: git tag `v1.16` names no version, so that no tag of a version is made: a version has three numbers, such as `1.16.0` or `1.16.0-rc.1`"
    );
    assert!(refused(&branch, everyday).unwrap().contains("`type=semver"));
    assert_eq!(
        refused(&branch, "type=sha").unwrap(),
        "the run makes no tag of a version: no rule asks for one"
    );
    let release = Run::push(Mode::Strict, "tags/v1.16.0");
    assert_eq!(refused(&release, "type=semver\ntype=sha"), None);
    assert_eq!(refused(&branch, "type=semver,value=1.2.3"), None);
    assert!(!warns("type=semver\ntype=raw,value=1.16.0"), "a version is made");
    assert!(!warns("type=sha"), "none is asked for");

    // Who reads `-x` looks for a mistake of his own.
    for (git_ref, rules, empty) in [
        ("pull/7/merge", "type=raw,value=x-{{branch}}", "branch"),
        ("tags/v1.2.3", "type=raw,value=x,suffix=-{{branch}}", "branch"),
        ("heads/main", "type=raw,value=x-{{tag}}", "tag"),
        ("heads/main", "type=raw,value=x-{{base_ref}}", "base_ref"),
    ] {
        let run = Run::push(Mode::Strict, git_ref);
        let expected = format!("`{{{{{empty}}}}}` of `{rules}` is empty at `refs/{git_ref}`");
        assert_eq!(notes(&run, rules), [expected]);
    }
    assert_eq!(notes(&branch, "type=raw,value=x-{{branch}}"), [""; 0]);
}

#[test]
fn a_tag_that_cannot_be_names_the_reference() {
    let run = Run::push(Mode::Strict, "heads/main");
    let message = run.tags("type=ref,event=branch,prefix=-", "");
    assert!(message.contains("at `refs/heads/main`"), "{message}");
    for branch in ["로그인", "-x", ".x"] {
        let run = Run::push(Mode::Strict, &format!("heads/{branch}"));
        for rules in ["type=ref,event=branch", "type=raw,value={{branch}}"] {
            assert!(!run.tags(rules, "").starts_with("error"), "{branch} {rules}");
        }
    }
}

/// Source: Handlebars, "Expressions": what stands without quotes is looked up; moment.js, `moment.defaultFormat`.
#[test]
fn a_format_without_quotes_is_an_unknown_variable_of_the_action() {
    let run = Run::push(Mode::MetadataAction, "heads/main");
    for (rules, tag) in [
        ("type=raw,value={{date YYYY-MM-DD}}", "2020-01-10T00-30-00Z"),
        (
            "type=raw,value={{commit_date YYYY-MM-DD}}",
            "2020-01-10T00-30-00Z",
        ),
        (
            "type=raw,value={{date YYYY tz='Asia/Tokyo'}}",
            "2020-01-10T09-30-00-09-00",
        ),
        ("type=raw,value={{date 'YYYY-MM-DD'}}", "2020-01-10"),
    ] {
        assert_eq!(run.tags(rules, ""), tag, "{rules}");
    }
    let strict = Run::push(Mode::Strict, "heads/main");
    assert_eq!(
        strict.tags("type=raw,value={{date YYYY-MM-DD}}", ""),
        "2020-01-10"
    );
}

#[test]
fn the_time_of_an_unknown_commit_is_not_now() {
    let mut run = Run::push(Mode::MetadataAction, "heads/main");
    run.event.committed_at = None;
    let rules = TagRule::parse_list("type=raw,value={{commit_date 'YYYY'}}", run.mode).unwrap();
    let of = |committed_at| {
        let context = TagContext {
            committed_at,
            ..run.context()
        };
        evaluate(&rules, &Flavor::default(), &context)
    };
    assert!(of(None).is_err());
    assert!(of(Some(Timestamp::UNIX_EPOCH)).is_ok());
}
