//! How bad a finding is.

use std::fmt;

use serde::Serialize;

use crate::untrusted::cleaned;

/// How bad a finding is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is not rated, or not yet.
    Undefined,
    /// It is worth knowing.
    Informational,
    /// It is hardly of use to an attacker.
    Low,
    /// It is of use under conditions.
    Medium,
    /// It is of use.
    High,
    /// It is of use to anyone, at once.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 6] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Informational,
        Self::Undefined,
    ];

    /// Reads a scan's word, such as `CRITICAL`. A word that is not known counts as the worst: what is new must not pass
    /// unseen.
    ///
    /// Source: ECR API reference, `ImageScanFinding`, `severity`; Inspector API reference, `Severity`, which knows
    /// `UNTRIAGED` besides.
    pub fn of_scan(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "HIGH" => Self::High,
            "MEDIUM" => Self::Medium,
            "LOW" => Self::Low,
            "INFORMATIONAL" => Self::Informational,
            "UNDEFINED" | "UNTRIAGED" | "" => Self::Undefined,
            _ => Self::Critical,
        }
    }

    /// Reads a user's word, such as `critical`.
    pub fn parse(text: &str) -> Result<Self, InvalidSeverity> {
        let known = Self::ALL.into_iter().find(|severity| severity.as_str() == text);
        known.ok_or_else(|| InvalidSeverity(cleaned(text)))
    }

    /// The severity's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Informational => "informational",
            Self::Undefined => "undefined",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no severity: there are `critical`, `high`, `medium`, `low`, `informational` and `undefined`"
)]
pub struct InvalidSeverity(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_the_greatest_and_an_unknown_word_is_the_worst() {
        assert!(Severity::ALL.is_sorted_by(|worse, milder| worse > milder));
        for severity in Severity::ALL {
            assert_eq!(Severity::of_scan(severity.as_str()), severity);
            assert_eq!(Severity::parse(severity.as_str()), Ok(severity));
        }
        assert_eq!(Severity::of_scan("UNTRIAGED"), Severity::Undefined);
        assert_eq!(Severity::of_scan("CATASTROPHIC"), Severity::Critical);
        assert!(Severity::parse("CRITICAL").is_err());
    }
}
