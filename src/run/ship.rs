//! `tagship ship`.

use std::sync::Arc;

use super::build_watch::{BuildWatch, WatchedBuilder};
use super::compare::{compare, note_published};
use super::connection::{RegistryConnection, runner_at};
use super::context::RunContext;
use super::deploy_files;
use super::engine_check::check_engine;
use super::exports;
use super::from_cache::plan_bases;
use super::further_targets::OpenedTargets;
use super::gate::{plan_gate, upload_sarif, write_asff, write_sarif};
use super::git_context::fetched;
use super::history::History;
use super::plan::{check_plan, plan};
use super::propose::propose;
use super::race::{MOST_COUNTS, lost_version};
use super::replication::ReplicationWait;
use super::result_files::{check_files, prepare_files, write_bills, write_files};
use super::shared_registries::SharedRegistries;
use super::signing::signer;
use super::target::note_destination;
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::engine::{EngineBuilder, Spread};
use crate::pipeline::{
    FurtherTargets, Ledger, PipelineError, PlannedRepository, PutRepository, ReleasedImage, Writers, execute,
};
use crate::ports::{Builder, OpenBase, Reporter, RunEvent, Stage, Warning};
use crate::registry::Repository;
use crate::report::{LeftImage, hold_warnings, plan_text};
use crate::settings::Settings;
use crate::soci::SociBuilder;
use tagship_domain::plan::{Content, Plan};
use tagship_domain::release::ReleasePlan;

/// Publishes a commit. What is true at any moment stands in `ledger`.
pub async fn ship(
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    Box::pin(ship_sharing(settings, None, reporter, ledger)).await
}

/// The same for one of several images, which share their logins.
pub(super) async fn ship_sharing(
    settings: &Settings,
    shared: Option<&SharedRegistries>,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    if settings.offline {
        return Box::pin(plan(settings, reporter, ledger)).await;
    }
    note_destination(settings, ledger);
    if settings.dry_run {
        check_files(&settings.files)?;
    } else {
        prepare_files(&settings.files)?;
    }
    ledger.enter(Stage::Read, &*reporter);
    let fetched = fetched(settings, &reporter).await?;
    let settings = &*fetched;
    let mut taken = Vec::new();
    loop {
        let context = RunContext::read(settings, &taken, Arc::clone(&reporter)).await?;
        let context = context.sharing(shared);
        ledger.destination(context.image());
        ledger.pages(context.web(), settings.notify.page.as_deref());
        let reporter = Arc::clone(&reporter);
        let shipped = match OpenedTargets::open(settings, &reporter).await {
            Ok(targets) => {
                let reporter = Arc::clone(&reporter);
                let shipped = Box::pin(ship_from(&context, &targets, settings, reporter, ledger)).await;
                targets.close().await;
                shipped
            }
            Err(error) => Err(error),
        };
        let error = shipped.as_ref().err();
        let lost = error.and_then(|error| lost_version(&context, error, ledger));
        // Also after a failure: other runs may use what this one started.
        context.close().await;
        match lost.filter(|_| taken.len() < MOST_COUNTS) {
            Some(lost) => {
                let commit = lost.commit.short();
                let note = format!(
                    "another run took {} for commit {commit}: the version is counted again",
                    lost.version
                );
                reporter.event(RunEvent::Note(&note));
                taken.push(lost);
                ledger.begin_again();
                ledger.enter(Stage::Read, &*reporter);
            }
            None => return shipped,
        }
    }
}

async fn ship_from(
    context: &RunContext<'_>,
    targets: &OpenedTargets,
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    let connection = context.connect().await?;
    exports::check(settings.exports, context.target(), &reporter).await?;
    let scope = context.scope(&connection).await?;
    let put = context.repository_to_put(&connection).await?;
    let unknown_bases = context.resolve_bases(&connection).await;
    let facts = context.facts(&connection, &scope, put.as_ref()).await?;
    ledger.enter(Stage::Plan, &*reporter);
    let mut plan = context.plan(scope, Ok(&facts)).await?;
    plan.notes.extend(unknown_bases);
    plan.repository = put.as_ref().map(|put| put.plan.clone());
    plan_bases(settings, &mut plan, Some(&connection)).await?;
    let history = History::of(settings, Arc::clone(&reporter));
    targets.plan(&mut plan, &history, false).await?;
    plan_gate(settings.gate.as_ref(), &mut plan, &connection).await?;
    let replication = ReplicationWait::of(settings, &plan, &connection).await?;
    ledger.planned(&plan);
    ledger.left(LeftImage::of(&plan, &facts));
    if let Content::Published { digest, .. } = &plan.content {
        note_published(*digest, &facts, &connection.repository()?, ledger).await?;
    }
    let is_refused = plan.conflicts().is_some()
        || plan
            .release
            .as_ref()
            .is_some_and(|release| release.conflict().is_some());
    if !settings.dry_run || is_refused {
        reporter.event(RunEvent::Block(&plan_text(&plan)));
    }
    for warning in hold_warnings(&plan) {
        reporter.event(RunEvent::Warning(&warning));
    }
    if let Some(conflicts) = plan.conflicts() {
        return Err(conflicts.into());
    }
    context.claim(&plan)?;
    if let Some(conflict) = plan.release.as_ref().and_then(ReleasePlan::conflict) {
        return Err(PipelineError::from(conflict.clone()).into());
    }
    check_plan(&plan)?;
    deploy_files::check(settings, &plan)?;
    if settings.dry_run {
        check_engine(settings, &plan, &reporter).await?;
        ledger.dry_run();
        return Ok(Outcome::of_dry_run(&plan, ledger));
    }
    let writers = (&connection, targets, context);
    let published = publish(
        &plan,
        put.as_ref(),
        writers,
        settings,
        Arc::clone(&reporter),
        ledger,
    )
    .await;
    compare(settings, &connection, ledger, &*reporter).await;
    published?;
    propose(context, settings, &reporter, ledger).await?;
    let manifest = ledger.published_manifest();
    write_files(&settings.files, &ledger.report(), manifest.as_ref())?;
    if settings.files.sbom.is_some() {
        let repository = connection.repository()?;
        write_bill_of_materials(settings, &repository, &*reporter, ledger).await?;
    }
    deploy_files::write(settings, ledger)?;
    let report = ledger.report();
    if let (Some(replication), Some(digest)) = (&replication, report.digest) {
        replication.finish(digest, &*reporter).await?;
    }
    let mut outcome = Outcome::of_report(ledger);
    let way = report
        .digest
        .and_then(|digest| context.target().way_to_run(digest));
    outcome.closing.extend(way);
    exports::give(
        settings.exports,
        context.target(),
        &connection,
        &reporter,
        &mut outcome,
    )
    .await?;
    Ok(outcome)
}

/// Writes what the registry's bill of materials says to the file that it was asked for in. Where there is none, that is a warning: the
/// image is published.
async fn write_bill_of_materials(
    settings: &Settings,
    repository: &Repository,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), RunError> {
    let report = ledger.report();
    let (Some(name), Some(digest)) = (&report.image, report.digest) else {
        return Ok(());
    };
    let image = ReleasedImage {
        name,
        digest,
        tags: &[],
        platforms: &report.manifests,
        findings: None,
        repository,
    };
    let problem = match image.bills_of_materials().await {
        Ok(bills) if bills.is_empty() => {
            "the image has no bill of materials; a build with `sbom: true` makes one".to_owned()
        }
        Ok(bills) => return Ok(write_bills(&settings.files, &report, &bills)?),
        Err(error) => error.to_string(),
    };
    let message = format!("`sbom-file` is not written: {problem}");
    let (file, line) = (None, None);
    reporter.event(RunEvent::Warning(&Warning { message, file, line }));
    Ok(())
}

/// Does what the plan says, with the engine and the registry.
async fn publish(
    plan: &Plan,
    put: Option<&PlannedRepository>,
    (connection, targets, context): (&RegistryConnection, &OpenedTargets, &RunContext<'_>),
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<(), RunError> {
    let place = context.place();
    if plan.release.is_some() && place.is_none() {
        return Err(RunError::NoForge);
    }
    let repository = connection.repository()?;
    let logins = connection.logins(settings);
    let bases: Arc<dyn OpenBase> = Arc::new(connection.bases(Arc::clone(&logins)));
    let watch = BuildWatch::new(&settings.build, &reporter);
    let counter = watch.counter();
    let builder = Spread::new(&settings.build.builders, &watch.reporter(), |place, reporter| {
        let (logins, name) = (Arc::clone(&logins), plan.image.to_string());
        let runner = runner_at(place, settings, logins, Arc::clone(&reporter), name);
        EngineBuilder::new(runner, connection.login(), plan.image.clone(), reporter)
            .with_layer_cache(settings.build.layer_cache.clone())
            .with_bases(Arc::clone(&bases))
    });
    let builder = WatchedBuilder::new(builder, watch);
    let with_index = settings.build.soci.as_ref();
    let with_index =
        with_index.map(|variables| SociBuilder::new(&builder, &repository, variables, &*reporter));
    let scans = connection.scans();
    let signer = signer(settings.sign.as_ref(), connection);
    let signers = targets.signers(settings.sign.as_ref());
    let targets = targets.writers();
    let dockerfile = settings.shown_dockerfile();
    let repositories = connection.repositories().await;
    let writers = Writers {
        put: put.map(|planned| PutRepository {
            planned,
            repositories: repositories.writer(),
            registry: &repository,
        }),
        dockerfile: &dockerfile,
        registry: &repository,
        targets: FurtherTargets {
            source: &repository,
            repositories: &targets,
            signers: &signers,
        },
        builder: with_index
            .as_ref()
            .map_or(&builder as &dyn Builder, |builder| builder),
        tester: &builder,
        scans: &scans,
        clock: &SystemClock,
        signer: signer.as_deref(),
        forge: place,
    };
    let history = History::of(settings, Arc::clone(&reporter));
    let executed = execute(plan, &writers, &history, &*reporter, ledger).await;
    ledger.steps(counter.steps());
    let findings = write_sarif(
        settings.gate.as_ref(),
        &plan.image.repository,
        &dockerfile,
        ledger.gate_decision().as_ref(),
        &*reporter,
    );
    write_asff(
        settings.gate.as_ref(),
        (&plan.image, ledger.report().digest),
        ledger.gate_decision().as_ref(),
        &*reporter,
    );
    let is_sent = settings.gate.as_ref().is_some_and(|gate| gate.upload);
    if let Some(findings) = findings.filter(|_| is_sent) {
        upload_sarif(
            settings,
            context.web(),
            &plan.revision.commit,
            &findings,
            &*reporter,
        )
        .await;
    }
    Ok(executed?)
}
