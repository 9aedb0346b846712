//! The input `targets`: further repositories that the image goes to, beside the further names of `images`.

use super::destination::{ResolvedDestination, endpoint};
use super::ecr_public::{NAME_HINT, check_name};
use super::problem::Problems;
use super::raw::InputText;
use super::{RawInputs, images, role};
use crate::settings::{Destination, IdentitySettings, RepositoryPlace, RepositorySettings};
use tagship_domain::reference::{ImageName, PartialRef};
use tagship_domain::untrusted::cleaned;

const FORM: &str = "write it as `[HOST/]NAME` or `[HOST/]NAME,role-to-assume=ARN`";

/// Reads the further repositories. The embedded ECR stands for all of them, and what is not published goes nowhere.
pub(super) fn read(
    raw: &RawInputs,
    place: Option<&ResolvedDestination>,
    identity: Option<&IdentitySettings>,
    push: bool,
    notes: &mut Vec<String>,
    problems: &mut Problems,
) -> Vec<RepositoryPlace> {
    let mut entries = raw.entries("targets", problems);
    let (true, Some(place), Some(identity)) = (push, place, identity) else {
        return Vec::new();
    };
    let Some(first) = place.image() else {
        entries.extend(images::further(raw, &mut Problems::new(Vec::new())));
        if let Some(entry) = entries.first() {
            notes.push(format!(
                "further repositories of {} are left out: the embedded ECR takes the image alone",
                entry.origin
            ));
        }
        return Vec::new();
    };
    entries.extend(images::further(raw, problems));
    let mut known = vec![first.clone()];
    let mut targets = Vec::new();
    for entry in &entries {
        let Some((image, target)) = target(entry, first, identity, problems) else {
            continue;
        };
        if known.contains(&image) {
            problems.add::<()>(&entry.origin, format!("`{image}` is a target twice"), None);
            continue;
        }
        known.push(image);
        targets.push(target);
    }
    targets
}

fn target(
    entry: &InputText,
    first: &ImageName,
    identity: &IdentitySettings,
    problems: &mut Problems,
) -> Option<(ImageName, RepositoryPlace)> {
    let mut parts = entry.text.split(',').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let named = PartialRef::parse_name(name);
    let named = problems.check(&entry.origin, named, FORM.to_owned())?;
    let (Some(repository), None) = (named.repository, named.reference) else {
        let message = format!("`{}` names an image, and no repository", cleaned(name));
        return problems.add(&entry.origin, message, "leave tag and digest out".to_owned());
    };
    let image = ImageName {
        registry: named.registry.unwrap_or_else(|| first.registry.clone()),
        repository,
    };
    let (mut role, mut endpoint_url) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("role-to-assume", text)) if role.is_none() => role = Some(text),
            Some(("endpoint-url", text)) if endpoint_url.is_none() => {
                let value = InputText {
                    text: text.to_owned(),
                    origin: entry.origin.clone(),
                };
                endpoint_url = Some(endpoint(&value, problems)?);
            }
            _ => {
                let message = format!("`{}` is no option of a target", cleaned(part));
                return problems.add(&entry.origin, message, FORM.to_owned());
            }
        }
    }
    let is_first_registry = image.registry == first.registry;
    let is_public = image.registry.is_public_ecr();
    if is_public {
        problems.check(&entry.origin, check_name(&image), NAME_HINT.to_owned())?;
    }
    let is_foreign = image.registry.region().is_none() && !is_public;
    if is_foreign && !is_first_registry && endpoint_url.is_none() {
        if role.is_some() {
            let message = format!(
                "registry `{}` is none of ECR's, and takes no role",
                image.registry
            );
            let hint = "give its login in `registry-auth`".to_owned();
            return problems.add(&entry.origin, message, hint);
        }
        return Some((image.clone(), RepositoryPlace::Other(image)));
    }
    let mut identity = identity.clone();
    if !is_first_registry {
        identity.region = image.registry.region().cloned().or(identity.region);
        identity.endpoint_url = None;
    }
    if endpoint_url.is_some() {
        identity.endpoint_url = endpoint_url;
    }
    if let Some(role) = role {
        let arn = role::arn(role, image.registry.account(), identity.region.as_ref());
        let hint = arn.as_ref().err().map(role::InvalidRole::hint);
        identity.role = Some(problems.check(&entry.origin, arn, hint)?);
    }
    let settings = RepositorySettings {
        destination: Destination::Registry(image.clone()),
        identity,
    };
    Some((image, RepositoryPlace::Ecr(Box::new(settings))))
}
