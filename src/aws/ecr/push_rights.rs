//! Which rights of a push a role lacks, found out without an effect.

use aws_sdk_ecr::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::join;

use crate::aws::ecr::client::RegionClient;
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName};

/// An upload that there never was.
const NO_UPLOAD: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the rights of a push that the role lacks, in the order in which a push needs them; empty where none is refused.
///
/// Each is asked for by a request that cannot succeed: parts of an upload that there never was, and a manifest that is
/// none. Only a denial counts; whatever else comes back says that the right is there, or nothing. Where one is missing
/// the two others of a push are asked for as well, so that all are named at once: to begin an upload leaves nothing behind.
///
/// Source: ECR API reference, errors of `UploadLayerPart`, `CompleteLayerUpload` and `PutImage`; ECR user guide, "Required
/// IAM permissions for pushing an image".
pub(super) async fn missing(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
) -> Vec<&'static str> {
    let account = registry.account().map(ToString::to_string);
    let nothing = Digest::of(b"").to_string();
    let part = is_denied(client, |client| {
        let request = client
            .upload_layer_part()
            .set_registry_id(account.clone())
            .repository_name(repository.as_str())
            .upload_id(NO_UPLOAD)
            .part_first_byte(0)
            .part_last_byte(0)
            .layer_part_blob(Blob::new([0]));
        async move { request.send().await }
    });
    let completion = is_denied(client, |client| {
        let request = client
            .complete_layer_upload()
            .set_registry_id(account.clone())
            .repository_name(repository.as_str())
            .upload_id(NO_UPLOAD)
            .layer_digests(nothing.as_str());
        async move { request.send().await }
    });
    let image = is_denied(client, |client| {
        let request = client
            .put_image()
            .set_registry_id(account.clone())
            .repository_name(repository.as_str())
            .image_manifest("{}")
            .image_digest(nothing.as_str());
        async move { request.send().await }
    });
    // Two at a time, for which there are connections: a third would take longer to open than to wait for.
    let parts = async { (part.await, completion.await) };
    let ((part, completion), image) = Box::pin(join(parts, image)).await;
    if !(part || completion || image) {
        return Vec::new();
    }
    let look = is_denied(client, |client| {
        let request = client
            .batch_check_layer_availability()
            .set_registry_id(account.clone())
            .repository_name(repository.as_str())
            .layer_digests(nothing.as_str());
        async move { request.send().await }
    });
    let beginning = is_denied(client, |client| {
        let request = client
            .initiate_layer_upload()
            .set_registry_id(account.clone())
            .repository_name(repository.as_str());
        async move { request.send().await }
    });
    let (look, beginning) = join(look, beginning).await;
    [
        (look, "ecr:BatchCheckLayerAvailability"),
        (beginning, "ecr:InitiateLayerUpload"),
        (part, "ecr:UploadLayerPart"),
        (completion, "ecr:CompleteLayerUpload"),
        (image, "ecr:PutImage"),
    ]
    .into_iter()
    .filter_map(|(is_denied, right)| is_denied.then_some(right))
    .collect()
}

/// Whether IAM refuses a request.
async fn is_denied<T, E, F>(client: &RegionClient, call: impl Fn(aws_sdk_ecr::Client) -> F) -> bool
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match client.call(call).await {
        Ok(_) => false,
        Err(failure) => {
            tracing::debug!(code = %failure.code, "a push's right is asked for");
            failure.is_access_denied()
        }
    }
}
