//! What lies between the last release and HEAD.

mod node;
mod unreleased;
mod walk;

use std::path::Path;

use gix::ObjectId;

use self::walk::Walk;
use super::path_changes::PathChanges;
use super::{GixCheckout, commit_id, failure, head, shown};
use crate::ports::GitError;
use tagship_domain::bump::{Commit, History, Rules, VersionTag};
use tagship_domain::facts::CommitId;
use tagship_domain::paths::PathFilter;
use tagship_domain::version::TagPrefix;

impl GixCheckout {
    /// The commit at HEAD, and the git tags that name versions, on whatever commit.
    pub fn version_tags(
        &self,
        context: &Path,
        prefix: &TagPrefix,
    ) -> Result<(CommitId, Vec<VersionTag>), GitError> {
        let repository = self.open(context)?;
        let path = shown(repository.git_dir());
        let head = head(&repository, &path)?;
        let head = commit_id(&path, head.id)?;
        let tags = version_tags(&repository, prefix).map_err(|error| failure::unreadable(path, &error))?;
        Ok((head, tags))
    }

    /// The greatest release among `tags` that the commit `tip` contains, and the commits since. With `paths`, only those
    /// commits whose difference to their first parent touches such a path.
    pub fn history(
        &self,
        context: &Path,
        tip: &CommitId,
        tags: &[VersionTag],
        rules: &Rules,
        paths: Option<&PathFilter>,
    ) -> Result<History, GitError> {
        let mut repository = self.open(context)?;
        let path = shown(repository.git_dir());
        let unreadable = |error: gix::Error| failure::unreadable(path.clone(), &error);
        if repository.is_shallow().map_err(unreadable)? {
            return Err(GitError::Shallow { path });
        }
        // Commits one after the other have most of their folders in common.
        repository.object_cache_size_if_unset(16 * 1024 * 1024);
        let unknown = || GitError::UnknownRevision {
            revision: tip.to_string(),
        };
        let head = ObjectId::from_hex(tip.as_str().as_bytes()).ok();
        let head = head
            .filter(|id| repository.find_commit(*id).is_ok())
            .ok_or_else(unknown)?;

        let stable = with_targets(tags).filter(|(tag, _)| tag.is_stable());
        let graph = repository.commit_graph_if_enabled().map_err(unreadable)?;
        let mut walk = Walk::from(&repository, graph.as_ref(), head).map_err(unreadable)?;
        let previous = walk.greatest(stable).map_err(unreadable)?;
        let since = walk
            .since(previous.as_ref().map(|(_, id)| *id))
            .map_err(unreadable)?;
        let previous = previous.map(|(tag, _)| tag.clone());

        let last = previous.as_ref().map(|tag| &tag.version);
        let on_channel = since.contained_in(
            with_targets(tags)
                .filter(|(tag, _)| rules.is_on_channel_after(tag, last))
                .map(|(_, id)| id),
        );
        let mut touched = paths.map(|paths| PathChanges::new(&repository, paths));
        let mut commits = Vec::new();
        for id in since.newest_first() {
            let commit = repository.find_commit(id).map_err(unreadable)?;
            let counts = match &mut touched {
                None => true,
                Some(touched) => touched.by(&commit).map_err(unreadable)?,
            };
            if counts {
                let message = commit.message_raw().map_err(unreadable)?;
                let is_on_channel = on_channel.contains(&id);
                commits.push(Commit::read(commit_id(&path, id)?, message, is_on_channel));
            }
        }
        Ok(History { previous, commits })
    }
}

fn with_targets(tags: &[VersionTag]) -> impl Iterator<Item = (&VersionTag, ObjectId)> {
    let target = |tag: &VersionTag| ObjectId::from_hex(tag.commit.as_str().as_bytes()).ok();
    tags.iter().filter_map(move |tag| Some((tag, target(tag)?)))
}

fn version_tags(repository: &gix::Repository, prefix: &TagPrefix) -> gix::Result<Vec<VersionTag>> {
    let mut tags = Vec::new();
    for tag in repository.references()?.tags()? {
        let Ok(mut tag) = tag else { continue };
        let name = tag.name().shorten().to_string();
        let Some(version) = prefix.version(&name) else {
            continue;
        };
        // A broken tag is on no commit, but its name is taken all the same.
        let direct = tag.try_id().map(gix::Id::detach);
        let Some(target) = tag.peel_to_id().ok().map(gix::Id::detach).or(direct) else {
            continue;
        };
        if let Some(commit) = CommitId::parse(&target.to_hex().to_string()) {
            tags.push(VersionTag {
                name,
                version,
                commit,
            });
        }
    }
    Ok(tags)
}
