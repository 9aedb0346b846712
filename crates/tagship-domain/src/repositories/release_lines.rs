//! The last release of each line of versions.
//!
//! A line is what a moving tag follows: the releases of one major version, and those of one minor version where the repository has
//! the tag that follows these, such as `1.2`. Tags of monorepos have a line for each prefix (`api-1.2.0`). A suffix makes a line of its
//! own where a moving tag has it too (`1-alpine` beside `1.2.0-alpine`); without one it makes a pre-release.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::lifecycle::Image;
use crate::reference::Digest;

/// The numbers of a tag, and what stands around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbered<'a> {
    /// Without the `v` of a version.
    prefix: &'a str,
    /// From one to three.
    numbers: &'a str,
    suffix: &'a str,
}

impl<'a> Numbered<'a> {
    /// Reads the first numbers that stand at the beginning of a tag, or behind a separator.
    fn of(tag: &'a str) -> Option<Self> {
        let begins = |at: usize| {
            let before = tag[..at].strip_suffix('v').unwrap_or(&tag[..at]);
            before.is_empty() || before.ends_with(['-', '_', '/'])
        };
        let digits = tag.char_indices().filter(|(_, c)| c.is_ascii_digit());
        digits.map(|(at, _)| at).filter(|at| begins(*at)).find_map(|at| {
            let length = tag[at..].find(|c: char| !(c.is_ascii_digit() || c == '.'));
            let (numbers, suffix) = tag[at..].split_at(length.unwrap_or(tag.len() - at));
            let is_number = |part: &str| part == "0" || !(part.is_empty() || part.starts_with('0'));
            let count = numbers.split('.').count();
            let is_whole = suffix.is_empty() || suffix.starts_with('-');
            (count <= 3 && is_whole && numbers.split('.').all(is_number)).then(|| Self {
                prefix: tag[..at].strip_suffix('v').unwrap_or(&tag[..at]),
                numbers,
                suffix,
            })
        })
    }

    /// The version, if these are all of its numbers.
    fn version(&self) -> Option<Version> {
        Version::parse(self.numbers).ok()
    }
}

/// Returns the images that hold the greatest releases of their lines, with the version and the widest line.
pub(super) fn last_releases(images: &[Image]) -> BTreeMap<Digest, (Version, String)> {
    let tags = || {
        images
            .iter()
            .flat_map(|image| image.tags.iter().map(move |tag| (image, tag)))
    };
    let numbered: Vec<(&Image, Numbered<'_>)> = tags()
        .filter_map(|(image, tag)| Some((image, Numbered::of(tag)?)))
        .collect();
    let moving: BTreeSet<(&str, &str, &str)> = (numbered.iter())
        .filter(|(_, one)| one.version().is_none())
        .map(|(_, one)| (one.prefix, one.numbers, one.suffix))
        .collect();
    let suffixes: BTreeSet<(&str, &str)> = moving
        .iter()
        .map(|(prefix, _, suffix)| (*prefix, *suffix))
        .collect();
    // Those of minor versions before those of major ones, which say more of an image that is both.
    let (mut minors, mut majors) = (BTreeMap::new(), BTreeMap::new());
    for (image, one) in &numbered {
        let Some(version) = one.version() else { continue };
        if !one.suffix.is_empty() && !suffixes.contains(&(one.prefix, one.suffix)) {
            continue;
        }
        let line = |numbers: String| format!("{}{numbers}.x{}", one.prefix, one.suffix);
        let minor = format!("{}.{}", version.major, version.minor);
        if moving.contains(&(one.prefix, minor.as_str(), one.suffix)) {
            raise(&mut minors, line(minor), &version, image.digest);
        }
        raise(
            &mut majors,
            line(version.major.to_string()),
            &version,
            image.digest,
        );
    }
    let last = minors.into_iter().chain(majors);
    last.map(|(line, (version, digest))| (digest, (version, line)))
        .collect()
}

fn raise(lines: &mut BTreeMap<String, (Version, Digest)>, line: String, version: &Version, digest: Digest) {
    match lines.get(&line) {
        Some((known, _)) if known >= version => {}
        _ => {
            lines.insert(line, (version.clone(), digest));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::lifecycle::Storage;

    fn last(tags: &[&[&str]]) -> Vec<String> {
        let images: Vec<Image> = tags
            .iter()
            .map(|tags| Image {
                digest: Digest::of(tags.join(",").as_bytes()),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                pushed_at: Timestamp::UNIX_EPOCH,
                pulled_at: None,
                storage: Storage::Standard { restored_at: None },
                children: Vec::new(),
            })
            .collect();
        let last = last_releases(&images);
        let named = images.iter().filter_map(|image| {
            let (_, line) = last.get(&image.digest)?;
            Some(format!("{}: {line}", image.tags.join(",")))
        });
        named.collect()
    }

    #[test]
    fn a_minor_version_is_a_line_where_a_tag_follows_it() {
        let releases: [&[&str]; 4] = [
            &["1.0.9"],
            &["1.0.10", "1.0"],
            &["1.1.0"],
            &["1.2.0", "1", "latest"],
        ];
        assert_eq!(last(&releases), ["1.0.10,1.0: 1.0.x", "1.2.0,1,latest: 1.x"]);
        assert_eq!(last(&[&["1.0.0"], &["1.1.0"]]), ["1.1.0: 1.x"]);
    }

    #[test]
    fn a_prefix_makes_a_line_and_a_v_makes_none() {
        let releases: [&[&str]; 6] = [
            &["api-1.0.0"],
            &["api-v1.1.0"],
            &["web/1.0.0"],
            &["v1.0.0"],
            &["1.3.0"],
            &["sha-1a2b3c4"],
        ];
        assert_eq!(
            last(&releases),
            ["api-v1.1.0: api-1.x", "web/1.0.0: web/1.x", "1.3.0: 1.x"]
        );
    }

    #[test]
    fn a_suffix_is_a_line_where_a_moving_tag_has_it_and_a_pre_release_otherwise() {
        let releases: [&[&str]; 4] = [
            &["1.0.0"],
            &["1.0.0-alpine"],
            &["1.1.0-alpine", "1-alpine"],
            &["1.1.0-rc.1"],
        ];
        assert_eq!(
            last(&releases),
            ["1.0.0: 1.x", "1.1.0-alpine,1-alpine: 1.x-alpine"]
        );
    }

    #[test]
    fn what_is_no_version_is_no_release() {
        for tag in [
            "2024-01-01",
            "01.2.3",
            "1.2.3.4",
            "1.2.3_4",
            "a1.2.3",
            "1..2",
            "",
            "1.2",
            "ü1.2.3",
            "99999999999999999999.0.0",
        ] {
            assert_eq!(last(&[&[tag]]), Vec::<String>::new(), "{tag}");
        }
    }
}
