//! What will happen, as data: a pure function from what was read.

use semver::Version;
use serde::Serialize;

use crate::base_digests::BaseDigests;
use crate::build::{BuildRequest, CacheTagError, RequestHash, RequestPart};
use crate::facts::{Fact, Facts, ImageFacts, Revision, Source};
use crate::findings::{GatePlan, NeverScanned};
use crate::immutability::Mutability;
use crate::merging::MergedIndex;
use crate::rebuild::{NeverPublished, RebuildBase};
use crate::reference::{Digest, ImageName, Tag};
use crate::release::ReleasePlan;
use crate::repositories::RepositoryPlan;
use crate::tags::{DesiredTag, TagClass, TagSet};

mod candidate;
mod conflict;
mod decide;
mod note;
mod planned_tag;
mod promotion;
mod reason;
mod rebase;
mod size;
mod target;

pub use crate::facts::Unknown;
pub use candidate::{Candidate, Question, Scope};
pub use conflict::{Conflict, Conflicts, Obstacle};
pub use note::{NoRelease, Note};
pub use planned_tag::{PlannedTag, TagAction};
pub use promotion::{PromotedTag, PromotionPlan, PromotionRequest, SetBack, SetBacks};
pub use reason::{HoldReason, TagSource};
pub use rebase::{NoRebase, Rebase};
pub use size::{SizeLimit, SizeSource, TooLarge};
pub use target::TargetPlan;

/// What is wanted, before the registry is asked.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Where the image goes.
    pub image: ImageName,
    /// What the checkout says.
    pub source: Source,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// The tags.
    pub wanted: TagSet,
    /// Other tags that an earlier run may have given an image of this commit: the commit tag of the default rules, and
    /// those of the versions that git tags name.
    pub also: Vec<(Tag, TagClass)>,
    /// Whether to build although the commit is published.
    pub rebuild: bool,
    /// What the base images are now, where changed ones make another image of a published commit.
    pub bases: Option<BaseDigests>,
    /// What to build.
    pub build: BuildRequest,
    /// What the image is built from beside the commit.
    pub request: RequestHash,
    /// What of the image is published.
    pub scope: Scope,
    /// The git tag of a version that was counted for want of it, where this run does not put it.
    pub missing_git_tag: Option<String>,
    /// Whether `tagship.yaml` declares the repository.
    pub is_declared: bool,
}

/// Everything that will happen. The only thing that the pipeline's writing half follows.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Where the image goes.
    pub image: ImageName,
    /// The commit, marked when the working tree differs from it.
    pub revision: Revision,
    /// The version, if the commit has one.
    pub version: Option<Version>,
    /// What the image is built from beside the commit.
    pub request: RequestHash,
    /// The repository, where it is missing and is made before anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryPlan>,
    /// Where the content comes from.
    pub content: Content,
    /// Whether the image is a part that is pushed by its digest alone; then there are no tags.
    #[serde(rename = "by-digest", skip_serializing_if = "std::ops::Not::not")]
    pub is_part: bool,
    /// What the build is compared with, where it is a rebuild: then no tag is put.
    #[serde(skip)]
    pub rebuild: Option<RebuildBase>,
    /// The image of this commit that another one replaces under moving tags, since base images changed; the tags that keep it
    /// are not among the tags then.
    #[serde(rename = "base-changed", skip_serializing_if = "Option::is_none")]
    pub rebase: Option<Rebase>,
    /// What happens to each tag, in the order in which tags are put.
    pub tags: Vec<PlannedTag>,
    /// The repository's setting, if it could be read.
    pub mutability: Option<Mutability>,
    /// What happens in further repositories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetPlan>,
    /// What the image must pass before it gets a tag; absent where there is no gate, or nothing to be tagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GatePlan>,
    /// How large the image may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<SizeLimit>,
    /// The command that must succeed in the image before it gets a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Who signs the image before it gets a tag.
    #[serde(rename = "sign", skip_serializing_if = "Option::is_none")]
    pub signer: Option<crate::signing::Signer>,
    /// The release that comes after the tags, if one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleasePlan>,
    /// What a reader should know.
    pub notes: Vec<Note>,
    /// The git tag of a version that was counted for want of it, where this run does not put it.
    #[serde(skip)]
    pub missing_git_tag: Option<String>,
    /// Whether `tagship.yaml` declares the repository.
    #[serde(skip)]
    pub is_declared: bool,
}

/// Where the content of the tags comes from.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Content {
    /// It is built.
    Build {
        /// What is built.
        request: Box<BuildRequest>,
    },
    /// It is an index of images that other jobs pushed.
    Merge {
        /// The index.
        #[serde(flatten)]
        index: Box<MergedIndex>,
    },
    /// The commit is published already.
    Published {
        /// The manifest's digest.
        digest: Digest,
        /// The tag that identified the image.
        tag: Tag,
        /// What says that it was built from what is asked for.
        basis: ReuseReason,
    },
}

/// What says that a published image was built from what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReuseReason {
    /// The image itself.
    Label,
    /// Nothing: it does not say what it was built from, and is taken for the same.
    Assumed,
}

impl PlanRequest {
    /// The image that wants the tags: the one of this commit, if it is published.
    pub fn candidate<'a>(&'a self, facts: &Facts, revision: &'a Revision) -> Candidate<'a> {
        let merged = match &self.scope {
            Scope::Merged(index) if !self.source.is_dirty() => Some(index.manifest().digest()),
            _ => None,
        };
        Candidate {
            digest: self
                .published(facts, revision)
                .map(|(digest, ..)| digest)
                .or(merged),
            revision: Some(revision),
            version: self.version.as_ref(),
            request: Some(&self.request),
        }
    }

    /// This commit's own image, of those that have wanted tags or would have had them, the tag that identifies it, and what says
    /// that it was built from the same.
    ///
    /// The commit tag identifies it by its name, unless the image says that it is of another commit. A release tag does so
    /// when its image says that it is of this commit: then an earlier run, or a person, left the commit tag out.
    /// Nothing identifies the image of a dirty tree, and an image that was built from something else is another one.
    fn published(&self, facts: &Facts, revision: &Revision) -> Option<(Digest, Tag, ReuseReason)> {
        if self.source.is_dirty() {
            return None;
        }
        let label = revision.to_string();
        let wanted = self
            .wanted
            .tags
            .iter()
            .map(|DesiredTag { tag, class, .. }| (tag, class));
        let also = self.also.iter().map(|(tag, class)| (tag, class));
        wanted.chain(also).find_map(|(tag, class)| {
            let digest = facts.tags.get(tag)?.digest();
            let image = facts.images.get(&digest);
            let says = image.and_then(|image| image.revision.as_deref());
            let ours = match class {
                TagClass::Commit => says.is_none_or(|says| says == label),
                TagClass::Release => says == Some(label.as_str()),
                TagClass::Moving => false,
            };
            let basis = match image.and_then(|image| image.request.as_ref()) {
                Some(_) => ReuseReason::Label,
                None => ReuseReason::Assumed,
            };
            let is_same = image.is_none_or(|image| self.differences(image).is_empty());
            (ours && is_same).then(|| (digest, tag.clone(), basis))
        })
    }

    /// In what an image differs from what is asked for.
    fn differences(&self, image: &ImageFacts) -> Vec<RequestPart> {
        match self.scope {
            Scope::Part => {
                let theirs = image.request.as_ref();
                self.request.differences_of_part(theirs, &image.platform_names())
            }
            Scope::Whole | Scope::Merged(_) => image.differences(&self.request),
        }
    }

    /// The one image of a published index that is asked for, if one platform is.
    fn published_part(&self, facts: &Facts, digest: Digest) -> Option<Digest> {
        let [platform] = self.request.platforms() else {
            return None;
        };
        let mut images = facts.images.get(&digest)?.platforms.iter();
        images
            .find(|image| image.platform.is_same(platform))
            .map(|image| image.digest)
    }
}

impl Plan {
    /// Plans `wish` from what was read, or from why the registry could not be asked.
    pub fn new(request: PlanRequest, facts: Fact<&Facts>) -> Self {
        decide::decide(request, facts)
    }

    /// Every tag that cannot be set, in all repositories.
    pub fn conflicts(&self) -> Option<Conflicts> {
        let tags = target::conflicts(&self.tags);
        let elsewhere: Vec<Conflicts> = self.targets.iter().filter_map(TargetPlan::conflicts).collect();
        (!tags.is_empty() || !elsewhere.is_empty()).then(|| Conflicts {
            image: self.image.clone(),
            mutability: self.mutability.clone(),
            tags,
            elsewhere,
            missing_git_tag: self.missing_git_tag.clone(),
            is_promotion: false,
            // One that is made by this run, or is declared already, has its setting from the file.
            is_declared: self.is_declared
                || self
                    .repository
                    .as_ref()
                    .is_some_and(|made| made.template.is_none()),
        })
    }

    /// Why a cache cannot be kept where it should be.
    pub fn cache_error(&self) -> Option<CacheTagError> {
        let Content::Build { request } = &self.content else {
            return None;
        };
        let tags = self.tags.iter().map(|planned| &planned.wanted.tag);
        request
            .options
            .cache_error(&self.image, self.mutability.as_ref(), &tags)
    }

    /// Puts a gate before the tags.
    pub fn guard(&mut self, gate: GatePlan) {
        self.notes
            .extend(gate.unknown.clone().map(Note::ScanSettingUnknown));
        self.gate = Some(gate);
    }

    /// Why the image could never pass the gate.
    pub fn gate_error(&self) -> Option<NeverScanned> {
        self.gate.as_ref()?.never_scanned(&self.image)
    }

    /// Every tag that is held, and why.
    pub fn holds(&self) -> impl Iterator<Item = (&Tag, &HoldReason)> {
        self.tags.iter().filter_map(|planned| match &planned.action {
            TagAction::Hold { reason, .. } => Some((&planned.wanted.tag, reason)),
            _ => None,
        })
    }

    /// The published image of this commit that a rebuild should give.
    pub fn kept(&self) -> Option<Digest> {
        match self.rebuild? {
            RebuildBase::Published(digest) => Some(digest),
            RebuildBase::Unpublished | RebuildBase::Unknown => None,
        }
    }

    /// Why there is nothing that a rebuild could be compared with.
    pub fn rebuild_error(&self) -> Option<NeverPublished> {
        (self.rebuild == Some(RebuildBase::Unpublished)).then(|| NeverPublished {
            image: self.image.clone(),
            revision: self.revision.clone(),
        })
    }

    /// Whether every repository is as it should be already.
    pub fn is_fulfilled(&self) -> bool {
        matches!(self.content, Content::Published { .. })
            && target::is_fulfilled(&self.tags)
            && self.targets.iter().all(TargetPlan::is_fulfilled)
    }
}

#[cfg(test)]
mod tests;
