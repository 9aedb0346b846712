//! What becomes of a version on the forge.

use super::lists::names;
use super::paths::Paths;
use super::problem::Problems;
use super::{RawInputs, read_bounded};
use crate::settings::ReleaseSettings;
use tagship_domain::release::{MAX_NOTES, MovingTag, ReleaseKind};
use tagship_domain::untrusted::cleaned;

/// The inputs that say more of a release.
const DETAILS: [&str; 2] = ["release-notes", "release-moving-tags"];

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
    let kind = kind(raw, problems);
    let moving = names(raw, DETAILS[1], problems).into_iter().filter_map(|name| {
        let known = MovingTag::parse(&name.text);
        let wrong = || format!("`{}` is neither `major` nor `minor`", cleaned(&name.text));
        problems.check(&name.origin, known.ok_or_else(wrong), None)
    });
    let moving = moving.collect();
    let introduction = introduction(raw, paths, problems);
    let Some(kind) = kind else {
        for name in DETAILS {
            if let Some(value) = raw.list(name, problems) {
                let hint = "give `release: true` or `release: git-tag`, or leave it out".to_owned();
                problems.add::<()>(
                    &value.origin,
                    "says more of a release, and none is asked for",
                    hint,
                );
            }
        }
        return None;
    };
    Some(ReleaseSettings {
        kind,
        moving,
        introduction,
    })
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
