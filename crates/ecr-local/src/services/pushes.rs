//! Images that are pushed at the same time are stored together: many clients wait for one transaction, none of them
//! in a thread of its own.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::refusal::Refusal;
use crate::services::follow_up;
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::ImagePush;
use tagship_domain::reference::Digest;

/// The line of pushes before the thread that stores them. The thread ends with the last copy of it.
#[derive(Debug, Clone)]
pub(crate) struct Pushes(mpsc::UnboundedSender<QueuedPush>);

#[derive(Debug)]
struct QueuedPush {
    push: Arc<ImagePush>,
    answer: oneshot::Sender<Result<Digest, Refusal>>,
}

/// Stores an image, and does what follows. When this returns, it is on the disk.
pub(crate) async fn push(
    state: &Arc<EmulatorState>,
    pushes: &Pushes,
    push: ImagePush,
    principal: &Principal,
) -> Result<Digest, Refusal> {
    let push = Arc::new(push);
    if !follow_up::is_due(&push)? {
        return pushes.store(push).await;
    }
    let (state, pushes, principal) = (Arc::clone(state), pushes.clone(), principal.clone());
    // What follows is done also where the client has gone when the image is stored.
    let all = tokio::spawn(async move {
        let digest = pushes.store(Arc::clone(&push)).await?;
        tokio::task::spawn_blocking(move || follow_up::pushed(&state, &push, &principal)).await??;
        Ok(digest)
    });
    all.await?
}

impl Pushes {
    /// Starts the thread. It is one and stays the same, so that what it allocates and frees again stays in one place.
    pub(crate) fn start() -> Self {
        let (line, waiting) = mpsc::unbounded_channel();
        std::thread::spawn(move || serve(waiting));
        Self(line)
    }

    async fn store(&self, push: Arc<ImagePush>) -> Result<Digest, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.0.send(QueuedPush { push, answer }).map_err(Refusal::state)?;
        answered.await.map_err(Refusal::state)?
    }
}

/// Stores all that waits together, again and again.
fn serve(mut waiting: mpsc::UnboundedReceiver<QueuedPush>) {
    while let Some(first) = waiting.blocking_recv() {
        let (mut pushes, mut answers) = (vec![first.push], vec![first.answer]);
        while let Ok(next) = waiting.try_recv() {
            pushes.push(next.push);
            answers.push(next.answer);
        }
        let outcomes = store_all(pushes);
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who has gone meanwhile needs no answer.
            drop(answer.send(outcome));
        }
    }
}

/// Stores images of one state. Holds nothing of it afterwards: who has the last answer may end the emulator, and open
/// its folder again.
#[expect(clippy::needless_pass_by_value, reason = "so that it is dropped")]
fn store_all(pushes: Vec<Arc<ImagePush>>) -> Vec<Result<Digest, Refusal>> {
    let store = pushes.first().map(|push| Arc::clone(push.registry.store()));
    store.map(|store| store.push_images(&pushes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use tokio::task::JoinSet;

    use super::*;
    use crate::manifest::ParsedManifest;
    use crate::refusal::ImmutableWording;
    use crate::state::quirks::DigestRule;
    use crate::state::store::{MutabilitySetting, NewRepository, Registry, RepeatedPush, Store};
    use tagship_domain::immutability::Mutability;
    use tagship_domain::reference::{AccountId, Region, RepositoryName, Tag};

    // ECR user guide, "Preventing image tags from being overwritten": the tag of the first push stays.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_want_an_immutable_tag_at_once_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let account = AccountId::parse("123456789012").unwrap();
        let registry = Registry::new(store, account, Region::parse("eu-central-1").unwrap());
        let repository = RepositoryName::parse("team/app").unwrap();
        let new = NewRepository {
            mutability: MutabilitySetting::from(&Mutability::Immutable),
            ..NewRepository::named(repository.clone())
        };
        registry.create_repository(new, Timestamp::UNIX_EPOCH).unwrap();
        let pushes = Pushes::start();
        let mut running = JoinSet::new();
        for number in 0..100 {
            let index = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [],
                "annotations": {"number": number.to_string()},
            });
            let push = Arc::new(ImagePush {
                registry: registry.clone(),
                repository: repository.clone(),
                manifest: ParsedManifest::parse(Bytes::from(index.to_string()), None, DigestRule::AsEcr)
                    .unwrap(),
                tag: Some(Tag::parse("1.0.0").unwrap()),
                digest: None,
                repeat: RepeatedPush::Refuse,
                wording: ImmutableWording::default(),
                at: Timestamp::UNIX_EPOCH,
            });
            let pushes = pushes.clone();
            running.spawn(async move { pushes.store(push).await });
        }
        let outcomes = running.join_all().await;
        let stored: Vec<Digest> = outcomes.iter().flatten().copied().collect();
        let refused: Vec<&str> = outcomes
            .iter()
            .filter_map(|outcome| Some(outcome.as_ref().err()?.code()))
            .collect();
        assert_eq!(refused, ["ImageTagAlreadyExistsException"; 99]);
        assert_eq!(
            registry.tags(&repository).unwrap(),
            [("1.0.0".to_owned(), stored[0])]
        );
    }
}
