use super::PipelineError;
use super::tagging::put_tags;
use crate::domain::plan::{Content, Plan};
use crate::ports::{Builder, ReadHistory, Reporter, Stage, WriteRegistry};
use crate::registry::{RegistryError, verify};
use crate::report::Ledger;

/// What a run writes with. A dry run has none.
#[derive(Clone, Copy)]
pub struct Writers<'a> {
    /// The repository.
    pub registry: &'a dyn WriteRegistry,
    /// The builder.
    pub builder: &'a dyn Builder,
}

impl std::fmt::Debug for Writers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writers").finish_non_exhaustive()
    }
}

/// Does what the plan says: builds and pushes by digest, verifies, then puts the tags.
///
/// Whatever breaks it off, the ledger tells what is true, and the next run goes on from there.
pub async fn execute(
    plan: &Plan,
    writers: &Writers<'_>,
    history: &dyn ReadHistory,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    if let Some(conflicts) = plan.conflicts() {
        return Err(conflicts.into());
    }
    let digest = match &plan.content {
        Content::Published { digest, .. } => *digest,
        Content::Build { request } => {
            enter(Stage::Build, reporter, ledger);
            ledger.engine(writers.builder.check(request).await?);
            writers.builder.publish(request, writers.registry).await?
        }
    };
    if plan.is_fulfilled() {
        ledger.published();
        return Ok(());
    }
    let manifest = if let Content::Published { .. } = plan.content {
        let missing = RegistryError::ContentMissing { digest };
        writers.registry.manifest(&digest).await?.ok_or(missing)?
    } else {
        enter(Stage::Verify, reporter, ledger);
        let image = verify(&digest, writers.registry).await?;
        ledger.image(digest, &image.facts);
        image.manifest
    };
    enter(Stage::Tag, reporter, ledger);
    put_tags(plan, &manifest, writers.registry, history, ledger).await?;
    ledger.published();
    Ok(())
}

fn enter(stage: Stage, reporter: &dyn Reporter, ledger: &Ledger) {
    ledger.enter(stage);
    reporter.event(crate::ports::Event::Stage(stage));
}
