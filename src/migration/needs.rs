//! What the steps of a job need from each other, as far as their text says.

use super::job::{Job, Step, StepKind};

/// The id that Tagship's step has: the build's own, so that references to it stay.
pub(super) fn id_of(job: &Job, build: &Step) -> String {
    if let Some(id) = build.text("id") {
        return id.to_owned();
    }
    let is_taken = |id: &str| job.steps.iter().any(|step| step.text("id") == Some(id));
    let number = job
        .steps
        .iter()
        .position(|step| std::ptr::eq(step, build))
        .unwrap_or_default();
    if is_taken("ship") || job.steps.iter().filter(|step| step.is_publishing()).count() > 1 {
        format!("ship-{}", number + 1)
    } else {
        "ship".to_owned()
    }
}

/// Whether a step builds without pushing to ECR.
pub(super) fn is_kept_build(step: &Step) -> bool {
    step.kind == StepKind::BuildPush && !step.is_publishing()
}

/// Whether a step seems to call AWS with the credentials of the job.
pub(super) fn uses_aws(step: &Step) -> bool {
    const PROGRAMS: [&str; 10] = [
        "aws ",
        "terraform",
        "tofu ",
        "cdk ",
        "sam ",
        "eksctl",
        "kubectl",
        "helm ",
        "copilot ",
        "serverless",
    ];
    let run = step.text("run").unwrap_or_default();
    let uses = step.text("uses").unwrap_or_default();
    uses.starts_with("aws-actions/")
        || uses.contains("aws")
        || PROGRAMS.iter().any(|program| run.contains(program))
}

/// Whether steps call AWS with the credentials of the job, all of them after the one build that publishes: then its step of
/// Tagship can export the credentials, and nothing else has to.
pub(super) fn is_exporting(job: &Job, build: &Step) -> bool {
    let at = |step: &Step| job.steps.iter().position(|other| std::ptr::eq(other, step));
    let is_alone = job.steps.iter().filter(|step| step.is_publishing()).count() == 1;
    let has_credentials = job
        .steps
        .iter()
        .any(|step| step.kind == StepKind::Credentials && at(step) < at(build) && step.text("if").is_none());
    let is_kept = |step: &&Step| step.kind == StepKind::Other || is_kept_build(step);
    let kept = || job.steps.iter().filter(is_kept);
    let mut callers = kept().filter(|step| uses_aws(step)).peekable();
    // Docker's login stays, which needs the credentials before.
    let needs_login = kept().any(uses_login);
    is_alone
        && has_credentials
        && !needs_login
        && callers.peek().is_some()
        && callers.all(|step| at(step) > at(build))
        && build.text("if").is_none()
}

/// Whether a step seems to use Docker's login to the registry.
pub(super) fn uses_login(step: &Step) -> bool {
    const SIGNS: [&str; 10] = [
        "docker pull",
        "docker push",
        "docker compose",
        "docker buildx",
        "skopeo ",
        "crane ",
        "cosign ",
        "oras ",
        ".dkr.ecr.",
        "ECR_REGISTRY",
    ];
    let run = step.text("run").unwrap_or_default();
    SIGNS.iter().any(|sign| run.contains(sign))
        || run.contains("docker run") && run.contains("outputs.registry")
}

/// Whether a step seems to use the builder.
pub(super) fn builds(step: &Step) -> bool {
    let run = step.text("run").unwrap_or_default();
    let uses = step.text("uses").unwrap_or_default();
    uses.starts_with("docker/")
        || run.contains("buildx")
        || run.contains("docker build")
        || run.contains("docker compose")
}
