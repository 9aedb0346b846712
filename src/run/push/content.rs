//! What is pushed, as it lies on this machine.

use oci_registry::{CopyPlan, ImageTree, LayoutProblem, OciLayout, ReadRepository as _};
use tempfile::{NamedTempFile, TempDir};

use super::chosen::{check_platform, chosen, is_uncompressed};
use super::error::PushError;
use super::file::{self, ArtifactFile, ContentKind};
use super::packed;
use super::{PushRequest, PushSource};
use crate::engine::{SavedImage, StoredContent, find_image};
use crate::pipeline::{PipelineError, image_facts, label_facts};
use crate::ports::{ImageArchive, RegistryError};
use crate::registry::Repository;
use crate::run::RunError;
use crate::settings::LayoutPlace;
use tagship_domain::content::Manifest;
use tagship_domain::facts::{ImageFacts, Revision};
use tagship_domain::reference::{Digest, ImageName, Reference, Tag};

/// What is pushed.
pub(super) struct PushContent {
    pub(super) kind: ContentKind,
    /// What it says of itself.
    pub(super) facts: ImageFacts,
    /// The tags that it has.
    pub(super) tags: Vec<Tag>,
    pub(super) form: PushForm,
    /// The name of a chart.
    chart: Option<String>,
    /// What is removed at the end.
    _kept: Kept,
}

/// The form that content has.
pub(super) enum PushForm {
    /// Manifests and blobs, which are pushed byte for byte.
    Whole { layout: Box<OciLayout>, root: Manifest },
    /// Layers that are compressed on the way.
    Uncompressed(Box<dyn ImageArchive>),
}

/// Files that are there for this push alone.
enum Kept {
    Nothing,
    File(#[expect(dead_code, reason = "it is there until it is dropped")] NamedTempFile),
    Folder(#[expect(dead_code, reason = "it is there until it is dropped")] TempDir),
}

impl PushContent {
    /// Reads the source, as far as a plan needs it. Contacts no registry.
    pub(super) async fn open(request: &PushRequest) -> Result<Self, RunError> {
        match &request.source {
            PushSource::Engine { image, tag } => of_engine(request, image, tag.clone()).await,
            PushSource::Layout {
                place,
                reference,
                image,
            } => of_file(request, place, reference.as_ref(), image.as_deref()).await,
            PushSource::Artifact(path) if packed::is_archive(path) => {
                let place = LayoutPlace {
                    path: path.clone(),
                    is_archive: true,
                    name: request.name.clone(),
                };
                of_file(request, &place, None, None).await
            }
            PushSource::Artifact(path) => Ok(Self::of_file(file::open(path, &request.name).await?)),
        }
    }

    fn of_file(file: ArtifactFile) -> Self {
        Self {
            kind: file.kind,
            facts: ImageFacts {
                version: file.version,
                ..ImageFacts::default()
            },
            tags: file.tag.into_iter().collect(),
            form: PushForm::Whole {
                layout: Box::new(file.layout),
                root: file.root,
            },
            chart: file.chart,
            _kept: Kept::Folder(file.folder),
        }
    }

    /// Returns the digest, if it is known before the push.
    pub(super) fn digest(&self) -> Option<Digest> {
        match &self.form {
            PushForm::Whole { root, .. } => Some(root.digest()),
            PushForm::Uncompressed(_) => None,
        }
    }

    /// Returns the commit that it says it was built from.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.facts.revision.as_deref().and_then(Revision::of_label)
    }

    /// Refuses a repository where it would not be found.
    pub(super) fn check_target(&self, image: &ImageName) -> Result<(), PushError> {
        let last = image.repository.as_str().rsplit('/').next();
        match &self.chart {
            Some(chart) if last != Some(chart) => Err(PushError::ChartElsewhere {
                chart: chart.clone(),
                image: image.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the bytes of blobs that the repository lacks; `None` where they are not known before they are compressed.
    pub(super) async fn missing(&self, repository: &Repository) -> Result<Option<u64>, RegistryError> {
        let PushForm::Whole { layout, root } = &self.form else {
            return Ok(None);
        };
        let tree = ImageTree::read(root.clone(), &**layout).await?;
        Ok(Some(CopyPlan::new(&tree, repository).await?.bytes()))
    }
}

async fn of_engine(request: &PushRequest, name: &str, tag: Option<Tag>) -> Result<PushContent, RunError> {
    let found = find_image(&request.engine.place, name).await;
    let found = found.map_err(PipelineError::from)?;
    let image = found.ok_or_else(|| PushError::NotInEngine(name.to_owned()))?;
    let tags = tag.into_iter().collect();
    match image.content {
        StoredContent::Uncompressed(archive) => {
            check_platform(request, image.platform.as_ref())?;
            let facts = label_facts(image.labels);
            Ok(uncompressed(ContentKind::EngineImage, facts, tags, archive))
        }
        StoredContent::Layout(file) => {
            let layout = OciLayout::open(file.path())?;
            let (_, root) = layout.only().await?;
            let root = chosen(request, &layout, root).await?;
            Ok(PushContent {
                kind: ContentKind::EngineImage,
                facts: image_facts(&root, &layout).await?,
                tags,
                form: PushForm::Whole {
                    layout: Box::new(layout),
                    root,
                },
                chart: None,
                _kept: Kept::File(file),
            })
        }
    }
}

/// An image of a layout or an archive, which may be compressed as a whole.
async fn of_file(
    request: &PushRequest,
    place: &LayoutPlace,
    reference: Option<&Reference>,
    image: Option<&str>,
) -> Result<PushContent, RunError> {
    let unreadable = |problem: String| PushError::Unreadable {
        name: place.name.clone(),
        problem,
    };
    let path = place.path.clone();
    let is_there = place.is_archive && path.metadata().is_ok();
    if !is_there {
        return of_layout(request, place, reference, image).await;
    }
    let unpacked = tokio::task::spawn_blocking(move || packed::unpacked(&path)).await;
    let unpacked = unpacked.map_err(|error| RunError::Broken(error.to_string()))?;
    let Some(file) = unpacked.map_err(|error| unreadable(error.to_string()))? else {
        return of_layout(request, place, reference, image).await;
    };
    let of_copy = LayoutPlace {
        path: file.path().to_owned(),
        ..place.clone()
    };
    match of_layout(request, &of_copy, reference, image).await {
        Ok(content) => Ok(PushContent {
            _kept: Kept::File(file),
            ..content
        }),
        // The path of the copy would say nothing.
        Err(RunError::Pipeline(PipelineError::Registry(RegistryError::Layout { problem, .. }))) => {
            Err(unreadable(problem.to_string()).into())
        }
        Err(error) => Err(error),
    }
}

async fn of_layout(
    request: &PushRequest,
    place: &LayoutPlace,
    reference: Option<&Reference>,
    image: Option<&str>,
) -> Result<PushContent, RunError> {
    let layout = match OciLayout::open(&place.path) {
        Err(RegistryError::Layout {
            problem: LayoutProblem::OldArchive,
            ..
        }) => return of_archive(request, place, reference, image),
        layout => layout?,
    };
    let (tag, root) = match reference {
        None => layout.only().await?,
        Some(Reference::Digest(digest)) => (
            None,
            layout
                .manifest(digest)
                .await?
                .ok_or_else(|| missing(place, reference))?,
        ),
        Some(Reference::Tag(tag)) => {
            let found = layout.resolve(std::slice::from_ref(tag)).await?.remove(tag);
            let Some(root) = found else {
                return Err(RunError::TagsMissing {
                    place: place.name.clone(),
                    patterns: vec![tag.to_string()],
                    has: layout.list_tags().await?,
                });
            };
            (Some(tag.clone()), root)
        }
    };
    let root = chosen(request, &layout, root).await?;
    if place.is_archive && is_uncompressed(&root) {
        let found = of_archive(request, place, reference, image);
        // What is no archive of `docker save` may have such layers too.
        if found.is_ok() {
            return found;
        }
    }
    Ok(PushContent {
        kind: ContentKind::Layout,
        facts: image_facts(&root, &layout).await?,
        tags: tag.into_iter().collect(),
        form: PushForm::Whole {
            layout: Box::new(layout),
            root,
        },
        chart: None,
        _kept: Kept::Nothing,
    })
}

/// An image of an archive that `docker save` wrote from a classic store.
fn of_archive(
    request: &PushRequest,
    place: &LayoutPlace,
    reference: Option<&Reference>,
    image: Option<&str>,
) -> Result<PushContent, RunError> {
    let mut images = SavedImage::all(&place.path).map_err(|problem| PushError::Archive {
        name: place.name.clone(),
        problem,
    })?;
    if let Some(reference) = reference {
        images.retain(|image| match reference {
            Reference::Tag(tag) => image.names.iter().any(|name| tag_of(name).as_ref() == Some(tag)),
            Reference::Digest(digest) => image.image_id() == *digest,
        });
    }
    if let Some(wanted) = image {
        images.retain(|image| {
            let mut names = image.names.iter();
            names.any(|name| familiar(name) == familiar(wanted))
        });
    }
    if images.len() > 1 {
        return Err(PushError::Several {
            name: place.name.clone(),
            images: images.into_iter().flat_map(|image| image.names).collect(),
        }
        .into());
    }
    let image = images.pop().ok_or_else(|| missing(place, reference))?;
    check_platform(request, image.platform.as_ref())?;
    let tags = match reference {
        Some(Reference::Tag(tag)) => vec![tag.clone()],
        _ => image.names.iter().filter_map(|name| tag_of(name)).collect(),
    };
    let facts = label_facts(image.labels.clone());
    Ok(uncompressed(ContentKind::Archive, facts, tags, Box::new(image)))
}

fn uncompressed(
    kind: ContentKind,
    facts: ImageFacts,
    tags: Vec<Tag>,
    archive: Box<dyn ImageArchive>,
) -> PushContent {
    PushContent {
        kind,
        facts,
        tags,
        form: PushForm::Uncompressed(archive),
        chart: None,
        _kept: Kept::Nothing,
    }
}

fn missing(place: &LayoutPlace, reference: Option<&Reference>) -> RunError {
    let name = reference.map_or_else(
        || place.name.clone(),
        |reference| match reference {
            Reference::Tag(tag) => format!("{}:{tag}", place.name),
            Reference::Digest(digest) => format!("{}@{digest}", place.name),
        },
    );
    PushError::Unknown(name).into()
}

/// A name without the host and the folder that Docker adds to short ones. Source: distribution/reference, `FamiliarName`.
fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("localhost/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The tag of a name such as `team/app:1.4.0`.
fn tag_of(name: &str) -> Option<Tag> {
    let last = name.rsplit('/').next()?;
    Tag::parse(last.rsplit_once(':')?.1).ok()
}
