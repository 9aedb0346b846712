//! The documentation's site.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_summary_has_every_page_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let mut listed: Vec<&str> = summary
        .lines()
        .filter_map(|line| line.split_once("](")?.1.strip_suffix(')'))
        // These are made of the README.
        .filter(|page| !matches!(*page, "index.md" | "README.ko.md"))
        .collect();
    let count = listed.len();
    let pages: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "SUMMARY.md")
        .collect();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), count);
    assert_eq!(listed, pages.iter().map(String::as_str).collect::<Vec<_>>());
}
