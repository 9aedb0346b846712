//! ECR Public as the destination of a run: how it is named, and what it does not do.

use super::problem::Problems;
use super::raw::InputText;
use super::{Origin, RawInputs};
use tagship_domain::reference::{ImageName, Region, RegistryHost};

/// How a public repository is named.
pub(super) const NAME_HINT: &str =
    "name it with the alias of the registry: `ALIAS/NAME`, as it stands behind `public.ecr.aws/`";

/// A name that no public repository has.
#[derive(Debug, thiserror::Error)]
#[error("repository `{0}` is no `ALIAS/NAME` of ECR Public")]
pub(super) struct InvalidPublicName(String);

/// Refuses a name without an alias, and one that ECR Public does not take.
pub(super) fn check_name(image: &ImageName) -> Result<(), InvalidPublicName> {
    let is_legal = image
        .in_public_registry()
        .is_some_and(|(_, name)| name.is_public());
    if is_legal {
        Ok(())
    } else {
        Err(InvalidPublicName(image.repository.to_string()))
    }
}

/// Reads ECR Public as the registry, whose name says no account. Source: ECR Public user guide, "Amazon ECR Public endpoints and quotas".
pub(super) fn registry(
    raw: &RawInputs,
    host: RegistryHost,
    value: &InputText,
    region: Option<&(Region, Origin)>,
    problems: &mut Problems,
) -> Option<RegistryHost> {
    if !raw.trust().is_whole() && matches!(value.origin, Origin::File { .. }) {
        let message =
            format!("registry `{host}` names no account, and counts only when the workflow says so");
        let hint = "give it as an input of the step".to_owned();
        return problems.add(&value.origin, message, hint);
    }
    if let Some((region, origin)) = region.filter(|(region, _)| region.partition() != "aws") {
        let message = format!("accounts of region `{region}` have no registry in `{host}`");
        return problems.add(origin, message, "publish to a private registry".to_owned());
    }
    Some(host)
}

/// Inputs that ask for what ECR Public does not do: the values that do not, and what it does not do.
///
/// Source: ECR Public API reference, "Actions".
const MISSING: [(&str, &[&str], &str); 5] = [
    (
        "create-repository",
        &["false", "true"],
        "has no creation templates",
    ),
    ("scan", &["off"], "scans no images"),
    ("wait-for-replication", &["false"], "replicates no images"),
    ("from-cache", &["false"], "caches no base images"),
    ("sign", &["off", "cosign", "notation"], "signs no images itself"),
];

/// Refuses inputs that ask for what ECR Public does not do.
pub(super) fn check(raw: &RawInputs, image: Option<&ImageName>, problems: &mut Problems) {
    let Some(image) = image.filter(|image| image.registry.is_public_ecr()) else {
        return;
    };
    for (name, harmless, missing) in MISSING {
        let Some(value) = raw.text(name, problems) else {
            continue;
        };
        if harmless.iter().any(|text| value.text.eq_ignore_ascii_case(text)) {
            continue;
        }
        let message = format!("`{}` {missing}", image.registry);
        let hint =
            format!("leave `{name}` out, or publish to a private repository and copy the image from there");
        problems.add::<()>(&value.origin, message, hint);
    }
}
