//! One vulnerability in one package.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::exploits::Probability;
use super::severity::Severity;

/// One vulnerability in one package. Its texts come from a scanner, cleaned.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The vulnerability, such as `CVE-2024-3094`.
    pub vulnerability: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub package: Package,
    /// What mends it.
    #[serde(flatten)]
    pub fix: Fix,
    /// Whether an exploit is known.
    #[serde(rename = "exploitable")]
    pub is_exploitable: bool,
    /// How likely an exploit is within 30 days, by EPSS.
    #[serde(rename = "epss", skip_serializing_if = "Option::is_none")]
    pub probability: Option<Probability>,
    /// The CVSS base score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where more is written about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The day on which the vulnerability was made known, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_since: Option<Date>,
    /// Whether a rule of the account's Inspector suppresses it.
    #[serde(skip)]
    pub is_suppressed: bool,
}

/// A package of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// Its name; empty where the scan names none.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that it was found in, if it is no package of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What manages it, in Inspector's word, such as `NPM` or `OS`; basic scans know the system's packages alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fix", rename_all = "kebab-case")]
pub enum Fix {
    /// The scan does not say.
    Unknown,
    /// Nothing yet.
    None,
    /// A later version.
    Available {
        /// That version, where the scan says it.
        #[serde(rename = "fixed-in", skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::None => f.write_str("not fixed yet"),
            Self::Available { version: None } => f.write_str("fixed in a later version"),
            Self::Available {
                version: Some(version),
            } => write!(f, "fixed in {version}"),
        }
    }
}

impl Finding {
    /// Brings the findings of several images together, each once, the worst first. Of what two images say differently,
    /// the worse holds.
    pub fn merged(of_images: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: BTreeMap<(String, Package), Self> = BTreeMap::new();
        for finding in of_images {
            match merged.entry((finding.vulnerability.clone(), finding.package.clone())) {
                Entry::Vacant(place) => {
                    place.insert(finding);
                }
                Entry::Occupied(mut known) => known.get_mut().absorb(&finding),
            }
        }
        let mut merged: Vec<Self> = merged.into_values().collect();
        merged.sort_by(|a, b| {
            let fixable = |finding: &Self| matches!(finding.fix, Fix::Available { .. });
            let rank = |finding: &Self| (finding.severity, finding.is_exploitable, fixable(finding));
            rank(b)
                .cmp(&rank(a))
                .then_with(|| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)))
        });
        merged
    }

    fn absorb(&mut self, other: &Self) {
        self.severity = self.severity.max(other.severity);
        self.is_exploitable |= other.is_exploitable;
        self.is_suppressed &= other.is_suppressed;
        // What is known for longer, or of which it is not said, is not new.
        self.known_since = self.known_since.min(other.known_since);
        // What can be mended in one of the images is to be mended.
        let weight = |fix: &Fix| match fix {
            Fix::None => 0,
            Fix::Unknown => 1,
            Fix::Available { version: None } => 2,
            Fix::Available { version: Some(_) } => 3,
        };
        if weight(&other.fix) > weight(&self.fix) {
            self.fix = other.fix.clone();
        }
    }
}

/// The vulnerability, the package and what mends it, in one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity, self.vulnerability)?;
        let Package {
            name, version, path, ..
        } = &self.package;
        if !name.is_empty() {
            write!(f, " in {name} {version}")?;
        }
        if let Some(path) = path {
            write!(f, " ({path})")?;
        }
        let fix = self.fix.to_string();
        if !fix.is_empty() {
            write!(f, ", {fix}")?;
        }
        if self.is_exploitable {
            f.write_str(", an exploit is known")?;
        }
        if let Some(probability) = self.probability {
            write!(f, ", EPSS {probability}")?;
        }
        Ok(())
    }
}
