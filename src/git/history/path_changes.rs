use gix::diff::tree::State;

use crate::git::difference;
use tagship_domain::paths::PathFilter;

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
        let paths = difference::paths(self.repository, &before, &after, &mut self.state)?;
        Ok(paths.iter().any(|path| self.paths.contains(path)))
    }
}
