//! `tagship plan`.

use std::sync::Arc;

use super::context::RunContext;
use super::engine_check::check_engine;
use super::from_cache::plan_bases;
use super::further_targets::OpenedTargets;
use super::gate::{plan_gate, plan_gate_offline};
use super::git_context::fetched;
use super::history::History;
use super::replication::ReplicationWait;
use super::result_files::check_files;
use super::target::note_destination;
use super::{Outcome, RunError};
use crate::pipeline::{Ledger, PipelineError};
use crate::ports::{Reporter, Stage};
use crate::settings::{Publishing, Settings};
use tagship_domain::plan::{Plan, Unknown};

/// Makes the plan and shows it. Writes nothing: nothing that writes is made.
pub async fn plan(
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<Outcome, RunError> {
    note_destination(settings, ledger);
    check_files(&settings.files)?;
    ledger.enter(Stage::Read, &*reporter);
    let fetched = fetched(settings, &reporter).await?;
    let settings = &*fetched;
    let context = RunContext::read(settings, &[], Arc::clone(&reporter)).await?;
    ledger.destination(context.image());
    let facts = if settings.offline {
        Err(Unknown::NotAsked)
    } else {
        let facts = async {
            let connection = context.connect().await?;
            let scope = context.scope(&connection).await?;
            let put = context.repository_to_put(&connection).await?;
            let unknown_bases = context.resolve_bases(&connection).await;
            let facts = context.facts(&connection, &scope, put.as_ref()).await?;
            Ok((facts, scope, connection, put, unknown_bases))
        };
        // Without its parts nothing is known of an index.
        let is_merge = matches!(settings.publishing, Publishing::Merge(_));
        match facts.await {
            Err(error) if !is_merge && RunError::is_out_of_reach(&error) => Err(Unknown::OutOfReach {
                message: error.reason(),
            }),
            facts => Ok(facts?),
        }
    };
    ledger.enter(Stage::Plan, &*reporter);
    let scope = match &facts {
        Ok((_, scope, ..)) => scope.clone(),
        Err(_) => context.scope_without_parts(),
    };
    let known = facts.as_ref().map(|(facts, ..)| facts).map_err(Clone::clone);
    let mut plan = context.plan(scope, known).await?;
    let gate = settings.gate.as_ref();
    match &facts {
        Ok((.., connection, put, unknown_bases)) => {
            plan.notes.extend(unknown_bases.iter().cloned());
            plan.repository = put.as_ref().map(|put| put.plan.clone());
            let targets = OpenedTargets::open(settings, &reporter).await?;
            let history = History::of(settings, Arc::clone(&reporter));
            let planned = targets.plan(&mut plan, &history, true).await;
            targets.close().await;
            planned?;
            plan_gate(gate, &mut plan, connection).await?;
            plan_bases(settings, &mut plan, Some(connection)).await?;
            ReplicationWait::of(settings, &plan, connection).await?;
        }
        Err(unknown) => {
            OpenedTargets::plan_offline(settings, &mut plan, unknown);
            plan_gate_offline(gate, &mut plan, unknown.clone());
            plan_bases(settings, &mut plan, None).await?;
        }
    }
    ledger.planned(&plan);
    ledger.dry_run();
    context.close().await;
    check_plan(&plan)?;
    if !settings.offline {
        check_engine(settings, &plan, &reporter).await?;
    }
    Ok(Outcome::of_plan(&plan, ledger))
}

/// Refuses a plan that could not be carried out as it stands.
pub(super) fn check_plan(plan: &Plan) -> Result<(), PipelineError> {
    if let Some(error) = plan.rebuild_error() {
        return Err(error.into());
    }
    if let Some(error) = plan.cache_error() {
        return Err(error.into());
    }
    plan.gate_error().map_or(Ok(()), |never| Err(never.into()))
}
