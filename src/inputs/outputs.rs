//! Where a result goes that is not published.

use super::entries::stays;
use super::lists::checked;
use super::paths::Paths;
use super::problem::Problems;
use super::{Origin, RawInputs};
use tagship_domain::build::{BuildOutput, FrontendCall};

/// Reads `load`, `outputs` and `call`, of which a run that publishes has none.
pub(super) fn read_with_call(
    raw: &RawInputs,
    paths: &Paths,
    push: bool,
    problems: &mut Problems,
) -> (Vec<BuildOutput>, Option<FrontendCall>) {
    let outputs = read(raw, paths, push, problems);
    let call = call(raw, push, &outputs, problems);
    (outputs, call)
}

/// Reads `load` and `outputs`.
fn read(raw: &RawInputs, paths: &Paths, push: bool, problems: &mut Problems) -> Vec<BuildOutput> {
    let mut outputs = Vec::new();
    if raw.flag("load", problems) {
        outputs.push(BuildOutput::Store(Vec::new()));
    }
    let entries = raw.entries("outputs", problems);
    if push && !(outputs.is_empty() && entries.is_empty()) {
        let input = if outputs.is_empty() { "outputs" } else { "load" };
        let origin = raw
            .list(input, problems)
            .map_or(Origin::Inputs, |list| list.origin);
        let message = "is for a build that is not published";
        problems.add::<()>(&origin, message, "give `push: false`, or leave it out".to_owned());
    }
    for (index, entry) in entries.into_iter().enumerate() {
        let Some(output) = checked(&entry, index, BuildOutput::parse(&entry.text), problems).flatten() else {
            continue;
        };
        let resolved = |path: &std::path::Path| paths.resolve(&path.to_string_lossy());
        let output = match output {
            BuildOutput::Store(names) => BuildOutput::Store(names),
            BuildOutput::Folder(path) => BuildOutput::Folder(resolved(&path)),
            BuildOutput::File(kind, path) => BuildOutput::File(kind, resolved(&path)),
        };
        let may = match &output {
            BuildOutput::Store(_) => true,
            BuildOutput::Folder(path) | BuildOutput::File(_, path) => {
                stays(raw, &entry, path, paths, problems)
            }
        };
        if may {
            outputs.push(output);
        }
    }
    outputs
}

/// Reads `call`, which takes the place of a build.
fn call(
    raw: &RawInputs,
    push: bool,
    outputs: &[BuildOutput],
    problems: &mut Problems,
) -> Option<FrontendCall> {
    let value = raw.text("call", problems)?;
    let call = problems
        .check(&value.origin, FrontendCall::parse(&value.text), None)
        .flatten()?;
    if push {
        let message = "asks about the Dockerfile, and this run is to publish";
        return problems.add(
            &value.origin,
            message,
            "give `push: false`, or run `tagship build`".to_owned(),
        );
    }
    if !outputs.is_empty() {
        let message =
            "asks about the Dockerfile and builds nothing, so that `load` and `outputs` get nothing";
        return problems.add(&value.origin, message, "leave one of them out".to_owned());
    }
    Some(call)
}
