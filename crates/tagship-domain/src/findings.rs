//! What scans find in images, and whether that lets an image pass: as a pure function.
//!
//! A finding is one vulnerability in one package. Scans are per image; of an index each image counts, and what several
//! of them have counts once.

mod baseline;
mod exploits;
mod fail_on;
mod failure;
mod finding;
mod gate;
mod gate_plan;
mod ignore;
mod ignore_file;
mod scan;
mod setting;
mod severity;

pub use baseline::{Baseline, EarlierFindings, NoBaseline, Novelty, ReleaseSearch, ReleasedBefore};
pub use exploits::{Exploits, InvalidExploits, Probability};
pub use fail_on::{Excess, FailOn, InvalidFailOn};
pub use failure::GateFailure;
pub use finding::{Finding, Fix, Package};
pub use gate::{
    GateDecision, GatePolicy, GateReason, IgnoredFinding, ImageScan, ScanResult, StaleIgnore, Staleness,
    Strictness,
};
pub use gate_plan::GatePlan;
pub use ignore::{Ignore, InvalidIgnore};
pub use ignore_file::{InvalidIgnoreFile, read_ignore_file};
pub use scan::{FoundByScan, Scan, ScanEnd, ScanProgress};
pub use setting::{NeverScanned, ScanFrequency, ScanKind, ScanMode, ScanRoute, ScanSetting, ScanStarter};
pub use severity::{InvalidSeverity, Severity};

#[cfg(test)]
mod tests;
