//! What signs the images of a run, or verifies their signatures.

use super::RunError;
use super::connection::RegistryConnection;
use super::opened::Opened;
use crate::pipeline::PipelineError;
use crate::ports::SignImage;
use crate::settings::SignSettings;
use crate::signing::SigningProgram;
use tagship_domain::reference::{Digest, ImageName};

/// What signs by these settings: a program, or ECR itself.
pub(super) fn signer(
    settings: Option<&SignSettings>,
    connection: &RegistryConnection,
) -> Option<Box<dyn SignImage>> {
    let settings = settings?;
    let registry = &connection.image().registry;
    match SigningProgram::of(settings, registry, connection.login()) {
        Some(program) => Some(Box::new(program)),
        None => Some(Box::new(connection.managed_signing())),
    }
}

/// What signs in a further repository by these settings. In a registry that is not ECR's only programs sign.
pub(super) fn signer_at(settings: &SignSettings, target: &Opened) -> Option<Box<dyn SignImage>> {
    match (target.connection(), target.foreign_login()) {
        (Some(connection), _) => signer(Some(settings), connection),
        (None, Some(login)) => {
            let program = SigningProgram::of(settings, &target.image.registry, login)?;
            Some(Box::new(program))
        }
        (None, None) => None,
    }
}

/// Fails unless the image is signed as the settings say.
pub(super) async fn require_signature(
    settings: &SignSettings,
    connection: &RegistryConnection,
    image: &ImageName,
    digest: Digest,
) -> Result<(), RunError> {
    let Some(signer) = signer(Some(settings), connection) else {
        return Ok(());
    };
    let verified = signer.verify(&image.at(digest)).await;
    Ok(verified.map_err(PipelineError::from)?)
}
