//! What goes with an image: annotations and attestations.

use std::collections::BTreeMap;

use serde::Serialize;

use super::attributes::attributes;
use super::invalid::InvalidOption;
use crate::content::Platform;
use crate::untrusted::cleaned;

/// An annotation of a manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// Where it goes and what it is called, in the words of the exporter: `annotation-index.org.example.name`.
    pub option: String,
    /// The value.
    pub value: String,
}

impl Annotation {
    const LEVELS: [&str; 4] = ["manifest", "index", "manifest-descriptor", "index-descriptor"];

    /// Reads `[LEVEL[,LEVEL][[PLATFORM]]:]NAME=VALUE`: one annotation for each level.
    ///
    /// Source: docker CLI reference, `docker buildx build --annotation`; `BuildKit`, `exporter/containerimage/exptypes`.
    pub fn parse(line: &str) -> Result<Vec<Self>, InvalidOption> {
        let (key, value) = line.split_once('=').ok_or(InvalidOption::Annotation)?;
        // A name may hold a colon; a level is never anything else.
        let levels = key.split_once(':').and_then(|(levels, name)| {
            let levels: Option<Vec<String>> = levels.split(',').map(Self::level).collect();
            Some((levels?, name))
        });
        let (levels, name) = levels.unwrap_or_else(|| (vec!["annotation".to_owned()], key));
        if name.trim().is_empty() || name.contains(char::is_whitespace) {
            return Err(InvalidOption::Annotation);
        }
        let of_level = |level: String| Self {
            option: format!("{level}.{name}"),
            value: value.to_owned(),
        };
        Ok(levels.into_iter().map(of_level).collect())
    }

    /// Whether it is one of an index, and of no image.
    pub fn is_of_index(&self) -> bool {
        self.of_index().is_some() || self.option.starts_with("annotation-index-descriptor")
    }

    /// The name and value of one of an index.
    pub fn of_index(&self) -> Option<(String, String)> {
        let name = self.option.strip_prefix("annotation-index.")?;
        Some((name.to_owned(), self.value.clone()))
    }

    /// The name and value of one of an index's entry for `platform`.
    pub fn of_entry(&self, platform: &Platform) -> Option<(String, String)> {
        let rest = self.option.strip_prefix("annotation-manifest-descriptor")?;
        let name = match rest.strip_prefix('[').and_then(|rest| rest.split_once("].")) {
            Some((of, name)) => Platform::parse(of)
                .ok()
                .filter(|of| of.is_same(platform))
                .map(|_| name),
            None => rest.strip_prefix('.'),
        };
        Some((name?.to_owned(), self.value.clone()))
    }

    fn level(text: &str) -> Option<String> {
        let (name, platform) = match text.split_once('[') {
            Some((name, rest)) => (name, rest.strip_suffix(']').map(|_| &text[name.len()..])?),
            None => (text, ""),
        };
        Self::LEVELS
            .contains(&name)
            .then(|| format!("annotation-{name}{platform}"))
    }
}

/// A statement about the image that the engine adds. Source: `BuildKit` documentation, "Attestations".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Attestation {
    /// How it was built.
    Provenance,
    /// What it is made of.
    Sbom,
}

impl Attestation {
    /// Returns the name, in the words of the frontend.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
        }
    }

    /// Reads the value of `provenance` or `sbom`: `true`, `false`, or attributes. `None` is no attestation.
    pub fn wish(self, text: &str) -> Result<Option<String>, InvalidOption> {
        match (self, text) {
            (_, "false") => Ok(None),
            (Self::Provenance, "true") => Ok(Some("mode=min".to_owned())),
            (Self::Sbom, "true") => Ok(Some(String::new())),
            (Self::Provenance, mode @ ("min" | "max")) => Ok(Some(format!("mode={mode}"))),
            _ => {
                let mut attributes = attributes(text)?;
                if attributes
                    .remove("disabled")
                    .is_some_and(|disabled| disabled == "true")
                {
                    return Ok(None);
                }
                self.checked(&attributes)?;
                Ok(Some(joined(&attributes)))
            }
        }
    }

    /// Reads a line of `attests`: `type=provenance,mode=max`.
    pub fn parse(line: &str) -> Result<(Self, Option<String>), InvalidOption> {
        let mut attributes = attributes(line)?;
        let name = attributes.remove("type").unwrap_or_default();
        let attestation = [Self::Provenance, Self::Sbom]
            .into_iter()
            .find(|attestation| attestation.as_str() == name)
            .ok_or_else(|| InvalidOption::Attestation { name: cleaned(&name) })?;
        let rest = joined(&attributes);
        let wish = if rest.is_empty() { "true" } else { &rest };
        Ok((attestation, attestation.wish(wish)?))
    }

    fn checked(self, attributes: &BTreeMap<String, String>) -> Result<(), InvalidOption> {
        let known: &[&str] = match self {
            Self::Provenance => &[
                "mode",
                "builder-id",
                "filename",
                "reproducible",
                "inline-only",
                "version",
            ],
            Self::Sbom => &["generator"],
        };
        match attributes.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(InvalidOption::AttestationKey {
                attestation: self.as_str(),
                key: cleaned(key),
            }),
            None => Ok(()),
        }
    }
}

/// The attributes as one line again.
fn joined(attributes: &BTreeMap<String, String>) -> String {
    let pairs = attributes.iter().map(|(key, value)| {
        let pair = format!("{key}={value}");
        if pair.contains([',', '"']) {
            format!("\"{}\"", pair.replace('"', "\"\""))
        } else {
            pair
        }
    });
    pairs.collect::<Vec<_>>().join(",")
}
