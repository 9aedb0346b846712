//! Whether the images are scanned that the scan gate waits for.

use super::super::connection::RegistryConnection;
use super::super::gate::{check_start, gate_plan};
use super::Examination;
use crate::settings::GateSettings;
use tagship_domain::doctor::{CheckState, Subject};
use tagship_domain::findings::{ScanFrequency, ScanKind};

/// Looks at how the repository is scanned, if a gate waits for it.
pub(super) async fn examine(
    gate: Option<&GateSettings>,
    connection: &RegistryConnection,
    found: &mut Examination,
) {
    let Some(gate) = gate else { return };
    let scans = connection.scans();
    let plan = match gate_plan(gate, &scans).await {
        Ok(plan) => plan,
        Err(error) => return found.fail(Subject::Scanning, &error),
    };
    if let Err(error) = check_start(&plan, &scans).await {
        return found.fail(Subject::Scanning, &error);
    }
    if let Some(never) = plan.never_scanned(connection.image()) {
        return found.fail(Subject::Scanning, &never);
    }
    let Some(setting) = plan.setting else {
        let unknown = plan.unknown.map(|unknown| unknown.to_string());
        let reason = format!(
            "how the repository is scanned is not known: {}",
            unknown.unwrap_or_default()
        );
        return found.add(Subject::Scanning, CheckState::Warn, reason);
    };
    let kind = match setting.kind {
        ScanKind::Basic => "basic",
        ScanKind::Enhanced => "enhanced",
    };
    let reason = match setting.frequency {
        ScanFrequency::OnPush => format!("{kind} scanning on push"),
        ScanFrequency::Continuous => format!("{kind} scanning, again and again"),
        ScanFrequency::Manual => format!("{kind} scanning, which the run begins"),
    };
    found.add(Subject::Scanning, CheckState::Ok, reason);
}
