//! Whether images get an index of their layers, for lazy loading.

use std::collections::BTreeMap;

use super::problem::Problems;
use super::{Environment, Origin, RawInputs};
use crate::settings::{BuildSettings, Publishing};
use tagship_domain::build::{BuildOptions, LayerForm};

/// The variables that the program is given.
const VARIABLES: [&str; 2] = ["PATH", "HOME"];

/// Reads `soci` into the build that it is about.
pub(super) fn read_into(
    build: &mut Option<BuildSettings>,
    raw: &RawInputs,
    environment: &Environment,
    published: (&Publishing, bool),
    problems: &mut Problems,
) {
    if let Some(build) = build {
        build.soci = read(raw, environment, &build.options, published, problems);
    }
}

/// Reads `soci`; gives the variables of the program that makes the index.
fn read(
    raw: &RawInputs,
    environment: &Environment,
    options: &BuildOptions,
    (publishing, push): (&Publishing, bool),
    problems: &mut Problems,
) -> Option<BTreeMap<String, String>> {
    // What is not published is not loaded by anybody.
    if !raw.flag("soci", problems) || !push {
        return None;
    }
    let origin = raw
        .list("soci", problems)
        .map_or(Origin::Inputs, |given| given.origin);
    let obstacles = [
        (
            !options.attestations.is_empty(),
            "an image with an index has another digest than the one that `provenance`, `sbom` and `attests` are about",
        ),
        (
            options.compression.form == LayerForm::Zstd,
            "an index is made of layers in gzip, and `compression` says `zstd`",
        ),
        (
            raw.text("preset", problems).is_some(),
            "an image with an index is one in an index, which `preset: lambda` does not take",
        ),
        (
            !matches!(publishing, Publishing::Whole),
            "the index is of the whole image, and `by-digest` and `merge-from` are about parts",
        ),
    ];
    let mut is_refused = false;
    for (_, obstacle) in obstacles.iter().filter(|(is_there, _)| *is_there) {
        problems.add::<()>(&origin, *obstacle, "leave one of both out".to_owned());
        is_refused = true;
    }
    let given = VARIABLES.iter();
    let given = given.filter_map(|name| Some(((*name).to_owned(), environment.get(name)?.to_owned())));
    (!is_refused).then(|| given.collect())
}
