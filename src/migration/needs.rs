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
