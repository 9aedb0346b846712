//! Where symbolic links of a context lead.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;

use super::{ContextError, clean};
use crate::dockerignore::{glob_matches, has_wildcards};

/// The most symbolic links that one path leads over. Source: Linux, `path_resolution(7)`: a path of more is unusable.
const MAX_LINKS: usize = 40;

/// The paths that symbolic links lead to, together with the links themselves: what a build copies by name it must
/// find, also where the name is a link. Links never lead out of the root, as in a container.
///
/// `None` when the root itself is among them.
/// Source: BuildKit, `llb.FollowPaths`; tonistiigi/fsutil, `FollowLinks`.
pub(crate) fn follow(root: &Path, paths: &[String]) -> Result<Option<Vec<String>>, ContextError> {
    let mut resolved = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut open: Vec<(String, usize)> = paths.iter().map(|path| (path.clone(), 0)).collect();
    while let Some((path, links)) = open.pop() {
        if links > MAX_LINKS || !seen.insert(path.clone()) {
            continue;
        }
        let (reached, targets) = resolve(root, &path)?;
        resolved.insert(reached);
        open.extend(targets.into_iter().map(|target| (target, links + 1)));
    }
    Ok(without_nested(resolved))
}

/// Walks along one path up to its first link, or its end. Gives that, and where the links there lead, with the rest of
/// the path behind them.
fn resolve(root: &Path, path: &str) -> Result<(String, Vec<String>), ContextError> {
    let path = clean(path);
    let path = path.trim_start_matches('/');
    if path.split('/').any(|part| part == "..") {
        // Nothing out there is looked at; as a pattern it matches nothing.
        return Ok((path.to_owned(), Vec::new()));
    }
    let mut current = String::new();
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        let folder = current.clone();
        if !current.is_empty() {
            current.push('/');
        }
        current.push_str(part);
        let targets = targets(root, &folder, part)?;
        if !targets.is_empty() {
            let rest: Vec<&str> = parts.collect();
            let rest = rest.join("/");
            return Ok((
                current,
                targets
                    .into_iter()
                    .map(|target| format!("{target}/{rest}"))
                    .collect(),
            ));
        }
    }
    Ok((clean(path), Vec::new()))
}

/// Where the links of a name, which may have wildcards, lead: paths from the root.
fn targets(root: &Path, folder: &str, name: &str) -> Result<Vec<String>, ContextError> {
    if !has_wildcards(name) {
        return Ok(target(root, folder, name)?.into_iter().collect());
    }
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(ContextError::at(folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ContextError::at(folder, &error))?;
        if let Some(entry_name) = entry.file_name().to_str() {
            // A wrong pattern matches nothing here; the walk reports it.
            if glob_matches(name, entry_name).unwrap_or_default() {
                names.push(entry_name.to_owned());
            }
        }
    }
    names.sort();
    let mut found = Vec::new();
    for name in names {
        found.extend(target(root, folder, &name)?);
    }
    Ok(found)
}

fn target(root: &Path, folder: &str, name: &str) -> Result<Option<String>, ContextError> {
    let path = root.join(folder).join(name);
    let link = match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => std::fs::read_link(&path),
        Ok(_) => return Ok(None),
        Err(error) => Err(error),
    };
    match link {
        Ok(link) => {
            let link = link.to_string_lossy();
            // An absolute link begins at the root of the context.
            let from = if link.starts_with('/') { "" } else { folder };
            Ok(Some(clean(&format!("/{from}/{link}"))))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(ContextError::at(&format!("{folder}/{name}"), &error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Without the paths that lie in another one; `None` when one is the root.
pub(crate) fn without_nested(paths: impl IntoIterator<Item = String>) -> Option<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    for path in paths {
        if path == "." || path.is_empty() {
            return None;
        }
        let nested = kept.last().is_some_and(|last| {
            path.strip_prefix(last.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        });
        if !nested {
            kept.push(path);
        }
    }
    Some(kept)
}
