//! What a run that has published gives to later steps of its job.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::connection::RegistryConnection;
use super::target::Target;
use super::{Outcome, RunError};
use crate::ports::{RegistryError, Reporter};
use crate::settings::ExportSettings;

/// Adds to the outcome what is to be given; all of it is masked before.
///
/// The variables are a session of their own: the run's is narrowed to what the run does, and later steps do something else.
pub(super) async fn give(
    wanted: ExportSettings,
    place: &Target,
    connection: &RegistryConnection,
    reporter: &Arc<dyn Reporter>,
    outcome: &mut Outcome,
) -> Result<(), RunError> {
    if wanted.credentials {
        let ecr = RegistryConnection::open_whole(place, Arc::clone(reporter)).await?;
        let (key, region) = ecr.credentials().await?;
        let region = SecretString::from(region.as_str());
        reporter.mask(&key.id.as_str().into());
        reporter.mask(&key.secret);
        if let Some(token) = &key.session_token {
            reporter.mask(token);
        }
        outcome.exported = vec![
            ("AWS_ACCESS_KEY_ID", key.id.into()),
            ("AWS_SECRET_ACCESS_KEY", key.secret),
            // Empty, it takes away the token of an earlier step, which belongs to another key.
            ("AWS_SESSION_TOKEN", key.session_token.unwrap_or_default()),
            ("AWS_REGION", region.clone()),
            ("AWS_DEFAULT_REGION", region),
        ];
    }
    if wanted.docker_login {
        let host = &place.image.registry;
        let login = connection.login().credential(host).await;
        let login = login.map_err(|source| RegistryError::Login {
            host: host.clone(),
            source,
        })?;
        // The name is `AWS`, which is no secret; masked, it would be starred everywhere.
        reporter.mask(&login.password);
        let password = login.password.expose_secret().to_owned();
        outcome.outputs.insert("docker-username", login.username);
        outcome.outputs.insert("docker-password", password);
    }
    Ok(())
}
