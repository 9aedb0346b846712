//! Managed signing: ECR signs an image when it is pushed, with a profile of AWS Signer.
//!
//! Source: ECR user guide, "Managed signing"; ECR API reference, `GetSigningConfiguration`, `DescribeImageSigningStatus`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::types::{ImageIdentifier, ImageSigningStatus, SigningRepositoryFilter, SigningStatus};
use tokio::time::{Instant, sleep};

use super::answer::Call;
use super::{Ecr, InRegion};
use crate::limits;
use crate::ports::{RegistryError, SignError, SignImage, VerifySignature};
use tagship_domain::error::cleaned;
use tagship_domain::facts::Unknown;
use tagship_domain::reference::{ImageRef, Reference, RepositoryName};
use tagship_domain::signing::{
    ManagedProgress, ManagedSignature, ManagedState, SignatureOutcome, is_signed_by_rule,
};

/// The signatures that ECR makes of one repository's images.
#[derive(Debug)]
pub struct ManagedSigning {
    ecr: Arc<Ecr>,
    repository: RepositoryName,
}

impl ManagedSigning {
    /// Returns the signatures of a repository; contacts no server.
    pub const fn new(ecr: Arc<Ecr>, repository: RepositoryName) -> Self {
        Self { ecr, repository }
    }

    async fn home(&self) -> Arc<InRegion> {
        self.ecr.home().await
    }

    fn call(&self, action: &'static str, operation: &'static str) -> Call<'_> {
        Call {
            registry: &self.ecr.registry,
            repository: &self.repository,
            action,
            operation,
        }
    }

    /// Whether a rule of the registry means the repository.
    async fn has_rule(&self) -> Result<bool, RegistryError> {
        let call = self.call("ecr:GetSigningConfiguration", "reading which images are signed");
        let in_region = self.home().await;
        let answer = in_region
            .client
            .call(|client| async move { client.get_signing_configuration().send().await })
            .await;
        let answer = match answer {
            Err(failure) if failure.code == "SigningConfigurationNotFoundException" => return Ok(false),
            answer => answer.map_err(|failure| call.failed(failure))?,
        };
        let rules = answer
            .signing_configuration()
            .map_or(&[][..], |setting| setting.rules());
        Ok(rules.iter().any(|rule| {
            let filters = rule
                .repository_filters()
                .iter()
                .map(SigningRepositoryFilter::filter);
            is_signed_by_rule(filters, &self.repository)
        }))
    }

    async fn progress(&self, image: &ImageRef) -> Result<ManagedProgress, RegistryError> {
        let call = self.call(
            "ecr:DescribeImageSigningStatus",
            "reading whether the image is signed",
        );
        let in_region = self.home().await;
        let id = match &image.reference {
            Reference::Digest(digest) => ImageIdentifier::builder().image_digest(digest.to_string()),
            Reference::Tag(tag) => ImageIdentifier::builder().image_tag(tag.to_string()),
        };
        let (account, id) = (self.ecr.registry.account().map(ToString::to_string), id.build());
        let answer = in_region
            .client
            .call(|client: aws_sdk_ecr::Client| {
                let request = client
                    .describe_image_signing_status()
                    .set_registry_id(account.clone())
                    .repository_name(self.repository.as_str())
                    .image_id(id.clone());
                async move { request.send().await }
            })
            .await
            .map_err(|failure| call.failed(failure))?;
        let signatures: Result<Vec<_>, _> = answer
            .signing_statuses()
            .iter()
            .map(|status| signature(&call, status))
            .collect();
        Ok(ManagedProgress::of(&signatures?))
    }
}

fn signature(call: &Call<'_>, status: &ImageSigningStatus) -> Result<ManagedSignature, RegistryError> {
    let state = match status.status() {
        Some(SigningStatus::InProgress) => ManagedState::InProgress,
        Some(SigningStatus::Complete) => ManagedState::Complete,
        Some(SigningStatus::Failed) => {
            let said: Vec<&str> = status
                .failure_code()
                .into_iter()
                .chain(status.failure_reason())
                .collect();
            ManagedState::Failed(cleaned(&said.join(": ")))
        }
        Some(other) => {
            let problem = format!(
                "a signature has the state `{}`, which this version does not know",
                cleaned(other.as_str())
            );
            return Err(call.malformed(problem));
        }
        None => return Err(call.malformed("a signature has no state")),
    };
    Ok(ManagedSignature {
        profile: cleaned(status.signing_profile_arn().unwrap_or("a profile without a name")),
        state,
    })
}

#[async_trait]
impl VerifySignature for ManagedSigning {
    /// ECR says whether its signature is there; it is not verified with a key.
    async fn verify(&self, image: &ImageRef) -> Result<(), SignError> {
        let deadline = Instant::now() + limits::MANAGED_SIGNING;
        let mut pause = limits::SCAN_FIRST_PAUSE;
        loop {
            let image = image.clone();
            match self.progress(&image).await? {
                ManagedProgress::Signed => return Ok(()),
                ManagedProgress::Failed { profile, reason } => {
                    return Err(SignError::NotSigned {
                        image,
                        profile,
                        reason,
                    });
                }
                ManagedProgress::None => return Err(SignError::NotBegun { image }),
                ManagedProgress::Waiting if Instant::now() + pause > deadline => {
                    let seconds = limits::MANAGED_SIGNING.as_secs();
                    return Err(SignError::Late { image, seconds });
                }
                ManagedProgress::Waiting => {}
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(limits::SCAN_LONGEST_PAUSE);
        }
    }
}

#[async_trait]
impl SignImage for ManagedSigning {
    /// A role that may not read the rules is no obstacle: what ECR has begun is asked for later all the same.
    async fn check(&self) -> Result<Option<Unknown>, SignError> {
        match self.has_rule().await {
            Ok(true) => Ok(None),
            Err(RegistryError::NotPermitted { action, .. }) => Ok(Some(Unknown::NotPermitted { action })),
            Ok(false) => Err(SignError::NoRule {
                repository: self.repository.to_string(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    async fn ensure_signed(&self, image: &ImageRef) -> Result<SignatureOutcome, SignError> {
        if self.progress(image).await? == ManagedProgress::Signed {
            return Ok(SignatureOutcome::Kept);
        }
        self.verify(image).await?;
        Ok(SignatureOutcome::Created)
    }
}
