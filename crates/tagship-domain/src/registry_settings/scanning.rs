//! Which images a registry scans, and when.

use std::collections::BTreeSet;

use serde::Serialize;

use super::InvalidRegistrySetting;

/// By what images are scanned. Source: ECR API reference, `PutRegistryScanningConfiguration`, `scanType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ScanType {
    /// By ECR itself.
    #[default]
    Basic,
    /// By Amazon Inspector.
    Enhanced,
}

impl ScanType {
    /// The API's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Enhanced => "ENHANCED",
        }
    }
}

/// A pattern for names of repositories: one without `*` is for any name that holds it.
///
/// Source: ECR API reference, `ScanningRepositoryFilter`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ScanningFilter(String);

impl ScanningFilter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrySetting> {
        let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'*';
        let is_separator = |b: u8| b"._-/".contains(&b);
        let bytes = text.as_bytes();
        let has_form = bytes.iter().all(|b| is_inner(*b) || is_separator(*b))
            && bytes.first().is_some_and(|b| is_inner(*b))
            && bytes.last().is_some_and(|b| is_inner(*b))
            && bytes
                .windows(2)
                .all(|pair| !(is_separator(pair[0]) && is_separator(pair[1])));
        if has_form && bytes.len() <= 255 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegistrySetting::ScanningFilter(text.to_owned()))
        }
    }

    /// Takes a filter as the registry says it.
    pub fn of_registry(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which images a registry scans, and when. What no filter names is scanned by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryScanning {
    /// By what.
    pub scan_type: ScanType,
    /// Repositories whose images are scanned when they are pushed.
    pub on_push: BTreeSet<ScanningFilter>,
    /// Repositories whose images are scanned again whenever a vulnerability becomes known; by Inspector alone.
    pub continuous: BTreeSet<ScanningFilter>,
    /// Repositories whose images are scanned by hand, where the registry says so.
    pub manual: BTreeSet<ScanningFilter>,
}

impl RegistryScanning {
    /// Returns the rules by the API's names of their frequencies; those without a filter are left out.
    pub fn rules(&self) -> Vec<(&'static str, &BTreeSet<ScanningFilter>)> {
        let all = [
            ("SCAN_ON_PUSH", &self.on_push),
            ("CONTINUOUS_SCAN", &self.continuous),
            ("MANUAL", &self.manual),
        ];
        all.into_iter()
            .filter(|(_, filters)| !filters.is_empty())
            .collect()
    }

    /// Returns what is scanned, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.scan_type.as_str().to_owned()];
        for (frequency, filters) in self.rules() {
            let filters: Vec<&str> = filters.iter().map(ScanningFilter::as_str).collect();
            lines.push(format!("{frequency} {}", filters.join(", ")));
        }
        lines
    }
}
