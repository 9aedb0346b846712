//! The text of a release: what changed, and the image by its digest.

use std::fmt::Write as _;

use super::markdown::{Code, Plain};
use super::{Changes, ReleasePlan};
use crate::bump::{ChangelogEntry, Group};
use crate::facts::PlatformManifest;
use crate::reference::{Digest, ImageName, Tag};

/// The most characters of a release's text. Source: GitHub refuses longer ones ("body is too long (maximum is 125000
/// characters)").
pub const MAX_NOTES: usize = 125_000;

/// What a text of Tagship's begins with; who reads a draft knows by it that a run wrote it.
const MARK: &str = "<!-- tagship -->";

/// Everything that a release's text says.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseNotes<'a> {
    /// The release.
    pub plan: &'a ReleasePlan,
    /// Where the image is.
    pub image: &'a ImageName,
    /// Its digest.
    pub digest: Digest,
    /// The tags that promise to stay.
    pub tags: &'a [Tag],
    /// One manifest for each platform.
    pub platforms: &'a [PlatformManifest],
}

impl ReleaseNotes<'_> {
    /// The text, in GitHub's Markdown, of at most [`MAX_NOTES`] characters: what is too much is counted instead.
    ///
    /// `existing` is the text of a draft: what a person wrote there stays, above what a run writes.
    pub fn text(&self, existing: Option<&str>) -> String {
        let existing = existing.map(|text| text.split(MARK).next().unwrap_or_default().trim_end());
        let introduction = match existing {
            Some(text) if !text.is_empty() => Some(text),
            _ => self.plan.request.introduction.as_deref(),
        };
        let mut begin = String::new();
        let image = self.image_part();
        let room = MAX_NOTES.saturating_sub(count(&image) + count(MARK) + 16);
        if let Some(introduction) = introduction {
            let (kept, rest) = cut(introduction, room / 2);
            begin += kept;
            begin += if rest.is_empty() { "\n\n" } else { "…\n\n" };
        }
        begin += MARK;
        begin.push('\n');
        let changes = ChangesText {
            changes: &self.plan.changes,
            web: self.plan.request.web.as_deref(),
            tag: &self.plan.tag,
        };
        let changes = changes.text(room.saturating_sub(count(&begin)));
        begin + &changes + &image
    }

    fn image_part(&self) -> String {
        let mut text = "\n### Image\n\n| | |\n| --- | --- |\n".to_owned();
        let tags: Vec<String> = self.tags.iter().map(|tag| format!("`{tag}`")).collect();
        let _ = writeln!(text, "| Image | `{}` |", self.image);
        let _ = writeln!(text, "| Tags | {} |", tags.join(", "));
        let _ = writeln!(text, "| Digest | `{}` |", self.digest);
        for PlatformManifest { platform, digest } in
            self.platforms.iter().filter(|one| one.digest != self.digest)
        {
            let _ = writeln!(text, "| `{platform}` | `{digest}` |");
        }
        let _ = writeln!(text, "| Commit | `{}` |", self.plan.commit);
        let _ = writeln!(text, "\n```sh\ndocker pull {}\n```", self.image.at(self.digest));
        text
    }
}

/// What changed, in words.
pub(super) struct ChangesText<'a> {
    pub(super) changes: &'a Changes,
    /// The repository's web address.
    pub(super) web: Option<&'a str>,
    /// The git tag.
    pub(super) tag: &'a str,
}

impl ChangesText<'_> {
    /// The groups of changes, and where all of them are shown.
    fn text(&self, room: usize) -> String {
        let compared = self.compared();
        self.groups(room.saturating_sub(count(&compared))) + &compared
    }

    /// The groups of changes; what is too much is counted.
    pub(super) fn groups(&self, room: usize) -> String {
        let mut left = room.saturating_sub(64);
        let mut text = String::new();
        let mut omitted = 0;
        let groups = self.changes.changelog.iter();
        for Group { title, entries, more } in groups.flat_map(|changelog| &changelog.groups) {
            omitted += more;
            let mut heading = format!("\n### {title}\n\n");
            for entry in entries {
                let line = std::mem::take(&mut heading) + &self.entry(entry);
                if let Some(rest) = left.checked_sub(count(&line)) {
                    left = rest;
                    text += &line;
                } else {
                    // Nothing shorter takes the place of what is left out.
                    (left, omitted) = (0, omitted + 1);
                }
            }
        }
        if omitted > 0 {
            let _ = writeln!(text, "\n…and {omitted} more");
        }
        text
    }

    fn entry(&self, entry: &ChangelogEntry) -> String {
        let mut line = "- ".to_owned();
        if let Some(scope) = &entry.scope {
            let _ = write!(line, "**{}:** ", Plain(scope));
        }
        let _ = write!(line, "{}", Plain(&entry.description));
        if let Some(breaking) = entry.breaking.as_ref().filter(|text| **text != entry.description) {
            let _ = write!(line, ": {}", Plain(breaking));
        }
        let short = entry.commit.short();
        let _ = match self.web {
            Some(web) => writeln!(line, " ([`{short}`]({web}/commit/{}))", entry.commit),
            None => writeln!(line, " (`{short}`)"),
        };
        line
    }

    /// Where all changes are shown, if both ends are known. Source: GitHub docs, "Comparing commits".
    pub(super) fn comparison(&self) -> Option<String> {
        let (web, previous) = (self.web?, self.changes.previous_tag.as_deref()?);
        let [from, to] = [previous, self.tag].map(percent_encoded);
        Some(format!("{web}/compare/{from}...{to}"))
    }

    fn compared(&self) -> String {
        let (Some(address), Some(previous)) = (self.comparison(), &self.changes.previous_tag) else {
            return String::new();
        };
        let shown = Code(&format!("{previous}...{}", self.tag)).to_string();
        format!("\n**All changes**: [{shown}]({address})\n")
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// The first `most` characters, and the rest.
fn cut(text: &str, most: usize) -> (&str, &str) {
    let end = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(place, _)| place);
    text.split_at(end)
}

/// A git tag's name within a path of a URL. Source: RFC 3986, unreserved characters; `/` stays, as GitHub has it.
fn percent_encoded(tag: &str) -> String {
    tag.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
