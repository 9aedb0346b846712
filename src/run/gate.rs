//! The gate, as far as it is planned.

use std::fs;
use std::path::Path;

use super::RunError;
use crate::ports::{ReadScans, RegistryError, Reporter, RunEvent, Warning};
use crate::regular_file;
use crate::report::sarif;
use crate::settings::GateSettings;
use tagship_domain::facts::Unknown;
use tagship_domain::findings::{GateDecision, GatePlan};
use tagship_domain::plan::Plan;
use tagship_domain::reference::RepositoryName;

/// Puts the gate before the tags of a plan, where there is one to stand before: whatever is tagged is judged, and no scan
/// is asked where nothing is.
pub(super) async fn plan_gate(
    settings: Option<&GateSettings>,
    plan: &mut Plan,
    scans: &dyn ReadScans,
) -> Result<(), RunError> {
    let Some(settings) = settings.filter(|_| !plan.is_fulfilled() && !plan.is_part) else {
        return Ok(());
    };
    plan.guard(gate_plan(settings, scans).await?);
    Ok(())
}

/// Puts the gate before the tags of a plan that is made without the registry.
pub(super) fn plan_gate_offline(settings: Option<&GateSettings>, plan: &mut Plan, unknown: Unknown) {
    if let Some(GateSettings {
        scan,
        timeout,
        policy,
        ..
    }) = settings.filter(|_| !plan.is_part).cloned()
    {
        plan.guard(GatePlan::new(scan, timeout, policy, Err(unknown)));
    }
}

/// The gate with the repository's setting. A role that may not read it is no obstacle: then the wait has an end.
pub(super) async fn gate_plan(settings: &GateSettings, scans: &dyn ReadScans) -> Result<GatePlan, RunError> {
    let GateSettings {
        scan,
        timeout,
        policy,
        ..
    } = settings.clone();
    let setting = match scans.setting().await {
        Err(RegistryError::NotPermitted { action, .. }) => Err(Unknown::NotPermitted { action }),
        read => Ok(read?),
    };
    // Minutes of building would end at the first finding that may not be read.
    scans.check().await?;
    Ok(GatePlan::new(scan, timeout, policy, setting))
}

/// Writes all findings as SARIF, where that is asked for. What was judged holds without the file, so that its failure is a
/// warning.
pub(super) fn write_sarif(
    settings: Option<&GateSettings>,
    repository: &RepositoryName,
    dockerfile: &Path,
    decision: Option<&GateDecision>,
    reporter: &dyn Reporter,
) {
    let path = settings.and_then(|settings| settings.sarif.as_ref());
    let (Some(path), Some(decision)) = (path, decision) else {
        return;
    };
    let report = sarif(repository, &dockerfile.to_string_lossy(), decision);
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    if let Err(error) = regular_file::replace(&place, format!("{report:#}\n").as_bytes()) {
        let message = format!("`{}` could not be written: {error}", path.display());
        let (file, line) = (None, None);
        reporter.event(RunEvent::Warning(&Warning { message, file, line }));
    }
}
