//! The files of a set-up.

use super::*;
use crate::iam::{GithubRepository, JobFilter, SubjectForms};
use crate::reference::{AccountId, Region, RepositoryName};
use crate::repositories::RegistryKind;

fn setup(tool: SetupTool, jobs: Vec<JobFilter>) -> Setup {
    let account = AccountId::parse("123456789012").unwrap();
    Setup {
        target: Target {
            account: account.clone(),
            region: Region::parse("eu-central-1").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
            kind: RegistryKind::Private,
        },
        role: RoleName::parse("tagship-publish").unwrap(),
        trust: Trust {
            account,
            partition: "aws",
            issuer: "token.actions.githubusercontent.com".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            repository: GithubRepository::parse("octo/app").unwrap(),
            ids: None,
            jobs,
            forms: SubjectForms::Both,
        },
        tool,
        in_use: SettingsInUse::default(),
        tags: TagSettings::default(),
        only: None,
    }
}

fn shown(setup: &Setup) -> String {
    let files = setup.files().into_iter();
    files
        .map(|file| format!("=== {} {}\n{}", file.path, file.is_executable, file.content))
        .collect()
}

#[test]
fn a_setup_with_the_aws_cli() {
    let jobs = vec![JobFilter::branch("main").unwrap(), JobFilter::tag("v*").unwrap()];
    insta::assert_snapshot!(shown(&setup(SetupTool::AwsCli, jobs)));
}

#[test]
fn a_setup_with_terraform_and_an_environment() {
    let jobs = vec![JobFilter::environment("prod: \"$x\"").unwrap()];
    insta::assert_snapshot!(shown(&setup(SetupTool::Terraform, jobs)));
}

#[test]
fn a_setup_for_what_the_settings_switch_on() {
    let jobs = vec![JobFilter::branch("main").unwrap()];
    let in_use = SettingsInUse {
        commands: BTreeSet::from(["scan", "sign-managed", "from-cache", "create-repository"]),
        job: BTreeSet::from([
            JobNeed::History,
            JobNeed::Contents,
            JobNeed::PullRequests,
            JobNeed::SecurityEvents,
            JobNeed::File,
        ]),
    };
    // Every name is a row of the table.
    assert_eq!(in_use.permissions().len(), in_use.commands.len() + 1);
    insta::assert_snapshot!(shown(&Setup {
        in_use,
        only: Some("api".to_owned()),
        ..setup(SetupTool::AwsCli, jobs)
    }));
}

/// A setup whose rules move `latest` and a branch's tag.
fn moving(tool: SetupTool) -> Setup {
    let raw = crate::tags::RawLists {
        tags: "type=semver,pattern={{version}}\ntype=ref,event=branch\nlatest",
        flavor: "latest=false",
        ..crate::tags::RawLists::default()
    };
    let jobs = vec![JobFilter::branch("main").unwrap(), JobFilter::tag("v*").unwrap()];
    Setup {
        tags: TagSettings {
            lists: raw.read(crate::tags::Mode::Strict).unwrap(),
            ..TagSettings::default()
        },
        ..setup(tool, jobs)
    }
}

#[test]
fn tags_that_move_are_excluded_from_what_stays() {
    let script = shown(&moving(SetupTool::AwsCli));
    let filters = "--image-tag-mutability IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters \
                   'filterType=WILDCARD,filter=main' 'filterType=WILDCARD,filter=latest'";
    assert!(script.contains(filters), "{script}");
    let module = shown(&moving(SetupTool::Terraform));
    for part in [
        "= \"IMMUTABLE_WITH_EXCLUSION\"",
        "filter      = \"latest\"",
        "filter_type = \"WILDCARD\"",
    ] {
        assert!(module.contains(part), "{module}");
    }
    let mut by_template = moving(SetupTool::AwsCli);
    by_template.in_use.commands.insert("create-by-template");
    let script = shown(&by_template);
    assert!(!script.contains("create-repository "), "{script}");
    assert!(script.contains("creation template makes `team/app`"), "{script}");
}

#[test]
fn a_program_of_the_runner_signs_on_the_runner() {
    for (program, need) in [
        ("cosign-installer@", JobNeed::Cosign),
        ("notation-action/setup@", JobNeed::Notation),
    ] {
        let jobs = vec![JobFilter::branch("main").unwrap()];
        let mut signed = setup(SetupTool::AwsCli, jobs);
        signed.in_use.job.extend([need, JobNeed::File]);
        let workflow = signed.files().remove(1).content;
        for part in [
            program,
            "tagship/tagship/setup@v1",
            "run: tagship ship",
            "TAGSHIP_CONFIG: tagship.yaml",
        ] {
            assert!(workflow.contains(part), "{part}: {workflow}");
        }
        assert!(!workflow.contains("uses: tagship/tagship@v1"), "{workflow}");
    }
}

#[test]
fn a_role_has_a_legal_name() {
    for (name, is_legal) in [
        ("publish", true),
        ("a+=,.@-_1", true),
        ("", false),
        ("a b", false),
        ("a/b", false),
        (&"r".repeat(65), false),
    ] {
        assert_eq!(RoleName::parse(name).is_ok(), is_legal, "{name}");
    }
}
