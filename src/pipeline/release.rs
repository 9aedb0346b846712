//! The release, only after the image has all its tags: git tag, draft, assets, publication, moving git tags.
//!
//! Each step looks, acts where something is missing, and looks again where an answer is lost. So a run that is broken off
//! anywhere is completed by the next one.

mod files;
mod writer;

use self::writer::ReleaseWriter;
use super::{Ledger, PipelineError};
use crate::ports::{ForgeError, ReadReleases, ReadTags, ReleasePlace, Reporter, RunEvent, Stage, Warning};
use tagship_domain::error::Diagnose as _;
use tagship_domain::plan::Note;
use tagship_domain::release::{
    ReleaseAction, ReleaseFacts, ReleaseKind, ReleasePlan, ReleaseRequest, ReleaseState, WorkflowInputs,
};

pub use files::ReleasedImage;

/// Reads what the plan of a release needs to know of a forge.
pub async fn gather_release(
    forge: &dyn ReadReleases,
    request: &ReleaseRequest,
) -> Result<ReleaseFacts, ForgeError> {
    let mut facts = gather_tags(forge, request).await?;
    if request.kind == ReleaseKind::Github {
        let tag = request.tag(&facts.names());
        if let Some(release) = forge.release(&tag).await? {
            facts.release = Some(if release.is_draft {
                ReleaseState::Draft
            } else {
                ReleaseState::Published
            });
            facts.url = (!release.is_draft).then_some(release.url);
        }
    }
    Ok(facts)
}

/// Reads the git tags, and where those of the release point to.
pub async fn gather_tags(forge: &dyn ReadTags, request: &ReleaseRequest) -> Result<ReleaseFacts, ForgeError> {
    let listed = forge.git_tags(request.prefix.given().unwrap_or_default()).await?;
    let mut facts = ReleaseFacts {
        tags: listed.iter().map(|tag| tag.name.clone()).collect(),
        ..ReleaseFacts::default()
    };
    let own = request.tag(&facts.names());
    let moving = request.moving_tags(&facts.names());
    let names: Vec<String> = std::iter::once(own)
        .chain(moving.into_iter().map(|(_, name)| name))
        .collect();
    for tag in listed.into_iter().filter(|tag| names.contains(&tag.name)) {
        let commit = if tag.is_commit {
            Some(tag.object)
        } else {
            forge.tag_commit(&tag.name).await?
        };
        facts.commits.extend(commit.map(|commit| (tag.name, commit)));
    }
    Ok(facts)
}

/// Does what the plan of a release says, as far as it is not done, and starts the workflows that come after it.
pub async fn release(
    plan: &ReleasePlan,
    image: ReleasedImage<'_>,
    place: ReleasePlace<'_>,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    let inputs = WorkflowInputs::new(&plan.version, image.name, image.digest);
    publish(plan, image, place, reporter, ledger).await?;
    // A run that finds everything as it should be starts nothing twice.
    let report = ledger.report().release;
    let (Some(forge), true) = (place.releases(), report.is_some_and(|release| release.is_new())) else {
        return Ok(());
    };
    if plan.workflows.is_empty() && forge.is_the_jobs() {
        reporter.event(RunEvent::Note(&Note::StartsNoWorkflow.to_string()));
        ledger.note(Note::StartsNoWorkflow);
    }
    for workflow in &plan.workflows {
        match forge.start_workflow(workflow, &plan.tag, &inputs).await {
            Ok(()) => ledger.started(workflow),
            // The release is published, and stays so.
            Err(error) => {
                let message = if error.is_unsure() {
                    format!("whether workflow `{workflow}` was started is not known: {error}")
                } else {
                    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                    format!("{error}{hint}")
                };
                let (file, line) = (None, None);
                reporter.event(RunEvent::Warning(&Warning { message, file, line }));
            }
        }
    }
    Ok(())
}

async fn publish(
    plan: &ReleasePlan,
    image: ReleasedImage<'_>,
    place: ReleasePlace<'_>,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    ledger.enter(Stage::Release, reporter);
    let facts = gather_tags(place.tags(), plan.request()).await?;
    // All that the registry is asked comes before the git tag.
    let is_published = plan.release.is_none_or(|release| release == ReleaseAction::Keep);
    let plan = plan.renewed(&facts);
    if let Some(conflict) = plan.conflict() {
        return Err(conflict.clone().into());
    }
    let documents = if is_published {
        Vec::new()
    } else {
        image.documents(reporter, ledger).await?
    };
    let writer = ReleaseWriter {
        plan: &plan,
        image,
        place,
        documents: &documents,
        ledger,
    };
    writer.put_tag().await?;
    let draft = match plan.kind {
        ReleaseKind::GitTag => None,
        ReleaseKind::Github => writer.prepare().await?,
    };
    if draft.is_none() && plan.moving.is_empty() {
        return Ok(());
    }
    // Now that this version's git tag is there, runs that come later see it: what they put is seen here.
    let plan = plan.renewed(&gather_tags(place.tags(), plan.request()).await?);
    let writer = ReleaseWriter {
        plan: &plan,
        ..writer
    };
    if let Some(draft) = draft {
        writer.publish(&draft).await?;
    }
    writer.move_tags().await?;
    writer.confirm().await
}
