//! The input `images`, as `docker/metadata-action` takes it: where the image goes, and the further repositories that get it too.

use super::RawInputs;
use super::naming;
use super::problem::Problems;
use super::raw::InputText;
use tagship_domain::tags::Image;
use tagship_domain::untrusted::cleaned;

/// Where the image goes, as the inputs name it.
#[derive(Debug, Default)]
pub(super) struct NamedDestination {
    pub(super) registry: Option<InputText>,
    pub(super) repository: Option<InputText>,
}

/// Reads `registry` and `repository`, or `images` in their place; `None` only with a problem.
pub(super) fn named(raw: &RawInputs, problems: &mut Problems) -> Option<NamedDestination> {
    let given = NamedDestination {
        registry: raw.text("registry", problems),
        repository: raw.text("repository", problems),
    };
    let Some(list) = raw.list("images", problems) else {
        return Some(given);
    };
    let names = names(raw, &list, problems)?;
    let Some(name) = names.first() else {
        return problems.add(&list.origin, "names no image that is enabled", None);
    };
    let (host, path) = host_and_path(name);
    let sourced = |text: &str| InputText {
        text: text.to_owned(),
        origin: list.origin.clone(),
    };
    for (given, found, input) in [
        (&given.registry, host, "registry"),
        (&given.repository, Some(path), "repository"),
    ] {
        if let (Some(given), Some(found)) = (given, found)
            && given.text != found
        {
            let message = format!(
                "`images` names {input} `{}`, and `{input}` another",
                cleaned(found)
            );
            return problems.add(&given.origin, message, format!("leave `{input}` out"));
        }
    }
    Some(NamedDestination {
        registry: host.map(sourced).or(given.registry),
        repository: Some(sourced(path)),
    })
}

/// The names behind the first, which are targets: the image is the same under all of them, as `docker/build-push-action` pushes it.
pub(super) fn further(raw: &RawInputs, problems: &mut Problems) -> Vec<InputText> {
    let Some(list) = raw.list("images", problems) else {
        return Vec::new();
    };
    // What is wrong with the list was said where its first name was read.
    let names = names(raw, &list, &mut Problems::new(Vec::new())).unwrap_or_default();
    let mut further = Vec::new();
    for name in names.into_iter().skip(1) {
        if host_and_path(&name).0.is_none() {
            let message = format!("`{}` behind the first image has no registry", cleaned(&name));
            let hint = format!(
                "write `HOST/{0}`; Docker Hub's is `docker.io/{0}`",
                cleaned(&name)
            );
            problems.add::<()>(&list.origin, message, hint);
            continue;
        }
        further.push(InputText {
            text: name,
            origin: list.origin.clone(),
        });
    }
    further
}

/// The enabled names, each once.
fn names(raw: &RawInputs, list: &InputText, problems: &mut Problems) -> Option<Vec<String>> {
    let mode = naming::mode(raw, problems);
    let images = problems.check(&list.origin, Image::parse_list(&list.text, mode), None)?;
    let mut names: Vec<String> = Vec::new();
    for image in images.into_iter().filter(|image| image.is_enabled) {
        if !names.contains(&image.name) {
            names.push(image.name);
        }
    }
    Some(names)
}

fn host_and_path(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, name),
    }
}
