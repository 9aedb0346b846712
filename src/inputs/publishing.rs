//! What of an image is published, and the files that a run leaves.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::RawInputs;
use super::destination::ResolvedDestination;
use super::entries::stays;
use super::lists::one;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use crate::regular_file;
use crate::settings::{Publishing, ResultFiles};
use tagship_domain::build::size_in_bytes;
use tagship_domain::plan::{SizeLimit, SizeSource};
use tagship_domain::reference::Digest;
use tagship_domain::untrusted::cleaned;

/// The most images that are merged.
const MAX_PARTS: usize = 64;
/// The most bytes of a file with a digest.
const MAX_DIGEST_FILE: u64 = 1024;
/// How deep folders are read: artifacts of a matrix lie in a folder of their own each.
const MAX_DEPTH: usize = 2;

/// Reads `by-digest` and `merge-from`.
pub(super) fn publishing(raw: &RawInputs, paths: &Paths, push: bool, problems: &mut Problems) -> Publishing {
    let is_part = raw.flag("by-digest", problems);
    let entries = raw.entries("merge-from", problems);
    let Some(first) = entries.first() else {
        return if is_part {
            Publishing::Part
        } else {
            Publishing::Whole
        };
    };
    let offline = raw.flag("offline", problems);
    let contradictions = [
        (is_part, "by-digest", "a run pushes a part, or merges parts"),
        (!push, "push", "what is merged is published"),
        (offline, "offline", "what is merged is in the registry"),
    ];
    for (_, input, why) in contradictions.iter().filter(|(is_there, ..)| *is_there) {
        let message = format!("`{input}` is given too: {why}");
        problems.add::<()>(&first.origin, message, "leave one of the two out".to_owned());
    }
    let mut parts: Vec<Digest> = Vec::new();
    for entry in &entries {
        for digest in digests(raw, entry, paths, problems) {
            if !parts.contains(&digest) {
                parts.push(digest);
            }
        }
    }
    if parts.len() > MAX_PARTS {
        let message = format!("names {} images, more than {MAX_PARTS}", parts.len());
        problems.add::<()>(&first.origin, message, None);
    }
    Publishing::Merge(parts)
}

/// The digest that an entry is or ends with, as the reference that a run prints does, or those of the file or folder that
/// it names.
fn digests(raw: &RawInputs, entry: &InputText, paths: &Paths, problems: &mut Problems) -> Vec<Digest> {
    let digest = entry
        .text
        .rsplit_once('@')
        .map_or(entry.text.as_str(), |(_, digest)| digest);
    if digest.starts_with("sha256:") {
        let digest = problems.check(&entry.origin, Digest::parse(digest), None);
        return digest.into_iter().collect();
    }
    let path = paths.resolve(&entry.text);
    if !stays(raw, entry, &path, paths, problems) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let hint = "give digests as `sha256:…`, or the folder that the files of `digest-file` were downloaded to";
    match collect(&path, 0, &mut found) {
        Err((path, error)) => {
            let message = format!(
                "`{}` holds no digest: {error}",
                cleaned(&path.display().to_string())
            );
            problems.add::<()>(&entry.origin, message, hint.to_owned());
        }
        Ok(()) if found.is_empty() => {
            let message = format!(
                "folder `{}` holds no digest",
                cleaned(&path.display().to_string())
            );
            problems.add::<()>(&entry.origin, message, hint.to_owned());
        }
        Ok(()) => {}
    }
    found
}

/// Reads the digests of a file, or of all files in a folder. No link in a folder is followed.
fn collect(path: &Path, depth: usize, found: &mut Vec<Digest>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (path.to_owned(), error);
    let refused = |what: &str| (path.to_owned(), io::Error::other(what.to_owned()));
    let kind = if depth == 0 {
        fs::metadata(path)
    } else {
        fs::symlink_metadata(path)
    };
    if !kind.map_err(failed)?.is_dir() {
        found.push(digest_of(path).map_err(failed)?);
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(refused("it lies too deep"));
    }
    let mut within = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        within.push(entry.map_err(failed)?.path());
        if within.len() > MAX_PARTS {
            return Err(refused("it has too many files"));
        }
    }
    within.sort();
    within.iter().try_for_each(|path| collect(path, depth + 1, found))
}

/// The digest that a file holds; an empty one is called after it.
///
/// Source: Docker documentation, "Multi-platform image with GitHub Actions": `touch "${digest#sha256:}"`.
fn digest_of(path: &Path) -> io::Result<Digest> {
    if path.is_symlink() && !path.metadata().is_ok_and(|there| there.is_file()) {
        return Err(io::Error::other("it is a link that leads nowhere"));
    }
    let mut text = String::new();
    regular_file::open(path)?
        .take(MAX_DIGEST_FILE)
        .read_to_string(&mut text)?;
    match text.trim() {
        "" => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Digest::parse(&format!("sha256:{name}")).map_err(io::Error::other)
        }
        // What else is in it is not shown: it may be any file.
        text => Digest::parse(text)
            .map_err(|_invalid| io::Error::other("what it says is not `sha256:` and 64 hex digits")),
    }
}

/// Reads where the digest and the like are written to.
pub(super) fn files(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> ResultFiles {
    let mut file = |input: &str| {
        let value = raw.text(input, problems)?;
        let path = paths.resolve(&value.text);
        stays(raw, &value, &path, paths, problems).then_some(path)
    };
    ResultFiles {
        digest: file("digest-file"),
        metadata: file("metadata-file"),
        image_id: file("iidfile"),
        sbom: file("sbom-file"),
    }
}

/// Reads the command that has to succeed in the image.
pub(super) fn test(raw: &RawInputs, problems: &mut Problems) -> Option<String> {
    let value = raw.text("test", problems)?;
    if value.text.starts_with('#') {
        let hint = "write a command that fails where the image is wrong".to_owned();
        return problems.add(&value.origin, "is a comment, which tests nothing", hint);
    }
    Some(value.text)
}

/// Says that the test does not run, where nothing is published.
pub(super) fn untested(has_test: bool, push: bool) -> Option<String> {
    (has_test && !push).then(|| "`test` runs in what is published, and so not in this run".to_owned())
}

/// Reads whether the run waits for ECR's own copies. The embedded ECR alone has no other registry, and nothing goes nowhere.
pub(super) fn waits_for_replication(
    raw: &RawInputs,
    place: Option<&ResolvedDestination>,
    push: bool,
    notes: &mut Vec<String>,
    problems: &mut Problems,
) -> bool {
    let is_local = place.is_some_and(ResolvedDestination::is_local);
    let is_wanted = raw.flag("wait-for-replication", problems);
    if is_wanted && (is_local || !push) {
        notes.push(
            "`wait-for-replication` is left out: nothing goes to a registry that replicates".to_owned(),
        );
    }
    is_wanted && push && !is_local
}

/// Reads how large an image may be: as the input says, or as what runs it does.
pub(super) fn max_size(raw: &RawInputs, problems: &mut Problems) -> Option<SizeLimit> {
    let given = one(raw, "max-size", size_in_bytes, problems).map(|bytes| SizeLimit {
        bytes,
        source: SizeSource::MaxSize,
    });
    let preset = raw
        .text("preset", problems)
        .filter(|preset| preset.text == "lambda");
    let of_preset = preset.map(|_| SizeLimit::LAMBDA);
    given.into_iter().chain(of_preset).min_by_key(|limit| limit.bytes)
}
