//! What the tags of images say of them, for the rules.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use semver::Version;

use super::{KeepReason, PruneRules, ReleaseRule, RemoveReason};
use crate::immutability::matches_wildcard;
use crate::inventory::attached_to;
use crate::reference::Digest;
use crate::repositories::StoredImage;
use crate::version::from_git_tag;

/// What the tags of one image say.
#[derive(Debug, Default)]
pub(super) struct TagKinds {
    versions: Vec<Version>,
    branches: Vec<String>,
    others: Vec<String>,
    has_commit: bool,
    /// What a tag made of a digest is about.
    pub(super) attached: Option<Digest>,
}

impl TagKinds {
    pub(super) fn of(one: &StoredImage, rules: &PruneRules) -> Self {
        let patterns = rules.branches.as_ref().map_or(&[][..], |rule| &rule.patterns);
        let mut kinds = Self::default();
        for tag in &one.image.tags {
            if let Some((subject, _)) = attached_to(tag) {
                kinds.attached = Some(subject);
            } else if let Some(version) = from_git_tag(&tag.replace('_', "+")) {
                kinds.versions.push(version);
            } else if patterns.iter().any(|pattern| matches_wildcard(pattern, tag)) {
                kinds.branches.push(tag.clone());
            } else if is_commit(tag) {
                kinds.has_commit = true;
            } else {
                kinds.others.push(tag.clone());
            }
        }
        kinds
    }

    /// Whether it has a tag of its own.
    pub(super) fn is_tagged(&self) -> bool {
        self.has_commit || !self.versions.is_empty() || !self.branches.is_empty() || !self.others.is_empty()
    }

    /// Whether the rule about other tags is the one for it.
    fn is_other(&self) -> bool {
        self.is_tagged() && self.versions.is_empty() && self.branches.is_empty()
    }

    /// What the rules say of an image with tags: it goes only where no tag keeps it.
    pub(super) fn decision(
        &self,
        rules: &PruneRules,
        ranks: &Ranks,
        digest: &Digest,
    ) -> Result<KeepReason, RemoveReason> {
        if self.is_other() {
            return match rules.last {
                None => Ok(KeepReason::NoRule),
                Some(_) if ranks.newest.contains(digest) => Ok(KeepReason::Newest),
                Some(_) => Err(RemoveReason::Older),
            };
        }
        // No rule is about a tag that stands beside those of releases and branches.
        if !self.others.is_empty() || (!self.versions.is_empty() && rules.releases.is_none()) {
            return Ok(KeepReason::NoRule);
        }
        let stays = |version: &&Version| ranks.releases.contains(*version);
        if let Some(version) = self.versions.iter().find(stays) {
            return Ok(KeepReason::Release {
                version: version.clone(),
            });
        }
        let live = rules.branches.as_ref().map(|rule| &rule.live);
        let is_live = |tag: &&String| live.is_some_and(|live| live.contains(*tag));
        if let Some(tag) = self.branches.iter().find(is_live) {
            return Ok(KeepReason::Branch { tag: tag.clone() });
        }
        match (self.versions.first(), self.branches.first()) {
            (Some(version), _) => Err(RemoveReason::Superseded {
                version: version.clone(),
            }),
            (None, Some(tag)) => Err(RemoveReason::BranchGone { tag: tag.clone() }),
            (None, None) => Ok(KeepReason::NoRule),
        }
    }
}

/// A commit's id, as tags have it.
fn is_commit(tag: &str) -> bool {
    let id = tag.strip_prefix("sha-").unwrap_or(tag);
    let has_letter_or_is_long =
        id.len() >= 40 || tag.starts_with("sha-") || id.bytes().any(|b| b.is_ascii_lowercase());
    (7..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && has_letter_or_is_long
}

/// Which releases and which images stay because others are older.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    releases: HashSet<Version>,
    newest: HashSet<Digest>,
}

impl Ranks {
    pub(super) fn of(stored: &[StoredImage], kinds: &[TagKinds], rules: &PruneRules) -> Self {
        let releases = rules
            .releases
            .map(|rule| greatest(kinds, rule))
            .unwrap_or_default();
        let mut others: Vec<(Timestamp, Digest)> = (stored.iter().zip(kinds))
            .filter(|(_, kinds)| kinds.is_other())
            .map(|(one, _)| (one.image.pushed_at, one.image.digest))
            .collect();
        others.sort_unstable_by(|one, other| other.cmp(one));
        let kept = usize::try_from(rules.last.unwrap_or(0)).unwrap_or(usize::MAX);
        let newest = others.into_iter().take(kept).map(|(_, digest)| digest).collect();
        Self { releases, newest }
    }
}

fn greatest(kinds: &[TagKinds], rule: ReleaseRule) -> HashSet<Version> {
    let mut lines: HashMap<(u64, Option<u64>), Vec<&Version>> = HashMap::new();
    for version in kinds.iter().flat_map(|kinds| &kinds.versions) {
        lines.entry(rule.line.of(version)).or_default().push(version);
    }
    let kept = usize::try_from(rule.keep).unwrap_or(usize::MAX);
    let mut greatest = HashSet::new();
    for mut versions in lines.into_values() {
        versions.sort_unstable_by(|one, other| other.cmp(one));
        versions.dedup();
        let mut releases = 0;
        for version in versions {
            let is_release = version.pre.is_empty();
            if (is_release && releases < kept) || (!is_release && releases == 0) {
                greatest.insert(version.clone());
            }
            releases += usize::from(is_release);
        }
    }
    greatest
}
