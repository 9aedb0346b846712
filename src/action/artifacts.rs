use tagship_domain::reference::{Digest, ImageName};

/// The line that names an image. Source: actions/runner, `ArtifactsFileCommand`: `oci://<name>@<digest>`.
pub(super) fn line(image: &ImageName, digest: &Digest) -> String {
    format!("oci://{image}@{digest}\n")
}
