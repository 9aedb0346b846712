//! The job summary.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::links;
use super::release::planned_rows;
use super::{LeftImage, ProposalReport, ReleaseReport, Report, Status};
use tagship_domain::comparison::Comparison;
use tagship_domain::findings::Finding;
use tagship_domain::plan::{HoldReason, Plan};
use tagship_domain::reference::Digest;
use tagship_domain::untrusted::Untrusted;

/// The most rows of a list of findings that two images differ in.
const MOST_ROWS: usize = 10;

/// The job summary: GitHub's Markdown. `failure` is the error's text when the run failed.
pub fn summary(report: &Report, plan: Option<&Plan>, failure: Option<&str>) -> String {
    let name = report
        .image
        .as_ref()
        .map_or_else(|| "image".to_owned(), |image| image.repository.to_string());
    let mut text = match report.status {
        Status::Published => format!("### Published `{name}`\n\n"),
        Status::AlreadyPublished => format!("### `{name}` was already published\n\n"),
        Status::Pushed => format!("### Pushed `{name}` by digest, without a tag\n\n"),
        Status::Built => format!("### Built `{name}`: nothing was published\n\n"),
        Status::DryRun => format!("### Plan for `{name}`: nothing was written\n\n"),
        Status::Failed => format!("### `{name}` was not published\n\n"),
    };
    if let Some(failure) = failure {
        let _ = writeln!(text, "{}\n", fenced(failure));
    }
    if report.status == Status::DryRun
        && let Some(plan) = plan
    {
        text += "| Tag | Plan |\n| --- | --- |\n";
        for planned in &plan.tags {
            let action = because(planned.action.name(), planned.action.reason());
            let _ = writeln!(text, "| `{}` | {action} |", planned.wanted.tag);
        }
        for target in &plan.targets {
            for planned in &target.tags {
                let action = because(planned.action.name(), planned.action.reason());
                let _ = writeln!(text, "| `{}:{}` | {action} |", target.image, planned.wanted.tag);
            }
        }
        for [action, name, detail] in plan.release.iter().flat_map(planned_rows) {
            let detail = if detail.is_empty() {
                detail
            } else {
                format!(": {}", cell(&detail))
            };
            let _ = writeln!(text, "| {} | {action}{detail} |", cell(&name));
        }
    } else if !report.tags.is_empty() {
        text += "| Tag | | Digest |\n| --- | --- | --- |\n";
        for tag in &report.tags {
            let digest = short(tag.digest);
            let outcome = because(tag.outcome.as_str(), tag.reason.as_ref());
            let _ = writeln!(text, "| `{}` | {outcome} | {digest} |", tag.tag);
        }
        for target in &report.targets {
            let status = target.status.as_str();
            let digest = short(report.digest);
            let _ = writeln!(text, "| `{}` | {status} | {digest} |", target.image);
        }
        let proposal = report.proposal.as_ref().map(ProposalReport::row);
        for [outcome, name, detail] in report
            .release
            .iter()
            .flat_map(ReleaseReport::rows)
            .chain(proposal)
        {
            let _ = writeln!(text, "| {} | {outcome} | {} |", cell(&name), cell(&detail));
        }
    }
    text += &facts(report);
    if let Some(signature) = &report.signature {
        let _ = writeln!(text, "\nSigned by `{}`\n", signature.by);
    }
    if let Some(gate) = &report.gate {
        text += &gate.markdown();
    }
    if let Some(comparison) = &report.comparison {
        text += &comparison_markdown(comparison);
    }
    if let (Some(image), Some(digest), true) = (&report.image, report.digest, report.status != Status::Failed)
    {
        let _ = writeln!(text, "\n```sh\ndocker pull {}\n```", image.at(digest));
    }
    for note in &report.notes {
        let _ = writeln!(text, "\n- {}", cell(&note.to_string()));
    }
    text
}

/// What is known of the image, as a table; empty where nothing is.
fn facts(report: &Report) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let page = report.image.as_ref().zip(report.digest);
    let page = page.filter(|_| report.status != Status::Failed);
    let page = page.and_then(|(image, digest)| links::console(image, &digest));
    facts.extend(
        report
            .digest
            .map(|digest| ("Digest", linked(&format!("`{digest}`"), page))),
    );
    facts.extend(
        report
            .version
            .as_ref()
            .map(|version| ("Version", format!("`{version}`"))),
    );
    facts.extend(
        report
            .revision
            .as_ref()
            .map(|revision| ("Commit", linked(&format!("`{revision}`"), links::commit(report)))),
    );
    facts.extend(links::run(report).map(|page| ("Run", linked("this run", Some(page)))));
    let platforms: Vec<String> = report
        .manifests
        .iter()
        .map(|manifest| format!("`{}`", manifest.platform))
        .collect();
    if !platforms.is_empty() {
        facts.push(("Platforms", platforms.join(", ")));
    }
    facts.extend(
        report
            .deploy_files
            .iter()
            .map(|file| ("Deploy file", cell(&file.path))),
    );
    facts.extend(
        report
            .size
            .map(|size| ("Size", sized(size, report.surroundings.left.as_ref()))),
    );
    let steps = report.surroundings.steps;
    if steps.total > 0 {
        facts.push(("Cached", format!("{} of {} steps", steps.cached, steps.total)));
    }
    facts.extend(report.engine.as_ref().map(|engine| {
        (
            "Engine",
            format!("{} ({})", cell(&engine.version), cell(&engine.platform)),
        )
    }));
    let mut text = String::new();
    if !facts.is_empty() {
        text += "\n| | |\n| --- | --- |\n";
    }
    for (fact, value) in facts {
        let _ = writeln!(text, "| {fact} | {value} |");
    }
    let bars = report.bars();
    if !bars.is_empty() {
        let _ = writeln!(text, "\n```text\n{bars}```");
    }
    text
}

/// The beginning of a digest, by which the images of a table differ; the image's own stands below, whole.
fn short(digest: Option<Digest>) -> String {
    digest
        .map(|digest| format!("`{}`", digest.short()))
        .unwrap_or_default()
}

/// Text as a link, where there is an address.
fn linked(text: &str, address: Option<String>) -> String {
    address.map_or_else(|| text.to_owned(), |address| format!("[{text}]({address})"))
}

/// A size, and what it is to that of the image that a tag left.
fn sized(size: u64, left: Option<&LeftImage>) -> String {
    let Some(left) = left else {
        return HumanBytes(size).to_string();
    };
    format!(
        "{}, {} against `{}` before",
        HumanBytes(size),
        difference(left.size, size),
        left.tag
    )
}

/// How much larger or smaller, with a sign.
fn difference(before: u64, after: u64) -> String {
    match after.checked_sub(before) {
        Some(more) => format!("+{}", HumanBytes(more)),
        None => format!("−{}", HumanBytes(before - after)),
    }
}

/// The comparison as a part of the job's summary.
fn comparison_markdown(comparison: &Comparison) -> String {
    let Comparison {
        base,
        size_before,
        size_after,
        layers_kept,
        layers_added,
        bytes_added,
        layers_removed,
        findings,
    } = comparison;
    let commit = base.revision.as_deref().map(|revision| {
        let short: String = revision.chars().take(12).collect();
        format!(" of commit {}", cell(&short))
    });
    let mut text = format!(
        "\n#### Compared with `{}`{}\n\n`{}`\n\n| | |\n| --- | --- |\n",
        base.tag,
        commit.unwrap_or_default(),
        base.digest
    );
    let _ = writeln!(
        text,
        "| Size | {}, {} |",
        HumanBytes(*size_after),
        difference(*size_before, *size_after)
    );
    let _ = writeln!(
        text,
        "| Layers | {layers_kept} the same, {layers_added} new ({}), {layers_removed} gone |",
        HumanBytes(*bytes_added)
    );
    if let Some(change) = findings {
        let _ = writeln!(
            text,
            "| Findings | {} new, {} gone |",
            change.added_total, change.removed_total
        );
        text += &list("New", &change.added, change.added_total);
        text += &list("Gone", &change.removed, change.removed_total);
    }
    text
}

fn list(heading: &str, findings: &[Finding], total: usize) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut text =
        format!("\n| {heading} | Vulnerability | Package | Version |\n| --- | --- | --- | --- |\n");
    for finding in findings.iter().take(MOST_ROWS) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            finding.severity,
            cell(&finding.vulnerability),
            cell(&finding.package.name),
            cell(&finding.package.version)
        );
    }
    let more = total.saturating_sub(MOST_ROWS.min(findings.len()));
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more");
    }
    text
}

/// What happens to a tag, and why it is held.
fn because(what: &str, reason: Option<&HoldReason>) -> String {
    reason.map_or_else(
        || what.to_owned(),
        |reason| format!("{what}: {}", cell(&reason.to_string())),
    )
}

/// Text from outside within a line of Markdown. It mentions no person, because a comment would notify them.
pub(super) fn cell(text: &str) -> String {
    Untrusted::line(text)
        .to_string()
        .replace('@', "@&#8203;")
        .chars()
        .flat_map(|c| {
            matches!(c, '|' | '<' | '>' | '[' | ']' | '*' | '\\' | '`')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect()
}

/// Text from outside as a code block that it cannot leave.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}
