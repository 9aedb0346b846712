//! What a checkout knows of the commit that an event is about.

use super::{GixCheckout, commit_id, failure, head, shown};
use crate::ports::GitError;
use std::path::Path;
use tagship_domain::event::{CheckedOut, Event};
use tagship_domain::facts::{CommitId, Descent, GitTags};

impl GixCheckout {
    /// Returns what this checkout knows of the commit that `event` is about, each through tag objects.
    pub fn checked_out(&self, context: &Path, event: &Event) -> Result<CheckedOut, GitError> {
        let repository = match (self.open_unless_given(context)?, &self.given) {
            (Some(repository), _) => repository,
            (None, Some(given)) => {
                return Ok(CheckedOut {
                    head: given.commit.clone(),
                    event_commit: event.commit.clone(),
                    tag_commit: None,
                });
            }
            // There is none only where a commit is given.
            (None, None) => self.open(context)?,
        };
        let path = shown(repository.git_dir());
        let head = commit_id(&path, head(&repository, &path)?.id)?;
        // A commit that the clone lacks is itself; what it holds may be a tag object.
        let peeled = |id: &CommitId| {
            let object = gix::ObjectId::from_hex(id.as_str().as_bytes()).ok()?;
            let commit = repository.find_object(object).ok()?.peel_to_commit().ok()?;
            commit_id(&path, commit.id).ok()
        };
        let event_commit = event
            .commit
            .as_ref()
            .map(|id| peeled(id).unwrap_or_else(|| id.clone()));
        let of_tag = |name: &str| {
            let mut tag = repository
                .find_reference(format!("refs/tags/{name}").as_str())
                .ok()?;
            let target = tag.try_id().map(gix::Id::detach);
            let target = tag.peel_to_id().ok().map(gix::Id::detach).or(target)?;
            commit_id(&path, target).ok()
        };
        Ok(CheckedOut {
            event_commit,
            tag_commit: event.named_tag().and_then(of_tag),
            head,
        })
    }

    /// The names of all git tags, whatever they point to: a version whose commit a shallow clone lacks is one too.
    pub fn git_tags(&self, context: &Path) -> Result<GitTags, GitError> {
        let Some(repository) = self.open_unless_given(context)? else {
            return Ok(GitTags {
                names: Vec::new(),
                is_shallow: true,
            });
        };
        let unreadable = |error: gix::Error| failure::unreadable(shown(repository.git_dir()), &error);
        let names = || -> gix::Result<Vec<String>> {
            let references = repository.references()?;
            let names = references
                .tags()?
                .filter_map(Result::ok)
                .map(|tag| tag.name().shorten().to_string());
            Ok(names.collect())
        };
        Ok(GitTags {
            names: names().map_err(unreadable)?,
            is_shallow: repository.is_shallow().map_err(unreadable)?,
        })
    }

    /// Where the commit `of` stands to the commit `from`, as far as the clone reaches.
    pub fn descent(&self, context: &Path, of: &CommitId, from: &CommitId) -> Result<Descent, GitError> {
        let Some(repository) = self.open_unless_given(context)? else {
            return Ok(Descent::Unknown { is_shallow: true });
        };
        let unreadable = |error: gix::Error| failure::unreadable(shown(repository.git_dir()), &error);
        let is_shallow = repository.is_shallow().map_err(unreadable)?;
        let unknown = Descent::Unknown { is_shallow };
        let known = |id: &CommitId| {
            let id = gix::ObjectId::from_hex(id.as_str().as_bytes()).ok()?;
            repository.find_commit(id).ok().map(|commit| commit.id)
        };
        let (Some(of), Some(from)) = (known(of), known(from)) else {
            return Ok(unknown);
        };
        let bases = repository.merge_bases_many(of, &[from]).map_err(unreadable)?;
        Ok(if bases.iter().any(|base| *base == from) {
            Descent::After
        } else if bases.iter().any(|base| *base == of) {
            Descent::Before
        } else if is_shallow {
            // The way from one to the other may lead through what the clone lacks.
            unknown
        } else {
            Descent::Apart
        })
    }
}
