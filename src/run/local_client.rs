//! What a run asks of an embedded ECR, as any client would.

use aws_credential_types::Credentials;
use aws_sdk_ecr::config::{BehaviorVersion, Region};
use aws_sdk_ecr::error::DisplayErrorContext;
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::types::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
};
use aws_sdk_ecr::{Client, Config};
use ecr_local::{Access, LocalError};
use secrecy::ExposeSecret as _;
use tagship_domain::reference::RepositoryName;

/// Makes a repository, unless there is one of that name. Its tags may move if `is_mutable`. Otherwise they stay, but for
/// those of trees with changes: they promise nothing, and the next build of such a tree moves them. A repository that is
/// there is changed only by a value that is given.
pub(super) async fn ensure_repository(
    access: &Access,
    name: &RepositoryName,
    is_mutable: Option<bool>,
) -> Result<(), LocalError> {
    let client = client(access);
    let (setting, filters) = if is_mutable == Some(true) {
        (ImageTagMutability::Mutable, None)
    } else {
        let movable = ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter("*-dirty")
            .build()
            .map_err(refused)?;
        (ImageTagMutability::ImmutableWithExclusion, Some(vec![movable]))
    };
    let request = client
        .create_repository()
        .repository_name(name.as_str())
        .image_tag_mutability(setting.clone())
        .set_image_tag_mutability_exclusion_filters(filters.clone());
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateRepositoryError::is_repository_already_exists_exception) =>
        {
            if is_mutable.is_some() {
                let change = client
                    .put_image_tag_mutability()
                    .repository_name(name.as_str())
                    .image_tag_mutability(setting)
                    .set_image_tag_mutability_exclusion_filters(filters);
                change.send().await.map_err(refused)?;
            }
            Ok(())
        }
        Err(error) => Err(refused(error)),
    }
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
