//! Jobs of systems that may name what they build by a reference: Jenkins and AWS `CodeBuild`.

use super::{At, Base, Event, Starter, Variables, commit};

/// A multibranch job names its branch, tag or change; another one has what the Git plugin is to build: `origin/BRANCH`,
/// a whole reference, `tags/TAG`, or `detached` for a commit alone.
pub(super) fn jenkins(get: &Variables<'_>) -> (Event, bool) {
    let of_plugin = get("GIT_BRANCH").filter(|name| *name != "detached").map(|name| {
        let remote = ["refs/remotes/origin/", "remotes/origin/", "origin/"];
        let branch = remote.iter().find_map(|remote| name.strip_prefix(remote));
        match (branch, name.strip_prefix("tags/")) {
            (Some(branch), _) => (None, Some(branch)),
            (None, Some(tag)) => (Some(tag), None),
            (None, None) => of_reference(name),
        }
    });
    let named = get("BRANCH_NAME").map(of_reference).or(of_plugin);
    let (tag, branch) = named.unwrap_or_default();
    let at = At {
        pull_request: get("CHANGE_ID"),
        tag: get("TAG_NAME")
            .map(|tag| tag.strip_prefix("refs/tags/").unwrap_or(tag))
            .or(tag),
        branch,
    };
    let event = at.event(get("GIT_COMMIT"), get("CHANGE_TARGET"), Starter::Push);
    (event, at.pull_request.is_some() && get("CHANGE_FORK").is_some())
}

/// The tag or the branch of a reference, which may be a branch's name alone.
fn of_reference(name: &str) -> (Option<&str>, Option<&str>) {
    match name.strip_prefix("refs/tags/") {
        Some(tag) => (Some(tag), None),
        None => (None, Some(name.strip_prefix("refs/heads/").unwrap_or(name))),
    }
}

/// A build that no webhook started names a reference, a pull request, or a commit alone. Which repository a pull
/// request comes from stands in no variable.
pub(super) fn codebuild(get: &Variables<'_>) -> (Event, bool) {
    let trigger = get("CODEBUILD_WEBHOOK_TRIGGER").or_else(|| get("CODEBUILD_SOURCE_VERSION"));
    let reference = get("CODEBUILD_WEBHOOK_HEAD_REF").or(trigger).unwrap_or_default();
    let after = |prefix: &str| trigger?.strip_prefix(prefix);
    let at = At {
        pull_request: after("pr/"),
        tag: reference.strip_prefix("refs/tags/").or_else(|| after("tag/")),
        branch: reference.strip_prefix("refs/heads/").or_else(|| after("branch/")),
    };
    let starter = if get("CODEBUILD_WEBHOOK_EVENT").is_some() {
        Starter::Push
    } else {
        Starter::Person
    };
    let event = Event {
        base: commit(get("CODEBUILD_WEBHOOK_PREV_COMMIT")).map(Base::Commit),
        ..at.event(
            get("CODEBUILD_RESOLVED_SOURCE_VERSION"),
            get("CODEBUILD_WEBHOOK_BASE_REF"),
            starter,
        )
    };
    (event, at.pull_request.is_some())
}
