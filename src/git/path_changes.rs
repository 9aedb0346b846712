//! The paths that commits change.

use gix::bstr::BString;
use gix::diff::tree::recorder::Change;
use gix::diff::tree::{Recorder, State};
use gix::objs::TreeRefIter;
use tagship_domain::paths::PathFilter;

/// The paths of files, links and submodules in which two trees differ, relative to their root. What was renamed is
/// there with both names.
pub(super) fn changed_paths(
    repository: &gix::Repository,
    before: &gix::Tree<'_>,
    after: &gix::Tree<'_>,
    state: &mut State,
) -> gix::Result<Vec<BString>> {
    let kind = repository.object_hash();
    let mut recorder = Recorder::default();
    gix::diff::tree(
        TreeRefIter::from_bytes(&before.data, kind),
        TreeRefIter::from_bytes(&after.data, kind),
        state,
        &repository.objects,
        &mut recorder,
    )
    .map_err(|error| match error {
        gix::diff::tree::Error::Failure(error) => error,
        cancelled @ gix::diff::tree::Error::Cancelled => gix::Error::from_error(cancelled),
    })?;
    let files = recorder.records.into_iter().filter_map(|change| {
        let (mode, path) = match change {
            Change::Addition { entry_mode, path, .. }
            | Change::Deletion { entry_mode, path, .. }
            | Change::Modification { entry_mode, path, .. } => (entry_mode, path),
        };
        (!mode.is_tree()).then_some(path)
    });
    Ok(files.collect())
}

/// Which commits touch wanted paths.
pub(super) struct PathChanges<'a> {
    repository: &'a gix::Repository,
    paths: &'a PathFilter,
    state: State,
}

impl<'a> PathChanges<'a> {
    pub(super) fn new(repository: &'a gix::Repository, paths: &'a PathFilter) -> Self {
        Self {
            repository,
            paths,
            state: State::default(),
        }
    }

    /// Whether `commit` differs from its first parent, or from nothing, in a wanted path.
    pub(super) fn by(&mut self, commit: &gix::Commit<'_>) -> gix::Result<bool> {
        let before = match commit.parent_ids().next() {
            Some(parent) => self.repository.find_commit(parent)?.tree()?,
            None => self.repository.empty_tree(),
        };
        let after = commit.tree()?;
        let paths = changed_paths(self.repository, &before, &after, &mut self.state)?;
        Ok(paths.iter().any(|path| self.paths.contains(path)))
    }
}
