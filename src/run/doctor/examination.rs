//! The checks of an examination while it goes on.

use tagship_domain::doctor::{Check, CheckState, Subject};
use tagship_domain::error::{Diagnose, with_causes};

/// The checks so far.
#[derive(Default)]
pub(super) struct Examination {
    pub(super) checks: Vec<Check>,
}

impl Examination {
    /// Adds what needs no cure.
    pub(super) fn add(&mut self, subject: Subject, state: CheckState, reason: impl Into<String>) {
        self.checks.push(Check {
            subject,
            state,
            reason: reason.into(),
            cure: None,
            kind: None,
        });
    }

    /// Adds what a run goes on with, and leaves something out for.
    pub(super) fn warn(&mut self, subject: Subject, about: &dyn Diagnose) {
        self.checks.push(Check {
            subject,
            state: CheckState::Warn,
            reason: with_causes(about),
            cure: about.hint().map(std::borrow::Cow::into_owned),
            kind: None,
        });
    }

    /// Adds what a run would fail with.
    pub(super) fn fail(&mut self, subject: Subject, error: &dyn Diagnose) {
        self.checks.push(Check {
            subject,
            state: CheckState::Fail,
            reason: with_causes(error),
            cure: error.hint().map(std::borrow::Cow::into_owned),
            kind: Some(error.kind()),
        });
    }

    /// Adds what could not be looked at, because something before it failed.
    pub(super) fn skip(&mut self, subjects: &[Subject], reason: &str) {
        for subject in subjects {
            self.add(*subject, CheckState::Unknown, reason);
        }
    }
}
