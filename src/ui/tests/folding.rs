//! Logs of CI systems other than GitHub Actions.

use std::ffi::OsString;

use jiff::Timestamp;

use super::groups::Groups;
use super::*;
use crate::ports::{Clock, Stage};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_560_896_352).unwrap()
    }
}

/// What a run shows that plans, builds and fails.
fn failed_run(groups: Groups) -> String {
    let stream = Stream::default();
    let renderer = plain_in(groups, &stream);
    renderer.event(RunEvent::Stage(Stage::Plan));
    renderer.event(RunEvent::Note("one tag"));
    renderer.event(RunEvent::Stage(Stage::Build));
    output(&renderer, 1, b"compiling\n");
    done(&renderer, 1);
    renderer.error(&Diagnosis::cancelled());
    stream.text()
}

#[test]
fn each_system_folds_a_stage_by_its_own_marks() {
    let shown = [
        ("none", Groups::None),
        ("azure pipelines", Groups::AzurePipelines),
        ("buildkite", Groups::Buildkite),
        ("gitlab", Groups::Gitlab(Arc::new(Fixed))),
    ]
    .map(|(name, groups)| format!("# {name}\n{}", failed_run(groups)))
    .concat();
    let shown = shown.replace('\u{1b}', "<ESC>").replace('\r', "<CR>");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_system_is_known_by_its_variables() {
    let groups = |name: &str| {
        let variable = (OsString::from(name), OsString::from("true"));
        Groups::of(&Environment::new([variable], "/".into()))
    };
    assert!(matches!(groups("TF_BUILD"), Groups::AzurePipelines));
    assert!(matches!(groups("BUILDKITE"), Groups::Buildkite));
    assert!(matches!(groups("GITLAB_CI"), Groups::Gitlab(_)));
    assert!(matches!(groups("CIRCLECI"), Groups::None));
    assert!(matches!(groups("GITHUB_ACTIONS"), Groups::None));
}

/// Source: microsoft/azure-pipelines-agent, `Command.TryParse`: `##vso[` counts anywhere in a line.
#[test]
fn nothing_that_a_build_prints_is_a_command_of_azure_pipelines() {
    let hostile = [
        "##vso[task.setvariable variable=x]y",
        "a ##[error]b",
        "#\u{202e}#vso[x]",
        "##\u{1b}[0mvso[x]",
    ];
    for text in hostile {
        let stream = Stream::default();
        let renderer = plain_in(Groups::AzurePipelines, &stream);
        renderer.event(RunEvent::Stage(Stage::Build));
        start(&renderer, 1, text);
        output(&renderer, 1, format!("{text}\n").as_bytes());
        done(&renderer, 1);
        renderer.event(RunEvent::Note(text));
        renderer.event(RunEvent::Block(text));
        renderer.finish();
        let shown = stream.text();
        let commands: Vec<&str> = shown
            .lines()
            .filter(|line| line.contains("##[") || line.contains("##vso["))
            .collect();
        assert_eq!(
            commands,
            ["##[group]build and push by digest", "##[endgroup]"],
            "{shown}"
        );
    }
}
