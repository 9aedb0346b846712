//! The signature: between the gate and the first tag.

use super::{Ledger, PipelineError};
use crate::ports::{Reporter, RunEvent, SignError, SignImage, Stage, WriteRepository};
use tagship_domain::plan::{Note, Plan};
use tagship_domain::reference::Digest;
use tagship_domain::signing::Signature;

/// What a plan has signed, and by which means.
#[derive(Clone, Copy)]
pub(super) struct Signing<'a> {
    plan: &'a Plan,
    signer: Option<&'a dyn SignImage>,
}

impl<'a> Signing<'a> {
    /// The signature that a plan asks for; a part of an image gets none.
    pub(super) fn new(plan: &'a Plan, signer: Option<&'a dyn SignImage>) -> Self {
        Self { plan, signer }
    }

    /// What signs; `None` where nothing is to be signed. A plan with a signature and nothing that makes it is an error, and
    /// never a run without one.
    fn signer(self) -> Result<Option<&'a dyn SignImage>, PipelineError> {
        match (self.plan.signer.filter(|_| !self.plan.is_part), self.signer) {
            (None, _) => Ok(None),
            (Some(_), Some(signer)) => Ok(Some(signer)),
            (Some(signer), None) => Err(PipelineError::NoSigner(signer)),
        }
    }

    /// Finds out, before anything is built, whether the image can be signed.
    pub(super) async fn check(self, reporter: &dyn Reporter, ledger: &Ledger) -> Result<(), PipelineError> {
        let Some(signer) = self.signer()? else {
            return Ok(());
        };
        if let Some(unknown) = signer.check().await? {
            let note = Note::SigningUnchecked(unknown);
            reporter.event(RunEvent::Note(&note.to_string()));
            ledger.note(note);
        }
        Ok(())
    }

    /// Has the image signed, unless it is: it has no tag of this run yet, and gets none without.
    pub(super) async fn sign(
        self,
        digest: Digest,
        registry: &dyn WriteRepository,
        reporter: &dyn Reporter,
        ledger: &Ledger,
    ) -> Result<(), PipelineError> {
        let (Some(signer), Some(by)) = (self.signer()?, self.plan.signer) else {
            return Ok(());
        };
        ledger.enter(Stage::Sign, reporter);
        let ended = signer.ensure_signed(&self.plan.image.at(digest)).await;
        let outcome = match ended {
            // Of a request that is refused without words a program does not say what was not permitted.
            Err(error @ SignError::Failed { .. }) => {
                registry.check_push().await?;
                registry.blob_sizes(&[digest]).await?;
                return Err(error.into());
            }
            ended => ended?,
        };
        ledger.signed(Signature { by, outcome });
        Ok(())
    }
}
