//! Files that deployments read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::RawInputs;
use super::lists::checked;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use tagship_domain::deploy::{DeployFile, DeployForm};
use tagship_domain::untrusted::cleaned;

/// Reads `deploy-files`, whose paths are in the checkout.
pub(super) fn read(raw: &RawInputs, paths: &Paths, push: bool, problems: &mut Problems) -> Vec<DeployFile> {
    let mut files = Vec::new();
    let mut known: BTreeMap<PathBuf, DeployForm> = BTreeMap::new();
    for (index, entry) in raw.entries("deploy-files", problems).into_iter().enumerate() {
        if !push {
            let hint = "publish, or leave it out".to_owned();
            problems.add::<()>(&entry.origin, "what is not published is not deployed", hint);
            break;
        }
        let Some(mut file) = checked(&entry, index, DeployFile::parse(&entry.text), problems) else {
            continue;
        };
        let mut resolved = |path: &Path| resolved(path, &entry, paths, problems);
        let from = match &mut file.form {
            DeployForm::TaskDefinition { from: Some(from), .. }
            | DeployForm::AppRunner { from: Some(from) } => resolved(from).map(|path| *from = path),
            _ => Some(()),
        };
        let path = resolved(&file.path);
        let (Some(()), Some(path)) = (from, path) else {
            continue;
        };
        // Several may each change a part of one file, one after the other.
        let other = known.insert(path.clone(), file.form.clone());
        let is_shared = |other: &DeployForm| other.as_str() == file.form.as_str() && other.changes_a_part();
        if other.is_some_and(|other| !is_shared(&other)) {
            let message = format!("`{}` is given twice", cleaned(&file.path.to_string_lossy()));
            problems.add::<()>(&entry.origin, message, None);
        }
        files.push(DeployFile { path, ..file });
    }
    files
}

fn resolved(path: &Path, entry: &InputText, paths: &Paths, problems: &mut Problems) -> Option<PathBuf> {
    let resolved = paths.resolve(&path.to_string_lossy());
    if paths.is_within(&resolved) {
        return Some(resolved);
    }
    let message = format!("`{}` leads out of the checkout", cleaned(&path.to_string_lossy()));
    problems.add(&entry.origin, message, None)
}
