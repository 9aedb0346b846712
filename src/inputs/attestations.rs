//! Statements that the engine adds to the image.

use std::collections::BTreeMap;

use super::RawInputs;
use super::lists::{checked, one};
use super::problem::Problems;
use tagship_domain::build::{Attestation, BuildArgs};

/// Reads `provenance` and `sbom`, and `attests`, whose lines count more.
pub(super) fn read(
    raw: &RawInputs,
    args: &BuildArgs,
    problems: &mut Problems,
) -> BTreeMap<Attestation, String> {
    let mut wishes = BTreeMap::new();
    for kind in [Attestation::Provenance, Attestation::Sbom] {
        let wish = one(raw, kind.as_str(), |text| kind.wish(text), problems);
        wishes.extend(wish.flatten().map(|attributes| (kind, attributes)));
    }
    for (index, entry) in raw.entries("attests", problems).into_iter().enumerate() {
        match checked(&entry, index, Attestation::parse(&entry.text), problems) {
            Some((kind, Some(attributes))) => drop(wishes.insert(kind, attributes)),
            Some((kind, None)) => drop(wishes.remove(&kind)),
            None => {}
        }
    }
    refuse_secrets(raw, args, &wishes, problems);
    refuse_preset(raw, &wishes, problems);
    wishes
}

/// Provenance with `mode=max` holds the values of all build arguments, for everybody who may pull.
/// Source: `BuildKit` documentation, "Provenance attestation".
fn refuse_secrets(
    raw: &RawInputs,
    args: &BuildArgs,
    wishes: &BTreeMap<Attestation, String>,
    problems: &mut Problems,
) {
    let tells_all = wishes
        .get(&Attestation::Provenance)
        .is_some_and(|attributes| attributes.split(',').any(|one| one == "mode=max"));
    let Some(name) = args
        .names()
        .find(|name| BuildArgs::is_secret(name))
        .filter(|_| tells_all)
    else {
        return;
    };
    let input = if raw.entries("attests", problems).is_empty() {
        "provenance"
    } else {
        "attests"
    };
    let Some(list) = raw.list(input, problems) else {
        return;
    };
    let message =
        format!("`mode=max` publishes the values of build arguments, and `{name}` is called like a secret");
    let hint = "give it in `secrets`, or take `mode=min`".to_owned();
    problems.add::<()>(&list.origin, message, hint);
}

/// AWS Lambda takes no index, which an image with attestations is.
/// Source: AWS Lambda developer guide, "Container image requirements".
fn refuse_preset(raw: &RawInputs, wishes: &BTreeMap<Attestation, String>, problems: &mut Problems) {
    let Some(preset) = raw.text("preset", problems) else {
        return;
    };
    if preset.text != "lambda" {
        let message = format!(
            "`{}` is no preset",
            tagship_domain::untrusted::cleaned(&preset.text)
        );
        problems.add::<()>(
            &preset.origin,
            message,
            "write `lambda`, or leave it out".to_owned(),
        );
        return;
    }
    if let Some(kind) = wishes.keys().next() {
        let message = format!(
            "AWS Lambda takes no image with attestations, and `{}` asks for one",
            kind.as_str()
        );
        problems.add::<()>(&preset.origin, message, "leave one of the two out".to_owned());
    }
    let compression = raw.text("compression", problems);
    if compression.is_some_and(|compression| compression.text == "zstd") {
        let message = "AWS Lambda takes no layers compressed by zstd, and `compression` asks for them";
        problems.add::<()>(&preset.origin, message, "leave one of the two out".to_owned());
    }
    if super::options::platforms(raw, problems).len() > 1 {
        let message = "AWS Lambda takes images of one platform, and `platforms` names several";
        problems.add::<()>(&preset.origin, message, "name one".to_owned());
    }
}
