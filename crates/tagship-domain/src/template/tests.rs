//! Templates filled in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn filled(source: &str, escape: Escape, values: &[(&str, &str)]) -> Result<String, TemplateError> {
    let values: BTreeMap<&str, &str> = values.iter().copied().collect();
    Template::parse(source)?.fill(escape, |expression| {
        Ok(values
            .get(expression.name.as_str())
            .copied()
            .unwrap_or_default()
            .to_owned())
    })
}

#[test]
fn expressions_are_replaced_and_text_is_kept() {
    let values = [("major", "1"), ("minor", "2"), ("branch", "it's&a")];
    for (source, expected) in [
        ("", ""),
        ("v{{major}}.{{ minor }}", "v1.2"),
        ("a }} b { c", "a }} b { c"),
        // Each of the following is what Handlebars 4.7 makes.
        ("{{branch}}", "it&#x27;s&amp;a"),
        ("{{{branch}}}", "it's&a"),
        ("{{&branch}}", "it's&a"),
        ("{{! no }}x{{!-- }} --}}y", "xy"),
        ("a {{~major~}} b", "a1b"),
        (r"\{{major}} {{minor}}", "{{major}} 2"),
        (r"\\{{major}}", r"\1"),
        ("{{unknown}}-", "-"),
    ] {
        assert_eq!(
            filled(source, Escape::Html, &values).as_deref(),
            Ok(expected),
            "{source}"
        );
    }
}

#[test]
fn values_become_what_a_tag_takes() {
    let made = |value| filled("x{{branch}}y", Escape::Tag, &[("branch", value)]).unwrap();
    assert_eq!(made("feature/Foo_bar.baz#12"), "xfeature-Foo_bar.baz-12y");
    assert_eq!(made("1.2.3+b.5"), "x1.2.3_b.5y");
    assert_eq!(made("ä//ö"), "x-y");
}

#[test]
fn arguments_and_the_zone_are_read() {
    let template =
        Template::parse(r#"{{date 'YYYY "x"' tz='Asia/Tokyo'}}{{date "it\"s" tz="UTC"}}"#).unwrap();
    let read: Vec<_> = template
        .expressions()
        .map(|expression| {
            (
                expression.arguments.clone(),
                expression.zone.clone(),
                expression.offset,
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            (vec![r#"YYYY "x""#.to_owned()], Some("Asia/Tokyo".to_owned()), 0),
            (vec![r#"it"s"#.to_owned()], Some("UTC".to_owned()), 35),
        ]
    );
}

#[test]
fn what_is_no_template_says_where() {
    for (source, offset, expected) in [
        ("ä{{version", 1, "`{{` is not closed"),
        ("{{version}", 0, "`{{` is not closed"),
        ("{{date 'YYYY}}", 0, "`{{` is not closed"),
        ("x{{}}", 1, "is not an expression"),
        ("{{date 'a''b'}}", 0, "is not an expression"),
        ("{{a b=}}", 0, "is not an expression"),
        ("{{#if tag}}x{{/if}}", 0, "not supported"),
        ("{{> part}}", 0, "not supported"),
        ("{{{{raw}}}}", 0, "not supported"),
    ] {
        let error = Template::parse(source).unwrap_err();
        assert_eq!(error.offset, offset, "{source}");
        assert!(error.to_string().contains(expected), "{source}: {error}");
    }
}

#[test]
fn a_template_that_makes_too_much_is_an_error() {
    let long = "x".repeat(4096);
    let error = filled(&"{{branch}}".repeat(10), Escape::None, &[("branch", &long)]).unwrap_err();
    assert_eq!(error.problem, TemplateProblem::TooLong);
}

/// The table is moment-timezone's own answers: a format and its result, below the instant and the zone.
#[test]
fn dates_are_written_as_moment_writes_them() {
    let mut time = None;
    let mut checked = 0;
    for line in include_str!("moment.tsv").lines() {
        if let Some(instant) = line.strip_prefix("# ") {
            let (instant, zone) = instant.split_once(' ').unwrap();
            time = Some(
                Zone::named(zone)
                    .unwrap()
                    .at(instant.parse::<Timestamp>().unwrap()),
            );
            continue;
        }
        let (text, expected) = line.split_once('\t').unwrap();
        assert_eq!(
            format(time.as_ref().unwrap(), text),
            expected,
            "{text} at {time:?}"
        );
        checked += 1;
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn a_date_without_format_is_iso_8601() {
    let at = |zone| {
        let time: Timestamp = "2020-01-10T00:30:00Z".parse().unwrap();
        format(&Zone::named(zone).unwrap().at(time), "")
    };
    assert_eq!(at("UTC"), "2020-01-10T00:30:00Z");
    assert_eq!(at("Asia/Tokyo"), "2020-01-10T09:30:00+09:00");
}

#[test]
fn an_unknown_zone_is_named() {
    assert_eq!(
        Zone::named("Mars/Olympus").unwrap_err().to_string(),
        "the time zone database has no `Mars/Olympus`"
    );
    assert!(Zone::named("europe/berlin").is_ok());
}

proptest! {
    #[test]
    fn templates_and_dates_never_panic(source in r"([a-zA-Z{}'\\ =~&#\[\]]|\{\{|\}\}|\PC){0,60}", seconds in -99_999_999_999_i64..200_000_000_000) {
        if let Ok(template) = Template::parse(&source) {
            let filled = template.fill(Escape::Tag, |expression| Ok(expression.arguments.concat()));
            prop_assert!(filled.is_ok());
        }
        let time = Timestamp::from_second(seconds).unwrap();
        format(&Zone::named("America/New_York").unwrap().at(time), &source);
    }
}
