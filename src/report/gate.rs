//! What the scan gate says, for every face.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::markdown::cell;
use super::text::table;
use tagship_domain::findings::{
    Baseline, FailOn, Finding, Fix, GateDecision, GatePolicy, ScanResult, Severity,
};

/// The most findings of a list that a report keeps: outputs of a job have a limit.
const MOST_KEPT: usize = 100;
/// The most rows of a table in the job's summary.
const MOST_ROWS: usize = 15;

/// What the gate says, with the worst findings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateReport {
    verdict: &'static str,
    fail_on: FailOn,
    /// How many findings count.
    total: usize,
    /// How many do not, because nothing mends them.
    unfixed_total: usize,
    /// How many the release before has too, where only new ones count.
    known_total: usize,
    /// How many are ignored.
    ignored_total: usize,
    #[serde(flatten)]
    decision: GateDecision,
}

impl GateReport {
    /// Returns the report of a decision, with as many findings as an output of a job can hold.
    pub fn new(policy: &GatePolicy, decision: &GateDecision) -> Self {
        let mut report = Self::whole(policy, decision.clone());
        let decision = &mut report.decision;
        decision.findings.truncate(MOST_KEPT);
        decision.unfixed.truncate(MOST_KEPT);
        decision.known.truncate(MOST_KEPT);
        decision.ignored.truncate(MOST_KEPT);
        report
    }

    /// Returns the report of a decision with all findings.
    pub fn whole(policy: &GatePolicy, decision: GateDecision) -> Self {
        Self {
            verdict: if decision.has_passed() { "passed" } else { "failed" },
            fail_on: policy.fail_on.clone(),
            total: decision.findings.len(),
            unfixed_total: decision.unfixed.len(),
            known_total: decision.known.len(),
            ignored_total: decision.ignored.len(),
            decision,
        }
    }

    /// `passed` or `failed`.
    pub fn verdict(&self) -> &'static str {
        self.verdict
    }

    /// How many findings count, by severity.
    pub fn counts(&self) -> &BTreeMap<Severity, u32> {
        &self.decision.counts
    }

    /// What findings are compared with, where only new ones count.
    fn baseline(&self) -> Option<&Baseline> {
        self.decision.earlier.as_ref().map(|earlier| &earlier.baseline)
    }

    /// How many findings there are, in one clause.
    fn counted(&self) -> String {
        let counts = self.decision.counts.iter().rev();
        let counts: Vec<String> = counts
            .map(|(severity, count)| format!("{count} {severity}"))
            .collect();
        let released = match self.baseline() {
            Some(Baseline::Released(released)) => Some(&released.tag),
            _ => None,
        };
        let mut text = match released {
            _ if !counts.is_empty() => counts.join(", "),
            Some(_) => "no new findings".to_owned(),
            None => "no findings".to_owned(),
        };
        if let Some(tag) = released.filter(|_| self.known_total > 0) {
            let _ = write!(text, "; {} that {tag} has too", self.known_total);
        }
        if self.unfixed_total > 0 {
            let _ = write!(text, "; {} that nothing mends yet", self.unfixed_total);
        }
        if self.ignored_total > 0 {
            let _ = write!(text, "; {} ignored", self.ignored_total);
        }
        text
    }

    /// One line for a terminal. Ends with a line break.
    pub(super) fn line(&self) -> String {
        format!(
            "  scan gate {}: {} (fail-on {})\n",
            self.verdict,
            self.counted(),
            self.fail_on
        )
    }

    /// A part of the job's summary.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "\n#### Scan gate {}\n\n{}. Limits: `{}`\n",
            self.verdict,
            self.counted(),
            self.fail_on
        );
        for reason in &self.decision.reasons {
            let _ = writeln!(text, "\n- {}", cell(&reason.to_string()));
        }
        if let Some(Baseline::Missing(missing)) = self.baseline() {
            let _ = writeln!(
                text,
                "\n- every finding counts as new: {}",
                cell(&missing.to_string())
            );
        }
        if !self.decision.findings.is_empty() {
            text += "\n| Severity | Vulnerability | Package | Version | Fixed in |\n| --- | --- | --- | --- | --- |\n";
            text += &rows(&self.decision.findings, self.total);
        }
        if !self.decision.known.is_empty() {
            text += "\n| Known before | Vulnerability | Package | Version | Fixed in |\n| --- | --- | --- | --- | --- |\n";
            text += &rows(&self.decision.known, self.known_total);
        }
        if !self.decision.ignored.is_empty() {
            text += "\n| Ignored | Package | Until | Reason |\n| --- | --- | --- | --- |\n";
            for ignored in self.decision.ignored.iter().take(MOST_ROWS) {
                let until = ignored.until.map(|until| until.to_string()).unwrap_or_default();
                let finding = &ignored.finding;
                let _ = writeln!(
                    text,
                    "| {} | {} | {until} | {} |",
                    cell(&finding.vulnerability),
                    cell(&finding.package.name),
                    cell(&ignored.reason)
                );
            }
            text += &more(self.ignored_total, MOST_ROWS);
        }
        for stale in &self.decision.stale_ignores {
            let _ = writeln!(text, "\n- {}: {}", stale.staleness.as_str(), cell(&stale.ignore));
        }
        text
    }
}

/// The first rows of a table of findings, and how many more there are.
fn rows(findings: &[Finding], total: usize) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "| {} |", row(finding).map(|text| cell(&text)).join(" | "));
    }
    text + &more(total, MOST_ROWS)
}

fn more(total: usize, shown: usize) -> String {
    match total.saturating_sub(shown) {
        0 => String::new(),
        more => format!("\nand {more} more\n"),
    }
}

/// Severity, vulnerability, package, version, and what mends it.
fn row(finding: &Finding) -> [String; 5] {
    let path = finding.package.path.as_ref();
    let path = path.map(|path| format!(" ({path})")).unwrap_or_default();
    let fix = match &finding.fix {
        Fix::Unknown => String::new(),
        Fix::None => "–".to_owned(),
        Fix::Available { version } => version.clone().unwrap_or_else(|| "a later version".to_owned()),
    };
    [
        finding.severity.to_string(),
        finding.vulnerability.clone(),
        format!("{}{path}", finding.package.name),
        finding.package.version.clone(),
        fix,
    ]
}

/// The whole report for a terminal. Ends with a line break.
pub fn gate_text(report: &GateReport) -> String {
    let mut text = String::new();
    for image in &report.decision.images {
        let platform = image.platform.as_ref().map(|platform| format!(" {platform}"));
        let result = match &image.result {
            ScanResult::Found { completed_at, .. } => match completed_at {
                Some(completed) => format!("scanned {completed}"),
                None => "scanned".to_owned(),
            },
            ScanResult::Unscannable { status } => format!("cannot be scanned: {status}"),
            ScanResult::Nothing { status } => status.clone(),
        };
        let _ = writeln!(text, "{}{}: {result}", image.digest, platform.unwrap_or_default());
    }
    text += &table(&report.decision.findings.iter().map(row).collect::<Vec<_>>());
    match report.baseline() {
        Some(Baseline::Missing(missing)) => {
            let _ = writeln!(text, "every finding counts as new: {missing}");
        }
        Some(Baseline::Released(released)) if !report.decision.known.is_empty() => {
            let _ = writeln!(text, "in {} too", released.tag);
            text += &table(&report.decision.known.iter().map(row).collect::<Vec<_>>());
        }
        _ => {}
    }
    if !report.decision.ignored.is_empty() {
        text += "ignored\n";
        let ignored = report.decision.ignored.iter().map(|ignored| {
            let until = ignored
                .until
                .map(|until| format!("until {until}"))
                .unwrap_or_default();
            let finding = &ignored.finding;
            [
                finding.vulnerability.clone(),
                finding.package.name.clone(),
                until,
                ignored.reason.clone(),
            ]
        });
        text += &table(&ignored.collect::<Vec<_>>());
    }
    for stale in &report.decision.stale_ignores {
        let _ = writeln!(text, "{}: {}", stale.staleness.as_str(), stale.ignore);
    }
    let _ = writeln!(
        text,
        "{}: {} (fail-on {})",
        report.verdict,
        report.counted(),
        report.fail_on
    );
    text
}
