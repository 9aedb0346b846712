//! Inputs that name the commit.

use semver::Version;

use super::*;
use crate::settings::RequestedVersion;
use tagship_domain::tags::{Flavor, Mode, TagRule};

#[test]
fn versions_and_tags_keep_to_their_rules() {
    let case = Case::complete()
        .flag("version", "v1.2.3-rc.1")
        .flag("tags", "edge, stable\ntype=sha,format=long");
    let settings = case.settings();
    let version = Version::parse("1.2.3-rc.1").unwrap();
    assert_eq!(settings.version, Some(RequestedVersion::Exact(version)));
    let automatic = Case::complete().flag("version", "auto").settings();
    assert_eq!(automatic.version, Some(RequestedVersion::Next));
    assert_eq!(settings.lists.rules.len(), 3);
    for bad in ["1.2", "01.2.3", "latest", &format!("1.2.3-{}", "a".repeat(130))] {
        assert!(
            Case::complete()
                .flag("version", bad)
                .problem()
                .0
                .starts_with("`--version`: ")
        );
    }
    for bad in ["team/app:1", "-x", "a+b", "type=what", &"a".repeat(129)] {
        assert!(
            Case::complete()
                .flag("tags", bad)
                .problem()
                .0
                .starts_with("`--tags`: "),
            "{bad}"
        );
    }
}

#[test]
fn labels_are_pairs() {
    let labels = |case: Case| {
        let rules = case.settings().lists.labels;
        rules
            .iter()
            .filter_map(|rule| rule.name().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let lines = Case::complete().flag("labels", "a.b/c=d=e\n# a comment\nempty=");
    assert_eq!(labels(lines), ["a.b/c", "empty"]);
    let map = Case::complete().file("tagship.yaml", "labels:\n  title: one\n  other: two\n");
    assert_eq!(labels(map), ["title", "other"]);
    let broken = Case::complete().file("tagship.yaml", "labels:\n  title: \"one\\ntwo=2\"\n");
    assert!(broken.problem().0.ends_with("has an entry of several lines"));
    for bad in [
        "no-value",
        "=x",
        "a b=c",
        "a=1\na=2",
        "org.opencontainers.image.revision=1",
        "a={{brnach}}",
    ] {
        assert!(
            Case::complete()
                .flag("labels", bad)
                .problem()
                .0
                .starts_with("`--labels`: "),
            "{bad}"
        );
    }
}

#[test]
fn the_flavor_moves_latest_only_where_it_is_asked_to() {
    let flavor = |case: &Case| case.settings().lists.flavor;
    let plain_with = |text: &str| Flavor::plain().with(text, Mode::Strict).unwrap();
    let case = Case::complete();
    assert_eq!(flavor(&case), Flavor::plain());
    let case = case.flag("flavor", "suffix=-alpine");
    assert_eq!(flavor(&case), plain_with("suffix=-alpine"));
    let case = case.flag("flavor", "latest=auto");
    assert_eq!(
        flavor(&case),
        Flavor::parse_list("suffix=-alpine", Mode::Strict).unwrap()
    );
    let (message, _) = Case::complete().flag("flavor", "latest=maybe").problem();
    assert_eq!(
        message,
        "`--flavor`: line 1, column 8: `latest` is `maybe`, not `auto`, `true` or `false`"
    );
}

#[test]
fn the_compatible_mode_brings_the_actions_defaults_and_variables() {
    let case = Case::complete()
        .flag("compat", "metadata-action")
        .variable("DOCKER_METADATA_SHORT_SHA_LENGTH", "9");
    let settings = case.settings();
    assert_eq!(settings.lists.mode, Mode::MetadataAction);
    assert_eq!(settings.lists.flavor, Flavor::default());
    assert_eq!(settings.lists.rules, TagRule::defaults_of(Mode::MetadataAction));
    assert_eq!(settings.short_digits, Some(9));
    assert_eq!(case.without("compat").settings().short_digits, None);
    let (message, hint) = Case::complete().flag("compat", "other").problem();
    assert_eq!(message, "`--compat`: `other` is not a tool whose rules are known");
    assert_eq!(hint.as_deref(), Some("write `metadata-action`, or leave it out"));
    let no_number = Case::complete()
        .flag("compat", "metadata-action")
        .variable("DOCKER_METADATA_SHORT_SHA_LENGTH", "many");
    assert_eq!(
        no_number.problem().0,
        "`DOCKER_METADATA_SHORT_SHA_LENGTH`: is not a number"
    );
}
