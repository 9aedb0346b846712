//! The repositories that the images of a checkout go to, for policies.

use super::destination::ResolvedDestination;
use super::problem::Problems;
use super::{
    Environment, Origin, RawArguments, RawInputs, SettingsError, creation, further_targets, identity, naming,
    repositories,
};
use crate::settings::{Destination, IdentitySettings, RepositoryPlace, TargetSettings};
use tagship_domain::iam::Target;
use tagship_domain::reference::{AccountId, ImageName, Region};
use tagship_domain::repositories::{Declarations, DeclaredRepository, RegistryKind, RepositoryCreation};
use tagship_domain::setup::{JobNeed, PublishedImages, SettingsInUse, TagSettings, TargetRepository};
use tagship_domain::untrusted::cleaned;

/// Reads which repositories `tagship.yaml` declares, or the one that flags and variables name.
pub fn declared_targets(
    given: RawArguments,
    environment: &Environment,
) -> Result<TargetSettings, SettingsError> {
    let (mut raw, _) = RawInputs::of_images(given.clone(), environment);
    let mut problems = Problems::new(raw.take_problems());
    let is_named = raw
        .text("repository", &mut problems)
        .is_some_and(|value| !matches!(value.origin, Origin::File { .. }));
    // Settings of the registry are about no repository.
    let settings = repositories::registry_settings(&raw, environment, &mut problems);
    let declared = repositories::declarations(&raw, environment, &mut problems)
        .or_else(|| settings.map(|_| Declarations::default()))
        .filter(|_| !is_named);
    let Some(declared) = declared else {
        problems.finish()?;
        return targets(given, environment);
    };
    let place = ResolvedDestination::of_registry(&raw, environment, &mut problems);
    let place = place.and_then(|place| target(place, &mut problems));
    let audience = raw.text("audience", &mut problems).map(|value| value.text);
    problems.finish()?;
    let of = |repository: DeclaredRepository| {
        let place = place.clone()?;
        Some(TargetRepository {
            place: Target {
                repository: repository.name,
                ..place
            },
            tags: Vec::new(),
        })
    };
    Ok(TargetSettings {
        repositories: declared.resolved().into_iter().filter_map(of).collect(),
        audience: audience.unwrap_or_default(),
        in_use: SettingsInUse::default(),
        images: PublishedImages::default(),
    })
}

/// Reads where the images of `tagship.yaml` go, or the one that flags and variables name.
pub fn targets(given: RawArguments, environment: &Environment) -> Result<TargetSettings, SettingsError> {
    let (mut raw, images) = RawInputs::of_images(given, environment);
    let mut problems = Problems::new(raw.take_problems());
    let only = raw.text("only", &mut problems);
    let name = only.as_ref().map(|only| only.text.clone());
    let of_images: Vec<&RawInputs> = images
        .iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only.text == *name))
        .map(|(_, raw)| raw)
        .collect();
    if let Some(only) = only.filter(|_| of_images.is_empty()) {
        let message = format!("no file has an image `{}`", cleaned(&only.text));
        problems.add::<()>(&only.origin, message, None);
    }
    let sources = if of_images.is_empty() {
        vec![&raw]
    } else {
        of_images
    };
    let mut in_use = SettingsInUse::default();
    for raw in &sources {
        add_uses(raw, &mut in_use, &mut problems);
    }
    let images = match name {
        Some(name) => PublishedImages::Named(name),
        None if sources.len() > 1 => PublishedImages::Touched,
        None => PublishedImages::Single,
    };
    let mut repositories: Vec<TargetRepository> = Vec::new();
    for raw in sources {
        // What is wrong with them is no matter of policies.
        let read = naming::read(raw, environment, &mut Problems::new(Vec::new()));
        let tags = TagSettings {
            lists: read.lists,
            prefix: read.tag_prefix,
        };
        for place in of_image(raw, environment, &mut problems) {
            match repositories.iter_mut().find(|one| one.place.arn() == place.arn()) {
                Some(shared) => shared.tags.push(tags.clone()),
                None => repositories.push(TargetRepository {
                    place,
                    tags: vec![tags.clone()],
                }),
            }
        }
    }
    let audience = raw.text("audience", &mut problems).map(|value| value.text);
    problems.finish()?;
    let region = repositories.first().map(|first| &first.place.region);
    let usual = identity::default_audience(None, region).to_owned();
    Ok(TargetSettings {
        audience: audience.unwrap_or(usual),
        repositories,
        in_use,
        images,
    })
}

/// Whether images go to ECR Public, by `registry` or an image's name; of what else is wrong nothing is said.
pub fn is_public(given: RawArguments, environment: &Environment) -> bool {
    let (raw, images) = RawInputs::of_images(given, environment);
    let mut sources = std::iter::once(&raw).chain(images.iter().map(|(_, raw)| raw));
    sources.any(|raw| {
        let place = ResolvedDestination::read(raw, environment, &mut Problems::new(Vec::new()));
        let image = place.as_ref().and_then(ResolvedDestination::image);
        image.is_some_and(|image| image.registry.is_public_ecr())
    })
}

/// Adds what the settings of an image switch on.
fn add_uses(raw: &RawInputs, in_use: &mut SettingsInUse, problems: &mut Problems) {
    let mut is_on = |name: &str| {
        let value = raw
            .text(name, problems)
            .map(|value| value.text.to_ascii_lowercase());
        value.is_some_and(|value| !matches!(value.as_str(), "" | "false" | "off"))
    };
    let commands = [
        ("from-cache", "from-cache"),
        ("wait-for-replication", "wait-for-replication"),
    ];
    let used = commands.iter().filter(|(input, _)| is_on(input));
    in_use.commands.extend(used.map(|(_, command)| command));
    for (input, need) in [
        ("release", JobNeed::Contents),
        ("release", JobNeed::History),
        ("pr-comment", JobNeed::PullRequests),
        ("upload-sarif", JobNeed::SecurityEvents),
        // What a file that a stranger may have written has no say in.
        ("scan", JobNeed::File),
        ("sign", JobNeed::File),
        ("release", JobNeed::File),
        ("create-repository", JobNeed::File),
        ("from-cache", JobNeed::File),
    ] {
        if is_on(input) {
            in_use.job.insert(need);
        }
    }
    let text = |name: &str, problems: &mut Problems| raw.text(name, problems).map(|value| value.text);
    if text("version", problems).as_deref() == Some("auto") {
        in_use.job.insert(JobNeed::History);
    }
    match text("scan", problems).as_deref() {
        Some("start") => in_use.commands.insert("scan"),
        Some("wait") => in_use.commands.insert("scan-wait"),
        _ => false,
    };
    match creation::creation(raw, problems) {
        Some(RepositoryCreation::ByRun) => in_use.commands.insert("create-repository"),
        Some(RepositoryCreation::ByTemplate) => in_use.commands.insert("create-by-template"),
        Some(RepositoryCreation::Never) | None => false,
    };
    match text("sign", problems).as_deref() {
        Some("managed") => in_use.commands.insert("sign-managed"),
        Some("cosign") => in_use.commands.insert("sign") | in_use.job.insert(JobNeed::Cosign),
        Some("notation") => in_use.commands.insert("sign") | in_use.job.insert(JobNeed::Notation),
        _ => false,
    };
}

/// The repository of an image, and the further ones in ECR that have no role of their own.
fn of_image(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Vec<Target> {
    let Some(place) = ResolvedDestination::read(raw, environment, problems) else {
        return Vec::new();
    };
    let anyone = IdentitySettings::default();
    let account = place.account.clone();
    let further = further_targets::read(raw, Some(&place), Some(&anyone), true, &mut Vec::new(), problems);
    let further = further.into_iter().filter_map(|place| match place {
        RepositoryPlace::Ecr(settings) if settings.identity.role.is_none() => {
            further_target(settings.destination, account.as_ref())
        }
        _ => None,
    });
    let further: Vec<Target> = further.collect();
    target(place, problems).into_iter().chain(further).collect()
}

/// A repository in ECR Public is the account's that the first one is in.
fn further_target(destination: Destination, account: Option<&AccountId>) -> Option<Target> {
    let Destination::Registry(image) = destination else {
        return None;
    };
    if image.registry.is_public_ecr() {
        return Some(public_target(account?.clone(), &image));
    }
    Some(Target {
        account: image.registry.account()?.clone(),
        region: image.registry.region()?.clone(),
        repository: image.repository,
        kind: RegistryKind::Private,
    })
}

fn public_target(account: AccountId, image: &ImageName) -> Target {
    Target {
        account,
        region: Region::of_public_ecr(),
        repository: image.name_in_api(),
        kind: RegistryKind::Public,
    }
}

fn target(place: ResolvedDestination, problems: &mut Problems) -> Option<Target> {
    let (account, region) = (place.account.clone(), place.region.clone());
    match place.into_destination() {
        // Not read: `iam` is about what is published.
        Destination::Nowhere { .. } => None,
        Destination::Local { repository, .. } => Some(Target {
            account: account.unwrap_or_else(AccountId::emulated),
            region: region.unwrap_or_else(Region::emulated),
            repository,
            kind: RegistryKind::Private,
        }),
        Destination::Registry(image) if image.registry.is_public_ecr() => {
            let Some(account) = account else {
                let message = format!("registry `{}` names no account", image.registry);
                return problems.add(&Origin::Inputs, message, "give `account-id` too".to_owned());
            };
            Some(public_target(account, &image))
        }
        Destination::Registry(image) => {
            let (Some(account), Some(region)) = (account, region) else {
                let message = format!("registry `{}` names no account and region", image.registry);
                let hint = "give `account-id` and `aws-region` too".to_owned();
                return problems.add(&Origin::Inputs, message, hint);
            };
            Some(Target {
                account,
                region,
                repository: image.repository,
                kind: RegistryKind::Private,
            })
        }
    }
}
