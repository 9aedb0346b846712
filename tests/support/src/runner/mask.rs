//! The masker: what the runner replaces by `***` in logs and summaries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a masked value is replaced by.
pub const MASKED: &str = "***";

/// Values to keep out of the log.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    parts: Vec<String>,
}

impl Masker {
    /// Adds a value: itself, each of its lines, and its base64 form.
    pub fn add(&mut self, value: &str) {
        let lines = value.split(['\r', '\n']).filter(|line| !line.trim().is_empty());
        for part in lines.chain([value]) {
            self.parts.push(part.to_owned());
            self.parts
                .push(STANDARD.encode(part).trim_end_matches('=').to_owned());
        }
        // The longest first, so that no part of a value stays.
        self.parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        self.parts.dedup();
    }

    /// The text without any of the values.
    pub fn mask(&self, text: &str) -> String {
        self.parts
            .iter()
            .fold(text.to_owned(), |text, value| text.replace(value, MASKED))
    }
}
