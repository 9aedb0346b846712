//! What holds for all rules.

use proptest::prelude::*;

use super::*;

/// Text that looks like a rule, and is often one.
fn rule() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "(type=)?(schedule|semver|pep440|match|edge|ref|raw|sha)",
        "pattern=\\{\\{(version|major|raw|date 'YYYY')\\}\\}",
        "pattern=[(v\\\\d.*+)|\\[\\]]{0,12}",
        "(value|prefix|suffix|branch)=[a-zA-Z0-9._{}' +/-]{0,20}",
        "(value|prefix|suffix|enable)=\\{\\{(branch|tag|sha|base_ref|is_default_branch|commit_date 'x')\\}\\}",
        "(event=(branch|tag|pr)|format=(short|long)|enable=(true|false)|priority=-?[0-9]{1,4}|group=[0-9])",
        "\\PC{0,10}",
    ];
    proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.join(","))
}

fn git_ref() -> impl Strategy<Value = String> {
    prop_oneof![
        "refs/tags/v?[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-rc\\.[0-9])?(\\+[a-z0-9]{1,5})?",
        "refs/(heads|tags)/[a-zA-Z0-9/._#+-]{1,40}",
        "refs/pull/[0-9]{1,5}/merge",
        "\\PC{0,40}",
    ]
}

proptest! {
    #[test]
    fn rules_never_panic_and_print_what_they_read(line in "\\PC{0,60}", made in rule()) {
        for line in [line, made] {
            drop(TagRule::parse_list(&line, Mode::MetadataAction));
            if let Ok(rule) = TagRule::parse(&line) {
                let printed = rule.to_string();
                prop_assert_eq!(TagRule::parse(&printed).map(|rule| rule.to_string()), Ok(printed));
            }
        }
    }

    #[test]
    fn what_the_strict_mode_makes_is_legal_stands_once_and_is_always_the_same(
        rules in proptest::collection::vec(rule(), 1..6),
        git_ref in git_ref(),
        flavor in "(latest=(auto|true|false)|prefix=[a-z.-]{0,5}(,onlatest=true)?|suffix=[a-z.-]{0,5})?",
        is_dirty: bool,
    ) {
        let mut run = Run::new(Mode::Strict, "push", &git_ref);
        run.is_dirty = is_dirty;
        let valid: Vec<String> = rules.into_iter().filter(|rule| TagRule::parse(rule).is_ok()).collect();
        let rules = valid.join("\n");
        let made = run.evaluate(&rules, &flavor);
        prop_assert_eq!(&made, &run.evaluate(&rules, &flavor));
        if let Ok(made) = made {
            prop_assert!(!made.tags.is_empty());
            for tag in &made.tags {
                prop_assert!(tag.name.tag().is_ok(), "{:?}", tag);
                prop_assert_eq!(made.tags.iter().filter(|other| other.name == tag.name).count(), 1);
            }
            let put = TagSet::of(&made).unwrap();
            prop_assert_eq!(put.tags.len(), made.tags.len());
        }
    }

    #[test]
    fn the_compatible_mode_never_panics(
        rules in proptest::collection::vec(rule(), 1..6),
        git_ref in git_ref(),
    ) {
        drop(Run::new(Mode::MetadataAction, "schedule", &git_ref).evaluate(&rules.join("\n"), "suffix=-x"));
    }

    #[test]
    fn lists_never_panic(text in "(name|enable|latest|prefix|onlatest|=|,|\"|\\{\\{|[a-z]|\n|\\PC){0,30}") {
        for mode in [Mode::Strict, Mode::MetadataAction] {
            drop(Flavor::parse_list(&text, mode));
            drop(Image::parse_list(&text, mode));
        }
    }
}
