use gix::diff::tree::recorder::Change;
use gix::diff::tree::{Recorder, State};
use gix::objs::TreeRefIter;

use crate::domain::paths::PathFilter;

/// Which commits touch wanted paths.
pub(super) struct Touched<'a> {
    repository: &'a gix::Repository,
    paths: &'a PathFilter,
    state: State,
}

impl<'a> Touched<'a> {
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
        let kind = self.repository.object_hash();
        let mut recorder = Recorder::default();
        gix::diff::tree(
            TreeRefIter::from_bytes(&before.data, kind),
            TreeRefIter::from_bytes(&after.data, kind),
            &mut self.state,
            &self.repository.objects,
            &mut recorder,
        )
        .map_err(|error| match error {
            gix::diff::tree::Error::Failure(error) => error,
            cancelled @ gix::diff::tree::Error::Cancelled => gix::Error::from_error(cancelled),
        })?;
        Ok(recorder.records.iter().any(|change| {
            let (mode, path) = match change {
                Change::Addition { entry_mode, path, .. }
                | Change::Deletion { entry_mode, path, .. }
                | Change::Modification { entry_mode, path, .. } => (entry_mode, path),
            };
            !mode.is_tree() && self.paths.contains(path)
        }))
    }
}
