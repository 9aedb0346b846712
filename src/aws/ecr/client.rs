//! ECR's APIs, each in one region.

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

/// A client of one of ECR's APIs.
pub(super) trait ApiClient: Clone {
    /// Returns a client of the API in a region; contacts no server.
    fn of(sdk: &SdkConfig, region: &Region) -> Self;

    /// Returns a client that knows no credentials yet: the SDK's cache does not learn that some were refused.
    #[must_use]
    fn renewed(&self) -> Self;
}

impl ApiClient for Client {
    fn of(sdk: &SdkConfig, region: &Region) -> Self {
        let config = aws_sdk_ecr::config::Builder::from(sdk)
            .region(aws_config::Region::new(region.to_string()))
            .retry_classifier(NoQuotaRetries)
            .interceptor(Bounded(limits::ECR_BYTES))
            .build();
        Self::from_conf(config)
    }

    fn renewed(&self) -> Self {
        let config = self.config().to_builder().identity_cache(identity_cache());
        Self::from_conf(config.build())
    }
}

impl ApiClient for aws_sdk_ecrpublic::Client {
    fn of(sdk: &SdkConfig, region: &Region) -> Self {
        let config = aws_sdk_ecrpublic::config::Builder::from(sdk)
            .region(aws_config::Region::new(region.to_string()))
            .interceptor(Bounded(limits::ECR_BYTES))
            .build();
        Self::from_conf(config)
    }

    fn renewed(&self) -> Self {
        let config = self.config().to_builder().identity_cache(identity_cache());
        Self::from_conf(config.build())
    }
}

/// One of ECR's APIs in one region.
pub(super) struct RegionClient<C = Client>(RwLock<C>);

impl<C: ApiClient> RegionClient<C> {
    pub(super) fn new(sdk: &SdkConfig, region: &Region) -> Self {
        Self(RwLock::new(C::of(sdk, region)))
    }

    /// One call, retried by the SDK; once more with new credentials where those at hand have ended.
    pub(super) async fn call<T, E, F>(&self, call: impl Fn(C) -> F) -> Result<T, ApiFailure>
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

    fn client(&self) -> C {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renewed(&self) -> C {
        let client = self.client().renewed();
        client.clone_into(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
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
