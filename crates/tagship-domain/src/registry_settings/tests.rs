//! Tests of a registry's settings; the limits are those of botocore's model.

use super::*;
use crate::repositories::{DeclaredSettings, ResourceTags};

fn region() -> Region {
    Region::parse("eu-central-1").unwrap()
}

#[test]
fn an_upstream_is_known_by_its_kind_or_its_host() {
    for (text, name, host) in [
        ("docker-hub", "docker-hub", "registry-1.docker.io"),
        ("docker.io", "docker-hub", "registry-1.docker.io"),
        ("ghcr.io", "github-container-registry", "ghcr.io"),
        ("k8s", "k8s", "registry.k8s.io"),
        ("team.azurecr.io", "azure-container-registry", "team.azurecr.io"),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "ecr",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        ),
    ] {
        let upstream = Upstream::parse(text).unwrap();
        assert_eq!((upstream.name(), upstream.host()), (name, host), "{text}");
    }
    for text in [
        "",
        "ecr",
        "azure-container-registry",
        ".azurecr.io",
        "a/b.azurecr.io",
        "example.com",
    ] {
        assert!(Upstream::parse(text).is_err(), "{text}");
    }
}

#[test]
fn filters_have_the_form_that_the_model_says() {
    for text in ["*", "team/*", "a", "a.b_c-d/e", "*prod*", &"a".repeat(255)] {
        assert!(ScanningFilter::parse(text).is_ok(), "{text}");
    }
    for text in ["", "Team", "/a", "a/", "a..b", "a b", "ä", &"a".repeat(256)] {
        assert!(ScanningFilter::parse(text).is_err(), "{text}");
    }
    for text in ["ab", "team/", "team/app", "a-"] {
        assert!(ReplicationRule::prefix(text).is_ok(), "{text}");
    }
    for text in ["a", "team/*", "Team", "/team", "a//b", &"a".repeat(257)] {
        assert!(ReplicationRule::prefix(text).is_err(), "{text}");
    }
}

#[test]
fn the_order_of_rules_and_the_own_account_make_no_difference() {
    let rule = |to: &[&str], prefixes: &[&str]| ReplicationRule {
        destinations: to
            .iter()
            .map(|text| ReplicationDestination::parse(text).unwrap())
            .collect(),
        prefixes: prefixes
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<BTreeSet<_>>(),
        deletes: false,
    };
    let declared = DeclaredRegistry {
        replication: Some(vec![
            rule(&["eu-west-1"], &["web/", "team/"]),
            rule(&["us-east-1", "111122223333/eu-central-1"], &[]),
        ]),
        ..DeclaredRegistry::default()
    };
    let mut actual = ActualRegistry::unread(region());
    actual.account = AccountId::parse("123456789012").ok();
    actual.replication = Some(vec![
        rule(&["111122223333/eu-central-1", "123456789012/us-east-1"], &[]),
        rule(&["123456789012/eu-west-1"], &["team/", "web/"]),
    ]);
    assert!(RegistrySettingsPlan::new(&declared, &actual).is_fulfilled());
    actual.replication = Some(Vec::new());
    let plan = RegistrySettingsPlan::new(&declared, &actual);
    assert_eq!(plan.changes.len(), 1);
    assert!(RegistrySettingsPlan::new(&DeclaredRegistry::default(), &actual).is_fulfilled());
}

// ECR API reference, `CreateRepositoryCreationTemplate`: `prod` is for `prod/…`, `ROOT` for what has no template of its own.
#[test]
fn the_closest_template_makes_a_repository_if_it_is_for_pushes() {
    let template = |prefix: &str, reason: CreationScenario| CreationTemplate {
        prefix: TemplatePrefix::of_registry(prefix),
        applied_for: BTreeSet::from([reason]),
        description: None,
        role: None,
        settings: DeclaredSettings::default(),
    };
    let tagged = |role: Option<&str>| CreationTemplate {
        role: role.map(str::to_owned),
        settings: DeclaredSettings {
            tags: ResourceTags::of_registry(BTreeMap::from([("owner".to_owned(), "team".to_owned())])),
            ..DeclaredSettings::default()
        },
        ..template("prod/tagged", CreationScenario::CreateOnPush)
    };
    let push = CreationScenario::CreateOnPush;
    let named = [
        template("prod", push),
        template("prod/team", push),
        template("prod/copies", CreationScenario::Replication),
        tagged(None),
    ];
    let found = |templates: &[CreationTemplate], name: &str| {
        let name = RepositoryName::parse(name).unwrap();
        CreationTemplate::for_push(templates, &name).map(|template| template.prefix.to_string())
    };
    for (name, prefix) in [
        ("prod/app", "prod"),
        ("prod/team/app", "prod/team"),
        ("prod/teams/app", "prod"),
    ] {
        assert_eq!(found(&named, name).as_deref(), Ok(prefix), "{name}");
    }
    for name in ["production/app", "prod", "other"] {
        assert!(
            matches!(found(&named, name), Err(NoTemplate::Missing(_))),
            "{name}"
        );
    }
    let root = [template("ROOT", push), template("prod", push)];
    assert_eq!(found(&root, "other").as_deref(), Ok("ROOT"));
    assert_eq!(found(&root, "prod/app").as_deref(), Ok("prod"));
    let copies = found(&named, "prod/copies/app").unwrap_err();
    assert!(matches!(copies, NoTemplate::NotForPushes { .. }), "{copies}");
    assert!(
        copies.to_string().ends_with("applied for replication"),
        "{copies}"
    );
    assert!(matches!(
        found(&named, "prod/tagged/app"),
        Err(NoTemplate::NoRole { .. })
    ));
    let with_role = [tagged(Some("arn:aws:iam::123456789012:role/creator"))];
    assert!(found(&with_role, "prod/tagged/app").is_ok());
}
