//! Workflows before and after.

use std::collections::BTreeSet;

use super::*;
use crate::schema;

/// Workflows, each behind a line `=== NAME`.
const SHAPES: &str = include_str!("shapes.txt");

fn shapes() -> Vec<(&'static str, &'static str)> {
    let shapes = SHAPES.split("=== ").skip(1);
    shapes.filter_map(|shape| shape.split_once('\n')).collect()
}

#[test]
fn workflows_become_what_their_authors_would_write() {
    let shapes = shapes();
    assert!(shapes.len() >= 30, "{}", shapes.len());
    let mut shown = String::new();
    for (name, workflow) in shapes {
        let migrated = migrate(workflow).unwrap_or_else(|error| panic!("{name}: {error}"));
        let notes: String = migrated.notes.iter().map(|note| format!("# {note}\n")).collect();
        shown.push_str(&format!("=== {name}\n{}{notes}", migrated.workflow));
    }
    insta::assert_snapshot!(shown);
}

/// What holds of every migration: it is a workflow, its inputs exist, and nothing was lost without a word.
#[test]
fn a_migrated_workflow_is_one_and_drops_nothing() {
    for (name, workflow) in shapes() {
        let migrated = migrate(workflow).unwrap();
        let read = |text: &str| -> serde_yaml::Value {
            serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
        };
        let (old, new) = (read(workflow), read(&migrated.workflow));
        let steps_of = |workflow: &serde_yaml::Value| -> Vec<serde_yaml::Value> {
            let jobs = workflow["jobs"].as_mapping().unwrap().iter();
            jobs.flat_map(|(_, job)| job["steps"].as_sequence().unwrap().clone())
                .collect()
        };
        let mut inputs = BTreeSet::new();
        for step in steps_of(&new) {
            if step["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with("tagship/"))
            {
                for (input, _) in step["with"].as_mapping().unwrap() {
                    let input = input.as_str().unwrap();
                    assert!(schema::find(input).is_some(), "{name}: {input}");
                    inputs.insert(input.to_owned());
                }
            }
        }
        assert!(inputs.contains("repository"), "{name}");
        let notes: String = migrated.notes.iter().map(|note| format!("{note}\n")).collect();
        for step in steps_of(&old) {
            let is_kept = steps_of(&new).iter().any(|kept| {
                kept["name"] == step["name"] && kept["uses"] == step["uses"] && kept["id"] == step["id"]
            });
            for (input, _) in step["with"].as_mapping().into_iter().flatten() {
                let input = input.as_str().unwrap();
                let is_answered = inputs.contains(input) || notes.contains(&format!("`{input}"));
                // What says the same in other words.
                let is_reworded = matches!(
                    input,
                    "images"
                        | "tags"
                        | "aws-region"
                        | "username"
                        | "password"
                        | "push"
                        | "outputs"
                        | "custom-tags"
                        | "registries"
                        | "labels"
                        | "context"
                        | "provenance"
                        | "load"
                        | "platforms"
                        | "secret-envs"
                        | "secret-files"
                        | "github-token"
                );
                assert!(
                    is_kept || is_answered || is_reworded,
                    "{name}: `{input}` is lost\n{notes}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_migrated_is_an_error() {
    for (workflow, expected) in [
        ("", MigrationError::NoJobs),
        ("on: push\n", MigrationError::NoJobs),
        (
            "jobs:\n  a:\n    steps:\n      - run: docker push x\n",
            MigrationError::NothingToReplace,
        ),
        (
            "jobs:\n  a:\n    steps: [{uses: docker/build-push-action@v6}]\n",
            MigrationError::Layout { line: 3 },
        ),
        (
            "jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n        with:\n          push: true\n          tags: ghcr.io/o/a:1\n",
            MigrationError::NothingToReplace,
        ),
    ] {
        assert_eq!(migrate(workflow).unwrap_err(), expected, "{workflow}");
    }
    for hostile in [
        "a: [",
        "a: &a [*a]\nb: *a",
        "jobs: {a: {steps: [[[[[[]]]]]]}}",
        "jobs:\n- x",
        "jobs: x",
    ] {
        assert!(migrate(hostile).is_err(), "{hostile}");
    }
    let deep = "[".repeat(10_000);
    assert!(matches!(migrate(&deep), Err(MigrationError::NotYaml { .. })));
}

#[test]
fn line_breaks_stay_what_they_are() {
    for (name, workflow) in shapes() {
        let expected = migrate(workflow).unwrap().workflow.replace('\n', "\r\n");
        let migrated = migrate(&workflow.replace('\n', "\r\n")).unwrap();
        assert_eq!(migrated.workflow, expected, "{name}");
    }
}
