//! Where the result of a build goes, in the words of `BuildKit`'s exporters.

use std::collections::HashMap;

use buildkit_session::{Export, ExporterResponse};

use crate::ports::BuildError;
use tagship_domain::build::{ArchiveKind, BuildRequest};
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::tags::label_annotations;

/// Pushes without a tag, and keeps no image in the engine.
/// Source: `BuildKit`, "Exporters", "image"; `docs/build-repro.md`.
pub(super) fn push_by_digest(request: &BuildRequest, image: &ImageName) -> Export {
    let mut options = of_image(request);
    options.extend(owned(&[
        ("push", "true"),
        ("push-by-digest", "true"),
        ("name-canonical", "true"),
        ("store", "false"),
        ("name", &image.to_string()),
    ]));
    if image.registry.is_plain_http() {
        options.extend(owned(&[("registry.insecure", "true")]));
    }
    Export {
        kind: "image",
        options,
    }
}

/// Sends the same image here, byte for byte, in the form of an OCI layout.
/// Source: `BuildKit`, "Exporters", "oci".
pub(super) fn image_file(request: &BuildRequest) -> Export {
    Export {
        kind: ArchiveKind::Oci.as_str(),
        options: of_image(request),
    }
}

/// What decides what an image's bytes are.
fn of_image(request: &BuildRequest) -> HashMap<String, String> {
    let mut options = owned(&[
        ("oci-mediatypes", "true"),
        ("compression", request.options.compression.form.as_str()),
        ("source-date-epoch", &request.latest_time().to_string()),
    ]);
    if request.options.compression.converts {
        options.extend(owned(&[("force-compression", "true")]));
    }
    if let Some(level) = request.options.compression.level {
        options.extend(owned(&[("compression-level", &level.to_string())]));
    }
    if request.reproducible {
        options.extend(owned(&[("rewrite-timestamp", "true")]));
    }
    let own = label_annotations(&request.labels, request.platforms.len() > 1);
    for annotation in own.iter().chain(&request.options.annotations) {
        options.insert(annotation.option.clone(), annotation.value.clone());
    }
    options
}

/// Leaves the image in the engine's store, under these names or none.
pub(super) fn into_store(names: &[String]) -> Export {
    let names = Some(names.join(",")).filter(|names| !names.is_empty());
    Export {
        kind: "moby",
        options: names
            .map(|names| ("name".to_owned(), names))
            .into_iter()
            .collect(),
    }
}

/// Sends the result here, as one file.
pub(super) fn archive(kind: ArchiveKind) -> Export {
    Export {
        kind: kind.as_str(),
        options: HashMap::new(),
    }
}

fn owned(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// The digest that the engine answers with under a key.
pub(super) fn digest_of(response: &ExporterResponse, key: &str) -> Result<Digest, BuildError> {
    let text = response.get(key).map(String::as_str).unwrap_or_default();
    Digest::parse(text).map_err(|error| BuildError::Failed {
        message: format!("the engine gives no `{key}`: {error}"),
        location: None,
    })
}
