//! What becomes of a version on the forge.

use super::lists::names;
use super::paths::Paths;
use super::problem::Problems;
use super::{Environment, Origin, RawInputs, SettingsError, naming, read_bounded};
use crate::settings::{ReleaseSettings, RepositorySettings, ReviewSettings};
use tagship_domain::paths::PathFilter;
use tagship_domain::release::{MAX_NOTES, MovingTag, ReleaseKind, WorkflowFile};
use tagship_domain::untrusted::cleaned;
use tagship_domain::version::TagPrefix;

/// What a command that releases a published image is given.
#[derive(Debug)]
pub struct ReleaseInputs {
    /// Where the image is.
    pub repository: RepositorySettings,
    /// What the release is; one on GitHub, unless it is to be a git tag alone.
    pub release: ReleaseSettings,
    /// What git tags of versions begin with.
    pub tag_prefix: TagPrefix,
    /// The paths whose commits are changes, if they are given.
    pub paths: Option<PathFilter>,
    /// Whether to stop after the plan.
    pub dry_run: bool,
}

/// Parses and checks the inputs about a release and the image's repository; what else is given is not looked at.
pub fn release(raw: RawInputs, environment: &Environment) -> Result<ReleaseInputs, SettingsError> {
    let paths = Paths::new(raw.face(), environment);
    let mut problems = Problems::new(Vec::new());
    let kind = kind(&raw, &mut problems).unwrap_or(ReleaseKind::Github);
    let read = (
        details(&raw, &paths, kind, &mut problems),
        naming::tag_prefix(&raw, &mut problems),
        naming::made_from(&raw, &mut problems),
        raw.flag("dry-run", &mut problems),
    );
    let repository = super::repository(raw, environment)?;
    problems.finish()?;
    let (release, tag_prefix, paths, dry_run) = read;
    Ok(ReleaseInputs {
        repository,
        release,
        tag_prefix,
        paths,
        dry_run,
    })
}

/// The inputs that say more of a release.
const DETAILS: [&str; 5] = [
    "release-notes",
    "release-moving-tags",
    "dispatch-workflow",
    "release-annotated",
    "release-pr",
];

/// Reads whether there is to be a release, and how. What is not published is not released.
pub(super) fn read(
    raw: &RawInputs,
    paths: &Paths,
    is_published: bool,
    problems: &mut Problems,
) -> Option<ReleaseSettings> {
    if !is_published {
        return None;
    }
    if let Some(kind) = kind(raw, problems) {
        return Some(ReleaseSettings {
            review: review(raw, paths, problems),
            ..details(raw, paths, kind, problems)
        });
    }
    for name in DETAILS {
        let is_off = DETAILS[3..].contains(&name) && !raw.flag(name, problems);
        if let Some(value) = raw.list(name, problems).filter(|_| !is_off) {
            let hint = "give `release: true` or `release: git-tag`, or leave it out".to_owned();
            problems.add::<()>(
                &value.origin,
                "says more of a release, and none is asked for",
                hint,
            );
        }
    }
    None
}

fn details(raw: &RawInputs, paths: &Paths, kind: ReleaseKind, problems: &mut Problems) -> ReleaseSettings {
    let moving = names(raw, DETAILS[1], problems).into_iter().filter_map(|name| {
        let known = MovingTag::parse(&name.text);
        let wrong = || format!("`{}` is neither `major` nor `minor`", cleaned(&name.text));
        problems.check(&name.origin, known.ok_or_else(wrong), None)
    });
    let moving = moving.collect();
    let workflows = names(raw, DETAILS[2], problems).into_iter().filter_map(|name| {
        let hint = "write the name of the file alone, such as `deploy.yml`".to_owned();
        problems.check(&name.origin, WorkflowFile::parse(&name.text), hint)
    });
    let workflows = workflows.collect();
    ReleaseSettings {
        kind,
        moving,
        workflows,
        introduction: introduction(raw, paths, problems),
        // A git tag alone is all that carries the digest.
        is_annotated: kind == ReleaseKind::GitTag || raw.flag(DETAILS[3], problems),
        review: None,
    }
}

/// Reads whether versions are reviewed. Only those that a run makes can be.
fn review(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Option<ReviewSettings> {
    if !raw.flag(DETAILS[4], problems) {
        return None;
    }
    let is_made = raw
        .text("version", problems)
        .is_some_and(|version| version.text == "auto");
    if !is_made {
        let origin = raw
            .list(DETAILS[4], problems)
            .map_or(Origin::Inputs, |given| given.origin);
        let hint = "give `version: auto`, or leave it out".to_owned();
        return problems.add(
            &origin,
            "proposes the next version, and no `version: auto` makes one",
            hint,
        );
    }
    let file = raw.text("changelog-file", problems)?;
    let path = paths.resolve(&file.text);
    if !paths.is_within(&path) {
        return problems.add(&file.origin, "leads out of the checkout", None);
    }
    Some(ReviewSettings { file: path })
}

fn kind(raw: &RawInputs, problems: &mut Problems) -> Option<ReleaseKind> {
    let value = raw.text("release", problems)?;
    match value.text.as_str() {
        "true" | "True" | "TRUE" => Some(ReleaseKind::Github),
        "git-tag" => Some(ReleaseKind::GitTag),
        "false" | "False" | "FALSE" => None,
        other => {
            let message = format!("`{}` is neither `true`, `git-tag` nor `false`", cleaned(other));
            problems.add(&value.origin, message, None)
        }
    }
}

/// The text that a file in the checkout holds.
fn introduction(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Option<String> {
    let value = raw.text(DETAILS[0], problems)?;
    let path = paths.resolve(&value.text);
    if !paths.is_within(&path) {
        return problems.add(&value.origin, "leads out of the checkout", None);
    }
    let shown = cleaned(&value.text);
    // Every character has a byte at least, and four at most.
    let most = MAX_NOTES * 4;
    let text = match read_bounded(&path, most) {
        Err(error) => Err(format!("`{shown}` cannot be read: {error}")),
        Ok(bytes) if bytes.len() > most => Err(format!("`{shown}` is longer than a release's text may be")),
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| format!("`{shown}` is not UTF-8: {error}")),
    };
    problems.check(&value.origin, text, None)
}
