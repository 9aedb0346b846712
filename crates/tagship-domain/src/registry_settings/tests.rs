//! Tests of a registry's settings; the limits are those of botocore's model.

use super::*;

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
