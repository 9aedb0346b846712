//! What engines can do, by version, store and platforms.

use super::{Capabilities, ImageStore, major_and_minor};
use tagship_domain::content::Platform;

fn capabilities(version: &str, store: ImageStore, platforms: &[&str]) -> Capabilities {
    Capabilities {
        version: version.to_owned(),
        store,
        platform: "linux/amd64".to_owned(),
        major_and_minor: major_and_minor(version).unwrap(),
        platforms: platforms
            .iter()
            .map(|platform| Platform::parse(platform).unwrap())
            .collect(),
    }
}

#[test]
fn versions_begin_with_two_numbers() {
    assert_eq!(major_and_minor("28.5.2+dfsg4"), Some((28, 5)));
    assert_eq!(major_and_minor("20.10.24"), Some((20, 10)));
    assert_eq!(major_and_minor("29.0"), Some((29, 0)));
    assert_eq!(major_and_minor("dev"), None);
    assert_eq!(major_and_minor(""), None);
}

#[test]
fn a_platform_without_emulation_is_told_but_only_when_it_is_certain() {
    let arm = Platform::parse("linux/arm64").unwrap();
    let runs = |platforms: &[&str], wanted: &Platform| {
        capabilities("28.5.2", ImageStore::Classic, platforms).runs(wanted)
    };
    assert!(!runs(&["linux/amd64", "linux/386"], &arm));
    assert!(runs(
        &["linux/amd64", "linux/386"],
        &Platform::parse("linux/amd64").unwrap()
    ));
    assert!(runs(&["linux/amd64", "linux/arm64"], &arm));
    assert!(runs(&[], &arm), "it does not say what it can run");
}
