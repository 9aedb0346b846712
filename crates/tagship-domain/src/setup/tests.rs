//! The files of a set-up.

use super::*;
use crate::iam::{GithubRepository, JobFilter, SubjectForms};
use crate::reference::{AccountId, RepositoryName};
use crate::repositories::RegistryKind;

fn setup(tool: SetupTool, jobs: Vec<JobFilter>) -> Setup {
    let account = AccountId::parse("123456789012").unwrap();
    Setup {
        repositories: vec![repository("eu-central-1", "team/app", TagSettings::default())],
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
        images: PublishedImages::Single,
    }
}

fn repository(region: &str, name: &str, tags: TagSettings) -> TargetRepository {
    TargetRepository {
        place: Target {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse(region).unwrap(),
            repository: RepositoryName::parse(name).unwrap(),
            kind: RegistryKind::Private,
        },
        tags: vec![tags],
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
        images: PublishedImages::Named("api".to_owned()),
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
    let tags = TagSettings {
        lists: raw.read(crate::tags::Mode::Strict).unwrap(),
        ..TagSettings::default()
    };
    Setup {
        repositories: vec![repository("eu-central-1", "team/app", tags)],
        ..setup(tool, jobs)
    }
}

/// A setup of two images, one of which goes to two regions.
fn several(tool: SetupTool) -> Setup {
    let moving = moving(tool).repositories.remove(0).tags.remove(0);
    let jobs = vec![
        JobFilter::branch("main").unwrap(),
        JobFilter::tag("api/v*").unwrap(),
    ];
    Setup {
        repositories: vec![
            repository("eu-central-1", "shop/api", moving.clone()),
            repository("us-east-1", "shop/api", moving),
            repository("eu-central-1", "shop/web", TagSettings::default()),
        ],
        images: PublishedImages::Touched,
        ..setup(tool, jobs)
    }
}

#[test]
fn a_setup_of_several_images_with_the_aws_cli() {
    insta::assert_snapshot!(shown(&several(SetupTool::AwsCli)));
}

#[test]
fn a_setup_of_several_images_with_terraform() {
    insta::assert_snapshot!(shown(&several(SetupTool::Terraform)));
}

/// A stack is of one region. The names are those of CloudFormation's template reference.
#[test]
fn a_setup_with_cloudformation_has_a_template_for_each_region() {
    let setup = several(SetupTool::CloudFormation);
    insta::assert_snapshot!(shown(&setup));
    insta::assert_snapshot!(setup.creation().join("\n"), @r"
    aws cloudformation deploy --region eu-central-1 --stack-name tagship-publish --template-file tagship-setup/template.json --capabilities CAPABILITY_NAMED_IAM
    aws cloudformation deploy --region us-east-1 --stack-name tagship-publish --template-file tagship-setup/template-us-east-1.json --capabilities CAPABILITY_NAMED_IAM
    ");
    let stack = |role: &str| cloudformation::stack_name(&RoleName::parse(role).unwrap());
    assert_eq!(
        [stack("a_b+c"), stack("1x")],
        ["a-b-c".to_owned(), "tagship-1x".to_owned()]
    );
    let template: serde_json::Value = serde_json::from_str(&setup.files()[1].content).unwrap();
    let role = &template["Resources"]["Role"]["Properties"];
    assert_eq!(role["AssumeRolePolicyDocument"]["Version"], "2012-10-17");
    assert_eq!(template["Resources"]["Repository1"]["DeletionPolicy"], "Retain");
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
