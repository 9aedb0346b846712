//! What a run that has published gives to later steps of its job.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::connection::RegistryConnection;
use super::target::Target;
use super::{Outcome, RunError};
use crate::aws::IdentityError;
use crate::ports::{RegistryError, Reporter};
use crate::settings::{AccessKey, ExportSettings};
use tagship_domain::reference::Region;

/// Refuses to give later steps a key that has no end, before anything is done: what leaks out of a session is worthless in an
/// hour. With a role it always is one.
pub(super) async fn check(
    wanted: ExportSettings,
    place: &Target,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), RunError> {
    let is_role_certain = place.identity.role.is_some() && !place.identity.uses_existing;
    if wanted.credentials && !is_role_certain {
        credentials(place, reporter).await?;
    }
    Ok(())
}

async fn credentials(
    place: &Target,
    reporter: &Arc<dyn Reporter>,
) -> Result<(AccessKey, SecretString, Region), RunError> {
    let ecr = RegistryConnection::open_whole(place, Arc::clone(reporter)).await?;
    let (mut key, region) = ecr.credentials().await?;
    match key.session_token.take() {
        Some(token) => Ok((key, token, region)),
        None => Err(IdentityError::LongLived(key.id).into()),
    }
}

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
        let (key, token, region) = credentials(place, reporter).await?;
        let region = SecretString::from(region.as_str());
        reporter.mask(&key.id.as_str().into());
        reporter.mask(&key.secret);
        reporter.mask(&token);
        outcome.exported = vec![
            ("AWS_ACCESS_KEY_ID", key.id.into()),
            ("AWS_SECRET_ACCESS_KEY", key.secret),
            ("AWS_SESSION_TOKEN", token),
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
