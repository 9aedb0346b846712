//! What `tagship repo apply` has put so far: the report of a run that a signal ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::Outcome;
use super::registry::{self, PlannedRegistry};
use crate::pipeline::{AppliedRepository, AppliedSettings};
use crate::report::{RegistryReport, RepositoryFailure, RepositoryReport};
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::registry_settings::RegistrySettingsPlan;

/// What was put so far.
#[derive(Debug, Default)]
pub struct ApplyProgress(Mutex<Option<Begun>>);

/// What is put since everything that differs is known.
#[derive(Debug)]
struct Begun {
    report: RegistryReport,
    settings: Option<RegistrySettingsPlan>,
    /// The repositories that differ and were not begun.
    open: Vec<RepositoryName>,
    /// Whether the last repository of the report is not at its end.
    is_under_way: bool,
}

impl ApplyProgress {
    /// Takes down all that differs.
    pub(super) fn begin(&self, registry: &RegistryHost, planned: &PlannedRegistry) {
        let open = planned.repositories.iter().filter(|one| !one.plan.is_fulfilled());
        let open: Vec<RepositoryName> = open.map(|one| one.declared.name.clone()).collect();
        let settings = planned.settings.as_ref().map(|settings| settings.plan.clone());
        *self.begun() = Some(Begun {
            report: RegistryReport {
                registry: registry.clone(),
                registry_settings: None,
                repositories: Vec::new(),
                removed: Vec::new(),
                unchanged: planned.repositories.len() - open.len(),
                untried: 0,
                left: Vec::new(),
            },
            settings,
            open,
            is_under_way: false,
        });
    }

    /// Takes down what was put of the registry's settings.
    pub(super) fn settings(&self, applied: &AppliedSettings) {
        if let Some(begun) = &mut *self.begun()
            && let Some(plan) = &begun.settings
        {
            begun.report.registry_settings = Some(registry::reported(plan, applied));
        }
    }

    /// Takes down what was put of a repository.
    pub(super) fn repository(&self, applied: &AppliedRepository) {
        let mut begun = self.begun();
        let Some(begun) = &mut *begun else { return };
        begun.open.retain(|name| *name != applied.repository);
        let known = &mut begun.report.repositories;
        known.retain(|one| one.repository != applied.repository);
        known.push(reported(applied));
        begun.is_under_way = !applied.is_done && applied.failure.is_none();
    }

    /// Takes down a repository that was removed.
    pub(super) fn removed(&self, name: &RepositoryName) {
        if let Some(begun) = &mut *self.begun() {
            begun.report.removed.push(name.clone());
        }
    }

    /// Returns what is true so far; `None` before all that differs is known.
    pub(super) fn report(&self) -> Option<RegistryReport> {
        let begun = self.begun();
        let begun = begun.as_ref()?;
        let mut report = begun.report.clone();
        report.untried = begun.open.len();
        report.left.clone_from(&begun.open);
        if begun.is_under_way
            && let Some(last) = report.repositories.last_mut()
        {
            last.error = Some(RepositoryFailure {
                message: "the run was ended before all was put; the setting that was under way is put or not"
                    .to_owned(),
                hint: Some("run again: what was put stays, and the rest is completed".to_owned()),
            });
        }
        Some(report)
    }

    /// Returns what a run leaves to show that was broken off.
    pub fn outcome(&self) -> Outcome {
        let Some(report) = self.report() else {
            return Outcome::of_failed_command();
        };
        Outcome {
            text: report.text(),
            json: serde_json::json!(report),
            ..Outcome::default()
        }
    }

    fn begun(&self) -> MutexGuard<'_, Option<Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reported(applied: &AppliedRepository) -> RepositoryReport {
    RepositoryReport {
        repository: applied.repository.clone(),
        made: applied.is_made,
        applied: applied.applied.clone(),
        error: applied.failure.as_ref().map(|error| RepositoryFailure::of(error)),
    }
}
