//! Labels and annotations. Source: OCI image spec, "Pre-Defined Annotation Keys".

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::{LineError, Problem, TagError};
use super::line::lines;
use super::variables::{Scope, Text};
use super::{Given, Mode};
use crate::domain::template::Escape;

/// A label or an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What every name of the specification begins with.
const PREFIX: &str = "org.opencontainers.image.";

/// The labels of the specification, with those of `own` in their place or beside them, sorted by name.
///
/// In the strict mode what is unknown is left out, and `created` is the commit's time, so that a commit always has the
/// same labels. The action leaves nothing out and takes the time of the run.
pub(super) fn make(own: &str, version: Option<&str>, given: &Given<'_>) -> Result<Vec<Label>, TagError> {
    let mut labels: Vec<Label> = standard(version, given)
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match given.mode {
                Mode::Strict => value.filter(|value| !value.is_empty())?,
                Mode::MetadataAction => value.unwrap_or_default(),
            };
            let name = format!("{PREFIX}{name}");
            Some(Label { name, value })
        })
        .collect();
    let mut wrong = Vec::new();
    for line in lines(own, given.mode)? {
        match read(&line.whole(given.mode), line.number, given) {
            Ok(Some(label)) => {
                labels.retain(|known| known.name != label.name);
                labels.push(label);
            }
            Ok(None) => {}
            Err(error) => wrong.push(error),
        }
    }
    if let Some(error) = TagError::of_lines(wrong) {
        return Err(error);
    }
    labels.sort_by(|a, b| match given.mode {
        Mode::Strict => a.name.cmp(&b.name),
        Mode::MetadataAction => collated(&a.name, &b.name),
    });
    Ok(labels)
}

fn standard(version: Option<&str>, given: &Given<'_>) -> [(&'static str, Option<String>); 8] {
    let repository = given.repository;
    let is_strict = given.mode == Mode::Strict;
    let created = if is_strict {
        given.committed_at().map(|time| time.to_string())
    } else {
        Some(milliseconds(given.now))
    };
    let licence = repository
        .spdx_id()
        .filter(|id| !is_strict || *id != "NOASSERTION");
    [
        ("title", repository.name.clone()),
        ("description", repository.description.clone()),
        ("url", repository.html_url.clone()),
        ("source", repository.html_url.clone()),
        ("version", version.map(str::to_owned)),
        ("created", created),
        ("revision", given.event.commit.as_ref().map(ToString::to_string)),
        ("licenses", licence.map(str::to_owned)),
    ]
}

/// RFC 3339 with milliseconds, as JavaScript writes it.
fn milliseconds(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Reads `name=value`. The action passes over lines without `=`.
fn read(text: &str, line: usize, given: &Given<'_>) -> Result<Option<Label>, LineError> {
    let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
    let template = Text::parse(text.trim(), line, column)?;
    if given.mode == Mode::Strict {
        template.check(Scope::Global)?;
    }
    let filled = template.fill(given, Escape::None)?;
    match filled.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() || given.mode == Mode::MetadataAction => {
            Ok(Some(Label {
                name: name.to_owned(),
                value: value.to_owned(),
            }))
        }
        _ if given.mode == Mode::Strict => Err(LineError::new(line, column, Problem::Label)),
        _ => Ok(None),
    }
}

/// The order of the Unicode collation's root, for ASCII: signs, digits, letters, and lower case before upper case only
/// where nothing else differs. Source: Unicode Technical Standard 10, "Default Unicode Collation Element Table".
fn collated(a: &str, b: &str) -> Ordering {
    const SIGNS: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let primary = |c: char| {
        (
            SIGNS.find(c).map_or(SIGNS.len(), |index| index),
            c.to_ascii_lowercase(),
        )
    };
    let tertiary = |c: char| c.is_ascii_uppercase();
    a.chars()
        .map(primary)
        .cmp(b.chars().map(primary))
        .then_with(|| a.chars().map(tertiary).cmp(b.chars().map(tertiary)))
}
