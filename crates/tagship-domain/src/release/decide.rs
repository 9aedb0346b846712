//! What happens to the release's git tags and to the release.

use semver::Version;

use super::{
    GitTagAction, MovingTagPlan, ReleaseAction, ReleaseConflict, ReleaseFacts, ReleaseKind, ReleasePlan,
    ReleaseRequest, ReleaseState,
};
use crate::facts::CommitId;

/// The planner; without facts nothing was asked.
pub(super) fn decide(request: ReleaseRequest, facts: Option<&ReleaseFacts>) -> ReleasePlan {
    let names = request.names(facts);
    let tag = request.tag(&names);
    let is_prerelease = !request.version.pre.is_empty();
    let moving = request.moving_tags(&names).into_iter().map(|(kind, name)| {
        let greater = request.greater(&names, |version| kind.has_both(version, &request.version));
        let action = match (facts, greater) {
            (None, _) => GitTagAction::Unchecked,
            (Some(_), Some(greater)) => GitTagAction::Hold { greater },
            (Some(facts), None) => moved(facts.commits.get(&name), &request.commit),
        };
        MovingTagPlan { tag: name, action }
    });
    ReleasePlan {
        kind: request.kind,
        version: request.version.clone(),
        commit: request.commit.clone(),
        git_tag: match facts {
            None => GitTagAction::Unchecked,
            Some(facts) => put(facts.commits.get(&tag), &tag, &request.commit),
        },
        release: (request.kind == ReleaseKind::Github).then(|| match facts.map(|facts| facts.release) {
            None => ReleaseAction::Unchecked,
            Some(None) => ReleaseAction::Create,
            Some(Some(ReleaseState::Draft)) => ReleaseAction::Complete,
            Some(Some(ReleaseState::Published)) => ReleaseAction::Keep,
        }),
        url: facts.and_then(|facts| facts.url.clone()),
        is_latest: !is_prerelease && request.greater(&names, |_| true).is_none(),
        is_prerelease,
        is_annotated: request.is_annotated,
        moving: moving.collect(),
        workflows: request.workflows.clone(),
        changes: request.changes.clone(),
        tag,
        request: Box::new(request),
    }
}

/// A git tag that promises to stay.
fn put(at: Option<&CommitId>, tag: &str, commit: &CommitId) -> GitTagAction {
    match at {
        None => GitTagAction::Create,
        Some(at) if at == commit => GitTagAction::Keep,
        Some(at) => GitTagAction::Conflict(ReleaseConflict {
            tag: tag.to_owned(),
            existing: at.clone(),
            commit: commit.clone(),
        }),
    }
}

/// A git tag that moves.
fn moved(at: Option<&CommitId>, commit: &CommitId) -> GitTagAction {
    match at {
        None => GitTagAction::Create,
        Some(at) if at == commit => GitTagAction::Keep,
        Some(from) => GitTagAction::Move { from: from.clone() },
    }
}

impl ReleaseRequest {
    /// The greatest release of a line that is greater than the version, by its git tag.
    pub(super) fn greater(&self, names: &[&str], in_line: impl Fn(&Version) -> bool) -> Option<String> {
        let versions = names
            .iter()
            .filter_map(|name| Some((self.prefix.version(name)?, *name)));
        let greater = versions.filter(|(version, _)| {
            version.pre.is_empty() && in_line(version) && version.cmp_precedence(&self.version).is_gt()
        });
        let greatest = greater.max_by(|(a, _), (b, _)| a.cmp(b))?;
        Some(greatest.1.to_owned())
    }

    /// All git tags that are known, of the forge and of the checkout.
    fn names<'a>(&'a self, facts: Option<&'a ReleaseFacts>) -> Vec<&'a str> {
        // The checkout may have tags that were never pushed; they count only where the forge was not asked.
        match facts {
            Some(facts) => facts.names(),
            None => self.known_tags.iter().map(String::as_str).collect(),
        }
    }

    /// The git tag of the version: the one that names it already, or else one in the form of the greatest release's.
    pub fn tag(&self, names: &[&str]) -> String {
        let versions = || {
            names
                .iter()
                .filter_map(|name| Some((self.prefix.version(name)?, *name)))
        };
        let same = |version: &Version| version.cmp_precedence(&self.version).is_eq();
        if let Some((_, name)) = versions().find(|(version, _)| same(version)) {
            return name.to_owned();
        }
        let releases = versions().filter(|(version, _)| version.pre.is_empty());
        let greatest = releases.max_by(|(a, _), (b, _)| a.cmp(b));
        self.prefix.tag(&self.version, greatest.map(|(_, name)| name))
    }

    /// The git tags that move with the version, in the form of its own tag; none for a pre-release.
    pub fn moving_tags(&self, names: &[&str]) -> Vec<(super::MovingTag, String)> {
        if !self.version.pre.is_empty() {
            return Vec::new();
        }
        let tag = self.tag(names);
        let prefix = tag.strip_suffix(&self.version.to_string()).unwrap_or_default();
        let of = |kind: &super::MovingTag| Some((*kind, format!("{prefix}{}", kind.text(&self.version)?)));
        self.moving.iter().filter_map(of).collect()
    }
}
