//! How a second build of a commit differs from the image that is published.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::content::Platform;
use crate::error::{Diagnose, FailureKind};
use crate::facts::Revision;
use crate::reference::{Digest, ImageName};
use crate::untrusted::cleaned;

/// The most fields of a config that are named.
const MOST_FIELDS: usize = 8;

/// What a rebuild is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildBase {
    /// The image of the commit that is published.
    Published(Digest),
    /// Nothing: the commit is not published.
    Unpublished,
    /// It is not known, because the registry was not asked.
    Unknown,
}

/// A commit is to be built again that was never published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("commit {revision} is not published in `{}`, so that a rebuild has nothing to be compared with", image.repository)]
pub struct NeverPublished {
    /// Where the image would be.
    pub image: ImageName,
    /// The commit.
    pub revision: Revision,
}

impl Diagnose for NeverPublished {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(
            "publish it first, without `rebuild`; or name the tags in `tags` that it was published under"
                .into(),
        )
    }
}

/// What counts of one image of two builds.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltImage {
    /// The platform that the index says, if it is in one.
    pub platform: Option<Platform>,
    /// The blobs of its layers, the first one first.
    pub layers: Vec<Digest>,
    /// Its config, as JSON.
    ///
    /// Source: OCI image spec, "Image Configuration".
    pub config: Value,
}

/// A build that is not the image that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildMismatch {
    /// The image that is published.
    pub published: Digest,
    /// The image that was built.
    pub built: Digest,
    /// The first image that differs; `None` where all do what the published ones do, and what is about them differs.
    pub image: Option<ImageDifference>,
}

/// How two images of one platform differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDifference {
    /// The platform, where the image is one of several.
    pub platform: Option<Platform>,
    /// Whether one of the builds lacks it.
    pub is_missing: bool,
    /// The first layer that is not the same in both.
    pub layer: Option<LayerDifference>,
    /// The fields of the config that are not the same, such as `config.Labels.team`, without what follows from a layer.
    pub fields: Vec<String>,
}

/// A layer that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDifference {
    /// Which one it is; the base's first is 1.
    pub number: usize,
    /// The blob in the image that is published.
    pub published: Option<Digest>,
    /// The blob in the image that was built.
    pub built: Option<Digest>,
    /// The step that made it, as the history of one of the images says.
    pub step: Option<String>,
    /// Whether its content is the same, and only compressed otherwise.
    pub is_same_content: bool,
}

impl RebuildMismatch {
    /// Compares the images of two builds, platform by platform, in the order of those that are published.
    pub fn new(published: (Digest, &[BuiltImage]), built: (Digest, &[BuiltImage])) -> Self {
        let counterpart = |image: &BuiltImage, others: &[BuiltImage]| {
            let same = others.iter().find(|other| other.platform == image.platform);
            same.cloned()
        };
        let is_one = published.1.len() == 1 && built.1.len() == 1;
        let shown = |image: &BuiltImage| image.platform.clone().filter(|_| !is_one);
        let missing = |image: &BuiltImage| ImageDifference {
            platform: shown(image),
            is_missing: true,
            layer: None,
            fields: Vec::new(),
        };
        let of_published = published.1.iter().find_map(|before| {
            let Some(after) = counterpart(before, built.1) else {
                return Some(missing(before));
            };
            ImageDifference::new(shown(before), before, &after)
        });
        let of_built = || {
            let alone = |image: &&BuiltImage| counterpart(image, published.1).is_none();
            built.1.iter().find(alone).map(missing)
        };
        Self {
            published: published.0,
            built: built.0,
            image: of_published.or_else(of_built),
        }
    }
}

impl RebuildMismatch {
    fn has(&self, is: impl Fn(Option<&LayerDifference>) -> bool) -> bool {
        self.image.as_ref().is_some_and(|image| is(image.layer.as_ref()))
    }
}

impl ImageDifference {
    fn new(platform: Option<Platform>, before: &BuiltImage, after: &BuiltImage) -> Option<Self> {
        let number = (0..before.layers.len().max(after.layers.len()))
            .find(|&number| before.layers.get(number) != after.layers.get(number));
        let layer = number.map(|number| LayerDifference {
            number: number + 1,
            published: before.layers.get(number).copied(),
            built: after.layers.get(number).copied(),
            step: step(&before.config, number).or_else(|| step(&after.config, number)),
            is_same_content: diff_id(&before.config, number)
                .is_some_and(|content| Some(content) == diff_id(&after.config, number)),
        });
        let mut fields = BTreeSet::new();
        changed("", &before.config, &after.config, &mut fields);
        let is_different = layer.is_some() || !fields.is_empty();
        is_different.then(|| Self {
            platform,
            is_missing: false,
            layer,
            fields: fields.into_iter().collect(),
        })
    }
}

/// The step that made a layer: steps without a layer do not count. A base without a history is before all steps.
///
/// Source: OCI image spec, "Image Configuration", `history`.
fn step(config: &Value, layer: usize) -> Option<String> {
    let is_of_layer = |entry: &&Value| entry["empty_layer"] != Value::Bool(true);
    let steps: Vec<&Value> = config["history"].as_array()?.iter().filter(is_of_layer).collect();
    let layers = config["rootfs"]["diff_ids"].as_array()?.len();
    let without = layers.checked_sub(steps.len())?;
    let entry = steps.get(layer.checked_sub(without)?)?;
    let text = entry["created_by"].as_str().filter(|text| !text.is_empty())?;
    Some(cleaned(text))
}

fn diff_id(config: &Value, layer: usize) -> Option<&Value> {
    config["rootfs"]["diff_ids"].get(layer)
}

/// Adds the names of the fields that are not the same. Lists count as one field but the history, whose steps are numbered.
/// The layers' own digests are left out: the layer is named instead.
fn changed(place: &str, before: &Value, after: &Value, fields: &mut BTreeSet<String>) {
    if before == after || place == "rootfs.diff_ids" {
        return;
    }
    let inside = |name: &str| match place {
        "" => cleaned(name),
        _ => format!("{place}.{}", cleaned(name)),
    };
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let value =
                    |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                changed(&inside(name), &value(before), &value(after), fields);
            }
        }
        (Value::Array(before), Value::Array(after)) if place == "history" && before.len() == after.len() => {
            for (number, (before, after)) in before.iter().zip(after).enumerate() {
                changed(&inside(&(number + 1).to_string()), before, after, fields);
            }
        }
        _ => {
            fields.insert(place.to_owned());
        }
    }
}

impl fmt::Display for RebuildMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { published, built, .. } = self;
        write!(f, "the build gave {built}, and published is {published}: ")?;
        match &self.image {
            Some(image) => write!(f, "{image}"),
            None => f.write_str("the images are the same, and what stands about them differs, such as attestations or annotations"),
        }
    }
}

impl fmt::Display for ImageDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(platform) = &self.platform {
            write!(f, "for {platform}, ")?;
        }
        if self.is_missing {
            return f.write_str("only one of them has an image");
        }
        if let Some(layer) = &self.layer {
            write!(f, "{layer}")?;
        }
        let more = self.fields.len().saturating_sub(MOST_FIELDS);
        let fields: Vec<String> = self
            .fields
            .iter()
            .take(MOST_FIELDS)
            .map(|field| format!("`{field}`"))
            .collect();
        if !fields.is_empty() {
            f.write_str(if self.layer.is_some() {
                "; in the config "
            } else {
                "in the config "
            })?;
            f.write_str(&fields.join(", "))?;
            if more > 0 {
                write!(f, " and {more} more")?;
            }
            f.write_str(if self.fields.len() == 1 {
                " differs"
            } else {
                " differ"
            })?;
        }
        Ok(())
    }
}

impl fmt::Display for LayerDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer {}", self.number)?;
        if let Some(step) = &self.step {
            write!(f, " (`{step}`)")?;
        }
        match (&self.published, &self.built) {
            (Some(published), Some(built)) if self.is_same_content => {
                write!(
                    f,
                    " has the same content, compressed otherwise: {built}, published {published}"
                )
            }
            (Some(published), Some(built)) => write!(f, " is {built}, published {published}"),
            (None, _) => f.write_str(" is in the build alone"),
            (_, None) => f.write_str(" is in the published image alone"),
        }
    }
}

impl std::error::Error for RebuildMismatch {}

impl Diagnose for RebuildMismatch {
    fn kind(&self) -> FailureKind {
        FailureKind::TagConflict
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = if self.image.is_none() {
            "attestations carry the time of the build: leave `provenance` and `sbom` out of both builds that are compared"
        } else if self.has(|layer| layer.is_some_and(|layer| layer.is_same_content)) {
            "what is published stays what it is; engines that have a base image from different places may have its layers compressed otherwise: pull it anew where both are built"
        } else if self.has(|layer| layer.is_none()) {
            "what is published stays what it is; give the build the same labels and settings as before"
        } else {
            "what is published stays what it is; two builds of one commit differ where a step records the time or downloads what has no fixed version"
        };
        Some(hint.into())
    }
}

#[cfg(test)]
mod tests;
