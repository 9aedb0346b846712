//! Reports as users see them.

use super::*;
use crate::ports::Stage;
use tagship_domain::facts::CommitId;
use tagship_domain::plan::Unknown;
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::tags::TagNote;

pub(super) fn report(status: Status) -> Report {
    let digest = Digest::of(b"image");
    let tag = |tag, class, outcome, digest| TagReport {
        tag: Tag::parse(tag).unwrap(),
        class,
        outcome,
        digest,
        reason: (outcome == TagOutcome::Held).then(|| HoldReason::VersionsUnknown {
            ours: "1.4.0".to_owned(),
            unknown: Unknown::Refused {
                message: "it said | <b>2.0.0</b>".to_owned(),
            },
        }),
    };
    Report {
        surroundings: Surroundings {
            web: Some("https://github.com/octo/app".to_owned()),
            run: Some("https://github.com/octo/app/actions/runs/42".to_owned()),
            left: Some(LeftImage {
                tag: Tag::parse("main").unwrap(),
                size: 4_000_000,
            }),
            steps: BuildSteps { total: 7, cached: 5 },
        },
        image_id: None,
        comparison: None,
        proposal: None,
        names: Vec::new(),
        status,
        image: Some(ImageName {
            registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
        }),
        revision: Some(Revision {
            commit: CommitId::parse("1111111111111111111111111111111111111111").unwrap(),
            is_dirty: false,
        }),
        version: Some(Version::new(1, 4, 0)),
        digest: Some(digest),
        tags: vec![
            tag(
                "sha-111111111111",
                TagClass::Commit,
                TagOutcome::Created,
                Some(digest),
            ),
            tag("1.4.0", TagClass::Release, TagOutcome::Kept, Some(digest)),
            tag(
                "latest",
                TagClass::Moving,
                TagOutcome::Held,
                Some(Digest::of(b"2.0.0")),
            ),
        ],
        targets: Vec::new(),
        release: Some(ReleaseReport {
            commit: CommitId::parse("1111111111111111111111111111111111111111").unwrap(),
            git_tags: [("v1.4.0", TagOutcome::Created), ("v1", TagOutcome::Held)]
                .map(|(tag, outcome)| GitTagReport {
                    tag: tag.to_owned(),
                    outcome,
                })
                .to_vec(),
            outcome: Some(ReleaseOutcome::Published),
            url: Some("https://github.com/octo/app/releases/tag/v1.4.0".to_owned()),
            is_latest: true,
            files: vec!["image.json".to_owned()],
            workflows: Vec::new(),
        }),
        deploy_files: Vec::new(),
        manifests: vec![PlatformManifest {
            platform: Platform::parse("linux/amd64").unwrap(),
            digest,
        }],
        size: Some(3_500_000),
        engine: None,
        gate: None,
        signature: None,
        stages: vec![
            StageReport {
                stage: Stage::Read,
                milliseconds: 90,
            },
            StageReport {
                stage: Stage::Build,
                milliseconds: 65_400,
            },
        ],
        notes: vec![Note::Tag(TagNote::SilentRule {
            rule: "type=sha".to_owned(),
            reason: "it stays | <b>behind</b>".to_owned(),
        })],
    }
}

#[test]
fn every_output_has_a_value_and_held_tags_are_not_ours() {
    let outputs = outputs(&report(Status::Published));
    assert_eq!(outputs.len(), OUTPUTS.len());
    let text: Vec<String> = outputs
        .iter()
        .filter(|(name, _)| *name != "json")
        .map(|(name, value)| format!("{name}={}", value.replace('\n', " ")))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn outputs_without_registry_are_free_of_the_account() {
    for (name, value) in outputs(&report(Status::Published)) {
        let names_registry = ["image", "tags", "registry", "json"].contains(&name);
        assert_eq!(value.contains("123456789012"), names_registry, "{name}");
    }
}

#[test]
fn a_failed_run_gives_no_digest_to_deploy() {
    let empty: Vec<&str> = outputs(&report(Status::Failed))
        .into_iter()
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        empty,
        [
            "digest",
            "image",
            "targets",
            "gate",
            "findings",
            "release-pr-url",
            "deploy-files",
            "image-id",
            "matrix",
            "docker-username",
            "docker-password",
            "images"
        ]
    );
    assert_eq!(outputs(&Report::default()).len(), OUTPUTS.len());
}

#[test]
fn the_summary_is_markdown_that_text_from_outside_cannot_leave() {
    insta::assert_snapshot!("published", summary(&report(Status::Published), None, None));
    let failure = "a step failed\n```\n# not a heading";
    insta::assert_snapshot!("failed", summary(&report(Status::Failed), None, Some(failure)));
}

#[test]
fn the_terminal_shows_what_happened() {
    insta::assert_snapshot!(report_text(&report(Status::Published)));
}

#[test]
fn a_comment_keeps_to_githubs_limit_and_what_failed_stays_in_its_place() {
    let report = report(Status::Published);
    let hostile = "```\n<!-- tagship: other -->\n@octocat <script>";
    let text = comment(&report, Some(hostile), Some("https://github.example/runs/42"));
    let begin = "<!-- tagship: team/app -->\n### `team/app` was not published\n\n````text\n```\n";
    assert!(text.starts_with(begin), "{text}");
    assert!(
        text.ends_with("\n[The run](https://github.example/runs/42)\n"),
        "{text}"
    );

    let long = comment(&report, Some(&"x\n".repeat(70_000)), None);
    assert!(long.chars().count() <= 65_536);
    assert!(long.contains("The whole is in the summary of the run."), "{long}");
    assert!(!long.contains("```"), "no code block is left open: {long}");
}
