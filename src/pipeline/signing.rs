//! The signature: between the gate and the first tag.

use super::writers::Writers;
use super::{Ledger, PipelineError};
use crate::ports::{Reporter, RunEvent, SignError, SignImage, Stage, WriteRepository};
use tagship_domain::plan::{Note, Plan};
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::signing::{Signature, SignatureOutcome, Signer};

/// What a plan has signed, and by which means.
#[derive(Clone, Copy)]
pub(super) struct Signing<'a> {
    plan: &'a Plan,
    writers: &'a Writers<'a>,
}

/// One repository in which the image is signed.
struct SignedPlace<'a> {
    image: &'a ImageName,
    repository: &'a dyn WriteRepository,
    signer: &'a dyn SignImage,
    /// Whether it is a further one.
    is_target: bool,
}

impl SignedPlace<'_> {
    fn error(&self, error: impl Into<PipelineError>) -> PipelineError {
        let error = error.into();
        if self.is_target {
            error.of_target(self.image)
        } else {
            error
        }
    }

    async fn sign(&self, digest: Digest) -> Result<SignatureOutcome, PipelineError> {
        match self.signer.ensure_signed(&self.image.at(digest)).await {
            // Of a request that is refused without words a program does not say what was not permitted.
            Err(error @ SignError::Failed { .. }) => {
                self.repository.check_push().await?;
                self.repository.blob_sizes(&[digest]).await?;
                Err(error.into())
            }
            ended => Ok(ended?),
        }
    }
}

impl<'a> Signing<'a> {
    /// The signatures that a plan asks for; a part of an image gets none.
    pub(super) fn new(plan: &'a Plan, writers: &'a Writers<'a>) -> Self {
        Self { plan, writers }
    }

    fn by(self) -> Option<Signer> {
        self.plan.signer.filter(|_| !self.plan.is_part)
    }

    /// Where the image is signed: in every repository that gets it, each with what signs there; nowhere where nothing is to be
    /// signed. A plan with a signature and nothing that makes it is an error, and never a run without one.
    fn places(self) -> Result<Vec<SignedPlace<'a>>, PipelineError> {
        let Some(by) = self.by() else {
            return Ok(Vec::new());
        };
        let own = SignedPlace {
            image: &self.plan.image,
            repository: self.writers.registry,
            signer: self.writers.signer.ok_or(PipelineError::NoSigner(by))?,
            is_target: false,
        };
        let further = self.writers.targets;
        let mut places = vec![own];
        for (number, (target, repository)) in self.plan.targets.iter().zip(further.repositories).enumerate() {
            let signer = further.signers.get(number);
            places.push(SignedPlace {
                image: &target.image,
                repository: *repository,
                signer: &**signer.ok_or(PipelineError::NoSigner(by))?,
                is_target: true,
            });
        }
        Ok(places)
    }

    /// Finds out, before anything is built, whether the image can be signed.
    pub(super) async fn check(self, reporter: &dyn Reporter, ledger: &Ledger) -> Result<(), PipelineError> {
        for place in self.places()? {
            let checked = place.signer.check().await;
            if let Some(unknown) = checked.map_err(|error| place.error(error))? {
                let note = Note::SigningUnchecked(unknown);
                reporter.event(RunEvent::Note(&note.to_string()));
                ledger.note(note);
            }
        }
        Ok(())
    }

    /// Has the image signed wherever it goes, unless it is: it has no tag of this run yet, and gets none without.
    pub(super) async fn sign(
        self,
        digest: Digest,
        reporter: &dyn Reporter,
        ledger: &Ledger,
    ) -> Result<(), PipelineError> {
        let Some(by) = self.by() else {
            return Ok(());
        };
        ledger.enter(Stage::Sign, reporter);
        let mut outcome = SignatureOutcome::Kept;
        for place in self.places()? {
            let ended = place.sign(digest).await;
            if ended.map_err(|error| place.error(error))? == SignatureOutcome::Created {
                outcome = SignatureOutcome::Created;
            }
        }
        ledger.signed(Signature { by, outcome });
        Ok(())
    }
}
