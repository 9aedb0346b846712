//! Whether a role has a permission, found out without an effect: by reading, or by a request that cannot succeed.
//!
//! Source: `tagship_domain::doctor::probe_for`, which has the errors that tell it.

use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::ImageIdentifier;

use crate::aws::ecr::client::RegionClient;
use crate::aws::failure::ApiFailure;
use tagship_domain::doctor::{Probe, Probed, probe_for};
use tagship_domain::reference::{RegistryHost, RepositoryName};

/// A digest that no content has.
const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// An upload that there is not.
const NO_UPLOAD: &str = "00000000-0000-4000-8000-000000000000";
/// An image whose config does not exist.
const NO_IMAGE: &str = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":2},\"layers\":[]}";

/// Sends a request, of whose answer only the error counts.
macro_rules! asked {
    ($client:expr, |$of:ident| $request:expr) => {
        $client
            .call(|$of| {
                let request = $request;
                async move { request.send().await.map(drop) }
            })
            .await
    };
}

/// Asks for what `action` allows, so that it has no effect.
pub(super) async fn of_repository(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    action: &str,
) -> Probed {
    let account = registry.account().map(ToString::to_string);
    let name = repository.as_str();
    let asked = match action {
        "ecr:BatchGetImage" => asked!(client, |client| client
            .batch_get_image()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_ids(no_image())),
        "ecr:BatchCheckLayerAvailability" => asked!(client, |client| client
            .batch_check_layer_availability()
            .set_registry_id(account.clone())
            .repository_name(name)
            .layer_digests(NO_DIGEST)),
        "ecr:DescribeRepositories" => asked!(client, |client| client
            .describe_repositories()
            .set_registry_id(account.clone())
            .repository_names(name)),
        "ecr:ListImages" => asked!(client, |client| client
            .list_images()
            .set_registry_id(account.clone())
            .repository_name(name)
            .max_results(1)),
        "ecr:GetDownloadUrlForLayer" => asked!(client, |client| client
            .get_download_url_for_layer()
            .set_registry_id(account.clone())
            .repository_name(name)
            .layer_digest(NO_DIGEST)),
        "ecr:UploadLayerPart" => asked!(client, |client| client
            .upload_layer_part()
            .set_registry_id(account.clone())
            .repository_name(name)
            .upload_id(NO_UPLOAD)
            .part_first_byte(0)
            .part_last_byte(0)
            .layer_part_blob(Blob::new("x"))),
        "ecr:CompleteLayerUpload" => asked!(client, |client| client
            .complete_layer_upload()
            .set_registry_id(account.clone())
            .repository_name(name)
            .upload_id(NO_UPLOAD)
            .layer_digests(NO_DIGEST)),
        "ecr:PutImage" => asked!(client, |client| client
            .put_image()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_manifest(NO_IMAGE)
            .image_digest(NO_DIGEST)),
        _ => match of_registry(client, registry, repository, action).await {
            Some(asked) => asked,
            None => {
                return Probed::Unknown {
                    reason: "it cannot be asked for without an effect".to_owned(),
                };
            }
        },
    };
    judged(asked, probe_for(action))
}

/// What an image that there is not is asked for; `None` of another action.
async fn of_image(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    action: &str,
) -> Option<Result<(), ApiFailure>> {
    let account = registry.account().map(ToString::to_string);
    let name = repository.as_str();
    Some(match action {
        "ecr:DescribeImages" => asked!(client, |client| client
            .describe_images()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_ids(no_image())),
        "ecr:DescribeImageScanFindings" => asked!(client, |client| client
            .describe_image_scan_findings()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_id(no_image())),
        "ecr:StartImageScan" => asked!(client, |client| client
            .start_image_scan()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_id(no_image())),
        "ecr:DescribeImageReplicationStatus" => asked!(client, |client| client
            .describe_image_replication_status()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_id(no_image())),
        "ecr:DescribeImageSigningStatus" => asked!(client, |client| client
            .describe_image_signing_status()
            .set_registry_id(account.clone())
            .repository_name(name)
            .image_id(no_image())),
        _ => return None,
    })
}

/// What is read of the registry; else what [`of_image`] gives.
async fn of_registry(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    action: &str,
) -> Option<Result<(), ApiFailure>> {
    let account = registry.account().map(ToString::to_string);
    let name = repository.as_str();
    Some(match action {
        "ecr:BatchGetRepositoryScanningConfiguration" => asked!(client, |client| client
            .batch_get_repository_scanning_configuration()
            .repository_names(name)),
        "ecr:GetRegistryScanningConfiguration" => {
            asked!(client, |client| client.get_registry_scanning_configuration())
        }
        "ecr:DescribePullThroughCacheRules" => asked!(client, |client| client
            .describe_pull_through_cache_rules()
            .set_registry_id(account.clone())
            .max_results(1)),
        "ecr:DescribeRepositoryCreationTemplates" => asked!(client, |client| client
            .describe_repository_creation_templates()
            .max_results(1)),
        "ecr:DescribeRegistry" => asked!(client, |client| client.describe_registry()),
        "ecr:GetSigningConfiguration" => asked!(client, |client| client.get_signing_configuration()),
        _ => return of_image(client, registry, repository, action).await,
    })
}

fn no_image() -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(NO_DIGEST).build()
}

/// What an answer says of the permission.
fn judged(answer: Result<(), ApiFailure>, probe: Probe) -> Probed {
    match (answer, probe) {
        (Ok(()), _) => Probed::Allowed,
        (Err(failure), _) if failure.identity.is_none() && failure.is_access_denied() => Probed::Denied,
        (Err(failure), Probe::Fails(errors)) if errors.contains(&failure.code.as_str()) => Probed::Allowed,
        (Err(failure), _) => Probed::Unknown {
            reason: failure.message,
        },
    }
}
