//! Repositories of ECR Public: what the gallery shows, and what there is not.

use super::*;

fn catalog(description: &str) -> CatalogData {
    CatalogData {
        description: Some(description.to_owned()),
        ..CatalogData::default()
    }
}

fn badges(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn declared(settings: DeclaredSettings) -> DeclaredRepository {
    DeclaredRepository {
        name: name("team/app"),
        settings,
    }
}

fn planned(settings: DeclaredSettings, shown: Document<CatalogData>) -> RepositoryPlan {
    let declared = declared(settings);
    let actual = ActualRepository {
        policy: None,
        lifecycle: None,
        catalog: Some(shown),
        ..actual()
    };
    RepositoryPlan::new(&declared, Some(&actual)).held_to(RegistryKind::Public, &declared)
}

#[test]
fn what_the_gallery_shows_is_put_as_a_whole_with_what_is_not_declared() {
    let shown = CatalogData {
        about: Some("# App".to_owned()),
        architectures: Some(badges(&["x86-64", "ARM 64"])),
        ..catalog("old")
    };
    let settings = |prune| DeclaredSettings {
        catalog: Some(catalog("new")),
        prune,
        ..DeclaredSettings::default()
    };
    let plan = planned(settings(None), Document::Says(shown.clone()));
    let merged = CatalogData {
        description: Some("new".to_owned()),
        ..shown.clone()
    };
    let [Change::Catalog { from, to }] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes);
    };
    assert_eq!((from.as_deref(), &**to), (Some(&shown), &merged));
    let lines: Vec<String> = plan.changes[0]
        .lines()
        .into_iter()
        .map(|line| format!("{}{}", line.sign, line.text))
        .collect();
    assert_eq!(lines, ["-description old", "+description new"]);
    assert!(planned(settings(None), Document::Says(merged)).is_fulfilled());
    // With `prune` nothing else stays, but the tags of AWS.
    let pruned = planned(settings(Some(true)), Document::Says(shown));
    let is_pruned = |change: &Change| matches!(change, Change::Catalog { to, .. } if **to == catalog("new"));
    assert!(pruned.changes.iter().any(is_pruned), "{:?}", pruned.changes);
}

#[test]
fn a_logo_is_put_with_the_rest_and_never_missed() {
    let picture = |size: usize| {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(size, 1);
        bytes
    };
    let logo = Logo::of(picture(512_000)).unwrap();
    let settings = DeclaredSettings {
        catalog: Some(CatalogData {
            logo: Some(logo),
            ..catalog("app")
        }),
        ..DeclaredSettings::default()
    };
    assert!(planned(settings.clone(), Document::Says(catalog("app"))).is_fulfilled());
    let plan = planned(settings, Document::Absent);
    let [Change::Catalog { to, .. }] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes);
    };
    assert!(to.logo.is_some());
    assert_eq!(Logo::of(Vec::new()), Err(InvalidCatalogData::Logo(0)));
    assert_eq!(Logo::of(picture(512_001)), Err(InvalidCatalogData::Logo(512_001)));
    for other in [
        &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
        b"GIF89a",
        b"\x89PNG",
    ] {
        assert_eq!(Logo::of(other.to_vec()), Err(InvalidCatalogData::NoPicture));
    }
}

#[test]
fn what_the_gallery_shows_holds_nothing_that_is_not_shown() {
    for text in ["a\nb\tc\r\n", "\u{1f468}\u{200d}\u{1f469}", "caf\u{e9}"] {
        assert_eq!(CatalogData::check("about", text), Ok(()));
    }
    for character in ['\u{1b}', '\0', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}'] {
        let key = "about";
        let text = format!("a{character}b");
        let expected = Err(InvalidCatalogData::Hidden { key, character });
        assert_eq!(CatalogData::check(key, &text), expected);
    }
}

// The badges are those of the API reference, `RepositoryCatalogDataInput`.
#[test]
fn badges_are_those_that_the_gallery_shows() {
    for (text, badge) in [
        ("ARM", Some("ARM")),
        ("arm 64", Some("ARM 64")),
        ("arm64", Some("ARM 64")),
        ("amd64", Some("x86-64")),
        ("X86-64", Some("x86-64")),
        ("386", Some("x86")),
        ("riscv64", None),
        ("", None),
    ] {
        assert_eq!(CatalogData::architecture(text).ok().as_deref(), badge, "{text}");
    }
    assert_eq!(CatalogData::operating_system("linux").as_deref(), Ok("Linux"));
    assert!(CatalogData::operating_system("darwin").is_err());
    assert!(CatalogData::check("description", &"ü".repeat(1024)).is_ok());
    assert!(CatalogData::check("description", &"x".repeat(1025)).is_err());
    assert!(CatalogData::check("about", &"x".repeat(25_601)).is_err());
}

#[test]
fn what_ecr_public_does_not_have_is_named_setting_by_setting() {
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":7},"action":{"type":"expire"}}]}"#;
    let everything = DeclaredSettings {
        mutability: Some(Mutability::Immutable),
        encryption: Some(Encryption::new(EncryptionType::Kms, None).unwrap()),
        scan_on_push: Some(true),
        lifecycle: Some(Document::Says(LifecycleDocument::parse(lifecycle).unwrap())),
        policy: Some(Document::Says(RepositoryPolicy::parse(PULL).unwrap())),
        tags: tags(&[("owner", "api")]),
        catalog: Some(catalog("app")),
        ..DeclaredSettings::default()
    };
    let one = declared(everything);
    let plan = RepositoryPlan::new(&one, None).held_to(RegistryKind::Public, &one);
    assert_eq!(plan.action, PlanAction::Refuse);
    let refused: Vec<&str> = plan
        .obstacles
        .iter()
        .filter_map(|obstacle| match obstacle {
            Obstacle::NotInRegistry { setting, .. } => Some(setting.as_str()),
            Obstacle::PolicyOfOtherKind { .. } => Some("policy"),
            _ => None,
        })
        .collect();
    assert_eq!(
        refused,
        ["policy", "mutability", "encryption", "scan-on-push", "lifecycle"]
    );
    let left: Vec<&str> = plan
        .changes
        .iter()
        .map(|change| change.setting().as_str())
        .collect();
    assert_eq!(left, ["tags", "policy", "catalog"]);
    for obstacle in &plan.obstacles {
        assert!(!obstacle.to_string().is_empty() && !obstacle.hint().is_empty());
    }
}

#[test]
fn what_is_true_of_every_public_repository_may_be_declared() {
    let push = PULL.replace("ecr:BatchGetImage", "ecr-public:PutImage");
    let one = declared(DeclaredSettings {
        mutability: Some(Mutability::Mutable),
        encryption: Some(Encryption::DEFAULT),
        scan_on_push: Some(false),
        lifecycle: Some(Document::Absent),
        policy: Some(Document::Says(RepositoryPolicy::parse(&push).unwrap())),
        ..DeclaredSettings::default()
    });
    let plan = RepositoryPlan::new(&one, None).held_to(RegistryKind::Public, &one);
    assert_eq!((plan.action, plan.changes.len()), (PlanAction::Create, 1));
    // A private registry takes no such policy.
    let private = RepositoryPlan::new(&one, None).held_to(RegistryKind::Private, &one);
    assert_eq!(
        private.obstacles,
        [Obstacle::PolicyOfOtherKind {
            kind: RegistryKind::Private
        }]
    );
}

#[test]
fn names_and_catalogs_are_held_to_the_registrys_kind() {
    let one = DeclaredRepository {
        name: name("my__app"),
        settings: DeclaredSettings {
            catalog: Some(catalog("app")),
            ..DeclaredSettings::default()
        },
    };
    let of = |kind| RepositoryPlan::new(&one, None).held_to(kind, &one).obstacles;
    assert_eq!(of(RegistryKind::Public), [Obstacle::PublicName]);
    assert_eq!(
        of(RegistryKind::Private),
        [Obstacle::NotInRegistry {
            setting: RepositorySetting::Catalog,
            kind: RegistryKind::Private
        }]
    );
}
