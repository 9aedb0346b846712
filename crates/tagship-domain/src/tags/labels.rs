//! Labels and annotations. Source: OCI image spec, "Pre-Defined Annotation Keys".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use semver::Version;

use super::error::{LineError, LineProblem, TagError};
use super::line::lines;
use super::variables::{Scope, Text};
use super::{Mode, TagContext};
use crate::base_digests::{BASES, REPLACES};
use crate::build::{Annotation, RequestHash};
use crate::facts::DIRTY_SUFFIX;
use crate::template::Escape;
use crate::untrusted::cleaned;

/// The label that carries the commit.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// The label that carries the version.
pub const VERSION: &str = "org.opencontainers.image.version";
/// The label that carries what the image was built from beside the commit.
pub const REQUEST: &str = "io.github.tagship.request";
/// The labels that Tagship reads again; those of an image that is made come from no other image.
pub const RESERVED: [&str; 5] = [REVISION, VERSION, REQUEST, BASES, REPLACES];

/// Returns what an image says of itself that runs read again, so that an answer with manifests alone holds it: annotations of the
/// same names as the labels, of each manifest, and of the index where there `is_index`.
///
/// None where the labels are not those of an image that Tagship makes.
pub fn label_annotations(labels: &BTreeMap<String, String>, is_index: bool) -> Vec<Annotation> {
    if !labels.contains_key(REQUEST) {
        return Vec::new();
    }
    let levels: &[&str] = if is_index {
        &["annotation", "annotation-index"]
    } else {
        &["annotation"]
    };
    let told = [REVISION, VERSION, REQUEST];
    let told = told.iter().filter_map(|name| Some((name, labels.get(*name)?)));
    told.flat_map(|(name, value)| {
        levels.iter().map(move |level| Annotation {
            option: format!("{level}.{name}"),
            value: value.clone(),
        })
    })
    .collect()
}

/// A label or an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One line of the inputs `labels` and `annotations`: `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRule {
    text: Text,
    line: usize,
    column: usize,
}

/// What the labels of an image say that is made, and not only spoken of.
#[derive(Debug, Clone, Copy)]
pub struct ImageLabels<'a> {
    /// The version of the commit, if it has one.
    pub version: Option<&'a Version>,
    /// The commit's time: the same commit gives the same image.
    pub created: Timestamp,
    /// What the image is built from beside the commit.
    pub request: &'a RequestHash,
}

/// What every name of the specification begins with.
const PREFIX: &str = "org.opencontainers.image.";
/// The most bytes of a name; nothing sensible comes near.
const MAX_NAME: usize = 256;

impl LabelRule {
    /// Reads a list of `name=value`, one on each line. All lines that are wrong are reported together.
    ///
    /// The action that the compatible mode follows passes over lines without `=`.
    pub fn parse_list(text: &str, mode: Mode) -> Result<Vec<Self>, TagError> {
        let mut wrong = Vec::new();
        let mut rules: Vec<Self> = Vec::new();
        for line in lines(text, mode)? {
            match Self::read(&line.whole(mode), line.number, mode) {
                Ok(rule) => {
                    if mode == Mode::Strict
                        && let Some(name) = rule.name()
                        && rules.iter().any(|known| known.name() == Some(name))
                    {
                        let attribute = cleaned(name);
                        wrong.push(rule.error(LineProblem::Repeated { attribute }));
                    }
                    rules.push(rule);
                }
                Err(error) => wrong.push(error),
            }
        }
        TagError::of_lines(wrong).map_or(Ok(rules), Err)
    }

    fn read(text: &str, line: usize, mode: Mode) -> Result<Self, LineError> {
        let column = text.chars().take_while(|c| c.is_whitespace()).count() + 1;
        let rule = Self {
            text: Text::parse(text.trim(), line, column)?,
            line,
            column,
        };
        if mode == Mode::Strict {
            rule.text.check(Scope::Global)?;
            match (rule.name(), rule.text.literal()) {
                (Some(name), _) => rule.check_name(name)?,
                (None, Some(_)) => return Err(rule.error(LineProblem::Label)),
                (None, None) => {}
            }
        }
        Ok(rule)
    }

    /// The name, unless variables make it.
    pub fn name(&self) -> Option<&str> {
        let (name, _) = self.text.template.source().split_once('=')?;
        (!name.contains("{{")).then_some(name)
    }

    fn error(&self, problem: LineProblem) -> LineError {
        LineError::new(self.line, self.column, problem)
    }

    fn check_name(&self, name: &str) -> Result<(), LineError> {
        let is_legal = (1..=MAX_NAME).contains(&name.len())
            && !name.chars().any(|c| c.is_control() || c.is_whitespace());
        if is_legal {
            Ok(())
        } else {
            Err(self.error(LineProblem::Label))
        }
    }

    /// The label, with variables filled in.
    fn fill(&self, context: &TagContext<'_>) -> Result<Option<Label>, LineError> {
        let filled = self.text.fill(context, Escape::None)?;
        let Some((name, value)) = filled.split_once('=') else {
            return match context.mode {
                Mode::Strict => Err(self.error(LineProblem::Label)),
                Mode::MetadataAction => Ok(None),
            };
        };
        if context.mode == Mode::Strict {
            self.check_name(name)?;
        }
        Ok(Some(Label {
            name: name.to_owned(),
            value: value.to_owned(),
        }))
    }
}

/// The labels of the specification, with those of `own` in their place or beside them, sorted by name.
///
/// In the strict mode what is unknown is left out, and `created` is the commit's time, so that a commit always has the
/// same labels. The action leaves nothing out and takes the time of the run; an image that is made has the commit's in
/// both modes. `version` is the label's value where there is no imprint.
pub(super) fn make(
    own: &[LabelRule],
    version: Option<&str>,
    image_labels: Option<ImageLabels<'_>>,
    context: &TagContext<'_>,
) -> Result<Vec<Label>, TagError> {
    let mut labels: Vec<Label> = standard(version, image_labels, context)
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match context.mode {
                Mode::Strict => value.filter(|value| !value.is_empty())?,
                Mode::MetadataAction => value.unwrap_or_default(),
            };
            let name = format!("{PREFIX}{name}");
            Some(Label { name, value })
        })
        .collect();
    labels.extend(image_labels.map(|image_labels| Label {
        name: REQUEST.to_owned(),
        value: image_labels.request.to_string(),
    }));
    let mut wrong = Vec::new();
    for rule in own {
        let label = match rule.fill(context) {
            Ok(Some(label)) => label,
            Ok(None) => continue,
            Err(error) => {
                wrong.push(error);
                continue;
            }
        };
        if image_labels.is_some() && RESERVED.contains(&label.name.as_str()) {
            wrong.push(rule.error(LineProblem::Reserved { name: label.name }));
            continue;
        }
        labels.retain(|known| known.name != label.name);
        labels.push(label);
    }
    if let Some(error) = TagError::of_lines(wrong) {
        return Err(error);
    }
    labels.sort_by(|a, b| match context.mode {
        Mode::Strict => a.name.cmp(&b.name),
        Mode::MetadataAction => collated(&a.name, &b.name),
    });
    Ok(labels)
}

fn standard(
    version: Option<&str>,
    image_labels: Option<ImageLabels<'_>>,
    context: &TagContext<'_>,
) -> [(&'static str, Option<String>); 8] {
    let repository = context.repository;
    let is_strict = context.mode == Mode::Strict;
    let created = match image_labels {
        Some(image_labels) => Some(image_labels.created),
        None if is_strict => context.committed_at(),
        None => Some(context.now),
    };
    let created = created.map(|time| match context.mode {
        Mode::Strict => time.to_string(),
        Mode::MetadataAction => milliseconds(time),
    });
    let exact = image_labels.and_then(|image_labels| image_labels.version);
    // A branch's name as version would make the image depend on more than its commit.
    let version = version.filter(|_| image_labels.is_none() || !is_strict);
    let version = exact.map(Version::to_string).or(version.map(str::to_owned));
    let dirty = if context.is_dirty { DIRTY_SUFFIX } else { "" };
    let revision = context
        .event
        .commit
        .as_ref()
        .map(|commit| format!("{commit}{dirty}"));
    let licence = repository
        .spdx_id()
        .filter(|id| !is_strict || *id != "NOASSERTION");
    [
        ("title", repository.name.clone()),
        ("description", repository.description.clone()),
        ("url", repository.html_url.clone()),
        ("source", repository.html_url.clone()),
        ("version", version),
        ("created", created),
        ("revision", revision),
        ("licenses", licence.map(str::to_owned)),
    ]
}

/// RFC 3339 with milliseconds, as JavaScript writes it.
fn milliseconds(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
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
