//! Proposes the next version for review: a pull request adds it to the changelog, and the run of the commit that has it there
//! releases it.

use std::sync::Arc;

use super::RunError;
use super::context::RunContext;
use super::review::changelog;
use super::source::checkout;
use crate::pipeline::{Ledger, PipelineError};
use crate::ports::{FileChange, ForgeError, ProposeChange, PullRequest, Reporter, RunEvent};
use crate::report::{ProposalOutcome, ProposalReport};
use crate::settings::Settings;
use tagship_domain::facts::CommitId;
use tagship_domain::release::Proposal;

/// Proposes the version that the run counted, if it is one to be reviewed: opens the pull request, or brings it up to date.
pub(super) async fn propose(
    context: &RunContext<'_>,
    settings: &Settings,
    reporter: &Arc<dyn Reporter>,
    ledger: &Ledger,
) -> Result<(), RunError> {
    let review = settings
        .release
        .as_ref()
        .and_then(|release| release.review.as_ref());
    let (naming, wish) = (context.naming(), context.wish());
    let (Some(review), Some(proposed), Some((wish, known))) = (review, &naming.proposed, wish) else {
        return Ok(());
    };
    let Some(base) = naming.branch() else {
        let note = format!("version {proposed} is proposed by runs of a branch alone");
        reporter.event(RunEvent::Note(&note));
        return Ok(());
    };
    let forge = wish.forge().ok_or(RunError::NoForge)?;
    let commit = &naming.source.commit;
    let tip = forge.branch(base).await.map_err(PipelineError::from)?;
    if tip.as_ref() != Some(commit) {
        let note = format!("version {proposed} is proposed by the run of a later commit of the branch");
        reporter.event(RunEvent::Note(&note));
        return Ok(());
    }
    let (_, changes) = wish.past(proposed, commit, known, reporter).await?;
    let tag = settings.tag_prefix.tag(proposed, changes.previous_tag.as_deref());
    let proposal = Proposal {
        version: proposed,
        tag: &tag,
        time: naming.source.committed_at,
        changes: &changes,
        web: context.web(),
        base,
        prefix: &settings.tag_prefix,
    };
    let text = proposal.added_to(&changelog(&review.file)?);
    let place = checkout(settings).place_in(&settings.build.context, &review.file)?;
    let path = String::from_utf8_lossy(&place);
    let change = FileChange {
        parent: commit,
        path: &path,
        content: &text,
        message: &proposal.title(),
    };
    let (outcome, request) = bring(forge, &proposal, &change)
        .await
        .map_err(PipelineError::from)?;
    ledger.proposed(ProposalReport {
        version: proposed.clone(),
        outcome,
        url: request.url,
    });
    Ok(())
}

/// Brings branch and pull request to what they are to be.
async fn bring(
    forge: &dyn ProposeChange,
    proposal: &Proposal<'_>,
    change: &FileChange<'_>,
) -> Result<(ProposalOutcome, PullRequest), ForgeError> {
    let (branch, base) = (proposal.branch(), proposal.base);
    let current = forge.branch(&branch).await?;
    let commit = forge.commit_file(change, current.as_ref()).await?;
    let is_moved = put_branch(forge, &branch, current.as_ref(), &commit).await?;
    let (title, text) = (proposal.title(), proposal.text());
    let open = match forge.pull_request(&branch, base).await? {
        Some(open) => open,
        None => match forge.open_pull_request((&branch, base), &title, &text).await {
            Ok(opened) => return Ok((ProposalOutcome::Opened, opened)),
            // It may be open after all, by this run or another.
            Err(error) if error.is_unsure() => forge.pull_request(&branch, base).await?.ok_or(error)?,
            Err(error) => return Err(error),
        },
    };
    let is_as_wanted = open.title == title && open.text.replace("\r\n", "\n").trim_end() == text.trim_end();
    if !is_as_wanted {
        forge.change_pull_request(open.number, &title, &text).await?;
    }
    let outcome = if is_as_wanted && !is_moved {
        ProposalOutcome::Kept
    } else {
        ProposalOutcome::Updated
    };
    Ok((outcome, open))
}

/// Lets the branch end with the commit; gives whether it did not.
async fn put_branch(
    forge: &dyn ProposeChange,
    branch: &str,
    current: Option<&CommitId>,
    commit: &CommitId,
) -> Result<bool, ForgeError> {
    match current {
        Some(current) if current == commit => return Ok(false),
        Some(_) => forge.move_branch(branch, commit).await?,
        None => match forge.create_branch(branch, commit).await {
            Err(error) if error.is_unsure() => forge.move_branch(branch, commit).await?,
            created => created?,
        },
    }
    Ok(true)
}
