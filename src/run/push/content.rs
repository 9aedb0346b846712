//! What is pushed, as it lies on this machine.

use oci_registry::{CopyPlan, ImageTree, LayoutProblem, OciLayout, ReadRepository as _};
use tempfile::{NamedTempFile, TempDir};

use super::error::PushError;
use super::file::{self, ArtifactFile, ContentKind};
use super::{PushRequest, PushSource};
use crate::engine::{SavedImage, StoredContent, find_image};
use crate::pipeline::{PipelineError, image_facts, label_facts};
use crate::ports::{ImageArchive, RegistryError};
use crate::registry::Repository;
use crate::run::RunError;
use crate::settings::LayoutPlace;
use tagship_domain::content::{Content, Descriptor, Manifest, OCI_LAYER_TAR, Platform};
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
            PushSource::Layout { place, reference } => of_layout(request, place, reference.as_ref()).await,
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
    let found = find_image(request.engine.docker_host.as_deref(), name).await;
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

async fn of_layout(
    request: &PushRequest,
    place: &LayoutPlace,
    reference: Option<&Reference>,
) -> Result<PushContent, RunError> {
    let layout = match OciLayout::open(&place.path) {
        Err(RegistryError::Layout {
            problem: LayoutProblem::OldArchive,
            ..
        }) => return of_archive(request, place, reference),
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
        let found = of_archive(request, place, reference);
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

/// The tag of a name such as `team/app:1.4.0`.
fn tag_of(name: &str) -> Option<Tag> {
    let last = name.rsplit('/').next()?;
    Tag::parse(last.rsplit_once(':')?.1).ok()
}

fn check_platform(request: &PushRequest, found: Option<&Platform>) -> Result<(), PushError> {
    match (&request.platform, found) {
        (Some(wanted), Some(found)) if !found.is_same(wanted) => Err(PushError::Platform {
            name: request.name.clone(),
            found: found.clone(),
            wanted: wanted.clone(),
        }),
        _ => Ok(()),
    }
}

/// The image that is pushed: all of it, or that of the one platform that is asked for.
async fn chosen(request: &PushRequest, layout: &OciLayout, root: Manifest) -> Result<Manifest, RunError> {
    let Content::Index(index) = root.content().map_err(RegistryError::from)? else {
        if let Some(platform) = &request.platform {
            let facts = image_facts(&root, layout).await?;
            let wrong = |has| RunError::PlatformMissing {
                image: request.name.clone(),
                platform: platform.clone(),
                has,
            };
            facts.require_platform(platform).map_err(wrong)?;
        }
        return Ok(root);
    };
    let mut has = Vec::new();
    let mut is_whole = true;
    for child in &index.manifests {
        if is_there(layout, child).await? {
            has.extend(child.platform.clone().filter(|_| !child.is_attestation()));
        } else {
            is_whole = false;
        }
    }
    let Some(platform) = &request.platform else {
        return if is_whole {
            Ok(root)
        } else {
            let name = request.name.clone();
            Err(PushError::Partial { name, has }.into())
        };
    };
    let is_wanted = |child: &&Descriptor| {
        child
            .platform
            .as_ref()
            .is_some_and(|known| known.is_same(platform))
    };
    let found = match index.manifests.iter().find(is_wanted) {
        Some(child) if has.iter().any(|there| there.is_same(platform)) => {
            layout.manifest(&child.digest).await?
        }
        _ => None,
    };
    found.ok_or_else(|| RunError::PlatformMissing {
        image: request.name.clone(),
        platform: platform.clone(),
        has,
    })
}

/// Whether a layout holds an image of an index, with all blobs.
async fn is_there(layout: &OciLayout, child: &Descriptor) -> Result<bool, RegistryError> {
    let Some(manifest) = layout.manifest(&child.digest).await? else {
        return Ok(false);
    };
    let Content::Image(image) = manifest.content()? else {
        return Ok(true);
    };
    for blob in std::iter::once(&image.config).chain(&image.layers) {
        if layout.blob_size(&blob.digest).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether no layer of an image is compressed, as a classic store saves them.
fn is_uncompressed(manifest: &Manifest) -> bool {
    let Ok(Content::Image(image)) = manifest.content() else {
        return false;
    };
    !image.layers.is_empty() && image.layers.iter().all(|layer| layer.media_type == OCI_LAYER_TAR)
}
