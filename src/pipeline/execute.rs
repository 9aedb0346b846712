//! Writing: does what the plan says.

use futures_util::future::join3;
use oci_registry::{READ_BLOB, VerifiedImage, verify_manifest};

use super::gate::{Scanning, judge};
use super::gather::facts;
use super::rebuild::check_rebuilt;
use super::release::{ReleasedImage, release};
use super::signing::Signing;
use super::tagging::{TagOrder, put_tags, staying};
use super::writers::Writers;
use super::{Ledger, PipelineError};
use crate::ports::{ImageStore, ReadHistory, RegistryError, Reporter, RunEvent, Stage};
use crate::report::sarif;
use tagship_domain::build::{BuildRequest, missing_attestation};
use tagship_domain::content::Manifest;
use tagship_domain::facts::Unknown;
use tagship_domain::findings::GateFailure;
use tagship_domain::plan::{Content, Note, Plan};
use tagship_domain::reference::{Digest, Reference, Tag};
use tagship_domain::release::ReleasePlan;
use tagship_domain::tags::{DesiredTag, TagClass};

/// Does what the plan says: builds and pushes by digest, or merges what others pushed; verifies, copies to further
/// repositories, waits for the gate, has it signed, then puts the tags, and last the git tag and the release.
///
/// Whatever breaks it off, the ledger says what is true, and the next run goes on from there.
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
    if let Some(error) = plan.rebuild_error() {
        return Err(error.into());
    }
    if let Some(error) = plan.cache_error() {
        return Err(error.into());
    }
    if let Some(never) = plan.gate_error() {
        return Err(never.into());
    }
    if let Some(conflict) = plan.release.as_ref().and_then(ReleasePlan::conflict) {
        return Err(conflict.clone().into());
    }
    let released = plan
        .release
        .as_ref()
        .zip(writers.forge)
        .filter(|(release, _)| plan.rebuild.is_none() && !release.is_fulfilled());
    if let Some((_, forge)) = released {
        forge.tags().check_write().await?;
    }
    let digest = publish(plan, writers, history, reporter, ledger).await?;
    if let Some((planned, forge)) = released {
        let report = ledger.report();
        let own = report.tags.iter().filter(|tag| tag.digest == Some(digest));
        let staying = own.filter(|tag| tag.class != TagClass::Moving);
        let tags: Vec<Tag> = staying.map(|tag| tag.tag.clone()).collect();
        let decision = ledger.gate_decision();
        let findings = decision.map(|decision| {
            let path = writers.dockerfile.to_string_lossy();
            sarif(&plan.image.repository, &path, &decision)
        });
        let image = ReleasedImage {
            findings: findings.as_ref(),
            name: &plan.image,
            digest,
            tags: &tags,
            platforms: &report.manifests,
            repository: writers.targets.source,
        };
        release(planned, image, forge, reporter, ledger).await?;
    }
    ledger.published();
    Ok(())
}

/// Builds or merges, pushes, verifies and tags; gives the image's digest.
async fn publish(
    plan: &Plan,
    writers: &Writers<'_>,
    history: &dyn ReadHistory,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<Digest, PipelineError> {
    let signing = Signing::new(plan, writers);
    signing.check(reporter, ledger).await?;
    ensure(plan, writers, reporter, ledger).await?;
    let digest = match &plan.content {
        Content::Published { digest, .. } => *digest,
        Content::Build { request } => {
            ledger.enter(Stage::Build, reporter);
            // Minutes of building would end at the first request that writes.
            let (own, further, engine) = Box::pin(join3(
                writers.registry.check_push(),
                writers.targets.check_push(plan),
                writers.builder.check(request),
            ))
            .await;
            own?;
            further?;
            let engine = engine?;
            let store = engine.store;
            ledger.engine(engine);
            build(request, plan.kept(), store, writers, reporter).await?
        }
        Content::Merge { index } => {
            ledger.enter(Stage::Merge, reporter);
            merge(plan, index.manifest(), writers).await?
        }
    };
    if plan.is_fulfilled() {
        // Its tags are from a time when nothing was to be signed.
        signing.sign(digest, reporter, ledger).await?;
        return Ok(digest);
    }
    let tags: Vec<&DesiredTag> = plan.tags.iter().map(|planned| &planned.wanted).collect();
    let is_new = !matches!(plan.content, Content::Published { .. });
    if is_new {
        ledger.enter(Stage::Verify, reporter);
    }
    let mut found = writers.registry.look_up(&[digest], &staying(&tags)).await?;
    let missing = RegistryError::ContentMissing { digest };
    let mut manifest = found.digests.remove(&digest).ok_or(missing)?;
    if is_new {
        let image = verify_manifest(manifest, writers.registry).await?;
        if !image.has_read_configs {
            let action = READ_BLOB.to_owned();
            let note = Note::ConfigUnread(Unknown::NotPermitted { action });
            reporter.event(RunEvent::Note(&note.to_string()));
            ledger.note(note);
        }
        check_attestations(plan, &image)?;
        let largest = image.description.largest;
        ledger.image(digest, &facts(image.description));
        manifest = image.manifest;
        if plan.rebuild.is_some() {
            check_rebuilt(plan, &manifest, writers.registry, ledger).await?;
            return Ok(digest);
        }
        if let (Some(limit), Some(largest)) = (plan.max_size, largest) {
            limit.check(largest)?;
        }
    }
    ledger.manifest(&manifest);
    try_image(plan, digest, writers, reporter, ledger).await?;
    if plan.is_part {
        return Ok(digest);
    }
    writers.targets.copy(plan, &manifest, reporter, ledger).await?;
    if let Some(gate) = &plan.gate {
        ledger.enter(Stage::Gate, reporter);
        let scanning = Scanning {
            scans: writers.scans,
            starter: Some(writers.scans),
            clock: writers.clock,
            reporter,
        };
        let decision = judge(gate, &manifest, scanning).await?;
        ledger.gate(&gate.policy, decision.clone());
        if !decision.has_passed() {
            return Err(PipelineError::Gate(GateFailure {
                image: plan.image.clone(),
                digest,
                decision: Box::new(decision),
            }));
        }
    }
    signing.sign(digest, reporter, ledger).await?;
    // A gate takes minutes, in which others may tag, and so may a signature.
    let takes_long = plan.gate.is_some() || plan.signer.is_some();
    let seen = (!takes_long).then_some(found.tags);
    ledger.enter(Stage::Tag, reporter);
    let order = TagOrder {
        image: &plan.image,
        mutability: plan.mutability.as_ref(),
        candidate: plan.candidate(Some(digest)),
        is_promotion: false,
    };
    let entries = ledger.tags();
    put_tags(order, &tags, &manifest, seen, writers.registry, history, entries).await?;
    writers.targets.tag(plan, &manifest, history, ledger).await?;
    Ok(digest)
}

/// Pushes an index of what other jobs pushed.
async fn merge(plan: &Plan, index: &Manifest, writers: &Writers<'_>) -> Result<Digest, PipelineError> {
    writers.registry.check_push().await?;
    writers.targets.check_push(plan).await?;
    let reference = Reference::Digest(index.digest());
    writers.registry.put_manifest(&reference, index).await?;
    Ok(index.digest())
}

/// Checks that a build made the attestations that it was asked for: without one no tag is put.
fn check_attestations(plan: &Plan, image: &VerifiedImage) -> Result<(), PipelineError> {
    let Content::Build { request } = &plan.content else {
        return Ok(());
    };
    let images: Vec<Digest> = image.description.platforms.iter().map(|one| one.digest).collect();
    match missing_attestation(&request.options.attestations, &images, &image.statements) {
        Some(missing) => Err(missing.into()),
        None => Ok(()),
    }
}

/// Makes the repository, where the plan says so.
async fn ensure(
    plan: &Plan,
    writers: &Writers<'_>,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    if plan.repository.is_some()
        && let Some(put) = writers.put
    {
        ledger.enter(Stage::Ensure, reporter);
        put.put(reporter, writers.clock.now()).await?;
    }
    Ok(())
}

/// Runs the command that must succeed in the image, where there is one.
async fn try_image(
    plan: &Plan,
    digest: Digest,
    writers: &Writers<'_>,
    reporter: &dyn Reporter,
    ledger: &Ledger,
) -> Result<(), PipelineError> {
    if let Some(command) = &plan.test {
        ledger.enter(Stage::Test, reporter);
        let image = plan.image.at(digest);
        let platforms = ledger.platforms();
        let tried = writers.tester.try_image(&image, &platforms, command).await;
        for platform in tried.map_err(|source| PipelineError::Test { digest, source })? {
            let note = Note::Untested(platform);
            reporter.event(RunEvent::Note(&note.to_string()));
            ledger.note(note);
        }
    }
    Ok(())
}

/// Builds and pushes; once more where a classic store gives another image than `kept`, the published one.
///
/// Such a store has two ways to tell what a step changed, of which one leaves out folders with a new time alone and
/// sorts otherwise. Which one it takes is a race where the step below gave the same as in an earlier build that the
/// cache still has. What the cache has now came out of that race, so the second build does without.
///
/// Source: moby, `builder/builder-next/adapters/snapshot/layer.go`, `EnsureLayer`; `overlay2`, `Driver.Diff`.
async fn build(
    request: &BuildRequest,
    kept: Option<Digest>,
    store: ImageStore,
    writers: &Writers<'_>,
    reporter: &dyn Reporter,
) -> Result<Digest, PipelineError> {
    let digest = writers.builder.publish(request, writers.registry).await?;
    if store != ImageStore::Classic || kept.is_none_or(|kept| kept == digest) {
        return Ok(digest);
    }
    let note = format!(
        "the build gave `{digest}`, which is not what is published; the engine's classic image store may be the cause, so it is built once more without cache"
    );
    reporter.event(RunEvent::Note(&note));
    let again = BuildRequest {
        no_cache: true,
        ..request.clone()
    };
    Ok(writers.builder.publish(&again, writers.registry).await?)
}
