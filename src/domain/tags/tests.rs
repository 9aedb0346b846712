use proptest::prelude::*;

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn made(rules: &[&str], version: Option<&str>, dirty: bool) -> Result<Vec<String>, TagError> {
    let rules = rules
        .iter()
        .map(|rule| TagRule::parse(rule))
        .collect::<Result<Vec<_>, _>>()?;
    let version = version.map(|version| Version::parse(version).unwrap());
    let commit = CommitId::parse(COMMIT).unwrap();
    let wanted = wanted(&rules, version.as_ref(), &commit, dirty)?;
    Ok(wanted
        .tags
        .iter()
        .map(|wanted| format!("{} {:?}", wanted.tag, wanted.class))
        .collect())
}

#[test]
fn the_default_is_the_commit_tag_and_the_release_tag() {
    let defaults: Vec<String> = TagRule::defaults().iter().map(ToString::to_string).collect();
    let defaults: Vec<&str> = defaults.iter().map(String::as_str).collect();
    assert_eq!(
        made(&defaults, Some("1.2.3"), false),
        Ok(vec![
            "sha-0123456789ab Commit".to_owned(),
            "1.2.3 Release".to_owned()
        ])
    );
    assert_eq!(
        made(&defaults, None, false),
        Ok(vec!["sha-0123456789ab Commit".to_owned()])
    );
}

#[test]
fn rules_make_the_tags_that_they_say() {
    for (rule, version, expected) in [
        (
            "type=semver,pattern={{version}}",
            "1.2.3+b.5",
            "1.2.3_b.5 Release",
        ),
        (
            "type=semver,pattern={{ major }}.{{ minor }}",
            "1.2.3",
            "1.2 Moving",
        ),
        ("type=semver,pattern={{major}}", "1.2.3", "1 Moving"),
        (
            "type=sha,format=long,prefix=",
            "1.2.3",
            "0123456789abcdef0123456789abcdef01234567 Commit",
        ),
        ("type=sha,prefix=git-", "1.2.3", "git-0123456789ab Commit"),
        ("type=raw,value=latest", "1.2.3", "latest Moving"),
        ("edge", "1.2.3", "edge Moving"),
        ("2.0.0", "1.2.3", "2.0.0 Release"),
    ] {
        assert_eq!(
            made(&[rule], Some(version), false),
            Ok(vec![expected.to_owned()]),
            "{rule}"
        );
    }
}

#[test]
fn a_prerelease_and_zero_make_no_short_tags() {
    for (rule, version) in [
        ("type=semver,pattern={{major}}", "1.2.3-rc.1"),
        ("type=semver,pattern={{major}}.{{minor}}", "1.2.3-rc.1"),
        ("type=semver,pattern={{major}}", "0.1.2"),
    ] {
        assert!(
            matches!(made(&[rule], Some(version), false), Err(TagError::NoTag { .. })),
            "{rule} {version}"
        );
    }
}

#[test]
fn tags_of_a_dirty_tree_are_marked_and_promise_nothing() {
    assert_eq!(
        made(&["type=semver", "type=sha"], Some("1.2.3"), true),
        Ok(vec![
            "1.2.3-dirty Moving".to_owned(),
            "sha-0123456789ab-dirty Moving".to_owned()
        ])
    );
}

#[test]
fn one_tag_of_two_rules_stands_once_with_the_stronger_promise() {
    assert_eq!(
        made(
            &["1.2", "type=semver,pattern={{major}}.{{minor}}"],
            Some("1.2.3"),
            false
        ),
        Ok(vec!["1.2 Moving".to_owned()])
    );
    assert_eq!(
        made(&["type=semver", "1.2.3"], Some("1.2.3"), false),
        Ok(vec!["1.2.3 Release".to_owned()])
    );
}

#[test]
fn wrong_rules_say_what_is_wrong() {
    let messages: Vec<String> = [
        "type=edge",
        "type=semver,pattern={{minor}}",
        "type=sha,formt=long",
        "type=sha,format=medium",
        "type=sha,prefix=-",
        "type=raw",
        "type=raw,value=a b",
        "type=raw,value=a,value=b",
        "-x",
        "",
    ]
    .iter()
    .map(|rule| TagRule::parse(rule).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

proptest! {
    #[test]
    fn rules_never_panic_and_print_what_they_read(line in "(type=(semver|sha|raw))?[ -~]{0,40}") {
        if let Ok(rule) = TagRule::parse(&line) {
            prop_assert_eq!(TagRule::parse(&rule.to_string()), Ok(rule));
        }
    }
}
