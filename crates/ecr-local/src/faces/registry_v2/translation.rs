//! Images in the other of the two image formats, Docker's and OCI's.
//!
//! Source: ECR user guide, "Container image manifest format support in Amazon ECR".

use bytes::Bytes;
use serde_json::Value;

use tagship_domain::content::{DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST};

/// The media types that mean the same: Docker's, then OCI's.
const SAME: [(&str, &str); 4] = [
    (DOCKER_MANIFEST, OCI_MANIFEST),
    (DOCKER_CONFIG, OCI_CONFIG),
    (
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        OCI_LAYER_GZIP,
    ),
    (
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ),
];

/// The manifest in the other format, with its media type; `None` for what has no other: indexes, artifacts.
pub(super) fn of(manifest: &[u8]) -> Option<(&'static str, Bytes)> {
    let mut document: Value = serde_json::from_slice(manifest).ok()?;
    let media_type = translate(&mut document)?;
    if ![DOCKER_MANIFEST, OCI_MANIFEST].contains(&media_type) {
        return None;
    }
    translate(document.get_mut("config")?)?;
    for layer in document.get_mut("layers")?.as_array_mut()? {
        translate(layer)?;
    }
    Some((media_type, Bytes::from(document.to_string())))
}

/// Puts the other media type in place of a document's own.
fn translate(document: &mut Value) -> Option<&'static str> {
    let media_type = document.get_mut("mediaType")?;
    let text = media_type.as_str()?;
    let other = SAME.iter().find_map(|(docker, oci)| match text {
        text if text == *docker => Some(*oci),
        text if text == *oci => Some(*docker),
        _ => None,
    })?;
    *media_type = other.into();
    Some(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // The media types are those of the image manifest version 2, schema 2, and of the OCI image specification.
    #[test]
    fn an_image_goes_there_and_back() {
        let docker = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": "sha256:c", "size": 1},
            "layers": [
                {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": "sha256:l", "size": 2},
            ],
        });
        let oci = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:c", "size": 1},
            "layers": [
                {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:l", "size": 2},
            ],
        });
        let translated = |document: &Value| {
            let (media_type, bytes) = of(document.to_string().as_bytes()).unwrap();
            (media_type, serde_json::from_slice::<Value>(&bytes).unwrap())
        };
        assert_eq!(translated(&docker), (OCI_MANIFEST, oci.clone()));
        assert_eq!(translated(&oci), (DOCKER_MANIFEST, docker));
    }

    #[test]
    fn what_has_no_other_format_is_left() {
        let index = json!({"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
        let artifact = json!({
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json"},
            "layers": [],
        });
        for manifest in [index.to_string(), artifact.to_string(), "no JSON".to_owned()] {
            assert_eq!(of(manifest.as_bytes()), None, "{manifest}");
        }
    }
}
