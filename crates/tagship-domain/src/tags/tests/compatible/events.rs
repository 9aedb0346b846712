//! Compatible mode: events and the tags that the action's libraries give.

use super::*;

#[test]
fn every_event_makes_the_measured_tags() {
    let run = |name, git_ref, payload| Run::with_payload(Mode::MetadataAction, name, git_ref, payload);
    let pull_request = r#"{"number": 7, "pull_request": {"base": {"ref": "main"}}}"#;
    for (run, rules, expected) in [
        (run("schedule", "refs/heads/main", "{}"), "", "nightly, main"),
        (
            run("schedule", "refs/heads/main", "{}"),
            "type=schedule,pattern={{date 'YYYYMMDD'}}",
            "20200110",
        ),
        (
            run("schedule", "refs/heads/main", "{}"),
            "type=schedule,pattern={{branch}}-x",
            "-x",
        ),
        (
            run("schedule", "refs/heads/main", "{}"),
            "type=raw,value=x,enable={{is_default_branch}}",
            "x",
        ),
        (run("pull_request", "refs/pull/7/merge", pull_request), "", "pr-7"),
        (
            run("pull_request", "refs/pull/7/merge", pull_request),
            "type=raw,value={{base_ref}}",
            "main",
        ),
        (
            run("pull_request_target", "refs/heads/main", pull_request),
            "",
            "pr-7",
        ),
        (
            run(
                "release",
                "refs/tags/v1.2.3",
                r#"{"release": {"tag_name": "v9.9.9"}}"#,
            ),
            "type=semver,pattern={{version}}",
            "1.2.3, latest",
        ),
        (
            run(
                "release",
                "refs/heads/main",
                r#"{"release": {"tag_name": "v9.9.9"}}"#,
            ),
            "type=semver,pattern={{version}}",
            "",
        ),
        (
            run("workflow_dispatch", "refs/heads/main", "{}"),
            "type=semver,pattern={{version}},value=v3.4.5\ntype=semver,pattern={{major}}.{{minor}},value=v3.4.5",
            "3.4.5, 3.4, latest",
        ),
        (run("workflow_dispatch", "refs/heads/main", "{}"), "", "main"),
        (run("push", "refs/heads/main", "{}"), "", "main"),
        (
            run("push", "refs/tags/v1.2.3", r#"{"base_ref": "refs/heads/dev"}"#),
            "type=raw,value={{base_ref}}-{{tag}}",
            "dev-v1.2.3",
        ),
        (
            run(
                "push",
                "refs/heads/main",
                r#"{"repository": {"default_branch": "main"}}"#,
            ),
            "type=raw,value={{is_default_branch}}-{{is_not_default_branch}}",
            "true-false",
        ),
        (run("", "", "{}"), "", ""),
        (run("", "", "{}"), "type=sha", "sha-860c190"),
    ] {
        assert_eq!(
            run.tags(rules, ""),
            expected,
            "{} {:?}: {rules}",
            run.event.name,
            run.event.git_ref
        );
    }
}

/// One line is a run and the tags that Handlebars, csv-parse, moment-timezone, node-semver and pep440 gave when they
/// were put together as the action does; `null` where they raised an error.
#[test]
fn random_rules_make_what_the_actions_own_libraries_make() {
    let mut checked = 0;
    for line in include_str!("../judged.jsonl").lines() {
        let judged: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| judged[name].as_str().unwrap();
        let payload = r#"{"repository": {"default_branch": "main"}}"#;
        let run = Run::with_payload(Mode::MetadataAction, text("event"), text("ref"), payload);
        let made = run.evaluate(text("rules"), text("flavor")).ok();
        let made = made.map(|made| {
            made.tags
                .into_iter()
                .map(|tag| tag.name.to_string())
                .collect::<Vec<_>>()
        });
        assert_eq!(serde_json::json!(made), judged["tags"], "{line}");
        checked += 1;
    }
    assert_eq!(checked, 400);
}
