//! The gate, as far as it is planned.

use super::RunError;
use crate::ports::{ReadScans, RegistryError};
use crate::settings::GateSettings;
use tagship_domain::facts::Unknown;
use tagship_domain::findings::GatePlan;
use tagship_domain::plan::Plan;

/// Puts the gate before the tags of a plan, where there is one to stand before: whatever is tagged is judged, and no scan
/// is asked where nothing is.
pub(super) async fn plan_gate(
    settings: Option<&GateSettings>,
    plan: &mut Plan,
    scans: &dyn ReadScans,
) -> Result<(), RunError> {
    let Some(settings) = settings.filter(|_| !plan.is_fulfilled()) else {
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
    }) = settings.cloned()
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
    } = settings.clone();
    let setting = match scans.setting().await {
        Err(RegistryError::NotPermitted { action, .. }) => Err(Unknown::NotPermitted { action }),
        read => Ok(read?),
    };
    // Minutes of building would end at the first finding that may not be read.
    scans.check().await?;
    Ok(GatePlan::new(scan, timeout, policy, setting))
}
