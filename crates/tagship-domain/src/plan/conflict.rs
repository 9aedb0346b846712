//! Tags that cannot be set.

use std::borrow::Cow;
use std::fmt;

use semver::Version;
use serde::Serialize;

use crate::build::RequestPart;
use crate::error::{Diagnose, FailureKind};
use crate::facts::{CommitId, DIRTY_SUFFIX, Revision};
use crate::immutability::{Mutability, TagFilter};
use crate::reference::{Digest, ImageName, Tag};
use crate::untrusted::cleaned;
use crate::version::release_tag;

/// Why a tag cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// The image that has the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<Digest>,
    /// The commit that the other image says it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_revision: Option<String>,
    /// This commit's image, if it exists already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Digest>,
    /// This commit, if the image says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub our_revision: Option<Revision>,
    /// What stands in the way.
    pub obstacle: Obstacle,
    /// In what the other image, of the same commit, was built from something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<RequestPart>,
}

impl Conflict {
    /// Whether the other image is of the same commit, and built from the same.
    fn is_rebuilt(&self) -> bool {
        let ours = self.ours.and(self.our_revision.as_ref());
        self.differences.is_empty()
            && ours.is_some_and(|ours| self.existing_revision == Some(ours.to_string()))
    }
}

/// What stands in a tag's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The tag promises not to move, and points to another image.
    Taken,
    /// The tag has to move later, and the repository will not let it.
    RepositoryIsImmutable,
}

/// All tags that cannot be set, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// The repository.
    pub image: ImageName,
    /// The repository's setting, if it could be read.
    pub mutability: Option<Mutability>,
    /// Each tag with its conflict; empty only where there are others elsewhere.
    pub tags: Vec<(Tag, Conflict)>,
    /// Those in further repositories.
    pub elsewhere: Vec<Conflicts>,
    /// The git tag of the version that is wanted, if the version was counted for want of it.
    pub missing_git_tag: Option<String>,
    /// Whether the tags are those of a promotion or a push, which has them from `--to`, its target or the image itself.
    pub is_promotion: bool,
    /// Whether `tagship.yaml` declares the repository, or this run makes it.
    pub is_declared: bool,
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, self.image.repository.as_str(), true)?;
        let mut is_first = self.tags.is_empty();
        for other in &self.elsewhere {
            other.write(f, &other.image.to_string(), std::mem::take(&mut is_first))?;
        }
        Ok(())
    }
}

impl Conflicts {
    /// Returns the conflicts of one repository; `None` where no tag is in the way.
    pub(super) fn of(
        image: &ImageName,
        mutability: Option<&Mutability>,
        tags: Vec<(Tag, Conflict)>,
    ) -> Option<Self> {
        (!tags.is_empty()).then(|| Self {
            image: image.clone(),
            mutability: mutability.cloned(),
            tags,
            elsewhere: Vec::new(),
            missing_git_tag: None,
            is_promotion: false,
            is_declared: false,
        })
    }

    /// Returns the commit whose image has the tags of `version`, where nothing else is in the way.
    pub fn taken_by(&self, version: &Version) -> Option<CommitId> {
        let text = release_tag(version).ok()?;
        let all = std::iter::once(self).chain(&self.elsewhere);
        let mut takers = all.flat_map(|conflicts| &conflicts.tags).map(|(tag, conflict)| {
            let is_version = conflict.obstacle == Obstacle::Taken && tag.as_str().contains(text.as_str());
            let theirs = conflict.existing_revision.as_deref().and_then(CommitId::parse)?;
            let ours = conflict.our_revision.as_ref().map(|revision| &revision.commit);
            (is_version && ours != Some(&theirs)).then_some(theirs)
        });
        let first = takers.next()??;
        takers
            .all(|taker| taker.as_ref() == Some(&first))
            .then_some(first)
    }

    /// The input that the tags come from.
    const fn input(&self) -> &'static str {
        if self.is_promotion { "the tags" } else { "`tags`" }
    }

    /// Writes the tags of this repository; `is_first` where nothing stands before them.
    fn write(&self, f: &mut fmt::Formatter<'_>, repository: &str, is_first: bool) -> fmt::Result {
        for (index, (tag, conflict)) in self.tags.iter().enumerate() {
            if index > 0 || !is_first {
                f.write_str("\n  and ")?;
            }
            match conflict.obstacle {
                Obstacle::Taken => write!(
                    f,
                    "tag `{tag}` in `{repository}` must not move and already points to "
                )?,
                Obstacle::RepositoryIsImmutable => {
                    let setting = self.setting(tag);
                    write!(
                        f,
                        "tag `{tag}` in `{repository}` has to move later, and the repository is {setting}"
                    )?;
                    if conflict.existing.is_some() {
                        f.write_str("; it points to ")?;
                    }
                }
            }
            if let Some(existing) = &conflict.existing {
                write!(f, "{existing}")?;
                if let Some(revision) = &conflict.existing_revision {
                    write!(f, " (of commit {})", short_revision(revision))?;
                }
                if !conflict.differences.is_empty() {
                    let parts = quoted(conflict.differences.iter().map(|part| part.as_str()));
                    write!(f, ", which was built from the same commit with another {parts}")?;
                    continue;
                }
                let ours = conflict.our_revision.as_ref().map(Revision::short);
                match (&conflict.ours, ours) {
                    (Some(digest), Some(ours)) => {
                        write!(f, ", this commit's image is {digest} (of commit {ours})")?;
                    }
                    (Some(digest), None) => write!(f, ", and {digest} is another image")?,
                    (None, Some(ours)) => write!(f, ", and commit {ours} is not built yet")?,
                    (None, None) => {}
                }
            }
        }
        Ok(())
    }

    /// The repository's setting, as far as it stands in the way of `tag`.
    fn setting(&self, tag: &Tag) -> String {
        match &self.mutability {
            None | Some(Mutability::Mutable | Mutability::Immutable) => "IMMUTABLE".to_owned(),
            Some(Mutability::ImmutableWithExclusion(_)) => {
                "IMMUTABLE_WITH_EXCLUSION, with no filter that matches it".to_owned()
            }
            Some(Mutability::MutableWithExclusion(filters)) => {
                let filters = quoted(filters.iter().filter(|filter| filter.matches(tag)));
                format!("MUTABLE_WITH_EXCLUSION, with {filters}, which matches it")
            }
        }
    }

    /// What ends a version's being counted again in each run, where an image of another commit has it already.
    fn git_tag(&self) -> Option<String> {
        let git_tag = self.missing_git_tag.as_ref()?;
        let published = self.tags.iter().find_map(|(_, conflict)| {
            let revision = conflict.existing_revision.as_deref()?;
            CommitId::parse(revision).filter(|_| conflict.obstacle == Obstacle::Taken)
        })?;
        Some(format!(
            "no git tag says that `{git_tag}` is published, so that it is counted again: `release: true` or `release: git-tag` puts one in every run; for this one: git tag {git_tag} {published} && git push origin {git_tag}"
        ))
    }

    /// What lets the tags move that the repository's setting stops.
    fn way_out(&self) -> Option<String> {
        let stopped: Vec<&Tag> = self
            .tags
            .iter()
            .filter(|(_, conflict)| conflict.obstacle == Obstacle::RepositoryIsImmutable)
            .map(|(tag, _)| tag)
            .collect();
        let present = match &self.mutability {
            Some(Mutability::MutableWithExclusion(_)) => {
                return Some(format!(
                    "take what matches out of the repository's exclusion filters, or leave these tags out of {}",
                    self.input()
                ));
            }
            Some(Mutability::ImmutableWithExclusion(filters)) => filters.as_slice(),
            _ => &[],
        };
        let mut new: Vec<&str> = Vec::new();
        for filter in stopped.iter().map(|tag| filter_of(tag)) {
            if !new.contains(&filter) {
                new.push(filter);
            }
        }
        let count = present.len() + new.len();
        if stopped.is_empty() {
            None
        } else if count > TagFilter::MAX_IN_REPOSITORY {
            Some(format!(
                "a repository has at most {} exclusion filters, and {count} would be needed for {}: leave some of them out of {}",
                TagFilter::MAX_IN_REPOSITORY,
                quoted(&stopped),
                self.input()
            ))
        } else {
            // The setting is replaced as a whole, with the filters that it has.
            let filters: Vec<&str> = present.iter().map(TagFilter::as_str).chain(new).collect();
            let embedded = if self.image.registry.is_plain_http() {
                "add `--local-mutability mutable` to `--local`, "
            } else {
                ""
            };
            Some(format!(
                "leave {} out of {}, {embedded}or let them move: {}",
                quoted(&stopped),
                self.input(),
                if self.is_declared {
                    self.declaration(&filters)
                } else {
                    self.command(&filters)
                }
            ))
        }
    }
}

impl Conflicts {
    /// What has to stand in the file: whoever sets it by hand has it set back by the next `tagship repo apply`.
    fn declaration(&self, filters: &[&str]) -> String {
        let filters: Vec<String> = filters.iter().map(|filter| format!("\"{filter}\"")).collect();
        let name = self.image.name_in_api();
        format!(
            "declare `{name}: {{mutability: immutable, exclusion-filters: [{}]}}` under `repositories` in tagship.yaml; where it is \
             there already, `tagship repo apply {name}` puts it",
            filters.join(", ")
        )
    }

    /// The command that sets it. Shells expand `*`.
    fn command(&self, filters: &[&str]) -> String {
        let filters: Vec<String> = (filters.iter())
            .map(|filter| format!("'filterType=WILDCARD,filter={filter}'"))
            .collect();
        format!(
            "aws{} ecr put-image-tag-mutability --repository-name {} --image-tag-mutability IMMUTABLE_WITH_EXCLUSION \
             --image-tag-mutability-exclusion-filters {}",
            self.image.registry.aws_options(),
            self.image.repository,
            filters.join(" ")
        )
    }
}

/// The exclusion filter that lets a tag move: one for all tags of trees with changes.
fn filter_of(tag: &Tag) -> &str {
    if tag.as_str().ends_with(DIRTY_SUFFIX) {
        "*-dirty"
    } else {
        tag.as_str()
    }
}

fn quoted(texts: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(|text| format!("`{text}`")).collect();
    quoted.join(", ")
}

impl std::error::Error for Conflicts {}

impl Diagnose for Conflicts {
    fn kind(&self) -> FailureKind {
        FailureKind::TagConflict
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let is_taken = self
            .tags
            .iter()
            .any(|(_, conflict)| conflict.obstacle == Obstacle::Taken);
        let is_other_build = self
            .tags
            .iter()
            .any(|(_, conflict)| !conflict.differences.is_empty());
        let taken = if self.is_promotion {
            "give the image another tag; what is published stays what it is"
        } else if is_other_build {
            "build it as before; or give this build tags of its own, such as `type=sha,suffix=-debug`, or a repository of its own"
        } else if self.tags.iter().all(|(_, conflict)| conflict.is_rebuilt()) {
            "what is published stays what it is, and a run without `rebuild` does not build it again; two builds of one commit differ where a step records the time or downloads what has no fixed version"
        } else {
            "publish this commit under another version; what is published stays what it is"
        };
        let git_tag = self.git_tag();
        let taken = git_tag.as_deref().unwrap_or(taken);
        match (is_taken, self.way_out()) {
            (true, Some(way_out)) => Some(format!("{taken}; and {way_out}").into()),
            (true, None) => Some(taken.to_owned().into()),
            (false, Some(way_out)) => Some(way_out.into()),
            (false, None) => self.elsewhere.iter().find_map(Self::hint),
        }
    }
}

/// A revision label cut to its first 12 digits; it may be hostile.
fn short_revision(revision: &str) -> String {
    let (digits, mark) = revision
        .strip_suffix(DIRTY_SUFFIX)
        .map_or((revision, ""), |digits| (digits, DIRTY_SUFFIX));
    let digits: String = digits.chars().take(12).collect();
    cleaned(&digits) + mark
}
