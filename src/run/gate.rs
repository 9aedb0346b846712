//! The gate, as far as it is planned.

use std::fs;
use std::path::Path;

use super::RunError;
use super::connection::RegistryConnection;
use super::release::forge;
use crate::clock::SystemClock;
use crate::pipeline::find_baseline;
use crate::ports::{Clock as _, ReadScans, RegistryError, Reporter, RunEvent, ShowFindings as _, Warning};
use crate::regular_file;
use crate::report::{asff, sarif};
use crate::settings::{GateSettings, Settings};
use tagship_domain::error::Diagnose as _;
use tagship_domain::facts::{CommitId, Unknown};
use tagship_domain::findings::{Baseline, GateDecision, GatePlan, NoBaseline, ReleaseSearch};
use tagship_domain::plan::{Content, Plan};
use tagship_domain::reference::{Digest, ImageName, RepositoryName};

/// Puts the gate before the tags of a plan, where there is one to stand before: whatever is tagged is judged, and no scan
/// is asked where nothing is.
pub(super) async fn plan_gate(
    settings: Option<&GateSettings>,
    plan: &mut Plan,
    connection: &RegistryConnection,
) -> Result<(), RunError> {
    if let Some(settings) = settings {
        check_asff(settings, &plan.image)?;
    }
    let Some(settings) = settings.filter(|_| !plan.is_fulfilled() && !plan.is_part) else {
        return Ok(());
    };
    if plan.repository.is_some() {
        plan_gate_offline(Some(settings), plan, Unknown::NotYetMade);
        return Ok(());
    }
    let scans = connection.scans();
    let mut gate = gate_plan(settings, &scans).await?;
    check_start(&gate, &scans).await?;
    if settings.only_new {
        let search = ReleaseSearch::new(
            plan.version.as_ref(),
            plan.tags.iter().map(|planned| &planned.wanted.tag),
        );
        let own = match &plan.content {
            Content::Published { digest, .. } => Some(*digest),
            Content::Build { .. } | Content::Merge { .. } => None,
        };
        gate.baseline = Some(find_baseline(&connection.repository()?, search, own).await);
    }
    plan.guard(gate);
    Ok(())
}

/// Refuses findings for Security Hub where the registry's name says no account and region, which each of them names.
pub(super) fn check_asff(settings: &GateSettings, image: &ImageName) -> Result<(), RunError> {
    let registry = &image.registry;
    let is_of_aws = registry.account().is_some() && registry.region().is_some();
    if settings.asff.is_none() || is_of_aws {
        return Ok(());
    }
    Err(RunError::NoSecurityHub(registry.clone()))
}

/// Finds out whether the scan may be begun that certainly has to be: where the registry begins some, it may not be needed.
pub(super) async fn check_start(gate: &GatePlan, scans: &dyn ReadScans) -> Result<(), RegistryError> {
    if gate.starts_at_once() {
        scans.check_start().await?;
    }
    Ok(())
}

/// Puts the gate before the tags of a plan that is made without the registry.
pub(super) fn plan_gate_offline(settings: Option<&GateSettings>, plan: &mut Plan, unknown: Unknown) {
    let Some(settings) = settings.filter(|_| !plan.is_part).cloned() else {
        return;
    };
    let mut gate = GatePlan::new(settings.scan, settings.timeout, settings.policy, Err(unknown));
    // A repository that is made first holds no release.
    let missing = if plan.repository.is_some() {
        NoBaseline::NoRelease
    } else {
        NoBaseline::Unchecked
    };
    gate.baseline = settings.only_new.then_some(Baseline::Missing(missing));
    plan.guard(gate);
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
///
/// Returns what was to be written.
pub(super) fn write_sarif(
    settings: Option<&GateSettings>,
    repository: &RepositoryName,
    dockerfile: &Path,
    decision: Option<&GateDecision>,
    reporter: &dyn Reporter,
) -> Option<String> {
    let report = sarif(repository, &dockerfile.to_string_lossy(), decision?);
    let text = format!("{report:#}\n");
    let Some(path) = &settings?.sarif else {
        return Some(text);
    };
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    if let Err(error) = regular_file::replace(&place, text.as_bytes()) {
        let message = format!("`{}` could not be written: {error}", path.display());
        warn(message, reporter);
    }
    Some(text)
}

/// Writes all findings for Security Hub, where that is asked for; as [`write_sarif`] does.
pub(super) fn write_asff(
    settings: Option<&GateSettings>,
    (image, digest): (&ImageName, Option<Digest>),
    decision: Option<&GateDecision>,
    reporter: &dyn Reporter,
) {
    let path = settings.and_then(|settings| settings.asff.as_ref());
    let (Some(path), Some(digest), Some(decision)) = (path, digest, decision) else {
        return;
    };
    // The plan has refused a registry without an account.
    let Some(findings) = asff(image, digest, decision, SystemClock.now()) else {
        return;
    };
    let text = format!("{findings:#}\n");
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    if let Err(error) = regular_file::replace(&place, text.as_bytes()) {
        warn(
            format!("`{}` could not be written: {error}", path.display()),
            reporter,
        );
    }
}

/// Sends the findings to code scanning, where that is asked for. What was judged holds without it, so that its failure is a
/// warning.
pub(super) async fn upload_sarif(
    settings: &Settings,
    web: Option<&str>,
    commit: &CommitId,
    sarif: &str,
    reporter: &dyn Reporter,
) {
    let event = settings.event.as_ref();
    let sent = async {
        let forge = forge(&settings.github, web).map_err(|error| (error.to_string(), None))?;
        let (Some(forge), Some(event)) = (forge, event) else {
            let problem = "there is no token for GitHub, or no job whose commit they are about";
            return Err((problem.to_owned(), None));
        };
        // Of a pull request the merge is analysed, which its reference names.
        let commit = event.commit.as_ref().unwrap_or(commit);
        let sent = forge.show_findings(commit, event.git_ref.as_str(), sarif).await;
        sent.map_err(|error| (error.to_string(), error.hint()))
    };
    if let Err((problem, hint)) = sent.await {
        let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        warn(
            format!("the findings are not in code scanning: {problem}{hint}"),
            reporter,
        );
    }
}

fn warn(message: String, reporter: &dyn Reporter) {
    let (file, line) = (None, None);
    reporter.event(RunEvent::Warning(&Warning { message, file, line }));
}
