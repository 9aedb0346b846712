//! What HEAD touches, compared with an earlier commit.

use std::path::Path;

use gix::diff::tree::State;
use gix::{Commit, ObjectId, Repository};

use super::path_changes::changed_paths;
use super::{GixCheckout, failure, head, shown};
use crate::ports::GitError;
use tagship_domain::event::Base;
use tagship_domain::matrix::Changes;

impl GixCheckout {
    /// The paths in which HEAD differs from `base`, relative to the repository's root.
    ///
    /// A base that this checkout does not hold leaves them unknown; but a name from the user has to be one.
    pub fn changes(&self, base: &Base) -> Result<Changes, GitError> {
        let repository = self.open(&self.workspace)?;
        let path = shown(repository.git_dir());
        let head = head(&repository, &path)?;
        let before = match find(&repository, &head, base) {
            Ok(before) => before,
            Err(Missing::Base(reason)) => return Ok(Changes::Unknown(reason)),
            Err(Missing::Name(revision)) => return Err(GitError::UnknownRevision { revision }),
        };
        let differ = || {
            let (before, after) = (before.tree()?, head.tree()?);
            changed_paths(&repository, &before, &after, &mut State::default())
        };
        Ok(match differ() {
            Ok(paths) => Changes::Paths(paths.into_iter().map(Vec::from).collect()),
            // A clone without blobs or folders is no reason to leave an image out.
            Err(error) => {
                let error = failure::unreadable(path, &error);
                Changes::Unknown(error.to_string())
            }
        })
    }

    /// The paths of HEAD's files, links and submodules, relative to the repository's root; `None` where the clone lacks folders.
    pub fn paths(&self) -> Result<Option<Vec<Vec<u8>>>, GitError> {
        let repository = self.open(&self.workspace)?;
        let head = head(&repository, &shown(repository.git_dir()))?;
        let (nothing, all) = (repository.empty_tree(), head.tree());
        let paths = all.and_then(|all| changed_paths(&repository, &nothing, &all, &mut State::default()));
        Ok(paths.ok().map(|paths| paths.into_iter().map(Vec::from).collect()))
    }

    /// A path relative to the repository's root, if it lies there.
    pub fn place_of(&self, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let repository = self.open(&self.workspace)?;
        let relative = repository
            .workdir()
            .and_then(|workdir| super::differences::place_in(workdir, path));
        Ok(relative.map(Vec::from))
    }
}

/// Why there is no commit to compare with.
enum Missing {
    Base(String),
    Name(String),
}

fn find<'a>(repository: &'a Repository, head: &Commit<'a>, base: &Base) -> Result<Commit<'a>, Missing> {
    let lacks = |id: &str| Missing::Base(format!("this checkout does not hold commit `{id}`"));
    let commit = |hex: &str| -> Result<Commit<'a>, Missing> {
        let id = ObjectId::from_hex(hex.as_bytes()).map_err(|_no_id| lacks(hex))?;
        let found = repository.find_commit(id);
        found.map_err(|_missing| lacks(hex))
    };
    match base {
        Base::Commit(id) => commit(id.as_str()),
        Base::MergeBase(id) => {
            let other = commit(id.as_str())?.id;
            match repository.merge_base(other, head.id) {
                Ok(Some(common)) if common == head.id => {
                    let reason = "the checkout is what the pull request goes to, and not the pull request";
                    Err(Missing::Base(reason.to_owned()))
                }
                Ok(Some(common)) => commit(&common.to_string()),
                Ok(None) | Err(_) => Err(Missing::Base(format!(
                    "this checkout does not hold what HEAD and commit `{id}` have in common"
                ))),
            }
        }
        Base::Parent => match head.parent_ids().next() {
            Some(parent) => commit(&parent.to_string()),
            None => Err(Missing::Base("the commit has no parent".to_owned())),
        },
        Base::Named(name) => {
            let found = repository
                .rev_parse_single(name.as_str())
                .ok()
                .and_then(|id| id.object().ok()?.peel_to_commit().ok());
            let is_id = matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit());
            match found {
                Some(commit) => Ok(commit),
                None if is_id => Err(lacks(name)),
                None => Err(Missing::Name(name.clone())),
            }
        }
        Base::Unknown(reason) => Err(Missing::Base(reason.clone())),
    }
}
