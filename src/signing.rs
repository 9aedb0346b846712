//! Programs that sign images and verify signatures: they are run by digest, with a login that stands in a folder of their
//! own, and as little of the environment as they need.

mod cosign;
mod notation;
mod program;
mod scratch;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use self::program::Program;
use self::scratch::Scratch;
use crate::ports::{RegistryLogin, SignError, SignImage, VerifySignature};
use crate::settings::{SignKey, SignSettings};
use tagship_domain::facts::Unknown;
use tagship_domain::reference::{ImageRef, RegistryHost};
use tagship_domain::signing::{SignatureOutcome, Signer};

/// A program that signs the images of one registry.
pub struct SigningProgram {
    signer: Signer,
    key: SignKey,
    program: Program,
    registry: RegistryHost,
    login: Arc<dyn RegistryLogin>,
    scratch: OnceCell<Scratch>,
}

impl SigningProgram {
    /// The program that the settings name; `None` where no program signs. Runs nothing.
    pub fn of(
        settings: &SignSettings,
        registry: &RegistryHost,
        login: Arc<dyn RegistryLogin>,
    ) -> Option<Self> {
        if settings.signer == Signer::Managed {
            return None;
        }
        Some(Self {
            signer: settings.signer,
            key: settings.key.clone(),
            program: Program::new(settings.signer, settings.variables.clone()),
            registry: registry.clone(),
            login,
            scratch: OnceCell::new(),
        })
    }

    /// The folder of the program's files, made at the first use.
    async fn scratch(&self) -> Result<&Scratch, SignError> {
        let made = self.scratch.get_or_try_init(|| async {
            let scratch = Scratch::new(self.signer)?;
            if self.signer == Signer::Cosign {
                cosign::prepare(&self.program, &self.key, &scratch).await?;
            }
            Ok(scratch)
        });
        made.await
    }

    /// The same, with a login that is valid now.
    async fn with_login(&self) -> Result<&Scratch, SignError> {
        let scratch = self.scratch().await?;
        let credential = self.login.credential(&self.registry).await?;
        scratch.write_login(&self.registry, &credential)?;
        Ok(scratch)
    }

    async fn signs(&self, image: &ImageRef) -> Result<(), SignError> {
        let scratch = self.with_login().await?;
        let is_plain = self.registry.is_plain_http();
        match self.signer {
            Signer::Notation => notation::sign(&self.program, &self.key, scratch, image, is_plain).await,
            Signer::Cosign | Signer::Managed => {
                cosign::sign(&self.program, &self.key, scratch, image, is_plain).await
            }
        }
    }
}

impl std::fmt::Debug for SigningProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningProgram")
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl VerifySignature for SigningProgram {
    async fn verify(&self, image: &ImageRef) -> Result<(), SignError> {
        let scratch = self.with_login().await?;
        let is_plain = self.registry.is_plain_http();
        match self.signer {
            Signer::Notation => notation::verify(&self.program, scratch, image, is_plain).await,
            Signer::Cosign | Signer::Managed => {
                cosign::verify(&self.program, scratch, &self.key, image, is_plain).await
            }
        }
    }
}

#[async_trait]
impl SignImage for SigningProgram {
    async fn check(&self) -> Result<Option<Unknown>, SignError> {
        self.scratch().await?;
        if self.signer == Signer::Notation {
            notation::check(&self.program, &self.key, self.scratch().await?).await?;
        }
        Ok(None)
    }

    async fn ensure_signed(&self, image: &ImageRef) -> Result<SignatureOutcome, SignError> {
        match self.verify(image).await {
            Ok(()) => return Ok(SignatureOutcome::Kept),
            Err(SignError::Unsigned { .. }) => {}
            Err(error) => return Err(error),
        }
        self.signs(image).await?;
        self.verify(image).await?;
        Ok(SignatureOutcome::Created)
    }
}

#[cfg(test)]
mod tests;
