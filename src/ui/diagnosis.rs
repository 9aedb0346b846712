//! An error as it is shown.

use std::fmt::Write as _;

use serde::Serialize;

use super::color::Palette;
use tagship_domain::error::{Diagnose, FailureKind, causes};
use tagship_domain::location::SourceLocation;
use tagship_domain::untrusted::Untrusted;

/// The most characters of an annotation that the runner keeps. Source: actions/runner, `ExecutionContext.AddIssue`.
const MAX_ANNOTATION: usize = 4096;
/// The most causes that are shown.
const MAX_CAUSES: usize = 8;

/// An error as it is shown: what, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// What went wrong.
    message: String,
    /// Why, the nearest cause first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The last lines that a failing step printed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    output: Vec<String>,
    /// The line of a file that is to be corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<SourceLocation>,
    /// The exit code.
    #[serde(skip)]
    exit_code: u8,
}

impl Diagnosis {
    /// Reads an error, its causes and its hint.
    pub fn of(error: &dyn Diagnose) -> Self {
        let block = |text: &str| Untrusted::block(text).to_string();
        let message = block(&error.to_string());
        let mut shown: Vec<String> = Vec::new();
        for cause in error.source().into_iter().flat_map(causes).take(MAX_CAUSES) {
            let text = block(&cause.to_string());
            // Many errors repeat their cause in their own words.
            if !message.contains(&text) && !shown.iter().any(|above| above.contains(&text)) {
                shown.push(text);
            }
        }
        Self {
            message,
            causes: shown,
            hint: error.hint().map(|hint| block(&hint)),
            output: error
                .output()
                .iter()
                .map(|line| block(last_state(line)))
                .collect(),
            location: error.location().map(|location| SourceLocation {
                file: Untrusted::line(&location.file).to_string(),
                ..location
            }),
            exit_code: error.kind().exit_code(),
        }
    }

    /// The message that says that a run was cancelled.
    pub fn cancelled() -> Self {
        Self {
            message: "cancelled".to_owned(),
            causes: Vec::new(),
            hint: Some("run again: what was pushed is kept, and the run goes on from there".to_owned()),
            output: Vec::new(),
            location: None,
            exit_code: FailureKind::Cancelled.exit_code(),
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The line of a file that is to be corrected.
    pub(super) fn location(&self) -> Option<&SourceLocation> {
        self.location.as_ref()
    }

    /// The error for a reader, on several lines.
    pub(super) fn text(&self, palette: Palette) -> String {
        let Palette { error, hint, .. } = palette;
        let mut text = String::new();
        for line in &self.output {
            writeln!(text, "  | {line}").ok();
        }
        if let Some(location) = self.location().filter(|location| !location.excerpt.is_empty()) {
            writeln!(text, "{location}").ok();
            for line in &location.excerpt {
                writeln!(text, "{line}").ok();
            }
        }
        write!(text, "{error}error:{error:#} {}", self.message).ok();
        for cause in &self.causes {
            write!(text, "\n  caused by: {cause}").ok();
        }
        if let Some(next) = &self.hint {
            write!(text, "\n\n{hint}hint:{hint:#} {next}").ok();
        }
        text
    }

    /// The error as the text of an annotation.
    pub(super) fn annotation(&self) -> String {
        let mut text = self.message.clone();
        for cause in &self.causes {
            write!(text, "\ncaused by: {cause}").ok();
        }
        if let Some(next) = &self.hint {
            write!(text, "\nhint: {next}").ok();
        }
        for line in self.output_within(MAX_ANNOTATION - 1, text.chars().count()) {
            write!(text, "\n| {line}").ok();
        }
        match text.char_indices().nth(MAX_ANNOTATION) {
            None => text,
            Some(_) => text.chars().take(MAX_ANNOTATION - 1).chain(['…']).collect(),
        }
    }

    /// The last lines of output for which there is room, in their order.
    fn output_within(&self, most: usize, mut used: usize) -> &[String] {
        let lines = self.output.iter().rev().take_while(|line| {
            used += line.chars().count() + "\n| ".len();
            used <= most
        });
        &self.output[self.output.len() - lines.count()..]
    }

    /// The error for a reader, without colours.
    pub fn plain(&self) -> String {
        self.text(Palette::PLAIN)
    }

    /// The error as data.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

/// What a line shows in the end: a CR within it starts it anew, as in a terminal.
fn last_state(line: &str) -> &str {
    line.trim_end_matches('\r')
        .rsplit('\r')
        .next()
        .unwrap_or_default()
}
