//! What a registry does of its own accord after an image was pushed or pulled.

use jiff::{SignedDuration, Timestamp};

use crate::refusal::Refusal;
use crate::services::replication;
use crate::services::scanning;
use crate::services::signing;
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::{ImagePush, Owner, PULLED, Registry};
use tagship_domain::reference::{Digest, Reference, RepositoryName};

/// How old a recorded pull may get before a new one is recorded.
/// Source: ECR API reference, `ImageDetail`, `lastRecordedPullTime`.
const PULL_RECORD_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The name of the document with the time that a tag of a public registry was last pushed: this and the tag.
pub(crate) const TAGGED: &str = "tagged/";

/// The name of the document of a principal whose pulls are not recorded: this and its resource name.
/// Source: ECR API reference, `RegisterPullTimeUpdateExclusion`.
pub(crate) const EXCLUDED: &str = "pull-time-exclusion/";

/// An image that was just pulled by a client, not just looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pull<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) repository: &'a RepositoryName,
    pub(crate) digest: &'a Digest,
    /// Who pulled it.
    pub(crate) principal: &'a Principal,
}

/// Whether anything may follow a push, as far as settings say.
pub(crate) fn is_due(push: &ImagePush) -> Result<bool, Refusal> {
    if push.registry.is_public() {
        return Ok(push.tag.is_some());
    }
    let settings = [
        scanning::CONFIGURATION,
        signing::CONFIGURATION,
        replication::CONFIGURATION,
    ];
    Ok(push.registry.repository(&push.repository)?.scan_on_push || push.registry.has_any(&settings)?)
}

/// An image was pushed by `principal`. Blocks.
pub(crate) fn pushed(state: &EmulatorState, push: &ImagePush, principal: &Principal) -> Result<(), Refusal> {
    if push.registry.is_public() {
        return tagged(state, push);
    }
    scanning::pushed(state, push)?;
    signing::pushed(state, push, principal)?;
    replication::pushed(state, push)
}

/// An image was deleted by a client, or a tag of it. Blocks.
pub(crate) fn deleted(
    state: &EmulatorState,
    registry: &Registry,
    repository: &RepositoryName,
    reference: &Reference,
    digest: Digest,
) -> Result<(), Refusal> {
    replication::deleted(state, registry, repository, reference, digest)
}

/// Public registries keep the times of their tags, and do nothing else.
fn tagged(state: &EmulatorState, push: &ImagePush) -> Result<(), Refusal> {
    let Some(tag) = &push.tag else { return Ok(()) };
    let name = format!("{TAGGED}{tag}");
    let now = state.clock.now();
    push.registry
        .put_document(Owner::Repository(&push.repository), &name, now)
}

/// An image was pulled. Blocks.
pub(crate) fn pulled(state: &EmulatorState, pull: &Pull<'_>) -> Result<(), Refusal> {
    let (registry, now) = (pull.registry, state.clock.now());
    let owner = Owner::Repository(pull.repository);
    let name = format!("{PULLED}{}", pull.digest);
    let last: Option<Timestamp> = registry.document(owner, &name)?;
    if last.is_some_and(|last| now.duration_since(last) < PULL_RECORD_LIFE) {
        return Ok(());
    }
    let excluded = format!("{EXCLUDED}{}", state.iam.caller(pull.principal).identity);
    if registry
        .document::<Timestamp>(Owner::Registry, &excluded)?
        .is_some()
    {
        return Ok(());
    }
    registry.put_document(owner, &name, now)
}
