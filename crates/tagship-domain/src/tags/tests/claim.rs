use super::*;
use crate::event::CheckedOut;
use crate::facts::{Facts, Surroundings};
use crate::immutability::Mutability;
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
        surroundings: Surroundings::default(),
    };
    let candidate = Candidate {
        digest: None,
        revision: OTHER,
        version: None,
    };
    Wanted::of(&made)
        .unwrap()
        .tags
        .iter()
        .map(|wanted| {
            let action = candidate.action(wanted, &facts);
            if let TagAction::Hold { hint, .. } = &action {
                assert!(hint.is_some(), "what is withheld is warned of");
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
