//! How the repository of a run is made where it is missing.

use super::destination::ResolvedDestination;
use super::problem::Problems;
use super::repositories::declarations;
use super::{Environment, Origin, RawInputs};
use crate::settings::MissingRepository;
use tagship_domain::repositories::{DeclaredRepository, RegistryKind, RepositoryCreation};
use tagship_domain::untrusted::cleaned;

/// How the repository is made where it is missing, if it is to be; and whether the file declares it.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    place: Option<&ResolvedDestination>,
    problems: &mut Problems,
) -> (Option<MissingRepository>, bool) {
    (
        created(raw, environment, place, problems),
        is_declared(raw, place),
    )
}

fn created(
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

/// Whether a file that counts declares the repository, by its name or by a pattern.
fn is_declared(raw: &RawInputs, place: Option<&ResolvedDestination>) -> bool {
    let (Some(read), Some(image)) = (
        raw.declared_repositories().0,
        place.and_then(ResolvedDestination::image),
    ) else {
        return false;
    };
    let name = image.name_in_api();
    raw.trust().is_whole()
        && (read.repositories.iter().any(|(known, _)| *known == name)
            || read.patterns.iter().any(|(pattern, _)| pattern.matches(&name)))
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
