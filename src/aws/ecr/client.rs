//! ECR's API in one region.

use std::error::Error;
use std::sync::{PoisonError, RwLock};

use aws_config::SdkConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageError;
use aws_sdk_ecr::operation::start_image_scan::StartImageScanError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::connection::identity_cache;
use crate::aws::failure::{ApiFailure, Bounded};
use crate::limits;
use tagship_domain::reference::Region;

/// ECR's API in one region.
pub(super) struct RegionClient {
    config: aws_sdk_ecr::Config,
    client: RwLock<Client>,
}

impl RegionClient {
    pub(super) fn new(sdk: &SdkConfig, region: &Region) -> Self {
        let config = aws_sdk_ecr::config::Builder::from(sdk)
            .region(aws_config::Region::new(region.to_string()))
            .retry_classifier(NoQuotaRetries)
            .interceptor(Bounded(limits::ECR_BYTES))
            .build();
        let client = RwLock::new(Client::from_conf(config.clone()));
        Self { config, client }
    }

    /// One call, retried by the SDK; once more with new credentials where those at hand have ended.
    pub(super) async fn call<T, E, F>(&self, call: impl Fn(Client) -> F) -> Result<T, ApiFailure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match call(self.client()).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let failure = ApiFailure::of(&error);
                if failure.identity.is_some() || !failure.is_expired_credentials() {
                    return Err(failure);
                }
                call(self.renewed()).await.map_err(|error| ApiFailure::of(&error))
            }
        }
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client that knows no credentials yet: the SDK's cache does not learn that some were refused.
    fn renewed(&self) -> Client {
        let config = self.config.to_builder().identity_cache(identity_cache()).build();
        let client = Client::from_conf(config);
        client.clone_into(&mut self.client.write().unwrap_or_else(PoisonError::into_inner));
        client
    }
}

/// `LimitExceededException` is a quota in ECR, but throttling to the SDK, which would repeat it for nothing.
/// Source: ECR API reference, `BatchGetImage` and `StartImageScan`, errors.
#[derive(Debug)]
struct NoQuotaRetries;

impl ClassifyRetry for NoQuotaRetries {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(OrchestratorError::as_operation_error);
        let code = error.and_then(|error| {
            let of_images = error
                .downcast_ref::<BatchGetImageError>()
                .and_then(ProvideErrorMetadata::code);
            let of_scans = error
                .downcast_ref::<StartImageScanError>()
                .and_then(ProvideErrorMetadata::code);
            of_images.or(of_scans)
        });
        let is_quota = code == Some("LimitExceededException");
        if is_quota {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "quotas stay"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
