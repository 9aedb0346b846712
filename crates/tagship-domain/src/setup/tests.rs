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
