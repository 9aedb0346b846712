//! Everything that is said of an image by name: its tags, its labels and why.

use std::borrow::Cow;
use std::collections::BTreeMap;

use semver::Version;
use serde::{Serialize, Serializer};

use super::labels::{self, ImageLabels, Label, LabelRule};
use super::{Evaluation, Explanation, Flavor, Image, Mode, TagContext, TagError, TagRule, evaluate};
use crate::error::{Diagnose, FailureKind};

/// What is asked for: lists of lines, as users write them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawLists<'a> {
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

impl ListingError {
    fn of(list: &'static str) -> impl Fn(TagError) -> Self {
        move |source| Self { list, source }
    }
}

impl Diagnose for ListingError {
    fn kind(&self) -> FailureKind {
        self.source.kind()
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        self.source.hint()
    }
}

/// The lists, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// How they were read.
    pub mode: Mode,
    /// Names to put tags behind.
    pub images: Vec<Image>,
    /// Which tags there are.
    pub rules: Vec<TagRule>,
    /// What holds for all tags.
    pub flavor: Flavor,
    /// The user's own labels.
    pub labels: Vec<LabelRule>,
    /// The user's own annotations.
    pub annotations: Vec<LabelRule>,
}

impl RawLists<'_> {
    /// Reads the lists.
    pub fn read(self, mode: Mode) -> Result<Lists, ListingError> {
        let of = ListingError::of;
        Ok(Lists {
            mode,
            images: Image::parse_list(self.images, mode).map_err(of("images"))?,
            flavor: Flavor::base_of(mode)
                .with(self.flavor, mode)
                .map_err(of("flavor"))?,
            rules: TagRule::parse_list_or_defaults(self.tags, mode).map_err(of("tags"))?,
            labels: LabelRule::parse_list(self.labels, mode).map_err(of("labels"))?,
            annotations: LabelRule::parse_list(self.annotations, mode).map_err(of("annotations"))?,
        })
    }
}

impl Lists {
    /// Makes the tags. Where no rules are given, a pull request gets a tag of its own, and neither a version nor its commit.
    pub fn evaluate(&self, context: &TagContext<'_>) -> Result<Evaluation, ListingError> {
        let of_pull_request;
        let is_proposed = self.mode == Mode::Strict && context.event.git_ref.is_pull_request();
        let rules = if is_proposed && self.rules == TagRule::defaults() {
            of_pull_request = TagRule::of_pull_request();
            &of_pull_request
        } else {
            &self.rules
        };
        evaluate(rules, &self.flavor, context).map_err(ListingError::of("tags"))
    }

    /// Makes the labels, of an image that is made with an imprint.
    pub fn labels(
        &self,
        made: &Evaluation,
        image_labels: Option<ImageLabels<'_>>,
        context: &TagContext<'_>,
    ) -> Result<Vec<Label>, ListingError> {
        let version = label_version(made, context);
        labels::make(&self.labels, version.as_deref(), image_labels, context)
            .map_err(ListingError::of("labels"))
    }

    fn annotations(&self, made: &Evaluation, context: &TagContext<'_>) -> Result<Vec<Label>, ListingError> {
        let version = label_version(made, context);
        labels::make(&self.annotations, version.as_deref(), None, context)
            .map_err(ListingError::of("annotations"))
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
    pub fn new(raw: RawLists<'_>, context: &TagContext<'_>) -> Result<Self, ListingError> {
        let lists = raw.read(context.mode)?;
        let evaluation = lists.evaluate(context)?;
        Ok(Self {
            labels: lists.labels(&evaluation, None, context)?,
            annotations: lists.annotations(&evaluation, context)?,
            version: evaluation.version().unwrap_or_default().to_owned(),
            tags: references(&lists.images, &evaluation),
            tag_names: evaluation
                .tags
                .into_iter()
                .map(|tag| tag.name.to_string())
                .collect(),
            explain: evaluation.explanations,
        })
    }
}

/// The version for the label: in the strict mode the given one, whose build metadata no tag can carry.
fn label_version(made: &Evaluation, context: &TagContext<'_>) -> Option<String> {
    let exact = context.version.filter(|_| context.mode == Mode::Strict);
    exact
        .map(Version::to_string)
        .or_else(|| made.version().map(str::to_owned))
}

fn references(images: &[Image], made: &Evaluation) -> Vec<String> {
    let mut enabled = images.iter().filter(|image| image.is_enabled).peekable();
    if enabled.peek().is_none() {
        return made.tags.iter().map(|tag| tag.name.to_string()).collect();
    }
    enabled
        .flat_map(|image| {
            made.tags
                .iter()
                .map(move |tag| format!("{}:{}", image.name, tag.name))
        })
        .collect()
}
