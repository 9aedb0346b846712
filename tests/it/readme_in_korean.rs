//! The Korean README has all that the English one has, in the same order.

use std::sync::LazyLock;

use regex::Regex;

const ENGLISH: &str = include_str!("../../README.md");
const KOREAN: &str = include_str!("../../README.ko.md");

/// What a translation keeps: levels of headings, fenced blocks, items of lists, addresses of links.
fn structure(page: &str, other_language: &str) -> Vec<String> {
    static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)]*)\)").unwrap());
    let mut parts = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = !is_inside;
        }
        if is_inside || line.starts_with("```") {
            parts.push(line.to_owned());
            continue;
        }
        let heading = line.chars().take_while(|character| *character == '#').count();
        if heading > 0 {
            parts.push("#".repeat(heading));
        } else if line.starts_with("- ") {
            parts.push("-".to_owned());
        }
        let links = LINK.captures_iter(line).map(|link| link[1].to_owned());
        parts.extend(links.filter(|link| link != other_language));
    }
    parts
}

#[test]
fn the_translation_has_the_structure_of_the_original() {
    let english = structure(ENGLISH, "README.ko.md");
    assert!(english.len() > 100, "{}", english.len());
    let korean = structure(KOREAN, "README.md");
    for (index, (english, korean)) in english.iter().zip(&korean).enumerate() {
        assert_eq!(english, korean, "part {index}");
    }
    assert_eq!(english.len(), korean.len());
}
