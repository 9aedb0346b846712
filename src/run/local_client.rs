//! What a run asks of an embedded ECR, as any client would.

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::{BehaviorVersion, Region};
use aws_sdk_ecr::error::DisplayErrorContext;
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::types::ImageTagMutability;
use aws_sdk_ecr::{Client, Config};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecr_local::{Access, LocalError};
use secrecy::{ExposeSecret as _, SecretString};
use tagship_domain::reference::RepositoryName;

/// Makes a repository, unless there is one of that name.
pub(super) async fn ensure_repository(
    access: &Access,
    name: &RepositoryName,
    mutability: ImageTagMutability,
) -> Result<(), LocalError> {
    let request = client(access).create_repository().repository_name(name.as_str());
    match request.image_tag_mutability(mutability).send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateRepositoryError::is_repository_already_exists_exception) =>
        {
            Ok(())
        }
        Err(error) => Err(refused(error)),
    }
}

/// Returns the password of the user `AWS`, for `docker login`; it is good for 12 hours.
pub(super) async fn registry_password(access: &Access) -> Result<SecretString, LocalError> {
    let answer = client(access).get_authorization_token().send().await;
    let answer = answer.map_err(refused)?;
    answer
        .authorization_data()
        .first()
        .and_then(|data| STANDARD.decode(data.authorization_token()?).ok())
        .and_then(|token| {
            String::from_utf8(token)
                .ok()?
                .strip_prefix("AWS:")
                .map(SecretString::from)
        })
        .ok_or_else(|| LocalError::Refused("the authorization token is not `AWS:<password>`".to_owned()))
}

fn client(access: &Access) -> Client {
    let key = &access.administrator;
    let credentials = Credentials::new(&key.id, key.secret.expose_secret(), None, None, "embedded ECR");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(access.region.to_string()))
        .endpoint_url(access.endpoint.as_str())
        .credentials_provider(credentials)
        .build();
    Client::from_conf(config)
}

fn refused(error: impl std::error::Error) -> LocalError {
    LocalError::Refused(DisplayErrorContext(error).to_string())
}
