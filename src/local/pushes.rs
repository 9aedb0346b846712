//! Images that are pushed at the same time are stored together: many clients wait for one transaction, none of them
//! in a thread of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::emulator::Emulator;
use super::follow_up;
use super::iam::Principal;
use super::refusal::Refusal;
use super::store::ImagePush;
use crate::domain::reference::Digest;

/// The pushes that wait while others are being stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pushes {
    line: Arc<Mutex<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: Vec<Waiting>,
    /// Whether somebody takes from the line.
    is_served: bool,
}

#[derive(Debug)]
struct Waiting {
    push: Arc<ImagePush>,
    answer: oneshot::Sender<Result<Digest, Refusal>>,
}

/// Stores an image, and does what follows. When this returns, it is on the disk.
pub(crate) async fn push(
    emulator: &Arc<Emulator>,
    push: ImagePush,
    principal: &Principal,
) -> Result<Digest, Refusal> {
    let push = Arc::new(push);
    if !follow_up::is_due(&push)? {
        return emulator.pushes.store(push).await;
    }
    let (emulator, principal) = (Arc::clone(emulator), principal.clone());
    // What follows is done also where the client has gone when the image is stored.
    let all = tokio::spawn(async move {
        let digest = emulator.pushes.store(Arc::clone(&push)).await?;
        tokio::task::spawn_blocking(move || follow_up::pushed(&emulator, &push, &principal)).await??;
        Ok(digest)
    });
    all.await?
}

impl Pushes {
    async fn store(&self, push: Arc<ImagePush>) -> Result<Digest, Refusal> {
        let (answer, answered) = oneshot::channel();
        let is_served = {
            let mut line = self.line();
            line.waiting.push(Waiting { push, answer });
            std::mem::replace(&mut line.is_served, true)
        };
        if !is_served {
            let pushes = self.clone();
            tokio::task::spawn_blocking(move || pushes.serve());
        }
        answered.await.map_err(Refusal::state)?
    }

    /// Stores what waits, and what has come meanwhile, until nothing waits.
    fn serve(&self) {
        while let Some(waiting) = self.take() {
            let (pushes, answers): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .map(|waiting| (waiting.push, waiting.answer))
                .unzip();
            let outcomes = store_all(pushes);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Who has gone meanwhile needs no answer.
                drop(answer.send(outcome));
            }
        }
    }

    /// Everything that waits; nobody serves the line any more if that is nothing.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut line = self.line();
        line.is_served = !line.waiting.is_empty();
        line.is_served.then(|| std::mem::take(&mut line.waiting))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
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
    use crate::domain::immutability::Mutability;
    use crate::domain::reference::{AccountId, Region, RepositoryName, Tag};
    use crate::local::manifest::ParsedManifest;
    use crate::local::refusal::ImmutableWording;
    use crate::local::store::{MutabilitySetting, NewRepository, Registry, Repeat, Store};

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
        let pushes = Pushes::default();
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
                manifest: ParsedManifest::parse(Bytes::from(index.to_string()), None).unwrap(),
                tag: Some(Tag::parse("1.0.0").unwrap()),
                digest: None,
                repeat: Repeat::Refuse,
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
