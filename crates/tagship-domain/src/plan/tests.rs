//! Plans, by what the registry holds.

mod rebase;

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::build::{BuildArgs, Places};
use crate::content::{Manifest, OCI_MANIFEST, Platform};
use crate::error::Diagnose as _;
use crate::facts::{CommitId, Descent, GitTags, OrderingFacts, PlatformManifest};
use crate::immutability::TagFilter;
use crate::reference::{RegistryHost, RepositoryName};
use crate::tags::{self, TagRule};

const OURS: &str = "1111111111111111111111111111111111111111";
const THEIRS: &str = "2222222222222222222222222222222222222222";
const COMMIT_TAG: &str = "sha-111111111111";

fn manifest(text: &str) -> Manifest {
    Manifest::new(OCI_MANIFEST, text.to_owned())
}

fn build() -> BuildRequest {
    BuildRequest {
        context: PathBuf::from("/src"),
        dockerfile: PathBuf::from("/src/Dockerfile"),
        ..BuildRequest::default()
    }
}

fn places() -> Places {
    Places {
        dockerfile: b"Dockerfile".to_vec(),
        ..Places::default()
    }
}

/// The hash of a build for a stage.
fn request(target: Option<&str>) -> RequestHash {
    let build = BuildRequest {
        target: target.map(str::to_owned),
        ..build()
    };
    RequestHash::of(&build, &places())
}

fn plan_request(rules: &[&str], version: Option<&str>) -> PlanRequest {
    let commit = CommitId::parse(OURS).unwrap();
    let rules: Vec<TagRule> = rules.iter().map(|rule| TagRule::parse(rule).unwrap()).collect();
    let version = version.map(|version| Version::parse(version).unwrap());
    PlanRequest {
        image: ImageName {
            registry: RegistryHost::parse("127.0.0.1:5510").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
        },
        wanted: tags::tag_set(&rules, version.as_ref(), &commit, false).unwrap(),
        version,
        also: vec![(Tag::parse(COMMIT_TAG).unwrap(), TagClass::Commit)],
        request: request(None),
        missing_git_tag: None,
        is_declared: false,
        rebuild: false,
        bases: None,
        scope: Scope::Whole,
        build: build(),
        source: Source {
            commit,
            committed_at: jiff::Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            changes: Vec::new(),
            change_count: 0,
            url: None,
            is_given: false,
        },
    }
}

/// Tags with the image that each points to: its content, revision and version.
fn facts(setting: Mutability, tags: &[(&str, &str, Option<&str>, Option<&str>)]) -> Facts {
    let mut facts = Facts {
        mutability: Ok(setting),
        tags: BTreeMap::new(),
        images: BTreeMap::new(),
        ordering: OrderingFacts {
            git_tags: Some(GitTags::default()),
            registry_tags: Some(Ok(Vec::new())),
            descents: BTreeMap::new(),
        },
    };
    for (tag, content, revision, version) in tags {
        let manifest = manifest(content);
        let image = ImageFacts {
            request: None,
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
    let plan = Plan::new(
        plan_request(&BOTH, Some("1.0.0")),
        Ok(&facts(Mutability::Immutable, &[])),
    );
    assert!(builds(&plan) && plan.conflicts().is_none() && !plan.is_fulfilled());
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} create"), "1.0.0 create".to_owned()]
    );
}

#[test]
fn a_repository_that_would_let_a_promised_tag_move_is_named() {
    let excluding =
        |filter: &str| Mutability::ImmutableWithExclusion(vec![TagFilter::parse(filter).unwrap()]);
    for (setting, named) in [
        (Mutability::Mutable, vec![COMMIT_TAG, "1.0.0"]),
        (excluding("1.*"), vec!["1.0.0"]),
        (excluding("latest"), vec![]),
        (Mutability::Immutable, vec![]),
    ] {
        let plan = Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&facts(setting, &[])));
        let named: Vec<Tag> = named.into_iter().map(|tag| Tag::parse(tag).unwrap()).collect();
        let note = (!named.is_empty()).then_some(Note::Unprotected { tags: named });
        assert_eq!(plan.notes, Vec::from_iter(note));
    }
}

#[test]
fn a_public_repository_says_what_keeps_a_tag_there() {
    let mut request = plan_request(&BOTH, Some("1.0.0"));
    request.image.registry = RegistryHost::parse_destination("public.ecr.aws").unwrap();
    let plan = Plan::new(request, Ok(&facts(Mutability::Mutable, &[])));
    let tags = [COMMIT_TAG, "1.0.0"].map(|tag| Tag::parse(tag).unwrap()).to_vec();
    assert_eq!(plan.notes, [Note::NeverProtected { tags }]);
    assert!(plan.notes[0].to_string().contains("pull by digest"));
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
    let plan = Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&facts));
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
        let plan = Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&facts));
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
        plan_request(&BOTH, Some("1.0.0")),
        Ok(&unlabelled(COMMIT_TAG))
    )));
    assert!(
        Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&unlabelled("1.0.0")))
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
        let conflicts = Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&facts))
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
    let conflicts = Plan::new(plan_request(&rules, Some("1.0.0")), Ok(&facts))
        .conflicts()
        .unwrap();
    assert_eq!(conflicts.tags.len(), 3);
    insta::assert_snapshot!(format!("{conflicts}\nhint: {}", conflicts.hint().unwrap()));
}

#[test]
fn another_build_of_the_same_commit_is_not_sent_to_another_version() {
    let facts = facts(Mutability::Immutable, &[("1.0.0", "a", Some(OURS), None)]);
    let plan = Plan::new(
        PlanRequest {
            rebuild: true,
            ..plan_request(&["type=semver"], Some("1.0.0"))
        },
        Ok(&facts),
    );
    let candidate = plan.candidate(Some(manifest("b").digest()));
    let wanted = &plan.tags[0].wanted;
    let TagAction::Conflict(conflict) = candidate.action(wanted, &facts) else {
        panic!("the builds differ")
    };
    let conflicts = Conflicts::of(&plan.image, None, vec![(wanted.tag.clone(), conflict)]).unwrap();
    let hint = conflicts.hint().unwrap();
    assert!(
        hint.contains("without `rebuild`") && !hint.contains("another version"),
        "{hint}"
    );
}

#[test]
fn the_tags_of_a_promotion_are_those_of_its_own_flag() {
    let image = plan_request(&BOTH, None).image;
    let hint = |setting: Mutability, to: &str| {
        let facts = facts(setting, &[("1.4.0", "theirs", Some(THEIRS), None)]);
        let rules = TagRule::parse_list(to, tags::Mode::Strict).unwrap();
        let wanted = tags::tag_set(&rules, None, &CommitId::parse(OURS).unwrap(), false).unwrap();
        let request = PromotionRequest {
            digest: Some(manifest("ours").digest()),
            revision: None,
            facts: ImageFacts::default(),
            to: image.clone(),
            tags: wanted.tags,
            is_rollback: false,
        };
        let conflicts = request.plan(&facts).conflicts().unwrap();
        conflicts.hint().unwrap().into_owned()
    };
    let filters = |texts: &[&str]| texts.iter().map(|text| TagFilter::parse(text).unwrap()).collect();
    let full = filters(&["a", "b", "c", "d", "e"]);
    for (setting, to, expected) in [
        (Mutability::Mutable, "1.4.0", "give the image another tag"),
        (
            Mutability::Immutable,
            "staging",
            "leave `staging` out of the tags",
        ),
        (
            Mutability::ImmutableWithExclusion(full),
            "staging",
            "leave some of them out of the tags",
        ),
        (
            Mutability::MutableWithExclusion(filters(&["stag*"])),
            "staging",
            "leave these tags out of the tags",
        ),
    ] {
        let hint = hint(setting, to);
        assert!(hint.contains(expected) && !hint.contains("`tags`"), "{hint}");
    }
}

#[test]
fn a_promotion_says_which_tags_contradict_the_image_and_not_its_older_tags() {
    let image = plan_request(&BOTH, None).image;
    let rules = TagRule::parse_list("1.3.0", tags::Mode::Strict).unwrap();
    let wanted = tags::tag_set(&rules, None, &CommitId::parse(OURS).unwrap(), false).unwrap();
    for (is_version_of_tags, expected) in [(false, Some("other-version")), (true, None)] {
        let request = PromotionRequest {
            digest: Some(manifest("ours").digest()),
            revision: None,
            facts: ImageFacts {
                version: Some(Version::new(1, 2, 9)),
                is_version_of_tags,
                ..ImageFacts::default()
            },
            to: image.clone(),
            tags: wanted.tags.clone(),
            is_rollback: false,
        };
        let plan = request.plan(&facts(Mutability::Mutable, &[]));
        let codes: Vec<_> = plan.notes().iter().map(Note::code).collect();
        assert_eq!(codes, Vec::from_iter(expected));
    }
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
        let plan = Plan::new(plan_request(&rules, Some("1.5.0")), Ok(&at(version)));
        assert_eq!(
            actions(&plan),
            ["1 create".to_owned(), format!("latest {action}")],
            "{version}"
        );
    }
}

const LINES: [&str; 3] = [
    "type=semver,pattern={{major}}.{{minor}}",
    "type=semver,pattern={{major}}",
    "latest",
];

/// Facts of a repository without the wanted tags, with these git tags and these tags in the registry.
fn surrounded(git: &[&str], registry: &[&str]) -> Facts {
    let mut facts = facts(Mutability::Mutable, &[]);
    facts.ordering.git_tags = Some(GitTags {
        names: git.iter().map(|name| (*name).to_owned()).collect(),
        is_shallow: false,
    });
    let tags = registry.iter().map(|name| Tag::parse(name).unwrap()).collect();
    facts.ordering.registry_tags = Some(Ok(tags));
    facts
}

#[test]
fn only_the_greatest_stable_version_of_a_line_gets_its_tag() {
    for (git, registry, actions_expected) in [
        (&[][..], &[][..], ["create", "create", "create"]),
        (&["v1.2.9", "v1.2.8"], &["1.2.9"], ["create", "create", "create"]),
        (&["v1.3.0"], &[], ["create", "hold", "hold"]),
        (&[], &["1.3.0"], ["create", "hold", "hold"]),
        (&["v2.0.0"], &[], ["create", "create", "hold"]),
        (&[], &["1.2.10"], ["hold", "hold", "hold"]),
        // Neither stable nor a version of this repository's.
        (
            &["v2.0.0-rc.1", "app/v2.0.0", "v2.0", "V2.0.0"],
            &["2.0.0-rc.1", "2.0.0-alpine", "2"],
            ["create"; 3],
        ),
        // Build metadata orders nothing.
        (&["v1.2.9+b2"], &["1.2.9_b2"], ["create", "create", "create"]),
        (&[], &["1.3.0_b2"], ["create", "hold", "hold"]),
    ] {
        let plan = Plan::new(
            plan_request(&LINES, Some("1.2.9")),
            Ok(&surrounded(git, registry)),
        );
        let names: Vec<&str> = plan.tags.iter().map(|planned| planned.action.name()).collect();
        assert_eq!(names, actions_expected, "git {git:?}, registry {registry:?}");
    }
}

#[test]
fn a_hold_names_the_greater_version_and_its_place() {
    let plan = |git: &[&str], registry: &[&str]| {
        let plan = Plan::new(
            plan_request(&["latest"], Some("1.2.9")),
            Ok(&surrounded(git, registry)),
        );
        plan.tags[0].action.reason().unwrap().to_string()
    };
    assert_eq!(
        plan(&["v1.3.0", "v1.10.0", "v1.4.0"], &["1.11.0"]),
        "1.10.0 is greater than 1.2.9, and git tag `v1.10.0` exists"
    );
    assert_eq!(
        plan(&[], &["1.3.0_5"]),
        "1.3.0+5 is greater than 1.2.9, and the registry's tag `1.3.0_5` exists"
    );
}

#[test]
fn affixes_and_other_schemes_have_lines_of_their_own() {
    let held = |rule: &str, version: Option<&str>, git: &[&str], registry: &[&str]| {
        let plan = Plan::new(plan_request(&[rule], version), Ok(&surrounded(git, registry)));
        plan.tags[0].action.name() == "hold"
    };
    let ours = Some("1.2.9");
    for rule in [
        "type=semver,pattern={{major}},suffix=-alpine",
        "type=semver,pattern={{major}}-alpine",
        "type=raw,value=latest,suffix=-alpine",
    ] {
        assert!(held(rule, ours, &[], &["1.3.0-alpine"]), "{rule}");
        assert!(held(rule, ours, &[], &["1.3.0"]), "{rule}");
        assert!(!held(rule, ours, &[], &["1.3.0-debian"]), "{rule}");
    }
    assert!(held("type=semver,pattern=v{{major}}", ours, &[], &["1.3.0"]));
    assert!(held(
        "type=semver,pattern=app-{{major}}",
        ours,
        &[],
        &["app-1.3.0"]
    ));
    // The git tags of an image are those that its rule reads.
    let one_of_many = "type=semver,pattern={{major}},match=^app/v(.+)$,value=app/v1.2.9";
    assert!(held(one_of_many, None, &["app/v1.3.0"], &[]));
    assert!(!held(
        one_of_many,
        None,
        &["v1.3.0", "web/v1.3.0", "app/v2.0.0"],
        &[]
    ));
    let python = "type=pep440,pattern={{major}}.{{minor}},value=1.2.9";
    assert!(held(python, None, &["1.2.10"], &[]));
    assert!(held(python, None, &[], &["1.2.9.1"]));
    assert!(!held(
        python,
        None,
        &["1.2.10rc1", "1.2.10.dev1", "1.3", "1.2.9.0"],
        &["1.3.0"]
    ));
}

#[test]
fn a_prerelease_moves_no_latest() {
    let facts = facts(
        Mutability::Mutable,
        &[("latest", "theirs", Some(THEIRS), Some("1.0.0"))],
    );
    for facts in [&facts, &surrounded(&[], &[])] {
        let plan = Plan::new(plan_request(&["latest"], Some("2.0.0-rc.1")), Ok(facts));
        assert_eq!(actions(&plan), ["latest hold"]);
    }
}

/// A wish of a commit without version for the tag of branch `main`.
fn branch_wish() -> PlanRequest {
    let mut plan_request = plan_request(&["type=sha"], None);
    plan_request.wanted.tags.push(tags::DesiredTag {
        tag: Tag::parse("main").unwrap(),
        class: tags::TagClass::Moving,
        rule: "type=ref,event=branch".to_owned(),
        order: Some(tags::Order::Commits),
    });
    plan_request
}

#[test]
fn a_branch_tag_moves_only_to_a_descendant() {
    let unknown = |is_shallow| Descent::Unknown { is_shallow };
    for (descent, action, hinted) in [
        (Descent::After, "move", false),
        (Descent::Before, "hold", false),
        (Descent::Apart, "hold", true),
        (unknown(true), "hold", true),
        (unknown(false), "hold", true),
    ] {
        let mut facts = facts(Mutability::Mutable, &[("main", "theirs", Some(THEIRS), None)]);
        let commit = CommitId::parse(THEIRS).unwrap();
        facts.ordering.descents.insert(commit, descent);
        let plan = Plan::new(branch_wish(), Ok(&facts));
        assert_eq!(plan.tags[1].action.name(), action, "{descent:?}");
        let hint = plan.holds().next().and_then(|(_, reason)| reason.hint());
        assert_eq!(hint.is_some(), hinted, "{descent:?}");
    }
}

#[test]
fn an_image_that_names_no_other_commit_does_not_hold_a_branch() {
    let dirty = format!("{THEIRS}-dirty");
    for revision in [None, Some("abc1234"), Some(dirty.as_str()), Some(OURS)] {
        let facts = facts(Mutability::Mutable, &[("main", "theirs", revision, None)]);
        let plan = Plan::new(branch_wish(), Ok(&facts));
        assert_eq!(plan.tags[1].action.name(), "move", "{revision:?}");
    }
}

#[test]
fn what_was_not_read_holds_a_tag() {
    let mut facts = facts(Mutability::Mutable, &[("main", "theirs", Some(THEIRS), None)]);
    facts.ordering = OrderingFacts::default();
    let plan = Plan::new(branch_wish(), Ok(&facts));
    assert_eq!(actions(&plan)[1], "main hold");
    let plan = Plan::new(plan_request(&["latest"], Some("1.0.0")), Ok(&facts));
    assert_eq!(actions(&plan), ["latest hold"]);
}

#[test]
fn a_moving_tag_in_an_immutable_repository_is_refused_with_the_filters_that_allow_it() {
    let filters = |texts: &[&str]| texts.iter().map(|text| TagFilter::parse(text).unwrap()).collect();
    let advice = |setting: Mutability, rules: &[&str]| {
        let plan = Plan::new(plan_request(rules, Some("1.2.9")), Ok(&facts(setting, &[])));
        let conflicts = plan.conflicts().unwrap();
        assert_eq!(conflicts.kind().exit_code(), 10);
        format!("{conflicts}\nhint: {}", conflicts.hint().unwrap())
    };
    let many = ["one", "two", "three", "four", "five", "six"];
    let texts = [
        advice(Mutability::Immutable, &LINES),
        advice(Mutability::ImmutableWithExclusion(filters(&["dev*"])), &LINES),
        advice(
            Mutability::MutableWithExclusion(filters(&["lat*", "x"])),
            &["latest"],
        ),
        advice(Mutability::Immutable, &many),
    ];
    insta::assert_snapshot!(texts.join("\n\n"));
    // With the filters that are named, nothing is refused.
    let allowed = Mutability::ImmutableWithExclusion(filters(&["1.2", "1", "latest"]));
    let plan = Plan::new(plan_request(&LINES, Some("1.2.9")), Ok(&facts(allowed, &[])));
    assert_eq!(plan.conflicts(), None);
}

#[test]
fn a_declared_repository_is_to_be_declared_with_the_filters() {
    let dev = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("dev*").unwrap()]);
    let mut request = plan_request(&["latest"], None);
    request.is_declared = true;
    let plan = Plan::new(request, Ok(&facts(dev, &[])));
    let hint = plan.conflicts().unwrap().hint().unwrap().into_owned();
    let line = r#"`team/app: {mutability: immutable, exclusion-filters: ["dev*", "latest"]}`"#;
    assert!(hint.contains(line), "{hint}");
    assert!(
        hint.contains("`tagship repo apply team/app`") && !hint.contains("aws "),
        "{hint}"
    );
}

#[test]
fn an_excluded_moving_tag_may_move_in_an_immutable_repository() {
    let setting = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("latest").unwrap()]);
    let plan = Plan::new(
        plan_request(&["latest"], None),
        Ok(&facts(setting, &[("latest", "theirs", None, None)])),
    );
    assert_eq!(actions(&plan), ["latest move"]);
}

#[test]
fn a_dirty_trees_tags_are_put_once_in_an_immutable_repository() {
    let dirty = |facts: &Facts| {
        let mut plan_request = plan_request(&["type=sha"], None);
        plan_request.source.change_count = 1;
        let rule = [TagRule::parse("type=sha").unwrap()];
        plan_request.wanted = tags::tag_set(&rule, None, &plan_request.source.commit, true).unwrap();
        Plan::new(plan_request, Ok(facts))
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
fn a_rebuild_puts_no_tag_and_needs_an_image_to_be_compared_with() {
    let request = || PlanRequest {
        rebuild: true,
        ..plan_request(&BOTH, Some("1.0.0"))
    };
    let there = facts(Mutability::Immutable, &[(COMMIT_TAG, "a", Some(OURS), None)]);
    let plan = Plan::new(request(), Ok(&there));
    assert!(builds(&plan));
    assert_eq!(actions(&plan), [format!("{COMMIT_TAG} keep")]);
    assert_eq!(plan.kept(), Some(manifest("a").digest()));
    assert!(plan.rebuild_error().is_none());
    let nothing = facts(Mutability::Immutable, &[]);
    let plan = Plan::new(request(), Ok(&nothing));
    assert_eq!(actions(&plan), [""; 0]);
    let error = plan.rebuild_error().unwrap();
    assert!(
        error.to_string().contains("is not published in `team/app`"),
        "{error}"
    );
    assert_eq!(error.kind().exit_code(), 2);
    assert!(Plan::new(request(), Err(offline())).rebuild_error().is_none());
}

#[test]
fn without_a_registry_nothing_is_claimed() {
    let plan = Plan::new(plan_request(&BOTH, Some("1.0.0")), Err(offline()));
    assert_eq!(
        actions(&plan),
        [format!("{COMMIT_TAG} unchecked"), "1.0.0 unchecked".to_owned()]
    );
    assert!(plan.notes.iter().any(|note| note.to_string().contains("offline")));
}

#[test]
fn build_argument_values_are_not_in_the_plan() {
    let mut plan_request = plan_request(&BOTH, None);
    plan_request.build.build_args = BuildArgs::new([("TOKEN".to_owned(), "hunter2".to_owned())].into());
    let json = serde_json::to_string(&Plan::new(plan_request, Err(offline()))).unwrap();
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
        let plan = Plan::new(plan_request(&rules, Some("1.0.0")), Ok(&facts));
        for planned in &plan.tags {
            let leaves = matches!(planned.action, TagAction::Move { .. } | TagAction::Hold { .. });
            prop_assert!(!leaves || planned.wanted.class == tags::TagClass::Moving, "{planned:?}");
        }
        if plan.conflicts().is_none() {
            let ours = match &plan.content { Content::Published { digest, .. } => *digest, Content::Build { .. } | Content::Merge { .. } => manifest("new").digest() };
            let image = ImageFacts { revision: Some(OURS.to_owned()), version: Some(Version::new(1, 0, 0)), ..ImageFacts::default() };
            if builds(&plan) { facts.images.insert(ours, image); }
            let known: Vec<Manifest> = texts.iter().chain(["new"].iter()).map(|text| manifest(text)).collect();
            let content = known.into_iter().find(|manifest| manifest.digest() == ours).unwrap();
            for planned in &plan.tags {
                if matches!(planned.action, TagAction::Create | TagAction::Move { .. }) {
                    facts.tags.insert(planned.wanted.tag.clone(), content.clone());
                }
            }
            let again = Plan::new(plan_request(&rules, Some("1.0.0")), Ok(&facts));
            prop_assert!(again.is_fulfilled(), "{again:?}");
        }
    }
}

/// A wish with a build for a stage.
fn debug_wish(rules: &[&str]) -> PlanRequest {
    PlanRequest {
        request: request(Some("debug")),
        ..plan_request(rules, Some("1.0.0"))
    }
}

/// Facts of a repository with an image of this commit under tags, built from `target` on a platform.
fn built(tags: &[&str], target: Option<&str>, platform: &str) -> Facts {
    let tags: Vec<_> = tags.iter().map(|tag| (*tag, "a", Some(OURS), None)).collect();
    let mut facts = facts(Mutability::Immutable, &tags);
    for image in facts.images.values_mut() {
        image.request = Some(request(target));
        image.platforms = vec![PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest: manifest("a").digest(),
        }];
    }
    facts
}

#[test]
fn an_image_that_was_built_from_something_else_is_another_one() {
    let facts = built(&[COMMIT_TAG, "1.0.0"], None, "linux/amd64");
    assert!(Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(&facts)).is_fulfilled());
    let plan = Plan::new(debug_wish(&BOTH), Ok(&facts));
    let conflicts = plan.conflicts().unwrap();
    assert_eq!(conflicts.tags.len(), 2);
    insta::assert_snapshot!(format!("{conflicts}\nhint: {}", conflicts.hint().unwrap()), @r"
    tag `sha-111111111111` in `team/app` must not move and already points to sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb (of commit 111111111111), which was built from the same commit with another `target`
      and tag `1.0.0` in `team/app` must not move and already points to sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb (of commit 111111111111), which was built from the same commit with another `target`
    hint: build it as before; or give this build tags of its own, such as `type=sha,suffix=-debug`, or a repository of its own
    ");
    // With a tag of its own it is built beside the other.
    let plan = Plan::new(debug_wish(&["type=sha,suffix=-debug"]), Ok(&facts));
    assert!(builds(&plan) && plan.conflicts().is_none());
}

#[test]
fn a_platform_that_the_image_does_not_have_is_never_published_already() {
    let on = |platform| {
        let mut plan_request = plan_request(&BOTH, Some("1.0.0"));
        let build = BuildRequest {
            platforms: vec![Platform::parse(platform).unwrap()],
            ..build()
        };
        plan_request.request = RequestHash::of(&build, &places());
        plan_request
    };
    let mut facts = built(&[COMMIT_TAG, "1.0.0"], None, "linux/amd64");
    for says in [true, false] {
        if !says {
            facts.images.values_mut().for_each(|image| image.request = None);
        }
        let conflicts = Plan::new(on("linux/arm64"), Ok(&facts)).conflicts().unwrap();
        assert_eq!(conflicts.tags[0].1.differences, [RequestPart::Platforms]);
        assert!(Plan::new(on("linux/amd64"), Ok(&facts)).is_fulfilled());
    }
}

#[test]
fn what_an_image_does_not_say_is_assumed_and_said() {
    let basis = |facts: &Facts| match Plan::new(plan_request(&BOTH, Some("1.0.0")), Ok(facts)).content {
        Content::Published { basis, .. } => basis,
        Content::Build { .. } | Content::Merge { .. } => panic!("it is published"),
    };
    assert_eq!(
        basis(&built(&[COMMIT_TAG], None, "linux/amd64")),
        ReuseReason::Label
    );
    let silent = facts(Mutability::Immutable, &[(COMMIT_TAG, "a", Some(OURS), None)]);
    assert_eq!(basis(&silent), ReuseReason::Assumed);
}

#[test]
fn a_commit_never_becomes_two_images_by_its_tags() {
    let facts = built(&[COMMIT_TAG], None, "linux/amd64");
    for rules in [["type=semver"], ["type=raw,value=dev-{{sha}}"]] {
        let plan = Plan::new(plan_request(&rules, Some("1.0.0")), Ok(&facts));
        assert!(!builds(&plan) && plan.conflicts().is_none(), "{rules:?}");
        assert!(actions(&plan)[0].ends_with("create"), "{rules:?}");
    }
    // The commit tag of another commit's image says nothing.
    let theirs = super::tests::facts(Mutability::Immutable, &[(COMMIT_TAG, "b", Some(THEIRS), None)]);
    assert!(builds(&Plan::new(
        plan_request(&["type=semver"], Some("1.0.0")),
        Ok(&theirs)
    )));
}

#[test]
fn one_filter_lets_the_tags_of_all_dirty_trees_move() {
    let tag = format!("{COMMIT_TAG}-dirty");
    let taken = facts(Mutability::Immutable, &[(&tag, "a", None, None)]);
    let dirty = |facts: &Facts| {
        let mut plan_request = plan_request(&["type=sha"], None);
        plan_request.source.change_count = 1;
        let rule = [TagRule::parse("type=sha").unwrap()];
        plan_request.wanted = tags::tag_set(&rule, None, &plan_request.source.commit, true).unwrap();
        Plan::new(plan_request, Ok(facts))
    };
    let hint = dirty(&taken).conflicts().unwrap().hint().unwrap().into_owned();
    assert!(hint.contains("filter=*-dirty'"), "{hint}");
    let setting = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("*-dirty").unwrap()]);
    assert_eq!(
        actions(&dirty(&facts(setting, &[(&tag, "a", None, None)]))),
        [format!("{tag} move")]
    );
}

fn offline() -> Unknown {
    Unknown::OutOfReach {
        message: "offline".to_owned(),
    }
}

/// An image of two platforms under this commit's tags, as a merge published it: without platforms of its own request.
fn merged(revision: &str) -> (Facts, [Digest; 2]) {
    let mut facts = facts(
        Mutability::Immutable,
        &[(COMMIT_TAG, "index", Some(revision), None)],
    );
    let children = [manifest("amd").digest(), manifest("arm").digest()];
    let image = facts.images.values_mut().next().unwrap();
    image.request = Some(request(None));
    image.platforms = ["linux/amd64", "linux/arm64"]
        .into_iter()
        .zip(children)
        .map(|(platform, digest)| PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest,
        })
        .collect();
    (facts, children)
}

fn part(platforms: &[&str]) -> PlanRequest {
    let platforms: Vec<Platform> = platforms
        .iter()
        .map(|one| Platform::parse(one).unwrap())
        .collect();
    PlanRequest {
        request: request(None).with_platforms(&platforms),
        scope: Scope::Part,
        ..plan_request(&["type=sha"], None)
    }
}

#[test]
fn a_part_gets_no_tag_and_is_not_built_again_when_its_image_is_published() {
    let (facts, [_, arm]) = merged(OURS);
    let plan = Plan::new(part(&["linux/arm64"]), Ok(&facts));
    assert!(matches!(plan.content, Content::Published { digest, .. } if digest == arm));
    assert!(plan.is_part && plan.tags.is_empty() && plan.is_fulfilled());
    // Which platform is meant is not known where none is given, and more than one is no image of the index.
    for platforms in [&[][..], &["linux/amd64", "linux/arm64"]] {
        let plan = Plan::new(part(platforms), Ok(&facts));
        assert!(builds(&plan) && plan.conflicts().is_none(), "{platforms:?}");
    }
}

#[test]
fn a_part_whose_tag_is_taken_is_refused_before_it_is_built() {
    let (other_commit, _) = merged(THEIRS);
    let plan = Plan::new(part(&["linux/arm64"]), Ok(&other_commit));
    assert!(plan.conflicts().is_some());
    let (facts, _) = merged(OURS);
    let plan = Plan::new(part(&["linux/s390x"]), Ok(&facts));
    let conflicts = plan.conflicts().unwrap().to_string();
    assert!(conflicts.contains("platforms"), "{conflicts}");
}

#[test]
fn a_version_is_taken_by_a_commit_where_nothing_else_is_in_the_way() {
    let version = Version::new(1, 2, 0);
    let taker = |rules: &[&str], setting: Mutability, tags: &[(&str, &str, Option<&str>, Option<&str>)]| {
        let facts = facts(setting, tags);
        let plan = Plan::new(plan_request(rules, Some("1.2.0")), Ok(&facts));
        let conflicts = plan.conflicts().expect("a tag is in the way");
        conflicts.taken_by(&version)
    };
    let rules = ["type=sha", "type=semver"];
    let theirs = CommitId::parse(THEIRS);
    let release = ("1.2.0", "theirs", Some(THEIRS), None);
    assert_eq!(taker(&rules, Mutability::Immutable, &[release]), theirs);
    let flavored = ["type=sha", "type=semver,suffix=-alpine"];
    let of_flavor = ("1.2.0-alpine", "theirs", Some(THEIRS), None);
    assert_eq!(taker(&flavored, Mutability::Immutable, &[of_flavor]), theirs);
    // Who has it is not known, it is this commit's own, or another tag is in the way too.
    for other in [
        ("1.2.0", "theirs", None, None),
        ("1.2.0", "theirs", Some("main"), None),
        (
            "1.2.0",
            "dirty",
            Some("2222222222222222222222222222222222222222-dirty"),
            None,
        ),
    ] {
        assert_eq!(taker(&rules, Mutability::Immutable, &[other]), None, "{other:?}");
    }
    let commit = (COMMIT_TAG, "other", Some(THEIRS), None);
    assert_eq!(taker(&rules, Mutability::Immutable, &[release, commit]), None);
    let moving = ["type=sha", "type=semver", "latest"];
    assert_eq!(taker(&moving, Mutability::Immutable, &[release]), None);
}

#[test]
fn a_named_context_whose_commit_is_open_is_named() {
    let mut request = plan_request(&BOTH, Some("1.0.0"));
    let commit = "1".repeat(40);
    for (name, address) in [
        ("moving", "https://host/a.git#main".to_owned()),
        ("fixed", format!("https://host/a.git#{commit}")),
    ] {
        let context = crate::build::NamedContext::Address(address);
        request.build.options.contexts.insert(name.to_owned(), context);
    }
    let plan = Plan::new(request, Ok(&facts(Mutability::Immutable, &[])));
    let [note] = plan.notes.as_slice() else {
        panic!("{:?}", plan.notes)
    };
    assert_eq!(note.code(), "context-moves");
    assert!(note.to_string().contains("`https://host/a.git#main`"), "{note}");
}
