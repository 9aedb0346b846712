//! The input `images`, as `docker/metadata-action` takes it: here it names the one image that is published.

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
    let mode = naming::mode(raw, problems);
    let images = problems.check(&list.origin, Image::parse_list(&list.text, mode), None)?;
    let mut names: Vec<&str> = images
        .iter()
        .filter(|image| image.is_enabled)
        .map(|image| image.name.as_str())
        .collect();
    names.dedup();
    let [name] = names.as_slice() else {
        let message = format!("a run publishes one image, and `images` names {}", names.len());
        let hint = "run once for each image; `tagship.yaml` can hold several, and `only` takes one of them";
        return problems.add(&list.origin, message, hint.to_owned());
    };
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, *name),
    };
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
