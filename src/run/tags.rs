//! Tags without an image: nothing is built, and no registry is asked.

use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;

use super::rule_inputs::{event_of_checkout, fetch_repository_info, version_for_rules, version_of};
use super::version::{VersionRequest, next_version};
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::git::GixCheckout;
use crate::pipeline::PipelineError;
use crate::ports::{Clock as _, Reporter};
use crate::settings::{GithubSettings, RequestedVersion};
use tagship_domain::bump::Rules;
use tagship_domain::event::{Event, RepositoryInfo};
use tagship_domain::paths::PathFilter;
use tagship_domain::tags::{Explanation, Listing, Mode, RawLists, TagContext};
use tagship_domain::version::TagPrefix;

/// What tags are asked for, and what is known already.
#[derive(Debug, Clone, Default)]
pub struct TagsRequest {
    /// Input `images`.
    pub images: String,
    /// Input `tags`.
    pub tags: String,
    /// Input `flavor`.
    pub flavor: String,
    /// Input `labels`.
    pub labels: String,
    /// Input `annotations`.
    pub annotations: String,
    /// How the rules are read.
    pub mode: Mode,
    /// What git tags of versions begin with.
    pub tag_prefix: TagPrefix,
    /// The version that is asked for.
    pub version: Option<RequestedVersion>,
    /// The paths whose commits count for a version that is counted.
    pub paths: Option<PathFilter>,
    /// The time of the run, if not now.
    pub now: Option<Timestamp>,
    /// What started the job; the checkout says it when absent.
    pub event: Option<Event>,
    /// What is known of the repository; GitHub is asked when absent.
    pub repository: Option<RepositoryInfo>,
    /// How many digits a short commit id has, if not the mode's own number.
    pub short_digits: Option<usize>,
    /// Whether to say what became of each rule.
    pub explain: bool,
    /// For GitHub's API.
    pub github: GithubSettings,
    /// The folder of the checkout; absolute.
    pub workspace: PathBuf,
}

/// Makes the tags and labels of a commit, and shows them.
pub async fn tags(request: &TagsRequest, reporter: &dyn Reporter) -> Result<Outcome, RunError> {
    let checkout = GixCheckout::at(&request.workspace);
    let source = checkout.source(&request.workspace);
    let (event, source) = match (&request.event, source) {
        (Some(event), source) => (event.clone(), source.ok()),
        (None, source) => {
            let source = source.map_err(PipelineError::from)?;
            let event = event_of_checkout(&checkout, &request.workspace, &source, &request.tag_prefix)?;
            (event, Some(source))
        }
    };
    // Another commit's checkout says nothing of this one.
    let source = source.filter(|source| event.commit.as_ref() == Some(&source.commit));
    let repository = match &request.repository {
        Some(repository) => repository.clone(),
        None => fetch_repository_info(&request.github, reporter).await,
    };
    let of_tag = source
        .as_ref()
        .and_then(|source| version_of(&event, source, &request.tag_prefix));
    // As `ship` takes it: a version that is given stands for itself, one of a git tag is read by the rules.
    let requested = match (&request.version, &of_tag) {
        (Some(RequestedVersion::Exact(version)), _) => Some(version.clone()),
        (Some(RequestedVersion::Next), None) => counted_version(request).await?,
        _ => None,
    };
    let given = TagContext {
        mode: request.mode,
        event: &event,
        repository: &repository,
        version: requested
            .as_ref()
            .or_else(|| version_for_rules(of_tag.as_ref(), &event, request.mode)),
        tag_prefix: Some(&request.tag_prefix),
        now: request.now.unwrap_or_else(|| SystemClock.now()),
        committed_at: source.as_ref().map(|source| source.committed_at),
        short_digits: request.short_digits,
        is_dirty: false,
    };
    let wishes = RawLists {
        images: &request.images,
        tags: &request.tags,
        flavor: &request.flavor,
        labels: &request.labels,
        annotations: &request.annotations,
    };
    let listing = Listing::new(wishes, &given)?;
    Ok(Outcome {
        text: if request.explain {
            explained(&listing.explain)
        } else {
            lines(&listing.tags)
        },
        json: serde_json::json!(listing),
        ..Outcome::default()
    })
}

/// The version that the commits since the last release call for, by the checkout alone.
async fn counted_version(request: &TagsRequest) -> Result<Option<Version>, RunError> {
    let rules = Rules {
        prefix: request.tag_prefix.clone(),
        ..Rules::default()
    };
    let next = next_version(VersionRequest {
        rules,
        paths: request.paths.clone(),
        workspace: request.workspace.clone(),
        context: request.workspace.clone(),
        of_forge: Vec::new(),
    });
    Ok(next.await?.version)
}

/// One line for each rule: what it made, or why it made nothing.
fn explained(explanations: &[Explanation]) -> String {
    let width = explanations
        .iter()
        .map(|explanation| explanation.rule.chars().count())
        .max()
        .unwrap_or_default()
        .min(60);
    let explained: Vec<String> = explanations
        .iter()
        .map(|explanation| {
            let result = match (&explanation.tag, &explanation.reason) {
                (Some(tag), Some(reason)) => format!("{tag} ({reason})"),
                (Some(tag), None) => tag.clone(),
                (None, reason) => format!("no tag: {}", reason.as_deref().unwrap_or_default()),
            };
            format!("{:<width$}  {result}", explanation.rule)
        })
        .collect();
    lines(&explained)
}

/// Each text with a line break behind it.
fn lines(texts: &[String]) -> String {
    let mut lines = texts.join("\n");
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}
