//! What an examination found, for people.

use std::fmt::Write as _;

use tagship_domain::doctor::{Check, CheckState};
use tagship_domain::error::{Diagnose, FailureKind};

/// Something keeps a run from succeeding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
pub struct ExaminationFailed {
    failed: usize,
    all: usize,
    kind: FailureKind,
}

impl ExaminationFailed {
    /// Returns what an examination ends with; `None` where nothing failed.
    pub fn of(checks: &[Check]) -> Option<Self> {
        let failed = || checks.iter().filter(|check| check.state == CheckState::Fail);
        let first = failed().next()?;
        Some(Self {
            failed: failed().count(),
            all: checks.len(),
            kind: first.kind.unwrap_or(FailureKind::Operation),
        })
    }
}

impl Diagnose for ExaminationFailed {
    fn kind(&self) -> FailureKind {
        self.kind
    }
}

/// Returns one line for each check, with its cure below it. Those that could not be made for one and the same reason share a
/// line.
pub fn examination_text(checks: &[Check]) -> String {
    let mut text = String::new();
    let is_open = |check: &&Check| check.state == CheckState::Unknown && check.cure.is_none();
    for (number, check) in checks.iter().enumerate() {
        if is_open(&check) {
            let alike = |other: &&Check| is_open(other) && other.reason == check.reason;
            if checks.iter().take(number).any(|earlier| alike(&earlier)) {
                continue;
            }
            let subjects: Vec<&str> = checks
                .iter()
                .filter(alike)
                .map(|check| check.subject.name())
                .collect();
            if subjects.len() > 1 {
                let (state, reason) = (check.state.name(), &check.reason);
                writeln!(text, "{state:<8} {reason}: {}", subjects.join(", ")).ok();
                continue;
            }
        }
        writeln!(
            text,
            "{:<8} {:<12} {}",
            check.state.name(),
            check.subject.name(),
            check.reason
        )
        .ok();
        let cure = check.cure.as_deref().unwrap_or_default();
        for (number, line) in cure.lines().enumerate() {
            let lead = if number == 0 { "cure: " } else { "" };
            writeln!(text, "{:21} {lead}{line}", "").ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagship_domain::doctor::Subject;

    #[test]
    fn each_check_has_a_line_and_its_cure_below() {
        let check = |subject, state, reason: &str, cure: Option<&str>| Check {
            subject,
            state,
            reason: reason.to_owned(),
            cure: cure.map(str::to_owned),
            kind: Some(FailureKind::Credentials),
        };
        let checks = [
            check(Subject::Inputs, CheckState::Ok, "all inputs can be used", None),
            check(
                Subject::Permissions,
                CheckState::Fail,
                "the role lacks `x`",
                Some("add this:\n{}"),
            ),
        ];
        assert_eq!(
            examination_text(&checks),
            "ok       inputs       all inputs can be used\nfail     permissions  the role lacks `x`\n                      cure: add this:\n                      {}\n"
        );
        let failed = ExaminationFailed::of(&checks).unwrap();
        assert_eq!(failed.to_string(), "1 of 2 checks failed");
        assert_eq!(failed.kind(), FailureKind::Credentials);
        assert_eq!(ExaminationFailed::of(&checks[..1]), None);
    }
}
