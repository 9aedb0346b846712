use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::domain::build::BuildArgs;
use crate::domain::content::{Manifest, OCI_MANIFEST};
use crate::domain::facts::{CommitId, ImageFacts};
use crate::domain::immutability::TagFilter;
use crate::domain::reference::{RegistryHost, RepositoryName};
use crate::domain::tags::{self, TagRule};
use crate::error::Diagnose as _;

const OURS: &str = "1111111111111111111111111111111111111111";
const THEIRS: &str = "2222222222222222222222222222222222222222";
const COMMIT_TAG: &str = "sha-111111111111";

fn manifest(text: &str) -> Manifest {
    Manifest::new(OCI_MANIFEST, text.to_owned())
}

fn wish(rules: &[&str], version: Option<&str>) -> Wish {
    let commit = CommitId::parse(OURS).unwrap();
    let rules: Vec<TagRule> = rules.iter().map(|rule| TagRule::parse(rule).unwrap()).collect();
    let version = version.map(|version| Version::parse(version).unwrap());
    Wish {
        image: ImageName {
            registry: RegistryHost::parse("127.0.0.1:5510").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
        },
        wanted: tags::wanted(&rules, version.as_ref(), &commit, false).unwrap(),
        version,
        rebuild: false,
        build: BuildRequest {
            context: PathBuf::from("/src"),
            dockerfile: PathBuf::from("/src/Dockerfile"),
            target: None,
            build_args: BuildArgs::default(),
            secrets: Vec::new(),
            labels: BTreeMap::new(),
            platform: None,
            no_cache: false,
            source_date_epoch: 0,
        },
        source: Source {
            commit,
            committed_at: jiff::Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            changes: Vec::new(),
            change_count: 0,
            url: None,
        },
    }
}

/// Tags with the image that each points to: its content, revision and version.
fn facts(setting: Mutability, tags: &[(&str, &str, Option<&str>, Option<&str>)]) -> RegistryFacts {
    let mut facts = RegistryFacts {
        mutability: Ok(setting),
        tags: BTreeMap::new(),
        images: BTreeMap::new(),
    };
    for (tag, content, revision, version) in tags {
        let manifest = manifest(content);
        let image = ImageFacts {
            revision: revision.map(str::to_owned),
            version: version.map(|version| Version::parse(version).unwrap()),
            ..ImageFacts::default()
        };
        facts.images.insert(manifest.digest(), image);
        facts.tags.insert(Tag::parse(tag).unwrap(), manifest);
    }
    facts
}

fn actions(plan: &Plan) -> Vec<String> {
    plan.tags
        .iter()
        .map(|planned| format!("{} {}", planned.wanted.tag, planned.action.name()))
        .collect()
}

fn builds(plan: &Plan) -> bool {
    matches!(plan.content, Content::Build { .. })
}

const BOTH: [&str; 2] = ["type=semver", "type=sha"];

#[test]
fn a_new_commit_is_built_and_both_tags_are_created() {
    let plan = Plan::new(wish(&BOTH, Some("1.0.0")), Ok(&facts(Mutability::Immutable, &[])));
    assert!(builds(&plan) && plan.conflicts().is_none() && !plan.is_fulfilled());
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} create"), "1.0.0 create".to_owned()]
    );
}

#[test]
fn a_published_commit_needs_nothing() {
    let facts = facts(
        Mutability::Immutable,
        &[
            (COMMIT_TAG, "a", Some(OURS), None),
            ("1.0.0", "a", Some(OURS), None),
        ],
    );
    let plan = Plan::new(wish(&BOTH, Some("1.0.0")), Ok(&facts));
    assert!(plan.is_fulfilled());
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} keep"), "1.0.0 keep".to_owned()]
    );
}

#[test]
fn a_missing_sibling_is_completed_from_either_side() {
    for present in [COMMIT_TAG, "1.0.0"] {
        let facts = facts(Mutability::Immutable, &[(present, "a", Some(OURS), None)]);
        let plan = Plan::new(wish(&BOTH, Some("1.0.0")), Ok(&facts));
        assert!(
            matches!(&plan.content, Content::Published { digest, .. } if *digest == manifest("a").digest()),
            "{present}"
        );
        assert!(plan.conflicts().is_none() && !plan.is_fulfilled(), "{present}");
    }
}

#[test]
fn an_image_without_labels_is_known_by_its_commit_tag_alone() {
    let unlabelled = |tag| facts(Mutability::Mutable, &[(tag, "a", None, None)]);
    assert!(!builds(&Plan::new(
        wish(&BOTH, Some("1.0.0")),
        Ok(&unlabelled(COMMIT_TAG))
    )));
    assert!(
        Plan::new(wish(&BOTH, Some("1.0.0")), Ok(&unlabelled("1.0.0")))
            .conflicts()
            .is_some()
    );
}

#[test]
fn a_taken_version_is_a_conflict_whatever_the_repository_allows() {
    for setting in [Mutability::Mutable, Mutability::Immutable] {
        let facts = facts(
            setting,
            &[
                ("1.0.0", "theirs", Some(THEIRS), None),
                (COMMIT_TAG, "ours", Some(OURS), None),
            ],
        );
        let conflicts = Plan::new(wish(&BOTH, Some("1.0.0")), Ok(&facts))
            .conflicts()
            .unwrap();
        assert_eq!(conflicts.kind().exit_code(), 10);
        let text = conflicts.to_string();
        assert!(text.contains(&manifest("theirs").digest().to_string()), "{text}");
        assert!(text.contains(&manifest("ours").digest().to_string()), "{text}");
    }
}

#[test]
fn all_conflicts_are_told_together() {
    let facts = facts(
        Mutability::Immutable,
        &[
            ("1.0.0", "theirs", Some(THEIRS), None),
            (COMMIT_TAG, "wrong", Some(THEIRS), None),
        ],
    );
    let rules = ["type=semver", "type=sha", "latest"];
    let conflicts = Plan::new(wish(&rules, Some("1.0.0")), Ok(&facts))
        .conflicts()
        .unwrap();
    assert_eq!(conflicts.tags.len(), 3);
    insta::assert_snapshot!(format!("{conflicts}\nhint: {}", conflicts.hint().unwrap()));
}

#[test]
fn a_moving_tag_moves_only_forward() {
    let rules = ["type=semver,pattern={{major}}", "latest"];
    let at = |version| {
        facts(
            Mutability::Mutable,
            &[("latest", "theirs", Some(THEIRS), Some(version))],
        )
    };
    for (version, action) in [("1.4.9", "move"), ("1.5.0", "move"), ("2.0.0", "hold")] {
        let plan = Plan::new(wish(&rules, Some("1.5.0")), Ok(&at(version)));
        assert_eq!(
            actions(&plan),
            ["1 create".to_owned(), format!("latest {action}")],
            "{version}"
        );
    }
}

#[test]
fn an_excluded_moving_tag_may_move_in_an_immutable_repository() {
    let setting = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("latest").unwrap()]);
    let plan = Plan::new(
        wish(&["latest"], None),
        Ok(&facts(setting, &[("latest", "theirs", None, None)])),
    );
    assert_eq!(actions(&plan), ["latest move"]);
}

#[test]
fn a_dirty_trees_tags_are_put_once_in_an_immutable_repository() {
    let dirty = |facts: &RegistryFacts| {
        let mut wish = wish(&["type=sha"], None);
        wish.source.change_count = 1;
        let rule = [TagRule::parse("type=sha").unwrap()];
        wish.wanted = tags::wanted(&rule, None, &wish.source.commit, true).unwrap();
        Plan::new(wish, Ok(facts))
    };
    let tag = format!("{COMMIT_TAG}-dirty");
    assert_eq!(
        actions(&dirty(&facts(Mutability::Immutable, &[]))),
        [format!("{tag} create")]
    );
    let taken = facts(Mutability::Immutable, &[(&tag, "a", None, None)]);
    assert_eq!(actions(&dirty(&taken)), [format!("{tag} conflict")]);
    let movable = facts(Mutability::Mutable, &[(&tag, "a", None, None)]);
    assert_eq!(actions(&dirty(&movable)), [format!("{tag} move")]);
}

#[test]
fn rebuild_builds_and_keeps_what_it_expects() {
    let facts = facts(Mutability::Immutable, &[(COMMIT_TAG, "a", Some(OURS), None)]);
    let plan = Plan::new(
        Wish {
            rebuild: true,
            ..wish(&BOTH, Some("1.0.0"))
        },
        Ok(&facts),
    );
    assert!(builds(&plan));
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} keep"), "1.0.0 create".to_owned()]
    );
}

#[test]
fn without_a_registry_nothing_is_claimed() {
    let plan = Plan::new(wish(&BOTH, Some("1.0.0")), Err("offline".to_owned()));
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} unchecked"), "1.0.0 unchecked".to_owned()]
    );
    assert!(plan.notes.iter().any(|note| note.contains("offline")));
}

#[test]
fn build_argument_values_are_not_in_the_plan() {
    let mut wish = wish(&BOTH, None);
    wish.build.build_args = BuildArgs::new([("TOKEN".to_owned(), "hunter2".to_owned())].into());
    let json = serde_json::to_string(&Plan::new(wish, Err("offline".to_owned()))).unwrap();
    assert!(json.contains("TOKEN") && !json.contains("hunter2"), "{json}");
}

proptest! {
    /// Whatever the registry holds: a tag that promises to stay is never moved, and doing what the plan
    /// says leaves nothing to do.
    #[test]
    fn promises_are_kept_and_plans_converge(
        contents in prop::collection::vec((0..4usize, 0..3usize, 0..3u64), 4),
        immutable in any::<bool>(),
    ) {
        let names = [COMMIT_TAG, "1.0.0", "1", "latest"];
        let rules = ["type=semver", "type=sha", "type=semver,pattern={{major}}", "latest"];
        let revisions = [Some(OURS), Some(THEIRS), None];
        let versions = ["0.9.0", "1.0.0", "2.0.0"];
        let setting = if immutable { Mutability::ImmutableWithExclusion(vec![TagFilter::parse("latest").unwrap()]) } else { Mutability::Mutable };
        let texts = ["", "a", "b", "c"];
        let tags: Vec<_> = names.iter().zip(&contents).filter(|(_, (content, _, _))| *content > 0)
            .map(|(name, (content, revision, _))| (*name, texts[*content], revisions[*revision], Some(versions[*content - 1])))
            .collect();
        let mut facts = facts(setting, &tags);
        let plan = Plan::new(wish(&rules, Some("1.0.0")), Ok(&facts));
        for planned in &plan.tags {
            let leaves = matches!(planned.action, TagAction::Move { .. } | TagAction::Hold { .. });
            prop_assert!(!leaves || planned.wanted.class == tags::TagClass::Moving, "{planned:?}");
        }
        if plan.conflicts().is_none() {
            let ours = match &plan.content { Content::Published { digest, .. } => *digest, Content::Build { .. } => manifest("new").digest() };
            let image = ImageFacts { revision: Some(OURS.to_owned()), version: Some(Version::new(1, 0, 0)), ..ImageFacts::default() };
            if builds(&plan) { facts.images.insert(ours, image); }
            let known: Vec<Manifest> = texts.iter().chain(["new"].iter()).map(|text| manifest(text)).collect();
            let content = known.into_iter().find(|manifest| manifest.digest() == ours).unwrap();
            for planned in &plan.tags {
                if matches!(planned.action, TagAction::Create | TagAction::Move { .. }) {
                    facts.tags.insert(planned.wanted.tag.clone(), content.clone());
                }
            }
            let again = Plan::new(wish(&rules, Some("1.0.0")), Ok(&facts));
            prop_assert!(again.is_fulfilled(), "{again:?}");
        }
    }
}
