//! Changes in words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, RepositorySetting, lifecycle_document, policy};
use crate::immutability::{Mutability, TagFilter};
use crate::untrusted::cleaned;

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// Whether this comes (`+`), goes (`-`) or becomes something else (`~`).
    pub sign: char,
    /// The setting.
    pub setting: RepositorySetting,
    /// What comes, goes or changes; cleaned.
    pub text: String,
}

impl Change {
    /// Returns the setting.
    pub const fn setting(&self) -> RepositorySetting {
        match self {
            Self::Mutability { .. } => RepositorySetting::Mutability,
            Self::Encryption { .. } => RepositorySetting::Encryption,
            Self::ScanOnPush { .. } => RepositorySetting::ScanOnPush,
            Self::Tags { .. } => RepositorySetting::Tags,
            Self::Policy { .. } => RepositorySetting::Policy,
            Self::Lifecycle { .. } => RepositorySetting::Lifecycle,
            Self::Catalog { .. } => RepositorySetting::Catalog,
        }
    }

    /// Returns the difference as a person reads it.
    pub fn lines(&self) -> Vec<DiffLine> {
        match self {
            Self::Mutability { from, to } => vec![self.turned(from.as_ref().map(worded), &worded(to))],
            Self::Encryption { to } => vec![self.line('+', &to.to_string())],
            Self::ScanOnPush { from, to } => {
                vec![self.turned(from.map(|from| from.to_string()), &to.to_string())]
            }
            Self::Tags { from, to } => self.both(&pairs(from), &pairs(to)),
            Self::Policy { from, to } => {
                let of = |document: &Option<Value>| document.as_ref().map_or_else(Vec::new, policy::lines);
                self.both(&of(from), &of(to))
            }
            Self::Lifecycle { from, to } => {
                let of = |document: &Option<Value>| {
                    document.as_ref().map_or_else(Vec::new, lifecycle_document::lines)
                };
                self.both(&of(from), &of(to))
            }
            Self::Catalog { from, to } => {
                let from = from.as_ref().map_or_else(Vec::new, |from| from.lines());
                self.both(&from, &to.lines())
            }
        }
    }

    fn line(&self, sign: char, text: &str) -> DiffLine {
        DiffLine {
            sign,
            setting: self.setting(),
            text: cleaned(text),
        }
    }

    fn turned(&self, from: Option<String>, to: &str) -> DiffLine {
        match from {
            Some(from) => self.line('~', &format!("{from} → {to}")),
            None => self.line('+', to),
        }
    }

    /// What goes, and then what comes; what is on both sides is left out.
    fn both(&self, from: &[String], to: &[String]) -> Vec<DiffLine> {
        let goes = from.iter().filter(|text| !to.contains(text));
        let comes = to.iter().filter(|text| !from.contains(text));
        let goes = goes.map(|text| self.line('-', text));
        let mut lines: Vec<DiffLine> = goes.chain(comes.map(|text| self.line('+', text))).collect();
        // A document in another form, or a difference behind the end of a long line.
        if lines.is_empty() {
            lines.push(self.line('~', "the document differs in what these lines do not show"));
        }
        lines
    }
}

fn pairs(tags: &BTreeMap<String, String>) -> Vec<String> {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// A mutability by the API's name, with its filters.
pub(crate) fn worded(mutability: &Mutability) -> String {
    let (name, filters) = match mutability {
        Mutability::Mutable => ("MUTABLE", &[][..]),
        Mutability::Immutable => ("IMMUTABLE", &[][..]),
        Mutability::ImmutableWithExclusion(filters) => ("IMMUTABLE_WITH_EXCLUSION", filters.as_slice()),
        Mutability::MutableWithExclusion(filters) => ("MUTABLE_WITH_EXCLUSION", filters.as_slice()),
    };
    let filters: Vec<&str> = filters.iter().map(TagFilter::as_str).collect();
    if filters.is_empty() {
        name.to_owned()
    } else {
        format!("{name} {}", filters.join(", "))
    }
}
