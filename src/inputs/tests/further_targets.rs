//! The input `targets`.

use super::*;
use crate::settings::RepositoryPlace;

const FAR: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";

fn with(targets: &str) -> Case {
    Case::complete().flag("targets", targets)
}

#[test]
fn a_target_has_the_identity_of_the_run_in_its_own_region() {
    let case = with(&format!(
        "prod/app\n{FAR}/team/app,role-to-assume=publisher\nghcr.io/octo/app"
    ))
    .flag("role-to-assume", "arn:aws:iam::123456789012:role/first");
    let settings = case.settings();
    let found: Vec<_> = settings
        .targets
        .iter()
        .map(|place| {
            let image = place.image().unwrap().to_string();
            let identity = match place {
                RepositoryPlace::Other(_) => None,
                RepositoryPlace::Ecr(settings) => Some((
                    settings.identity.role.clone(),
                    settings.identity.region.as_ref().map(ToString::to_string),
                )),
            };
            (image, identity)
        })
        .collect();
    let of = |role: &str, region: &str| Some((Some(role.to_owned()), Some(region.to_owned())));
    assert_eq!(
        found,
        [
            (
                format!("{REGISTRY}/prod/app"),
                of("arn:aws:iam::123456789012:role/first", "eu-central-1")
            ),
            (
                format!("{FAR}/team/app"),
                of("arn:aws:iam::210987654321:role/publisher", "us-east-1")
            ),
            ("ghcr.io/octo/app".to_owned(), None),
        ]
    );
}

#[test]
fn what_is_no_further_repository_is_refused() {
    for (targets, expected) in [
        ("team/app", "is a target twice"),
        ("ghcr.io/o/app\nghcr.io/o/app", "is a target twice"),
        ("prod/app:1.0", "names an image, and no repository"),
        ("Prod/App", "repository name"),
        ("prod/app,region=x", "`region=x` is no option of a target"),
        ("ghcr.io/o/app,role-to-assume=x", "takes no role"),
        (
            "prod/app,role-to-assume=arn:aws:iam::1:user/x",
            "not the ARN of a role",
        ),
        ("prod/app,endpoint-url=x", "is not a URL"),
    ] {
        let (message, _) = with(targets).problem();
        assert!(message.contains(expected), "{targets}: {message}");
    }
}

/// What is tried on this machine reaches no other, and what is not published no repository.
#[test]
fn the_embedded_ecr_and_builds_have_no_targets() {
    for case in [
        Case::new()
            .flag("repository", "team/app")
            .flag("targets", "prod/app")
            .flag("local", "true"),
        with("prod/app").flag("push", "false"),
    ] {
        assert!(case.settings().targets.is_empty());
    }
}

#[test]
fn policies_are_for_the_targets_of_the_same_role() {
    let case = with(&format!(
        "prod/app\n{FAR}/team/app,role-to-assume=publisher\nghcr.io/octo/app"
    ));
    let given = RawArguments::by_flags(case.flags.clone());
    let found = targets(given, &case.environment()).unwrap().places();
    let found: Vec<String> = found.iter().map(|target| target.repository.to_string()).collect();
    assert_eq!(found, ["team/app", "prod/app"]);
}

/// The example of the page is what a workflow may say.
#[test]
fn the_page_names_targets_of_three_kinds() {
    let page = include_str!("../../../docs/targets.md");
    let (_, list) = page.split_once("    targets: |\n").unwrap();
    let (list, _) = list.split_once("```").unwrap();
    let lines: Vec<&str> = list.lines().map(str::trim).collect();
    let settings = with(&lines.join("\n")).settings();
    let kinds = settings.targets.iter().map(|place| match place {
        RepositoryPlace::Other(_) => "other",
        RepositoryPlace::Ecr(target) if target.identity.role.is_some() => "role",
        RepositoryPlace::Ecr(_) => "ecr",
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["ecr", "role", "other"]);
}

#[test]
fn a_public_repository_takes_the_runs_own_login() {
    let settings = with("public.ecr.aws/a1b2c3d4/app").settings();
    let [RepositoryPlace::Ecr(target)] = settings.targets.as_slice() else {
        panic!("{:?}", settings.targets)
    };
    assert_eq!(target.identity.region.as_ref().unwrap().as_str(), "eu-central-1");
    let (message, _) = with("public.ecr.aws/app").problem();
    assert!(message.contains("is no `ALIAS/NAME` of ECR Public"), "{message}");
}
