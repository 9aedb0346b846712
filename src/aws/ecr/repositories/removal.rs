//! Removing a repository, which may be done although no answer says so.

use aws_sdk_ecr::config::retry::RetryConfig;

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::ApiClient;
use crate::aws::failure::ApiFailure;
use crate::aws::retry_policy::{RetryClass, RetryPolicy};
use crate::ports::{RegistryError, Removal, RunEvent};
use tagship_domain::reference::RepositoryName;

/// Removes a repository. Source: ECR API reference, `DeleteRepository`.
pub(super) async fn remove(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    with_images: bool,
) -> Result<Removal, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DeleteRepository",
        operation: "removing the repository",
    };
    let once = aws_sdk_ecr::config::Builder::new().retry_config(RetryConfig::disabled());
    let (client, once) = (paced.client, &once);
    let attempt = || {
        client.call(move |client| {
            let request = client
                .delete_repository()
                .set_registry_id(paced.account())
                .repository_name(repository.as_str())
                .force(with_images)
                .customize()
                .config_override(once.clone());
            async move { request.send().await.map(drop) }
        })
    };
    paced.removed(&call, attempt).await
}

impl<C: ApiClient> Paced<'_, C> {
    /// Tries a removal, which the SDK does not repeat by itself: one that is repeated after a lost answer finds nothing left, and that
    /// is no repository that never was.
    pub(in crate::aws::ecr) async fn removed<F>(
        &self,
        call: &Call<'_>,
        attempt: impl Fn() -> F,
    ) -> Result<Removal, RegistryError>
    where
        F: Future<Output = Result<(), ApiFailure>>,
    {
        let mut policy = RetryPolicy::begin(self.clock);
        let mut may_be_done = false;
        loop {
            let Err(failure) = attempt().await else {
                return Ok(Removal::Done);
            };
            match failure.code.as_str() {
                "RepositoryNotFoundException" if may_be_done => return Ok(Removal::Done),
                "RepositoryNotFoundException" => return Ok(Removal::Missing),
                "RepositoryNotEmptyException" => return Ok(Removal::HoldsImages),
                _ => {}
            }
            let class = match &failure {
                failure if !failure.transient => RetryClass::Never,
                failure if failure.is_connection_refused => RetryClass::Soon,
                _ => RetryClass::Later,
            };
            let Some(delay) = policy.wait(class, self.clock) else {
                return Err(call.failed(failure));
            };
            may_be_done |= failure.code.is_empty();
            self.reporter.event(RunEvent::Retry {
                what: call.operation,
                reason: &failure.message,
                delay,
            });
            self.clock.sleep(delay).await;
        }
    }
}
