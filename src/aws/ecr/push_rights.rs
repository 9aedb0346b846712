//! Which rights of a push a role lacks, found out without an effect.

use aws_sdk_ecr::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::try_join;

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::aws::failure::ApiFailure;
use crate::ports::RegistryError;
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName};

/// An upload that there never was.
const NO_UPLOAD: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the rights of a push that the role lacks, in the order in which a push needs them; empty where none is refused.
///
/// Each is asked for by a request that cannot succeed: parts of an upload that there never was, and a manifest that is
/// none. Only a denial counts; whatever else comes back says that the right is there, or nothing. No answer at all is an
/// error: a push would wait in vain as well, after a build. Where one is missing the two others of a push are asked for as
/// well, so that all are named at once: to begin an upload leaves nothing behind.
///
/// Source: ECR API reference, errors of `UploadLayerPart`, `CompleteLayerUpload` and `PutImage`; ECR user guide, "Required
/// IAM permissions for pushing an image".
pub(super) async fn missing(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
) -> Result<Vec<&'static str>, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:PutImage",
        operation: "asking for the rights of a push",
    };
    let asked = asked(client, registry, repository).await;
    asked.map_err(|silence| call.failed(silence))
}

async fn asked(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
) -> Result<Vec<&'static str>, ApiFailure> {
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
    let parts = async { Ok((part.await?, completion.await?)) };
    let ((part, completion), image) = Box::pin(try_join(parts, image)).await?;
    if !(part || completion || image) {
        return Ok(Vec::new());
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
    let (look, beginning) = try_join(look, beginning).await?;
    let rights = [
        (look, "ecr:BatchCheckLayerAvailability"),
        (beginning, "ecr:InitiateLayerUpload"),
        (part, "ecr:UploadLayerPart"),
        (completion, "ecr:CompleteLayerUpload"),
        (image, "ecr:PutImage"),
    ];
    let denied = rights.into_iter().filter(|(is_denied, _)| *is_denied);
    Ok(denied.map(|(_, right)| right).collect())
}

/// Whether IAM refuses a request; an error where no answer comes, which a build would only find later.
async fn is_denied<T, E, F>(
    client: &RegionClient,
    call: impl Fn(aws_sdk_ecr::Client) -> F,
) -> Result<bool, ApiFailure>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match client.call(call).await {
        Ok(_) => Ok(false),
        Err(silence) if silence.is_silence => Err(silence),
        Err(failure) => {
            tracing::debug!(code = %failure.code, "a push's right is asked for");
            Ok(failure.is_access_denied())
        }
    }
}
