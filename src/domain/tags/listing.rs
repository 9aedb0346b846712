//! Everything that is said of an image by name: its tags, its labels and why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use semver::Version;
use serde::{Serialize, Serializer};

use super::labels::{self, Label};
use super::{Evaluation, Explanation, Flavor, Given, Image, Mode, TagError, TagRule, evaluate};
use crate::error::{Diagnose, Kind};

/// What is asked for: lists of lines, as users write them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// Input `images`.
    pub images: &'a str,
    /// Input `tags`; the defaults of the mode when it holds no rule.
    pub tags: &'a str,
    /// Input `flavor`.
    pub flavor: &'a str,
    /// Input `labels`: `name=value` with templates.
    pub labels: &'a str,
    /// Input `annotations`: `name=value` with templates.
    pub annotations: &'a str,
}

/// What is wrong with the lists, and in which one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{list}`: {source}")]
pub struct ListingError {
    /// The list's name.
    pub list: &'static str,
    /// What is wrong with it.
    pub source: TagError,
}

impl Diagnose for ListingError {
    fn kind(&self) -> Kind {
        self.source.kind()
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        self.source.hint()
    }
}

/// Tags, labels and annotations of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// The first tag; empty without any.
    pub version: String,
    /// Each image with each tag, image by image; the tags alone without images.
    pub tags: Vec<String>,
    /// The tags.
    pub tag_names: Vec<String>,
    /// Labels, sorted by name.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<Label>,
    /// Annotations, sorted by name.
    #[serde(serialize_with = "as_map")]
    pub annotations: Vec<Label>,
    /// What became of each rule.
    pub explain: Vec<Explanation>,
}

fn as_map<S: Serializer>(labels: &[Label], serializer: S) -> Result<S::Ok, S::Error> {
    let map: BTreeMap<&str, &str> = labels
        .iter()
        .map(|label| (label.name.as_str(), label.value.as_str()))
        .collect();
    map.serialize(serializer)
}

impl Listing {
    /// Makes everything that is asked for.
    pub fn new(wishes: Wishes<'_>, given: &Given<'_>) -> Result<Self, ListingError> {
        let mode = given.mode;
        let of = |list| move |source| ListingError { list, source };
        let images = Image::parse_list(wishes.images, mode).map_err(of("images"))?;
        let flavor = Flavor::parse_list(wishes.flavor, mode).map_err(of("flavor"))?;
        let rules = TagRule::parse_list_or_defaults(wishes.tags, mode).map_err(of("tags"))?;
        let evaluation = evaluate(&rules, &flavor, given).map_err(of("tags"))?;
        let version = label_version(&evaluation, given);
        let label = |list, text| labels::make(text, version.as_deref(), given).map_err(of(list));
        Ok(Self {
            labels: label("labels", wishes.labels)?,
            annotations: label("annotations", wishes.annotations)?,
            version: evaluation.version().unwrap_or_default().to_owned(),
            tags: references(&images, &evaluation),
            tag_names: evaluation.tags.into_iter().map(|tag| tag.name).collect(),
            explain: evaluation.explanations,
        })
    }
}

/// The version for the label: in the strict mode the given one, whose build metadata no tag can carry.
fn label_version(made: &Evaluation, given: &Given<'_>) -> Option<String> {
    let exact = given.version.filter(|_| given.mode == Mode::Strict);
    exact
        .map(Version::to_string)
        .or_else(|| made.version().map(str::to_owned))
}

fn references(images: &[Image], made: &Evaluation) -> Vec<String> {
    let mut enabled = images.iter().filter(|image| image.is_enabled).peekable();
    if enabled.peek().is_none() {
        return made.tags.iter().map(|tag| tag.name.clone()).collect();
    }
    enabled
        .flat_map(|image| {
            made.tags
                .iter()
                .map(move |tag| format!("{}:{}", image.name, tag.name))
        })
        .collect()
}
