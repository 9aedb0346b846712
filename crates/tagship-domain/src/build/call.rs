//! Questions about a Dockerfile, in place of a build.

use std::fmt;

use serde::Serialize;

use super::invalid::InvalidOption;
use crate::untrusted::cleaned;

/// A question to the frontend, and in which form its answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrontendCall {
    /// The question.
    pub question: Question,
    /// Whether the answer is JSON.
    pub is_json: bool,
}

/// What a frontend can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// What it advises against.
    Check,
    /// The arguments, secrets and agents that a stage takes.
    Outline,
    /// The stages.
    Targets,
}

impl Question {
    /// The name, as the input has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Outline => "outline",
            Self::Targets => "targets",
        }
    }

    /// The name, as BuildKit has it.
    ///
    /// Source: BuildKit, `frontend/subrequests`.
    pub const fn request(self) -> &'static str {
        match self {
            Self::Check => "frontend.lint",
            Self::Outline => "frontend.outline",
            Self::Targets => "frontend.targets",
        }
    }
}

impl FrontendCall {
    /// Reads `check`, `outline` or `targets`, with `,format=json` behind it or not; `None` is `build`, which is no question.
    ///
    /// Source: docker CLI reference, `docker buildx build --call`.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidOption> {
        let mut fields = text.split(',').map(str::trim);
        let first = fields.next().unwrap_or_default();
        let unknown = || InvalidOption::Call { text: cleaned(text) };
        let question = match first.strip_prefix("method=").unwrap_or(first) {
            "build" => None,
            "check" | "lint" => Some(Question::Check),
            "outline" => Some(Question::Outline),
            "targets" => Some(Question::Targets),
            _ => return Err(unknown()),
        };
        let mut is_json = false;
        for field in fields {
            is_json = match field {
                "format=json" => true,
                "format=text" => false,
                _ => return Err(unknown()),
            };
        }
        Ok(question.map(|question| Self { question, is_json }))
    }
}

impl fmt::Display for FrontendCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.question.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_a_form() {
        let call = |question, is_json| Some(FrontendCall { question, is_json });
        for (text, read) in [
            ("build", None),
            ("check", call(Question::Check, false)),
            ("lint", call(Question::Check, false)),
            ("outline,format=json", call(Question::Outline, true)),
            ("method=targets,format=text", call(Question::Targets, false)),
        ] {
            assert_eq!(FrontendCall::parse(text), Ok(read), "{text}");
        }
        for text in ["", "Check", "check,format=xml", "describe", "check,ignorestatus"] {
            assert!(FrontendCall::parse(text).is_err(), "{text}");
        }
    }
}
