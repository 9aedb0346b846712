use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::status::index_worktree::iter::Summary;
use gix::status::tree_index::TrackRenames;
use gix::status::{Item, UntrackedFiles};
use tagship_domain::untrusted::cleaned;

/// What differs from the commit.
pub(super) struct Changes {
    /// The first paths, sorted, relative to the repository's root.
    pub(super) first: Vec<String>,
    /// How many paths differ.
    pub(super) count: usize,
}

/// The most paths that are told.
const TOLD: usize = 10;

/// Compares HEAD with the index and the index with the working tree. Untracked files count only inside `context`.
pub(super) fn read(repository: &gix::Repository, workdir: &Path, context: &Path) -> gix::Result<Changes> {
    let context = context_in(workdir, context);
    let items = repository
        .status(gix::progress::Discard)?
        .untracked_files(match context {
            Some(_) => UntrackedFiles::Files,
            None => UntrackedFiles::None,
        })
        .tree_index_track_renames(TrackRenames::Disabled)
        .index_worktree_rewrites(None)
        .into_iter(Vec::new())?;
    let mut paths = BTreeSet::<BString>::new();
    for item in items {
        let item = item?;
        if counts(&item, context.as_ref().map(AsRef::as_ref)) {
            paths.insert(item.location().to_owned());
        }
    }
    Ok(Changes {
        first: paths
            .iter()
            .take(TOLD)
            .map(|path| cleaned(&path.to_str_lossy()))
            .collect(),
        count: paths.len(),
    })
}

fn counts(item: &Item, context: Option<&BStr>) -> bool {
    match item {
        Item::TreeIndex(_) => true,
        Item::IndexWorktree(change) => match change.summary() {
            None => false,
            Some(Summary::Added) => context.is_some_and(|context| is_inside(change.rela_path(), context)),
            Some(_) => true,
        },
    }
}

/// Whether `path` is in the folder `context`; both relative to the root, which is the empty path.
fn is_inside(path: &BStr, context: &BStr) -> bool {
    context.is_empty()
        || path
            .strip_prefix(context.as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        // A repository inside the repository is one untracked path, and the context may lie deeper.
        || context
            .strip_prefix(path.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"/"))
}

/// A path relative to the root; `None` if it lies elsewhere.
pub(super) fn context_in(workdir: &Path, context: &Path) -> Option<BString> {
    let real = |path: &Path| -> PathBuf { path.canonicalize().unwrap_or_else(|_| path.to_owned()) };
    let context = real(context);
    let relative = context.strip_prefix(real(workdir)).ok()?;
    let relative = gix::path::into_bstr(relative).ok()?;
    Some(gix::path::to_unix_separators_on_windows(relative).into_owned())
}
