//! What is declared, and how it differs from what is there.

mod documents;
mod protection;
mod public;

use super::*;

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> ResourceTags {
    let mut tags = ResourceTags::default();
    for (key, value) in pairs {
        tags.add(key, value).unwrap();
    }
    tags
}

fn actual() -> ActualRepository {
    ActualRepository {
        name: name("team/app"),
        arn: "arn:aws:ecr:eu-central-1:123456789012:repository/team/app".to_owned(),
        created_at: None,
        mutability: Mutability::Mutable,
        encryption: Encryption::DEFAULT,
        scan_on_push: false,
        tags: Some(ResourceTags::of_registry(BTreeMap::from([
            ("owner".to_owned(), "web".to_owned()),
            ("aws:cloudformation:stack-id".to_owned(), "x".to_owned()),
        ]))),
        policy: Some(Document::Says(PULL.to_owned())),
        lifecycle: Some(Document::Absent),
        catalog: None,
    }
}

const PULL: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}"#;

fn plan(settings: DeclaredSettings) -> RepositoryPlan {
    let declared = DeclaredRepository {
        name: name("team/app"),
        settings,
    };
    RepositoryPlan::new(&declared, Some(&actual()))
}

#[test]
fn what_is_not_declared_stays() {
    let plan = plan(DeclaredSettings::default());
    assert_eq!((plan.action, plan.changes), (PlanAction::Keep, vec![]));
}

#[test]
fn what_is_not_declared_goes_where_that_is_asked_for_but_for_tags_of_aws() {
    let plan = plan(DeclaredSettings {
        prune: Some(true),
        ..DeclaredSettings::default()
    });
    assert_eq!(plan.action, PlanAction::Change);
    let [
        Change::Tags { from, to },
        Change::Policy {
            from: Some(_),
            to: None,
        },
    ] = plan.changes.as_slice()
    else {
        panic!("{:?}", plan.changes);
    };
    assert_eq!(from.keys().collect::<Vec<_>>(), ["owner"]);
    assert!(to.is_empty());
}

#[test]
fn tags_are_put_one_by_one() {
    let plan = plan(DeclaredSettings {
        tags: tags(&[("owner", "api"), ("stage", "prod")]),
        ..DeclaredSettings::default()
    });
    let [Change::Tags { from, to }] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes);
    };
    assert_eq!(from, &BTreeMap::from([("owner".to_owned(), "web".to_owned())]));
    assert_eq!(to.keys().collect::<Vec<_>>(), ["owner", "stage"]);
}

#[test]
fn encryption_is_an_obstacle_and_never_a_change() {
    let plan = plan(DeclaredSettings {
        encryption: Some(Encryption::new(EncryptionType::Kms, None).unwrap()),
        scan_on_push: Some(true),
        ..DeclaredSettings::default()
    });
    assert_eq!(plan.action, PlanAction::Refuse);
    assert!(matches!(plan.obstacles[..], [Obstacle::EncryptionStays { .. }]));
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_key_is_the_same_by_its_name_its_id_and_any_alias() {
    let arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let kms = |key: Option<&str>| Encryption::new(EncryptionType::Kms, key.map(str::to_owned)).unwrap();
    let actual = kms(Some(arn));
    for (declared, is_met) in [
        (kms(None), true),
        (kms(Some(arn)), true),
        (kms(Some("1234abcd-12ab-34cd-56ef-1234567890ab")), true),
        (kms(Some("alias/images")), true),
        (kms(Some("34cd-56ef-1234567890ab")), false),
        (
            kms(Some("arn:aws:kms:eu-central-1:123456789012:key/other")),
            false,
        ),
        (Encryption::DEFAULT, false),
        (Encryption::new(EncryptionType::KmsDsse, None).unwrap(), false),
    ] {
        assert_eq!(declared.is_met_by(&actual), is_met, "{declared}");
    }
    assert_eq!(
        Encryption::new(EncryptionType::Aes256, Some("k".to_owned())),
        Err(InvalidEncryption::KeyOfAes)
    );
}

#[test]
fn the_order_of_filters_says_nothing() {
    let filters = |texts: &[&str]| texts.iter().map(|text| TagFilter::parse(text).unwrap()).collect();
    let declared = DeclaredRepository {
        name: name("team/app"),
        settings: DeclaredSettings {
            mutability: Some(Mutability::ImmutableWithExclusion(filters(&["latest", "1.*"]))),
            ..DeclaredSettings::default()
        },
    };
    let there = |mutability| ActualRepository {
        mutability,
        ..actual()
    };
    let same = there(Mutability::ImmutableWithExclusion(filters(&["1.*", "latest"])));
    assert!(RepositoryPlan::new(&declared, Some(&same)).is_fulfilled());
    for other in [
        Mutability::MutableWithExclusion(filters(&["1.*", "latest"])),
        Mutability::ImmutableWithExclusion(filters(&["latest"])),
        Mutability::Immutable,
    ] {
        assert!(!RepositoryPlan::new(&declared, Some(&there(other))).is_fulfilled());
    }
}

#[test]
fn own_settings_count_more_than_patterns_and_these_more_than_defaults() {
    let scan = |on: bool, owner: &str| DeclaredSettings {
        scan_on_push: Some(on),
        tags: tags(&[("owner", owner), (owner, "here")]),
        ..DeclaredSettings::default()
    };
    let pattern = |text: &str| NamePattern::parse(text).unwrap();
    let declarations = Declarations {
        defaults: scan(true, "all"),
        patterns: vec![
            (pattern("team/*"), scan(false, "team")),
            (
                pattern("*/app"),
                DeclaredSettings {
                    prune: Some(true),
                    ..DeclaredSettings::default()
                },
            ),
        ],
        repositories: vec![DeclaredRepository {
            name: name("team/app"),
            settings: DeclaredSettings {
                tags: tags(&[("owner", "app")]),
                ..DeclaredSettings::default()
            },
        }],
    };
    let app = &declarations.resolved()[0].settings;
    assert_eq!((app.scan_on_push, app.prune), (Some(false), Some(true)));
    assert_eq!(
        app.tags,
        tags(&[("owner", "app"), ("all", "here"), ("team", "here")])
    );
    assert_eq!(declarations.of(&name("team/app")).unwrap().settings, *app);
    let other = declarations.of(&name("team/other")).unwrap();
    assert_eq!(
        other.settings.tags,
        tags(&[("owner", "team"), ("all", "here"), ("team", "here")])
    );
    assert_eq!(declarations.of(&name("base/python")), None);
}

#[test]
fn tags_have_ecrs_bounds() {
    let mut many = ResourceTags::default();
    for (key, value, is_legal) in [
        ("team", "web", true),
        ("team", "api", false),
        ("AWS:x", "y", false),
        ("", "y", false),
        ("emoji", "🙂", false),
        ("a b", "x@y:z/+=._-", true),
    ] {
        assert_eq!(many.add(key, value).is_ok(), is_legal, "{key}={value}");
    }
    assert!(many.add("long", &"x".repeat(257)).is_err());
    assert!(many.add(&"x".repeat(129), "").is_err());
    for number in many.pairs().len()..50 {
        many.add(&number.to_string(), "").unwrap();
    }
    assert_eq!(many.add("more", ""), Err(InvalidResourceTag::TooMany));
}
