//! How the repository of a run is made where it is missing.

use super::destination::ResolvedDestination;
use super::problem::Problems;
use super::repositories::declarations;
use super::{Environment, Origin, RawInputs};
use crate::settings::MissingRepository;
use tagship_domain::repositories::{DeclaredRepository, RegistryKind, RepositoryCreation};
use tagship_domain::untrusted::cleaned;

/// How the repository is made where it is missing, if it is to be.
pub(super) fn created(
    raw: &RawInputs,
    environment: &Environment,
    place: Option<&ResolvedDestination>,
    problems: &mut Problems,
) -> Option<MissingRepository> {
    let creation = creation(raw, problems)?;
    if creation == RepositoryCreation::ByTemplate {
        return Some(MissingRepository::ByTemplate);
    }
    if creation == RepositoryCreation::Never {
        return None;
    }
    let declared = declarations(raw, environment, problems);
    // One in the embedded ECR of `local` is made in any case.
    let image = place?.image()?;
    let name = image.name_in_api();
    if let Some(declared) = &declared
        && name != image.repository
        && declared
            .repositories
            .iter()
            .any(|one| one.name == image.repository)
    {
        let message = format!(
            "`repositories` declares `{}` with the alias of its registry",
            image.repository
        );
        return problems.add(&Origin::Inputs, message, format!("declare it as `{name}`"));
    }
    let declared = declared.and_then(|declared| declared.of(&name));
    let kind = RegistryKind::of(&image.registry);
    let declared = declared.unwrap_or_else(|| DeclaredRepository::undeclared(name, kind));
    Some(MissingRepository::Declared(Box::new(declared)))
}

/// Who makes the repository where it is missing; `None` with a problem.
pub(super) fn creation(raw: &RawInputs, problems: &mut Problems) -> Option<RepositoryCreation> {
    let value = raw.text("create-repository", problems)?;
    RepositoryCreation::parse(&value.text).or_else(|| {
        let message = format!(
            "`{}` is none of `true`, `false` and `{}`",
            cleaned(&value.text),
            RepositoryCreation::TEMPLATE
        );
        problems.add(&value.origin, message, None)
    })
}
