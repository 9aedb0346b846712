//! How many findings are too many.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::severity::{InvalidSeverity, Severity};
use crate::untrusted::cleaned;

/// How many findings of a severity *or a worse one* an image may have; what is not named is not limited.
///
/// Because the worse ones count too, a finding never passes for being worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailOn(BTreeMap<Severity, u32>);

/// More findings than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Excess {
    /// The severity; worse ones count too.
    pub severity: Severity,
    /// How many are allowed.
    pub allowed: u32,
    /// How many there are.
    pub found: u32,
}

/// A text says no limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFailOn {
    /// A severity is unknown.
    #[error(transparent)]
    Severity(#[from] InvalidSeverity),
    /// A count is none.
    #[error("`{0}` is no count of findings")]
    Count(String),
    /// A severity stands there twice.
    #[error("`{0}` is given twice")]
    Twice(Severity),
    /// `none` stands beside a limit.
    #[error("`none` stands alone: it means that no finding fails")]
    NotAlone,
    /// Nothing stands there.
    #[error("no severity is named; `none` means that no finding fails")]
    Empty,
}

impl FailOn {
    /// The word for no limits.
    pub const NONE: &'static str = "none";

    /// Reads entries such as `critical=0` and `high=5`; `high` alone means `high=0`, and `none` that nothing is limited.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidFailOn> {
        let entries: Vec<&str> = entries.into_iter().map(str::trim).collect();
        match entries.as_slice() {
            [] => return Err(InvalidFailOn::Empty),
            [Self::NONE] => return Ok(Self(BTreeMap::new())),
            _ => {}
        }
        let mut limits = BTreeMap::new();
        for entry in entries {
            if entry == Self::NONE {
                return Err(InvalidFailOn::NotAlone);
            }
            let (severity, allowed) = match entry.split_once(['=', ':']) {
                Some((severity, count)) => {
                    let count = count.trim();
                    let count = count
                        .parse()
                        .map_err(|_no_number| InvalidFailOn::Count(cleaned(count)))?;
                    (severity.trim(), count)
                }
                None => (entry, 0),
            };
            let severity = Severity::parse(severity)?;
            if limits.insert(severity, allowed).is_some() {
                return Err(InvalidFailOn::Twice(severity));
            }
        }
        Ok(Self(limits))
    }

    /// Returns every limit that findings of these severities exceed, the worst first.
    pub fn exceeded(&self, found: impl IntoIterator<Item = Severity>) -> Vec<Excess> {
        let found: Vec<Severity> = found.into_iter().collect();
        let limits = self.0.iter().rev();
        let excesses = limits.map(|(severity, allowed)| {
            let worse = found.iter().filter(|found| *found >= severity).count();
            Excess {
                severity: *severity,
                allowed: *allowed,
                found: u32::try_from(worse).unwrap_or(u32::MAX),
            }
        });
        excesses.filter(|excess| excess.found > excess.allowed).collect()
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(Self::NONE);
        }
        for (number, (severity, allowed)) in self.0.iter().rev().enumerate() {
            let separator = if number == 0 { "" } else { "," };
            write!(f, "{separator}{severity}={allowed}")?;
        }
        Ok(())
    }
}

impl Serialize for FailOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = if self.found == 1 { "finding" } else { "findings" };
        let severity = match self.severity {
            Severity::Critical => "critical".to_owned(),
            severity => format!("{severity} or worse"),
        };
        let allowed = match self.allowed {
            0 => "none is".to_owned(),
            1 => "1 is".to_owned(),
            allowed => format!("{allowed} are"),
        };
        write!(f, "{} {findings} {severity}, where {allowed} allowed", self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exceeded(limits: &str, found: &[Severity]) -> Vec<String> {
        let limits = FailOn::parse(limits.split(',')).unwrap();
        let found = limits.exceeded(found.iter().copied());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_limit_counts_what_is_worse_too() {
        use Severity::{Critical, High, Medium, Undefined};
        let found = [Critical, High, High, Medium, Undefined];
        assert_eq!(
            exceeded("critical=0,high=2", &found),
            [
                "1 finding critical, where none is allowed",
                "3 findings high or worse, where 2 are allowed"
            ]
        );
        assert_eq!(exceeded("high=3", &found), Vec::<String>::new());
        assert_eq!(exceeded("none", &found), Vec::<String>::new());
        assert_eq!(
            exceeded("undefined=1", &found),
            ["5 findings undefined or worse, where 1 is allowed"]
        );
    }

    #[test]
    fn words_and_counts_are_read_and_printed_again() {
        for (text, printed) in [
            ("high", "high=0"),
            ("high: 5,critical", "critical=0,high=5"),
            ("none", "none"),
        ] {
            assert_eq!(FailOn::parse(text.split(',')).unwrap().to_string(), printed);
        }
        for (text, problem) in [
            (
                "severe",
                "`severe` is no severity: there are `critical`, `high`, `medium`, `low`, `informational` and `undefined`",
            ),
            ("high=-1", "`-1` is no count of findings"),
            ("high=", "`` is no count of findings"),
            ("high,high=2", "`high` is given twice"),
            ("none,high", "`none` stands alone: it means that no finding fails"),
        ] {
            assert_eq!(FailOn::parse(text.split(',')).unwrap_err().to_string(), problem);
        }
        assert_eq!(FailOn::parse([]), Err(InvalidFailOn::Empty));
    }
}
