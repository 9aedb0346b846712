//! Plan and report for a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::release::planned_rows;
use super::{ProposalReport, ReleaseReport, Report, Status, TagReport};
use crate::ports::Warning;
use tagship_domain::findings::Baseline;
use tagship_domain::plan::{Content, Plan, PlannedTag, ReuseReason, TagAction};
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::release::ReleasePlan;
use tagship_domain::repositories::{PlanAction, RepositoryPlan};
use tagship_domain::signing::SignatureOutcome;
use tagship_domain::untrusted::Untrusted;

/// Columns under each other, two spaces apart, indented by two.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// What the user should look at in a plan: tags that are held for a reason that can be changed.
pub fn hold_warnings(plan: &Plan) -> Vec<Warning> {
    plan.holds()
        .filter_map(|(tag, reason)| {
            let hint = reason.hint()?;
            Some(Warning {
                message: format!("tag `{tag}` is held, because {reason}; {hint}"),
                file: None,
                line: None,
            })
        })
        .collect()
}

/// The repository that is made or changed, for a terminal; empty where there is none.
pub fn made_text(repository: Option<&RepositoryPlan>) -> String {
    let Some(repository) = repository else {
        return String::new();
    };
    let action = match (&repository.template, repository.action) {
        (Some(prefix), _) => format!("have ECR make the repository by its creation template `{prefix}`"),
        (None, PlanAction::Create) => "make the repository".to_owned(),
        (None, PlanAction::Change | PlanAction::Keep | PlanAction::Refuse) => {
            "change the repository".to_owned()
        }
    };
    format!("  {action}\n{}", super::repositories::diff(&repository.changes))
}

/// The plan for a terminal. Ends with a line break.
pub fn plan_text(plan: &Plan) -> String {
    let mut text = format!("{} from commit {}\n", plan.image, plan.revision);
    text += &made_text(plan.repository.as_ref());
    let _ = match &plan.content {
        Content::Build { request } => writeln!(
            text,
            "  build {} in {}{}",
            request.shown_dockerfile(),
            request.shown_context(),
            if plan.is_part {
                ", and push it by digest, without a tag"
            } else {
                ""
            }
        ),
        Content::Merge { index } => {
            let platforms: Vec<String> = index.platforms().iter().map(ToString::to_string).collect();
            writeln!(
                text,
                "  merge {} images to {}: {}",
                index.parts().len(),
                index.manifest().digest(),
                platforms.join(", ")
            )
        }
        Content::Published { digest, tag, basis } => {
            let assumed = match basis {
                ReuseReason::Label => "",
                ReuseReason::Assumed => "; it does not say what it was built from, and is taken for the same",
            };
            let place = if plan.is_part {
                "in the image that tag"
            } else {
                "which tag"
            };
            writeln!(
                text,
                "  already published as {digest}, {place} `{tag}` points to{assumed}"
            )
        }
    };
    if let Content::Build { request } = &plan.content {
        for base in &request.base_images {
            let _ = writeln!(text, "  read {base}");
        }
    }
    let mut rows: Vec<[String; 3]> = plan.tags.iter().map(planned_row).collect();
    rows.extend(plan.release.iter().flat_map(planned_rows));
    text += &table(&rows);
    for target in &plan.targets {
        let _ = writeln!(text, "and to {}", target.image);
        let rows: Vec<[String; 3]> = target.tags.iter().map(planned_row).collect();
        text += &table(&rows);
    }
    if let Some(gate) = &plan.gate {
        let _ = writeln!(
            text,
            "  scan gate: `scan: {}`, `fail-on: {}`, before any tag is put",
            gate.scan.as_str(),
            gate.policy.fail_on
        );
        let _ = match &gate.baseline {
            None => Ok(()),
            Some(Baseline::Released(released)) => {
                let (tag, digest) = (&released.tag, released.digest.short());
                writeln!(text, "    only findings count that `{tag}` at {digest} has not")
            }
            Some(Baseline::Missing(missing)) => writeln!(text, "    every finding counts as new: {missing}"),
        };
    }
    if let Some(signer) = plan.signer {
        let _ = writeln!(text, "  signature: `sign: {signer}`, before any tag is put");
    }
    for hint in plan
        .holds()
        .filter_map(|(_, reason)| reason.hint())
        .collect::<BTreeSet<_>>()
    {
        let _ = writeln!(text, "  hint: {hint}");
    }
    for note in &plan.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// What happens to a tag, as a row of a table.
fn planned_row(planned: &PlannedTag) -> [String; 3] {
    let detail = match &planned.action {
        TagAction::Create => String::new(),
        TagAction::Keep { digest } => format!("at {}", digest.short()),
        TagAction::Move { from } => format!("from {}", from.short()),
        TagAction::Hold {
            at: Some(at), reason, ..
        } => format!("at {}: {reason}", at.short()),
        TagAction::Hold { reason, .. } => reason.to_string(),
        TagAction::Conflict(conflict) => conflict
            .existing
            .as_ref()
            .map(|existing| format!("points to {}", existing.short()))
            .unwrap_or_default(),
        TagAction::Unchecked => "the registry was not asked".to_owned(),
    };
    [
        planned.action.name().to_owned(),
        planned.wanted.tag.to_string(),
        detail,
    ]
}

/// What happened to a tag of the image with this digest, as a row of a table.
fn reported_row(tag: &TagReport, image: Option<Digest>) -> [String; 3] {
    let at = match (tag.digest, &tag.reason) {
        (Some(digest), None) if Some(digest) == image => String::new(),
        (Some(digest), None) => format!("at {}", digest.short()),
        (Some(digest), Some(reason)) => format!("at {}: {reason}", digest.short()),
        (None, Some(reason)) => reason.to_string(),
        (None, None) => "does not exist".to_owned(),
    };
    [tag.outcome.as_str().to_owned(), tag.tag.to_string(), at]
}

/// The plan of releasing an image that is published already, for a terminal. Ends with a line break.
pub fn release_plan_text(plan: &ReleasePlan, image: &ImageName, digest: Digest) -> String {
    let head = format!("{} from commit {}\n", image.at(digest), plan.commit);
    head + &table(&planned_rows(plan))
}

/// The report for a terminal. Ends with a line break.
pub fn report_text(report: &Report) -> String {
    let mut text = match (report.status, &report.image) {
        (Status::Published, Some(image)) => format!("published {image}\n"),
        (Status::AlreadyPublished, Some(image)) => format!("already published: {image}\n"),
        (Status::Pushed, Some(image)) => format!("pushed {image} by digest, without a tag\n"),
        (Status::DryRun, _) => "dry run: nothing was written\n".to_owned(),
        _ => "not published\n".to_owned(),
    };
    if let Some(digest) = &report.digest {
        let size = report
            .size
            .map(|size| format!(" ({})", HumanBytes(size)))
            .unwrap_or_default();
        let _ = writeln!(text, "  {digest}{size}");
    }
    if report.status != Status::DryRun {
        let row = |tag| reported_row(tag, report.digest);
        let mut rows: Vec<[String; 3]> = report.tags.iter().map(row).collect();
        rows.extend(report.release.iter().flat_map(ReleaseReport::rows));
        rows.extend(report.proposal.as_ref().map(ProposalReport::row));
        text += &table(&rows);
        for target in &report.targets {
            let sent = match target.bytes {
                0 => String::new(),
                bytes => format!(", {} sent", HumanBytes(bytes)),
            };
            let _ = writeln!(text, "{}: {}{sent}", target.image, target.status.as_str());
            let rows: Vec<[String; 3]> = target.tags.iter().map(row).collect();
            text += &table(&rows);
        }
    }
    if let Some(gate) = &report.gate {
        text += &gate.line();
    }
    if let Some(signature) = &report.signature {
        let was = match signature.outcome {
            SignatureOutcome::Created => "signed",
            SignatureOutcome::Kept => "was signed before",
        };
        let _ = writeln!(text, "  {was} by {}", signature.by);
    }
    for file in &report.deploy_files {
        let _ = writeln!(
            text,
            "  wrote {} ({})",
            Untrusted::new(&file.path),
            file.form.as_str()
        );
    }
    for name in &report.names {
        let _ = writeln!(text, "  {name}");
    }
    let durations = report.durations();
    if !durations.is_empty() {
        let _ = writeln!(text, "  {durations}");
    }
    text
}
