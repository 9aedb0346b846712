//! The files that a run writes: none of git's own, none that the run reads, and none twice.

use std::path::{Path, PathBuf};

use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawInputs};
use crate::config::FILE_NAME;
use tagship_domain::build::BuildOutput;
use tagship_domain::deploy::DeployFile;

/// The inputs that name one file which is written.
const WRITTEN: [&str; 6] = [
    "digest-file",
    "metadata-file",
    "iidfile",
    "sbom-file",
    "sarif-file",
    "asff-file",
];

/// The inputs that name one file which is read, beside the Dockerfile.
const READ: [&str; 4] = ["config", "kev-file", "epss-file", "release-notes"];

/// Refuses what would be written over: a wrong path in one of these inputs costs no file of the user.
pub(super) fn check(raw: &RawInputs, environment: &Environment, paths: &Paths, problems: &mut Problems) {
    let read = read_files(raw, paths, problems);
    let workspace = real(&raw.workspace(environment));
    let is_gits = |path: &Path| {
        let inside = path.strip_prefix(&workspace).unwrap_or(path);
        // Some file systems know no case.
        inside.iter().any(|part| part.eq_ignore_ascii_case(".git"))
    };
    let temporary = environment
        .get("RUNNER_TEMP")
        .map(|folder| real(Path::new(folder)));
    let is_the_runs = |path: &Path| {
        let temporary = temporary.as_ref();
        paths.is_within(path) || temporary.is_some_and(|folder| path.starts_with(folder))
    };
    // Several entries may each change a part of one such file.
    let deployed = deploy_files(raw, paths, problems);
    let mut known: Vec<PathBuf> = deployed.iter().map(|(_, path)| path.clone()).collect();
    let files = named(raw, paths, problems);
    for (value, path) in &deployed {
        refuse_others(value, path, &read, &is_gits, problems);
    }
    for (value, path) in files {
        refuse_others(&value, &path, &read, &is_gits, problems);
        if known.contains(&path) {
            problems.add::<()>(&value.origin, "names a file that another input names too", None);
        }
        // Whoever opens a pull request writes the file of the checkout, also where the workflow names it.
        let is_of_file = matches!(value.origin, Origin::File { .. });
        if is_of_file && raw.trust().in_job() && !is_the_runs(&path) {
            let message = format!("`{}` lies outside of the checkout", path.display());
            let hint = "give it as an input of the step, or name a file below the checkout or `RUNNER_TEMP`";
            problems.add::<()>(&value.origin, message, hint.to_owned());
        }
        known.push(path);
    }
}

fn refuse_others(
    value: &InputText,
    path: &Path,
    read: &[PathBuf],
    is_gits: &impl Fn(&Path) -> bool,
    problems: &mut Problems,
) {
    let problem = if is_gits(path) {
        "is in `.git`, which is git's own"
    } else if read.iter().any(|read| read == path) {
        "is a file that this run reads"
    } else {
        return;
    };
    let message = format!("`{}` {problem}", path.display());
    problems.add::<()>(&value.origin, message, "name another file".to_owned());
}

/// The files that the run reads, as far as their inputs can be read.
fn read_files(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Vec<PathBuf> {
    let text = |input: &str, problems: &mut Problems| raw.text(input, problems).map(|value| value.text);
    let context = paths.resolve(&text("context", problems).unwrap_or_default());
    let dockerfile = match text("file", problems) {
        Some(file) => paths.resolve(&file),
        None => context.join("Dockerfile"),
    };
    // Source: docker docs, "Build context", "Filename and location" of `.dockerignore` files.
    let mut own_ignore = dockerfile.clone().into_os_string();
    own_ignore.push(".dockerignore");
    let mut files = vec![
        own_ignore.into(),
        context.join(".dockerignore"),
        paths.resolve(FILE_NAME),
        dockerfile,
    ];
    files.extend(
        READ.iter()
            .filter_map(|input| Some(paths.resolve(&text(input, problems)?))),
    );
    let ignores = raw.entries("ignore-files", problems);
    files.extend(ignores.iter().map(|entry| paths.resolve(&entry.text)));
    files.iter().map(|path| real(path)).collect()
}

/// The files that are written, each by one input or entry.
fn named(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Vec<(InputText, PathBuf)> {
    let one = |input: &&str| raw.text(input, problems);
    let mut files: Vec<InputText> = WRITTEN.iter().filter_map(one).collect();
    for entry in raw.entries("outputs", problems) {
        if let Ok(Some(BuildOutput::Folder(path) | BuildOutput::File(_, path))) =
            BuildOutput::parse(&entry.text)
        {
            let text = path.to_string_lossy().into_owned();
            files.push(InputText { text, ..entry });
        }
    }
    let resolved = |value: InputText| {
        let path = real(&paths.resolve(&value.text));
        (value, path)
    };
    files.into_iter().map(resolved).collect()
}

fn deploy_files(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Vec<(InputText, PathBuf)> {
    let entries = raw.entries("deploy-files", problems).into_iter();
    let resolved = |entry: InputText| {
        let file = DeployFile::parse(&entry.text).ok()?;
        let path = real(&paths.resolve(&file.path.to_string_lossy()));
        Some((entry, path))
    };
    entries.filter_map(resolved).collect()
}

/// The path with links followed as far as it exists.
fn real(path: &Path) -> PathBuf {
    let there = path
        .ancestors()
        .find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match there {
        Some((folder, real)) => {
            let rest = path.strip_prefix(folder).unwrap_or(Path::new(""));
            // A name that has no rest would end in `/`.
            real.join(rest).components().collect()
        }
        None => path.to_owned(),
    }
}
