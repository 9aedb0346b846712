//! What ECR itself says that a lifecycle policy would do.

use std::time::Duration;

use aws_sdk_ecr::operation::get_lifecycle_policy_preview::GetLifecyclePolicyPreviewOutput;
use aws_sdk_ecr::types::{
    ImageActionType, LifecyclePolicyPreviewResult, LifecyclePolicyPreviewStatus as Status,
};
use jiff::{SignedDuration, Timestamp};

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::ports::{RegistryError, RunEvent};
use tagship_domain::error::cleaned;
use tagship_domain::lifecycle::{Action, Effect};
use tagship_domain::reference::{Digest, RepositoryName};
use tagship_domain::repositories::LifecycleDocument;

/// The most images on one page. Source: ECR API reference, `GetLifecyclePolicyPreview`, `maxResults`.
const PAGE: i32 = 100;

/// The most pages that are read: ECR's quota is 100,000 images in a repository.
const MAX_PAGES: usize = 1500;

/// How long between two looks, at first and at most. Source: the waiter `LifecyclePolicyPreviewComplete` looks every 5 seconds.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LATER_LOOK: Duration = Duration::from_secs(5);

/// How long a preview is waited for, its own and one of another run before it. AWS says no bound; its waiter ends after 100 seconds.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// Returns what ECR says that a policy would do at once.
///
/// A repository has one preview: one of another run is waited for, and one that another run puts in its place is asked for again.
/// Source: ECR API reference, `StartLifecyclePolicyPreview` and `GetLifecyclePolicyPreview`.
pub(super) async fn preview(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    policy: &LifecycleDocument,
) -> Result<Vec<Effect>, RegistryError> {
    let mut wait = Wait::begin(paced, repository);
    loop {
        if !start(paced, repository, policy).await? {
            wait.look("another lifecycle policy preview is in progress")
                .await?;
            continue;
        }
        loop {
            match read(paced, repository, policy).await? {
                Seen::Effects(effects) => return Ok(effects),
                Seen::InProgress => wait.look("ECR previews the lifecycle policy").await?,
                Seen::Another => {
                    wait.look("another run began a lifecycle policy preview").await?;
                    break;
                }
            }
        }
    }
}

/// What the last preview of a repository is.
enum Seen {
    Effects(Vec<Effect>),
    InProgress,
    /// That of another policy.
    Another,
}

/// Begins a preview; `false` where one is in progress.
async fn start(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    policy: &LifecycleDocument,
) -> Result<bool, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:StartLifecyclePolicyPreview",
        operation: "previewing the lifecycle policy",
    };
    let text = policy.to_text();
    let text = &text;
    let started = paced.call(call.action, |client| {
        let request = client
            .start_lifecycle_policy_preview()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .lifecycle_policy_text(text);
        async move { request.send().await }
    });
    match started.await {
        Ok(_) => Ok(true),
        Err(failure) if failure.code == "LifecyclePolicyPreviewInProgressException" => Ok(false),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Reads all pages of the last preview. Each says again of which policy it is and how far it is.
async fn read(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    policy: &LifecycleDocument,
) -> Result<Seen, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:GetLifecyclePolicyPreview",
        operation: "reading the preview of the lifecycle policy",
    };
    let (mut effects, mut next) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let token = &next;
        let answer = paced.call(call.action, |client| {
            let request = client
                .get_lifecycle_policy_preview()
                .set_registry_id(paced.account())
                .repository_name(repository.as_str())
                .max_results(PAGE)
                .set_next_token(token.clone());
            async move { request.send().await }
        });
        let answer = answer.await.map_err(|failure| call.failed(failure))?;
        if let Some(other) = other_than_complete(&call, &answer, policy)? {
            return Ok(other);
        }
        for result in answer.preview_results() {
            effects.push(effect(&call, result)?);
        }
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(Seen::Effects(effects));
        }
    }
    Err(call.malformed("its pages do not end"))
}

fn other_than_complete(
    call: &Call<'_>,
    answer: &GetLifecyclePolicyPreviewOutput,
    policy: &LifecycleDocument,
) -> Result<Option<Seen>, RegistryError> {
    let is_ours = answer
        .lifecycle_policy_text()
        .is_none_or(|text| policy.says_as(text));
    match answer.status() {
        _ if !is_ours => Ok(Some(Seen::Another)),
        Some(Status::Complete) => Ok(None),
        Some(Status::InProgress) => Ok(Some(Seen::InProgress)),
        Some(Status::Expired) => Ok(Some(Seen::Another)),
        other => {
            let status = other.map_or("no status", Status::as_str);
            Err(call.malformed(format!(
                "ECR's preview of the policy ended with {}",
                cleaned(status)
            )))
        }
    }
}

fn effect(call: &Call<'_>, result: &LifecyclePolicyPreviewResult) -> Result<Effect, RegistryError> {
    let digest = result
        .image_digest()
        .and_then(|digest| Digest::parse(digest).ok());
    let kind = result.action().and_then(|action| action.r#type());
    let action = match kind {
        Some(ImageActionType::Expire) => Some(Action::Expire),
        Some(ImageActionType::Transition) => Some(Action::Archive),
        _ => None,
    };
    let priority = result
        .applied_rule_priority()
        .and_then(|priority| u32::try_from(priority).ok());
    match (digest, action, priority) {
        (Some(digest), Some(action), Some(priority)) => Ok(Effect {
            digest,
            action,
            priority,
        }),
        _ => Err(call.malformed(
            "the answer holds an image without its digest, or with an action or rule that is not known",
        )),
    }
}

/// Looks ever more rarely, and not for ever.
struct Wait<'a> {
    paced: &'a Paced<'a>,
    repository: &'a RepositoryName,
    began: Timestamp,
    delay: Duration,
    is_told: bool,
}

impl<'a> Wait<'a> {
    fn begin(paced: &'a Paced<'a>, repository: &'a RepositoryName) -> Self {
        Self {
            paced,
            repository,
            began: paced.clock.now(),
            delay: FIRST_LOOK,
            is_told: false,
        }
    }

    async fn look(&mut self, what: &str) -> Result<(), RegistryError> {
        let repository = self.repository;
        if self.paced.clock.now().duration_since(self.began) >= LONGEST {
            return Err(RegistryError::Unavailable {
                host: self.paced.registry.clone(),
                operation: format!("previewing the lifecycle policy of `{repository}`").into(),
                message: format!("{what} since {} minutes", LONGEST.as_mins()),
                was_repeated: true,
            });
        }
        if !std::mem::replace(&mut self.is_told, true) {
            let note = format!("waiting for `{repository}`: {what}");
            self.paced.reporter.event(RunEvent::Note(&note));
        }
        self.paced.clock.sleep(self.delay).await;
        self.delay = (self.delay * 2).min(LATER_LOOK);
        Ok(())
    }
}
