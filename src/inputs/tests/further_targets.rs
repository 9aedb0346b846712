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

/// `docker/metadata-action` and `docker/build-push-action` push one image under all names.
#[test]
fn the_further_names_of_images_are_targets() {
    let case = |names: &str| Case::new().flag("images", &format!("{REGISTRY}/team/app\n{names}"));
    let targets = |case: &Case| -> Vec<String> {
        let targets = case.settings().targets;
        let names = targets.iter().map(|place| place.image().unwrap().to_string());
        names.collect()
    };
    let names = format!("ghcr.io/octo/app\nname={FAR}/team/app,enable=true\nname=quay.io/o/app,enable=false");
    let two = case(&names);
    assert_eq!(targets(&two), ["ghcr.io/octo/app", &format!("{FAR}/team/app")]);
    let with_targets = two.flag("targets", "prod/app");
    assert_eq!(targets(&with_targets)[0], format!("{REGISTRY}/prod/app"));
    assert_eq!(targets(&with_targets).len(), 3);
    assert_eq!(
        targets(&case("docker.io/octo/app")),
        ["registry-1.docker.io/octo/app"]
    );
    // Without a host it is Docker Hub's there, and a repository of the run's registry in `targets`.
    let (message, hint) = case("octo/app").problem();
    assert_eq!(
        message,
        "`--images`: `octo/app` behind the first image has no registry"
    );
    assert_eq!(
        hint.as_deref(),
        Some("write `HOST/octo/app`; Docker Hub's is `docker.io/octo/app`")
    );
    let local = Case::new()
        .flag("images", "team/app\nocto/app")
        .flag("local", "true");
    assert!(local.settings().targets.is_empty());
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

/// The steps of the page are what a workflow may say.
#[test]
fn the_page_names_targets_of_three_kinds() {
    let page = include_str!("../../../docs/targets.md");
    let blocks = page.split("```yaml\n").skip(1);
    let kinds = blocks.map(|rest| {
        let (block, _) = rest.split_once("```").unwrap();
        let block = block.replace("${{ github.actor }}", "octo");
        let steps: serde_json::Value = serde_yaml::from_str(&block).unwrap();
        let mut case = Case::new().variable("GHCR_TOKEN", "t0ken");
        for (name, value) in steps[0]["with"].as_object().unwrap() {
            let input = crate::schema::find(name).unwrap();
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            case = case.flag(input.name, &text);
        }
        let kinds = case.settings().targets.into_iter().map(|place| match place {
            RepositoryPlace::Other(_) => "other",
            RepositoryPlace::Ecr(target)
                if target.identity.role.as_deref() != Some("arn:aws:iam::123456789012:role/publisher") =>
            {
                "role"
            }
            RepositoryPlace::Ecr(_) => "ecr",
        });
        kinds.collect::<Vec<_>>()
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [vec!["ecr", "role", "other"], vec![]]);
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
