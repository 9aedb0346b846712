//! The rules of a release, and its text.

use proptest::prelude::*;

use super::markdown::{Code, Plain};
use super::*;
use crate::bump::{Commit, VersionTag};
use crate::content::Platform;
use crate::error::Diagnose as _;
use crate::facts::{PlatformManifest, Unknown};
use crate::reference::{Digest, ImageName, RegistryHost, RepositoryName, Tag};

fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn request(version: &str) -> ReleaseRequest {
    ReleaseRequest {
        kind: ReleaseKind::Github,
        version: Version::parse(version).unwrap(),
        commit: commit('a'),
        prefix: TagPrefix::default(),
        known_tags: Vec::new(),
        moving: vec![MovingTag::Major, MovingTag::Minor],
        is_annotated: false,
        changes: Changes::default(),
        introduction: None,
        workflows: Vec::new(),
        web: Some("https://github.com/octo/app".to_owned()),
    }
}

fn facts(tags: &[(&str, char)]) -> ReleaseFacts {
    ReleaseFacts {
        tags: tags.iter().map(|(name, _)| (*name).to_owned()).collect(),
        commits: tags
            .iter()
            .map(|(name, at)| ((*name).to_owned(), commit(*at)))
            .collect(),
        ..ReleaseFacts::default()
    }
}

fn plan(version: &str, tags: &[(&str, char)]) -> ReleasePlan {
    ReleasePlan::new(request(version), Ok(&facts(tags)))
}

fn moving(plan: &ReleasePlan) -> Vec<(&str, &str)> {
    plan.moving
        .iter()
        .map(|moving| (moving.tag.as_str(), moving.action.name()))
        .collect()
}

#[test]
fn a_first_release_makes_everything() {
    let plan = plan("1.2.3", &[]);
    assert_eq!(plan.tag, "v1.2.3");
    assert_eq!(plan.git_tag, GitTagAction::Create);
    assert_eq!(plan.release, Some(ReleaseAction::Create));
    assert!(plan.is_latest && !plan.is_prerelease && !plan.is_fulfilled());
    assert_eq!(moving(&plan), [("v1", "create"), ("v1.2", "create")]);
}

#[test]
fn a_second_run_has_nothing_left_to_do() {
    let mut facts = facts(&[("v1.2.3", 'a'), ("v1", 'a'), ("v1.2", 'a')]);
    facts.release = Some(ReleaseState::Draft);
    let plan = ReleasePlan::new(request("1.2.3"), Ok(&facts));
    assert_eq!(plan.release, Some(ReleaseAction::Complete));
    assert!(!plan.is_fulfilled());
    facts.release = Some(ReleaseState::Published);
    assert!(plan.renewed(&facts).is_fulfilled());
}

#[test]
fn a_git_tag_of_another_commit_is_a_conflict() {
    let plan = plan("1.2.3", &[("v1.2.3", 'b')]);
    let conflict = plan.conflict().unwrap();
    assert_eq!(
        conflict.to_string(),
        "git tag `v1.2.3` must not move and already points to commit bbbbbbbbbbbb; commit aaaaaaaaaaaa would be released"
    );
    assert_eq!(conflict.kind().exit_code(), 10);
    assert!(!plan.is_fulfilled());
}

#[test]
fn the_same_version_in_another_form_is_the_same_version() {
    assert!(plan("1.2.3", &[("1.2.3", 'b')]).conflict().is_some());
    let kept = plan("1.2.3", &[("1.2.3", 'a')]);
    assert_eq!((kept.tag.as_str(), &kept.git_tag), ("1.2.3", &GitTagAction::Keep));
    // A new tag has the form of the greatest release's, and moving ones have its own.
    let plan = plan("1.3.0", &[("1.2.3", 'b'), ("v1.0.0", 'c')]);
    assert_eq!(plan.tag, "1.3.0");
    assert_eq!(moving(&plan), [("1", "create"), ("1.3", "create")]);
}

#[test]
fn an_older_release_moves_nothing_that_a_greater_one_has() {
    let tags = [
        ("v2.0.0", 'd'),
        ("v1.3.0", 'c'),
        ("v1.2.2", 'b'),
        ("v1", 'c'),
        ("v1.2", 'b'),
    ];
    let plan = plan("1.2.3", &tags);
    assert!(!plan.is_latest);
    assert_eq!(moving(&plan), [("v1", "hold"), ("v1.2", "move")]);
    assert_eq!(
        plan.moving[0].action,
        GitTagAction::Hold {
            greater: "v1.3.0".to_owned()
        }
    );
    assert_eq!(plan.moving[1].action, GitTagAction::Move { from: commit('b') });
}

#[test]
fn a_pre_release_is_never_the_latest_and_moves_nothing() {
    let plan = plan("2.0.0-rc.1", &[("v1.3.0", 'c')]);
    assert!(plan.is_prerelease && !plan.is_latest);
    assert_eq!(plan.moving, []);
    // Nor does one keep a release from being it.
    assert!(super::tests::plan("1.4.0", &[("v2.0.0-rc.1", 'c')]).is_latest);
}

#[test]
fn nothing_below_one_promises_a_major_line() {
    assert_eq!(moving(&plan("0.2.1", &[])), [("v0.2", "create")]);
}

#[test]
fn each_image_has_its_own_line_by_its_prefix() {
    let mut request = request("1.2.3");
    request.prefix = TagPrefix::parse("api/v").unwrap();
    let facts = facts(&[("api/v1.2.2", 'b'), ("api/v1", 'b')]);
    let plan = ReleasePlan::new(request, Ok(&facts));
    assert_eq!(plan.tag, "api/v1.2.3");
    assert_eq!(moving(&plan), [("api/v1", "move"), ("api/v1.2", "create")]);
}

#[test]
fn who_was_not_asked_knows_the_checkouts_tags_alone() {
    let mut request = request("1.2.3");
    request.known_tags = vec!["1.2.2".to_owned()];
    let plan = ReleasePlan::new(request, Err(Unknown::NotAsked));
    assert_eq!(plan.tag, "1.2.3");
    assert_eq!(plan.git_tag, GitTagAction::Unchecked);
    assert_eq!(plan.release, Some(ReleaseAction::Unchecked));
}

fn image() -> ImageName {
    ImageName {
        registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    }
}

fn notes_of(messages: &[&str], introduction: Option<&str>, existing: Option<&str>) -> String {
    let commits: Vec<Commit> = messages
        .iter()
        .map(|message| Commit::read(commit('b'), message.as_bytes(), false))
        .collect();
    let previous = VersionTag {
        name: "v1.2.2".to_owned(),
        version: Version::new(1, 2, 2),
        commit: commit('c'),
    };
    let history = History {
        previous: Some(previous),
        commits,
    };
    let mut request = request("1.2.3");
    request.changes = Changes::of(&history);
    request.introduction = introduction.map(str::to_owned);
    let plan = ReleasePlan::new(request, Ok(&facts(&[])));
    let notes = ReleaseNotes {
        plan: &plan,
        image: &image(),
        digest: Digest::of(b"index"),
        tags: &[
            Tag::parse("1.2.3").unwrap(),
            Tag::parse("sha-aaaaaaaaaaaa").unwrap(),
        ],
        platforms: &["linux/amd64", "linux/arm64"].map(|platform| PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest: Digest::of(platform.as_bytes()),
        }),
    };
    notes.text(existing)
}

#[test]
fn the_text_says_what_changed_and_how_to_pull() {
    let messages = [
        "feat(search)!: by colour (#12)\n\nBREAKING CHANGE: by name no more",
        "feat: sound",
        "fix: typo",
        "not conventional",
    ];
    insta::assert_snapshot!(notes_of(&messages, Some("A *good* one."), None));
}

#[test]
fn hostile_messages_do_nothing() {
    let messages = [
        "fix: <script>alert(1)</script> <!-- -->",
        "fix: [click](https://example.com) ![x](y) `code` **b** _i_ ~s~ $x$",
        "fix: @octo/everyone and @ada, &lt;b&gt; | cell",
        "fix: # heading",
        "fix: 1. one",
        "fix: ::set-output name=a::b",
        "fix(@ada]*): \u{202e}txt\u{1b}[31m red",
    ];
    insta::assert_snapshot!(notes_of(&messages, None, None));
}

#[test]
fn what_a_person_wrote_into_a_draft_stays_and_a_runs_part_is_written_anew() {
    let first = notes_of(&["fix: typo"], None, Some("By hand.\n"));
    assert!(first.starts_with("By hand.\n\n<!-- tagship -->\n"), "{first}");
    assert_eq!(notes_of(&["fix: typo"], None, Some(&first)), first);
    let other = notes_of(&["fix: other"], Some("not shown"), Some(&first));
    assert!(
        other.starts_with("By hand.") && !other.contains("typo"),
        "{other}"
    );
}

#[test]
fn a_text_that_is_too_long_counts_what_it_leaves_out() {
    let long = format!("fix: {}", "ä".repeat(390));
    let messages = vec![long.as_str(); 900];
    let text = notes_of(&messages, Some(&"x".repeat(200_000)), None);
    let length = text.chars().count();
    assert!((MAX_NOTES - 1000..=MAX_NOTES).contains(&length), "{length}");
    let shown = text.lines().filter(|line| line.starts_with("- ")).count();
    assert!(text.contains(&format!("…and {} more", 900 - shown)), "{shown}");
    assert!(text.contains("docker pull "));
}

#[test]
fn a_release_has_one_record_whichever_run_writes_it() {
    let (version, revision) = (Version::new(1, 2, 3), commit('a'));
    let tags = [Tag::parse("1.2.3").unwrap()];
    let record = ImageRecord::new(
        (&version, &revision),
        (&image(), Digest::of(b"index")),
        &tags,
        &[],
    );
    insta::assert_snapshot!(record.json());
}

proptest! {
    /// The rule by its words: of one line, the greatest release has the moving tag, whatever the order of the runs.
    #[test]
    fn moving_tags_never_go_back(patches in proptest::collection::vec((1..3_u64, 0..3_u64, 0..4_u64), 1..12)) {
        let mut facts = ReleaseFacts::default();
        for (number, (major, minor, patch)) in patches.iter().enumerate() {
            let mut request = request(&format!("{major}.{minor}.{patch}"));
            request.commit = commit(char::from_digit(u32::try_from(number).unwrap(), 16).unwrap());
            let plan = ReleasePlan::new(request, Ok(&facts));
            if plan.conflict().is_some() {
                continue;
            }
            let mut write = |tag: &str| {
                facts.commits.insert(tag.to_owned(), plan.commit.clone());
                if !facts.tags.contains(&tag.to_owned()) {
                    facts.tags.push(tag.to_owned());
                }
            };
            write(&plan.tag);
            for moving in plan.moving.iter().filter(|moving| !moving.action.is_settled()) {
                write(&moving.tag);
            }
        }
        let versions: Vec<(Version, &CommitId)> = facts.commits.iter()
            .filter_map(|(tag, commit)| Some((TagPrefix::default().version(tag)?, commit)))
            .collect();
        for major in 1..3 {
            let of_line = versions.iter().filter(|(version, _)| version.major == major);
            let greatest = of_line.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, commit)| *commit);
            prop_assert_eq!(facts.commits.get(&format!("v{major}")), greatest);
        }
    }

    #[test]
    fn text_from_outside_is_one_line_without_marks(text in "\\PC{0,60}") {
        for shown in [Plain(&text).to_string(), Code(&text).to_string()] {
            prop_assert!(!shown.contains('\n'));
        }
        let shown = Plain(&text).to_string();
        let mut characters = shown.chars();
        while let Some(character) = characters.next() {
            if character == '\\' {
                characters.next();
            } else {
                prop_assert!(!"`*_[]<>|~$".contains(character), "{}", shown);
            }
        }
    }
}
