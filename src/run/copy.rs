//! `tagship copy`: images from any OCI registry or layout to any other, byte for byte; between registries without a disk.
//!
//! 1. Read the tags that are wanted, and of the target what they point to. All conflicts are found before anything is
//!    written.
//! 2. For each image: copy what the target lacks, by digest; read it back; put its tag.
//!
//! A copy that was broken off is repeated, and sends what is still missing.

mod failed;
mod place;
mod selecting;
mod shown;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_registry::{CopyPlan, ImageTree};
use serde::Serialize;

use self::failed::{CopiesFailed, FailedCopy};
use self::place::{OpenedPlace, PlaceName};
use self::selecting::{WantedImage, wanted};
use self::shown::text;
use self::writing::{CopyWriter, TagRules, refuse_conflicts};
use super::opened::with_referrers;
use super::{Outcome, RunError};
use crate::pipeline::image_facts;
use crate::ports::{RegistryError, Reporter, RunEvent};
use crate::settings::{CopyPlace, LoginSettings};
use tagship_domain::content::{Manifest, Platform};
use tagship_domain::copying::CopyAction;
use tagship_domain::error::Diagnose;
use tagship_domain::facts::Unknown;
use tagship_domain::immutability::TagFilter;
use tagship_domain::plan::Note;
use tagship_domain::reference::{Digest, Reference, Tag};
use tagship_domain::repositories::{RepositoryCreation, RepositoryPlan};

/// What is copied, and where to.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct CopyRequest {
    /// Where the images are.
    pub source: CopyPlace,
    /// Where they go.
    pub target: CopyPlace,
    /// Which of them.
    pub selection: Selection,
    /// The one platform that is copied, of images that have several.
    pub platform: Option<Platform>,
    /// Whether what refers to an image is copied too.
    pub referrers: bool,
    /// Whether tags that exist stay where they are.
    pub no_clobber: bool,
    /// Whether tags may go back to an image of a smaller version.
    pub is_rollback: bool,
    /// Who makes a repository that is missing; in ECR only.
    pub create_repository: RepositoryCreation,
    /// Whether to stop after the plan.
    pub dry_run: bool,
    /// Logins of registries that are not ECR's.
    pub logins: LoginSettings,
}

/// Which images of a repository are copied.
#[derive(Debug, Clone)]
pub enum Selection {
    /// This one, to a tag; by its digest alone when absent.
    One {
        /// Where it is.
        from: Reference,
        /// Its tag in the target.
        to: Option<Tag>,
    },
    /// The only one of a layout, to a tag; to its own when absent.
    Only {
        /// Its tag in the target.
        to: Option<Tag>,
    },
    /// Those with tags that match a pattern; all when there is none.
    Tags(Vec<TagFilter>),
}

impl Selection {
    /// What is named in the source and in the target, where it is one image.
    fn references(&self) -> (Option<Reference>, Option<Reference>) {
        let (from, to) = match self {
            Self::One { from, to } => (Some(from.clone()), to.as_ref()),
            Self::Only { to } => (None, to.as_ref()),
            Self::Tags(_) => (None, None),
        };
        (from, to.cloned().map(Reference::Tag))
    }
}

/// What `tagship copy` prints with `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct CopyResult {
    source: PlaceName,
    target: PlaceName,
    dry_run: bool,
    /// The target, where it is missing and is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<RepositoryPlan>,
    images: Vec<ImageResult>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ImageResult {
    tag: Option<Tag>,
    digest: Digest,
    #[serde(flatten)]
    action: CopyAction,
    /// Bytes of blobs that the target lacked.
    bytes: u64,
    /// How many blobs the target lacked.
    blobs: usize,
}

/// Copies images, one request after the other. Of several one that fails stops no other, and all that failed are named at the
/// end: who moves an organisation over night wants to find the rest done.
pub async fn copy_all(requests: &[CopyRequest], reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let (mut texts, mut copies, mut failures) = (String::new(), Vec::new(), Vec::new());
    for request in requests {
        match Box::pin(copy(request, Arc::clone(&reporter))).await {
            Ok(result) => {
                texts += &text(request, &result);
                copies.push(serde_json::json!(result));
            }
            Err(error) if requests.len() == 1 => return Err(error),
            Err(error) => {
                let failure = FailedCopy::of(request, &error);
                reporter.event(RunEvent::Note(&format!("not copied: {failure}")));
                copies.push(failure.json());
                failures.push(failure);
            }
        }
    }
    let count = requests.len();
    let failed =
        (!failures.is_empty()).then(|| Arc::new(CopiesFailed { count, failures }) as Arc<dyn Diagnose>);
    Ok(Outcome {
        text: texts,
        json: serde_json::json!({ "copies": copies }),
        failure: failed,
        ..Outcome::default()
    })
}

async fn copy(request: &CopyRequest, reporter: Arc<dyn Reporter>) -> Result<CopyResult, RunError> {
    let source = OpenedPlace::source(&request.source, &request.logins, Arc::clone(&reporter)).await?;
    let target = match OpenedPlace::target(&request.target, &request.logins, Arc::clone(&reporter)).await {
        Ok(target) => target,
        Err(error) => {
            source.close(false).await?;
            return Err(error);
        }
    };
    let writer = (!request.dry_run).then_some(CopyWriter {
        target: &target,
        reporter: &*reporter,
    });
    let result = Box::pin(copy_between(request, &source, &target, writer, &*reporter)).await;
    // The source first opened an embedded ECR that both share, and ends it when the target no longer uses it.
    let finished = target.close(result.is_ok()).await;
    let closed = source.close(result.is_ok()).await;
    let result = result?;
    finished.and(closed).map(|()| result)
}

async fn copy_between(
    request: &CopyRequest,
    source: &OpenedPlace,
    target: &OpenedPlace,
    writer: Option<CopyWriter<'_>>,
    reporter: &dyn Reporter,
) -> Result<CopyResult, RunError> {
    let wanted = wanted(request, source).await?;
    let made = target.to_make(request.create_repository).await?;
    let (planned, rules) = plan(request, wanted, source, target, made.is_none(), reporter).await?;
    let tags = planned
        .iter()
        .filter_map(|(tag, _, action)| Some((tag.as_ref()?, action)));
    refuse_conflicts(target, tags)?;
    if let (Some(made), Some(_)) = (&made, writer) {
        target.make(made, reporter).await?;
    }
    let exists = made.is_none() || writer.is_some();
    // One after the other: what they share is sent once, and each sends several blobs at a time.
    let mut images = Vec::new();
    for planned in planned {
        let (mut result, manifest) = one(request, source, target, exists, planned, writer).await?;
        if let Some(writer) = writer {
            writer.tag(&manifest, &mut result, &rules).await?;
        }
        images.push(result);
    }
    if let Some(writer) = writer {
        writer.confirm(&mut images, &rules).await?;
    }
    Ok(CopyResult {
        source: source.name(),
        target: target.name(),
        dry_run: writer.is_none(),
        repository: made.map(|made| made.plan),
        images,
    })
}

type PlannedImage = (Option<Tag>, Manifest, CopyAction);

async fn plan<'a>(
    request: &CopyRequest,
    wanted: Vec<WantedImage>,
    source: &'a OpenedPlace,
    target: &'a OpenedPlace,
    exists: bool,
    reporter: &dyn Reporter,
) -> Result<(Vec<PlannedImage>, TagRules<'a>), RunError> {
    let tags: Vec<Tag> = wanted.iter().filter_map(|image| image.tag.clone()).collect();
    let (existing, mutability) = if exists {
        let mutability = target.mutability().await;
        if let Err(RegistryError::NotPermitted { action, .. }) = &mutability {
            let unknown = Unknown::NotPermitted {
                action: action.clone(),
            };
            let note = Note::MutabilityUnknown(unknown).to_string();
            reporter.event(RunEvent::Note(&note));
        }
        (target.reader().resolve(&tags).await?, mutability.ok())
    } else {
        (BTreeMap::new(), None)
    };
    let rules = TagRules {
        source,
        target,
        mutability,
        no_clobber: request.no_clobber,
        is_rollback: request.is_rollback,
    };
    let mut planned = Vec::new();
    for image in wanted {
        let WantedImage { tag, manifest, .. } = image;
        let action = match &tag {
            Some(tag) => {
                let at = existing.get(tag);
                let action = rules.decide(tag, &manifest, at, reporter).await?;
                if image.is_renamed {
                    let facts = image_facts(&manifest, source.reader()).await?;
                    let (action, note) = action.of_new_name(tag, &facts);
                    if let Some(note) = note {
                        reporter.event(RunEvent::Note(&note.to_string()));
                    }
                    action
                } else {
                    action
                }
            }
            None => CopyAction::Keep,
        };
        planned.push((tag, manifest, action));
    }
    Ok((planned, rules))
}

/// Copies the content of one image, unless its tag is to stay at another.
async fn one(
    request: &CopyRequest,
    source: &OpenedPlace,
    target: &OpenedPlace,
    exists: bool,
    (tag, manifest, action): PlannedImage,
    writer: Option<CopyWriter<'_>>,
) -> Result<(ImageResult, Manifest), RunError> {
    let is_left = matches!(action, CopyAction::Skip { .. });
    let mut result = ImageResult {
        tag,
        digest: manifest.digest(),
        action,
        bytes: 0,
        blobs: 0,
    };
    if is_left {
        return Ok((result, manifest));
    }
    let trees = if request.referrers {
        with_referrers(manifest.clone(), source.reader()).await?
    } else {
        vec![ImageTree::read(manifest.clone(), source.reader()).await?]
    };
    let mount = source
        .image()
        .filter(|from| target.image().is_some_and(|to| to.registry == from.registry))
        .map(|from| &from.repository);
    for tree in trees {
        let plan = if exists {
            CopyPlan::new(&tree, target.reader()).await?
        } else {
            CopyPlan::of_all(&tree)
        };
        result.bytes += plan.bytes();
        result.blobs += plan.blobs.len();
        if let Some(writer) = writer.filter(|_| !plan.is_empty()) {
            writer.copy(&plan, &tree, source, mount).await?;
        }
    }
    Ok((result, manifest))
}
