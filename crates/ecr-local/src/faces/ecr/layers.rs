//! Layers that are uploaded and downloaded through the API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::creation::{self, Scenario};
use crate::services::storage_grants::StorageGrant;
use crate::state::store::RepeatedPush;
use crate::state::uploads::{Parts, Upload};
use tagship_domain::reference::Digest;

/// The most bytes of a part that the API takes. Source: ECR API reference, `UploadLayerPart`.
pub(crate) const MAX_PART_BYTES: usize = 20_971_520;

/// The bytes that a part should have, and the most that the quota lets it have: 10 MiB.
/// Source: ECR user guide, "Service quotas", "Maximum layer part size".
const PART_BYTES: u64 = 10 * 1024 * 1024;

pub(crate) const UPLOAD_ID: Shape = Shape::pattern(
    0,
    36,
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
);

pub(crate) const LAYER_DIGEST: Shape = Shape::pattern(0, usize::MAX, "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+");

/// The position of a byte.
pub(crate) const POSITION: Shape = Shape::Integer {
    min: 0,
    max: i64::MAX,
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "CompleteLayerUpload",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("uploadId", UPLOAD_ID),
            required("layerDigests", Shape::list(&LAYER_DIGEST, 1, 100)),
        ],
        run: Handler::Blocking(complete),
    },
    Operation {
        name: "GetDownloadUrlForLayer",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("layerDigest", LAYER_DIGEST),
        ],
        run: Handler::Blocking(download_url),
    },
    Operation {
        name: "InitiateLayerUpload",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
        ],
        run: Handler::Blocking(initiate),
    },
    Operation {
        name: "UploadLayerPart",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("uploadId", UPLOAD_ID),
            required("partFirstByte", POSITION),
            required("partLastByte", POSITION),
            required("layerPartBlob", Shape::Blob { max: MAX_PART_BYTES }),
        ],
        run: Handler::Blocking(upload_part),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitiateLayerUpload {
    repository_name: String,
}

/// `InitiateLayerUpload`.
pub(crate) fn initiate(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: InitiateLayerUpload = read(document)?;
    let name = repository_name(&request.repository_name)?;
    creation::repository(context.state, &context.registry, &name, Scenario::CreateOnPush)?;
    let upload = Upload::begin(&context.registry, &name, Parts::AsEcr, context.now())?;
    let answer = json!({"uploadId": upload.id, "partSize": PART_BYTES});
    context.state.uploads.put(upload);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadLayerPart {
    repository_name: String,
    upload_id: String,
    part_first_byte: u64,
    part_last_byte: u64,
    layer_part_blob: String,
}

/// `UploadLayerPart`. That a part was too small is reported when the upload is completed.
pub(crate) fn upload_part(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: UploadLayerPart = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let bytes = STANDARD
        .decode(&request.layer_part_blob)
        .map_err(|error| Refusal::Serialization(format!("`layerPartBlob` is not base64: {error}")))?;
    context.registry.repository(&name)?;
    let uploads = &context.state.uploads;
    let mut upload = uploads.take(&context.registry, &name, &request.upload_id)?;
    if let Err(refusal) = append(&mut upload, &request, &bytes, context) {
        uploads.put(upload);
        return Err(refusal);
    }
    let answer = json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "uploadId": upload.id,
        "lastByteReceived": request.part_last_byte,
    });
    uploads.put(upload);
    Ok(answer)
}

fn append(
    upload: &mut Upload,
    request: &UploadLayerPart,
    bytes: &[u8],
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let (first, length) = (request.part_first_byte, bytes.len() as u64);
    upload.check_part(first, length)?;
    if length > PART_BYTES {
        return Err(upload.invalid_part("it has more than 10485760 bytes"));
    }
    if first.checked_add(length) != request.part_last_byte.checked_add(1) {
        return Err(upload.invalid_part("it has not as many bytes as its positions say"));
    }
    upload.blob.append(bytes)?;
    upload.part_added(first, context.now());
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompleteLayerUpload {
    repository_name: String,
    upload_id: String,
    layer_digests: Vec<String>,
}

/// `CompleteLayerUpload`. Whatever it comes to, the upload has ended.
pub(crate) fn complete(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: CompleteLayerUpload = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.registry.repository(&name)?;
    // Digests of other kinds may stand beside.
    let stated: Vec<Digest> = request
        .layer_digests
        .iter()
        .filter_map(|text| Digest::parse(text).ok())
        .collect();
    let upload = context
        .state
        .uploads
        .take(&context.registry, &name, &request.upload_id)?;
    let digest = upload.complete(&stated, RepeatedPush::Refuse)?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "uploadId": request.upload_id,
        "layerDigest": digest,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetDownloadUrlForLayer {
    repository_name: String,
    layer_digest: String,
}

/// `GetDownloadUrlForLayer`.
fn download_url(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: GetDownloadUrlForLayer = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let digest =
        Digest::parse(&request.layer_digest).map_err(|invalid| Refusal::parameter("layerDigest", invalid))?;
    let size = context
        .registry
        .layer(&name, &digest)?
        .ok_or_else(|| Refusal::LayerNotFound {
            digest,
            repository: name.clone(),
        })?;
    if !context.registry.layer_has_image(&name, &digest)? {
        return Err(Refusal::modelled(
            "LayerInaccessibleException",
            format!("The layer with digest '{digest}' is not associated with an image"),
        ));
    }
    let grant = StorageGrant::seal(context.state, digest, size)?;
    let url = context.base.storage(context.addresses, &grant);
    Ok(json!({"downloadUrl": url, "layerDigest": digest}))
}
