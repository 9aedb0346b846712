//! What the gallery of ECR Public shows of a repository.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::{DeclaredSettings, Document};
use crate::reference::Digest;
use crate::untrusted::cleaned;

/// What a repository's page shows. What is absent is not said.
///
/// Source: ECR Public API reference, `RepositoryCatalogDataInput`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CatalogData {
    /// One sentence, at most 1024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the images are, in Markdown; at most 25,600 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How they are used, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The architectures of the images, by the gallery's names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architectures: Option<BTreeSet<String>>,
    /// Their operating systems, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_systems: Option<BTreeSet<String>>,
    /// The logo, which ECR does not give back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
}

/// A picture that a repository's page shows, of accounts that AWS has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo(Vec<u8>);

/// What is wrong with what a repository's page is to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCatalogData {
    /// A text is too long.
    #[error("`{key}` has at most {maximum} characters, and this has {found}")]
    TooLong {
        /// Its key.
        key: &'static str,
        /// The most characters.
        maximum: usize,
        /// How many it has.
        found: usize,
    },
    /// A text moves what a reader sees.
    #[error("`{key}` has the character U+{:04X}, which is not shown", u32::from(*.character))]
    Hidden {
        /// Its key.
        key: &'static str,
        /// The character.
        character: char,
    },
    /// The gallery has no such badge.
    #[error("`{}` is none of `{}`, which the gallery shows", cleaned(.text), .known.join("`, `"))]
    Badge {
        /// The text.
        text: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A logo is no picture.
    #[error("a logo is a PNG or JPEG picture, and this is neither")]
    NoPicture,
    /// A logo is empty or too large.
    #[error("a logo has 1 to 512000 bytes, and this has {0}")]
    Logo(usize),
}

/// The badges of architectures, each with what images call it. Source: ECR Public API reference, `RepositoryCatalogDataInput`,
/// `architectures`; OCI image specification, "Platform Variants".
const ARCHITECTURES: [(&str, &str); 4] = [
    ("ARM", "arm"),
    ("ARM 64", "arm64"),
    ("x86", "386"),
    ("x86-64", "amd64"),
];
const ARCHITECTURE_NAMES: [&str; 4] = ["ARM", "ARM 64", "x86", "x86-64"];

/// The badges of operating systems. Source: as above, `operatingSystems`.
const SYSTEMS: [&str; 2] = ["Linux", "Windows"];

impl CatalogData {
    /// The most characters of a description.
    pub const MAX_DESCRIPTION: usize = 1024;
    /// The most characters of a text.
    pub const MAX_TEXT: usize = 25_600;

    /// Checks the length of a text, and that all of it is shown: it is everybody's to read. Source: ECR Public API reference, `RepositoryCatalogDataInput`.
    pub fn check(key: &'static str, text: &str) -> Result<(), InvalidCatalogData> {
        let maximum = match key {
            "description" => Self::MAX_DESCRIPTION,
            _ => Self::MAX_TEXT,
        };
        let found = text.chars().count();
        if found > maximum {
            return Err(InvalidCatalogData::TooLong { key, maximum, found });
        }
        // What turns text around. Source: Unicode Standard Annex 9, "Directional Formatting Characters".
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_hidden = |c: &char| turns(*c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        match text.chars().find(is_hidden) {
            Some(character) => Err(InvalidCatalogData::Hidden { key, character }),
            None => Ok(()),
        }
    }

    /// Returns the gallery's name of an architecture, which may be given as images have it. ECR takes any text, and the gallery
    /// shows none but these.
    pub fn architecture(text: &str) -> Result<String, InvalidCatalogData> {
        let is_meant = |(badge, name): &&(&str, &str)| badge.eq_ignore_ascii_case(text) || *name == text;
        let found = ARCHITECTURES.iter().find(is_meant);
        found
            .map(|(badge, _)| (*badge).to_owned())
            .ok_or_else(|| InvalidCatalogData::Badge {
                text: text.to_owned(),
                known: &ARCHITECTURE_NAMES,
            })
    }

    /// Returns the gallery's name of an operating system.
    pub fn operating_system(text: &str) -> Result<String, InvalidCatalogData> {
        let found = SYSTEMS.iter().find(|badge| badge.eq_ignore_ascii_case(text));
        found
            .map(|badge| (*badge).to_owned())
            .ok_or_else(|| InvalidCatalogData::Badge {
                text: text.to_owned(),
                known: &SYSTEMS,
            })
    }

    /// Returns this, and where it says nothing what `base` says.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        Self {
            description: self.description.clone().or_else(|| base.description.clone()),
            about: self.about.clone().or_else(|| base.about.clone()),
            usage: self.usage.clone().or_else(|| base.usage.clone()),
            architectures: self.architectures.clone().or_else(|| base.architectures.clone()),
            operating_systems: self
                .operating_systems
                .clone()
                .or_else(|| base.operating_systems.clone()),
            logo: self.logo.clone().or_else(|| base.logo.clone()),
        }
    }

    /// Whether a page that shows `actual` would not change by this. Nothing says which logo it shows.
    fn is_same_as(&self, actual: &Self) -> bool {
        let shown = |one: &Self| Self {
            logo: None,
            ..one.clone()
        };
        shown(self) == shown(actual)
    }

    /// Returns what it says, one line each, for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = |key: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            let first = text.lines().next().unwrap_or_default();
            Some(match text.chars().count() {
                count if first.len() == text.len() => format!("{key} of {count} characters: {first}"),
                count => format!("{key} of {count} characters: {first} …"),
            })
        };
        let list = |key: &str, items: &Option<BTreeSet<String>>| {
            let items = items.as_ref()?;
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            Some(format!("{key} {}", items.join(", ")))
        };
        let logo = self.logo.as_ref();
        let lines = [
            self.description
                .as_ref()
                .map(|text| format!("description {text}")),
            text("about", &self.about),
            text("usage", &self.usage),
            list("architectures", &self.architectures),
            list("operating systems", &self.operating_systems),
            logo.map(|logo| format!("logo of {} bytes", logo.0.len())),
        ];
        lines.into_iter().flatten().collect()
    }
}

/// Returns what the gallery is to show where that differs. It is put as a whole: what is not declared is put as it is, or goes
/// where that is asked for.
///
/// Source: ECR Public API reference, `PutRepositoryCatalogData`.
pub(super) fn wanted(declared: &DeclaredSettings, actual: &Document<CatalogData>) -> Option<CatalogData> {
    let nothing = CatalogData::default();
    let wanted = match &declared.catalog {
        Some(wanted) => wanted,
        None if declared.prunes() => &nothing,
        None => return None,
    };
    let wanted = match actual.says() {
        Some(actual) if !declared.prunes() => wanted.over(actual),
        _ => wanted.clone(),
    };
    (!wanted.is_same_as(actual.says().unwrap_or(&nothing))).then_some(wanted)
}

impl Logo {
    /// The most bytes. Source: ECR Public API reference, `RepositoryCatalogDataInput`, `logoImageBlob`.
    pub const MAX_BYTES: usize = 512_000;

    /// Takes a picture. Source: PNG specification, "PNG signature"; ITU-T T.81, annex B, marker `SOI`.
    pub fn of(bytes: Vec<u8>) -> Result<Self, InvalidCatalogData> {
        if !(1..=Self::MAX_BYTES).contains(&bytes.len()) {
            return Err(InvalidCatalogData::Logo(bytes.len()));
        }
        let signatures = [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff"];
        if !signatures.iter().any(|signature| bytes.starts_with(signature)) {
            return Err(InvalidCatalogData::NoPicture);
        }
        Ok(Self(bytes))
    }

    /// Returns the picture's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As the digest of its bytes.
impl Serialize for Logo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Digest::of(&self.0).serialize(serializer)
    }
}
