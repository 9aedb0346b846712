//! How layers are compressed.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::invalid::InvalidOption;
use crate::untrusted::cleaned;

/// How the layers of an image are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compression {
    /// The form.
    pub form: LayerForm,
    /// How much, in the form's own numbers; a default of whoever compresses when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Whether layers that the engine has in another form are converted, those of a base image among them.
    #[serde(skip)]
    pub converts: bool,
}

impl Compression {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The form of a layer. Source: OCI image spec, "Image Layer Filesystem Changeset", media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerForm {
    /// gzip, which everything reads.
    #[default]
    Gzip,
    /// Zstandard.
    Zstd,
    /// None at all.
    Uncompressed,
}

impl LayerForm {
    const ALL: [Self; 3] = [Self::Gzip, Self::Zstd, Self::Uncompressed];

    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, InvalidOption> {
        Self::ALL
            .into_iter()
            .find(|form| form.as_str() == text)
            .ok_or_else(|| InvalidOption::Compression { name: cleaned(text) })
    }

    /// Returns the name, in the words of BuildKit's exporters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Uncompressed => "uncompressed",
        }
    }

    /// Returns the levels that there are. Source: zlib manual, `deflateInit`; zstd manual, "Compression Levels".
    pub const fn levels(self) -> Option<RangeInclusive<u8>> {
        match self {
            Self::Gzip => Some(0..=9),
            Self::Zstd => Some(1..=22),
            Self::Uncompressed => None,
        }
    }

    /// Reads a level of this form.
    pub fn level(self, text: &str) -> Result<u8, InvalidOption> {
        let name = self.as_str();
        let levels = self.levels().ok_or(InvalidOption::NoLevels)?;
        let level = text.trim().parse().ok().filter(|level| levels.contains(level));
        level.ok_or_else(|| InvalidOption::CompressionLevel {
            level: cleaned(text),
            name,
            first: *levels.start(),
            last: *levels.end(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_own_levels() {
        for (form, level, is_level) in [
            ("gzip", "0", true),
            ("gzip", "9", true),
            ("gzip", "10", false),
            ("zstd", "22", true),
            ("zstd", "0", false),
            ("zstd", "-1", false),
            ("zstd", "fast", false),
            ("uncompressed", "1", false),
        ] {
            let form = LayerForm::parse(form).unwrap();
            assert_eq!(form.level(level).is_ok(), is_level, "{form:?} {level}");
        }
    }

    #[test]
    fn there_are_three_forms() {
        for name in ["", "Gzip", "estargz", "none", "zstd "] {
            let error = LayerForm::parse(name).unwrap_err().to_string();
            assert!(error.contains("`gzip`, `zstd` or `uncompressed`"), "{error}");
        }
        assert_eq!(LayerForm::parse("uncompressed"), Ok(LayerForm::Uncompressed));
    }
}
