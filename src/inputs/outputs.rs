//! Where a result goes that is not published.

use super::entries::stays;
use super::lists::checked;
use super::paths::Paths;
use super::problem::Problems;
use super::{Origin, RawInputs};
use tagship_domain::build::BuildOutput;

/// Reads `load` and `outputs`, of which a run that publishes has none.
pub(super) fn read(raw: &RawInputs, paths: &Paths, push: bool, problems: &mut Problems) -> Vec<BuildOutput> {
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
