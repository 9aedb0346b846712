//! A workflow of the usual actions for Amazon ECR as one of Tagship.
//!
//! The workflow is read within the bounds of `tagship.yaml`. Steps are cut out and put in by lines, so that everything else
//! stays as its author wrote it; what has no equivalent is named.

mod expression;
mod image;
mod job;
mod needs;
mod note;
mod replacement;
mod step_text;
mod targets;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use self::expression::{references, rewired};
use self::job::{Job, Step, StepKind, jobs};
use self::needs::{builds, id_of, is_exporting, is_kept_build, uses_aws, uses_login};
use self::replacement::{Replacement, metadata_of};
use self::targets::TargetLogin;
use crate::config::yaml;
use tagship_domain::error::{Diagnose, FailureKind};

pub use note::MigrationNote;

/// A workflow that was migrated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The whole workflow.
    pub workflow: String,
    /// What its author should know.
    pub notes: Vec<MigrationNote>,
}

/// Why a workflow cannot be migrated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// It is no YAML, or beyond the bounds.
    #[error("line {line}: {message}")]
    NotYaml {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is no workflow.
    #[error("the file has no `jobs`")]
    NoJobs,
    /// A step is not laid out as a list item of its own lines.
    #[error(
        "line {line}: the step is not written as `- key: value` on lines of its own, so that it cannot be replaced"
    )]
    Layout {
        /// The line, from 1.
        line: usize,
    },
    /// No step pushes to ECR by `docker/build-push-action`.
    #[error("no step of `docker/build-push-action` pushes to Amazon ECR")]
    NothingToReplace,
}

impl Diagnose for MigrationError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NothingToReplace => Some(
                "`tagship init` writes a workflow of its own; steps that build by `run` are replaced by hand"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// Migrates a workflow.
pub fn migrate(text: &str) -> Result<Migration, MigrationError> {
    let root = yaml::read(text).map_err(|problem| MigrationError::NotYaml {
        line: problem.line,
        message: problem.message,
    })?;
    let lines: Vec<&str> = text.lines().collect();
    let jobs = jobs(&root.ok_or(MigrationError::NoJobs)?, &lines)?;
    let mut edits = Edits::default();
    for job in &jobs {
        edits.migrate_job(job, &lines);
    }
    if edits.replaced == 0 {
        return Err(MigrationError::NothingToReplace);
    }
    let mut workflow = String::new();
    for (number, line) in lines.iter().enumerate() {
        if let Some(new) = edits.lines.get(&number) {
            workflow.push_str(new);
        } else {
            workflow.push_str(line);
            workflow.push('\n');
        }
    }
    // What was written with the line breaks of Windows stays so.
    if text.contains("\r\n") {
        workflow = workflow.replace('\n', "\r\n");
    }
    Ok(Migration {
        workflow,
        notes: edits.notes,
    })
}

/// What becomes of lines: what stands in the place of each that does not stay.
#[derive(Default)]
struct Edits {
    lines: BTreeMap<usize, String>,
    notes: Vec<MigrationNote>,
    replaced: usize,
}

/// What a step becomes.
enum Fate {
    Stays,
    Removed,
    /// By this text.
    Replaced(String),
}

impl Edits {
    fn migrate_job(&mut self, job: &Job, lines: &[&str]) {
        let mut made: Vec<Option<(Replacement, String)>> = job
            .steps
            .iter()
            .map(|step| {
                let replacement = step
                    .is_publishing()
                    .then(|| Replacement::of(job, step))
                    .flatten()?;
                Some((replacement, id_of(job, step)))
            })
            .collect();
        if made.iter().all(Option::is_none) {
            return;
        }
        self.replaced += made.iter().flatten().count();
        if !job.steps.iter().any(|step| step.kind == StepKind::Checkout) {
            self.notes.push(MigrationNote::NoCheckout);
        }
        let logins: Vec<TargetLogin> = made
            .iter()
            .flatten()
            .flat_map(|(replacement, _)| replacement.logins.clone())
            .collect();
        let fates: Vec<Fate> = job
            .steps
            .iter()
            .zip(&made)
            .map(|(step, made)| self.fate(job, step, made.as_ref(), &logins))
            .collect();
        for (made, _) in made.iter_mut().flatten() {
            self.notes.append(&mut made.notes);
        }
        for (step, fate) in job.steps.iter().zip(&fates) {
            let new = match fate {
                Fate::Stays => continue,
                Fate::Removed => String::new(),
                Fate::Replaced(text) => text.clone(),
            };
            self.lines
                .extend(step.lines.clone().map(|line| (line, String::new())));
            // Blank lines above what is taken out go with it.
            if new.is_empty() && step.lines.start > 0 && lines[step.lines.start - 1].trim().is_empty() {
                self.lines.insert(step.lines.start - 1, String::new());
            }
            self.lines.insert(step.lines.start, new);
        }
        self.rewire(job, &fates, lines);
    }

    fn fate(
        &mut self,
        job: &Job,
        step: &Step,
        made: Option<&(Replacement, String)>,
        logins: &[TargetLogin],
    ) -> Fate {
        let name = step.name.clone();
        if let Some((replacement, id)) = made {
            return Fate::Replaced(replacement.text(step, id));
        }
        let stays = |reason| MigrationNote::Stays {
            step: name.clone(),
            reason,
        };
        let others = || job.steps.iter().filter(|other| !std::ptr::eq(*other, step));
        let kept = || others().filter(|other| matches!(other.kind, StepKind::Other) || is_kept_build(other));
        let note = match step.kind {
            StepKind::DockerLogin if targets::is_taken_over(step, job, logins) => return Fate::Removed,
            StepKind::Credentials
                if kept().any(|step| uses_aws(step) || uses_login(step))
                    && !job
                        .steps
                        .iter()
                        .any(|build| build.is_publishing() && is_exporting(job, build)) =>
            {
                stays("other steps call AWS")
            }
            StepKind::EcrLogin if kept().any(uses_login) => stays("other steps use Docker's login"),
            StepKind::Buildx if kept().any(builds) => stays("other steps build"),
            StepKind::Metadata
                if !job.steps.iter().any(|build| {
                    build.is_publishing() && metadata_of(job, build).is_some_and(|of| std::ptr::eq(of, step))
                }) =>
            {
                stays("no step that is replaced takes its tags from it")
            }
            StepKind::Qemu => stays("it lets the engine build for other platforms"),
            StepKind::DockerLogin => stays(
                "the action does not see Docker's logins; `tagship/tagship/setup` and `run: tagship ship` do",
            ),
            StepKind::BuildPush => stays("it does not push to Amazon ECR"),
            StepKind::Other | StepKind::Checkout => MigrationNote::Untouched { step: name },
            StepKind::Credentials | StepKind::EcrLogin | StepKind::Buildx | StepKind::Metadata => {
                let build = job.steps.iter().find(|step| step.is_publishing());
                if let Some(condition) = step.text("if")
                    && build.and_then(|build| build.text("if")) != Some(condition)
                {
                    self.notes.push(MigrationNote::Condition {
                        step: name,
                        condition: condition.to_owned(),
                    });
                }
                return Fate::Removed;
            }
        };
        self.notes.push(note);
        Fate::Stays
    }

    /// Leads references to outputs of steps that are gone to Tagship's step.
    fn rewire(&mut self, job: &Job, fates: &[Fate], lines: &[&str]) {
        let is_gone = |fate: &Fate| !matches!(fate, Fate::Stays);
        let publishing = || {
            job.steps
                .iter()
                .zip(fates)
                .filter(|(_, fate)| matches!(fate, Fate::Replaced(_)))
        };
        let Some((first, _)) = publishing().next() else {
            return;
        };
        let before_publication = job.steps[0].lines.start..first.lines.start + 1;
        for number in job.lines.clone() {
            let old = match self.lines.get(&number) {
                Some(new) if new.is_empty() => continue,
                Some(new) => new.clone(),
                None => lines[number].to_owned() + "\n",
            };
            let mut line = old.clone();
            for (step, output) in references(&old) {
                let of_id = |(known, _): &(&Step, &Fate)| known.text("id") == Some(step.as_str());
                let gone = job
                    .steps
                    .iter()
                    .zip(fates)
                    .filter(|(_, fate)| is_gone(fate))
                    .find(of_id);
                let Some((gone, _)) = gone else { continue };
                let reference = format!("steps.{step}.outputs.{output}");
                let at = number + 1;
                let Some(new) = equivalent(gone.kind, &output) else {
                    self.notes.push(MigrationNote::NoOutput { reference, line: at });
                    continue;
                };
                if before_publication.contains(&number) {
                    self.notes.push(MigrationNote::TooEarly { reference, line: at });
                    continue;
                }
                // A build's own step has it; what prepared the builds has become a part of the first.
                let by = if gone.kind == StepKind::BuildPush {
                    gone
                } else {
                    first
                };
                let new = format!("steps.{}.outputs.{new}", id_of(job, by));
                line = rewired(&line, &step, &output, &new);
            }
            if line.contains("DOCKER_METADATA_OUTPUT_") {
                self.notes
                    .push(MigrationNote::MetadataVariable { line: number + 1 });
            }
            if line != old {
                self.lines.insert(number, line);
            }
        }
    }
}

/// The output of Tagship that says what an output of a step that is gone said.
fn equivalent(kind: StepKind, output: &str) -> Option<&'static str> {
    match (kind, output) {
        (StepKind::BuildPush, "digest") => Some("digest"),
        (StepKind::Metadata, "tags") => Some("tags"),
        (StepKind::Metadata, "tag-names") => Some("tag-names"),
        (StepKind::Metadata, "version") => Some("tag"),
        (StepKind::EcrLogin, "registry") => Some("registry"),
        _ => None,
    }
}
