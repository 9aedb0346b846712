//! Where images of a copy are: in a repository, or in a layout on this machine.

use std::fmt;
use std::sync::Arc;

use oci_registry::{OciLayout, ReadWhole, WriteRepository};
use serde::Serialize;

use super::shown::named;
use crate::pipeline::PlannedRepository;
use crate::ports::{ReadRegistry as _, RegistryError, Reporter};
use crate::run::RunError;
use crate::run::opened::Opened;
use crate::settings::{CopyPlace, LayoutPlace, LoginSettings};
use tagship_domain::content::Manifest;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{ImageName, Reference, Tag};
use tagship_domain::repositories::RepositoryCreation;

/// Where images of a copy are.
pub(super) enum OpenedPlace {
    /// In a repository.
    Repository(Box<Opened>),
    /// In a layout.
    Layout(OciLayout, String),
}

/// What a place is called.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum PlaceName {
    Repository(ImageName),
    Layout { layout: String },
}

impl PlaceName {
    /// Returns the name of an image in it.
    pub(super) fn at(&self, reference: impl Into<Reference>) -> String {
        named(&self.to_string(), Some(&reference.into()))
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(image) => image.fmt(f),
            Self::Layout { layout } => layout.fmt(f),
        }
    }
}

impl OpenedPlace {
    /// Opens a place that is read.
    pub(super) async fn source(
        place: &CopyPlace,
        logins: &LoginSettings,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        Self::open(place, logins, reporter, |layout| OciLayout::open(&layout.path)).await
    }

    /// Opens a place that is written. Nothing is made before anything is written.
    pub(super) async fn target(
        place: &CopyPlace,
        logins: &LoginSettings,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let open = |layout: &LayoutPlace| {
            if layout.is_archive {
                OciLayout::create_archive(&layout.path)
            } else {
                OciLayout::open_or_create(&layout.path)
            }
        };
        Self::open(place, logins, reporter, open).await
    }

    async fn open(
        place: &CopyPlace,
        logins: &LoginSettings,
        reporter: Arc<dyn Reporter>,
        open: impl Fn(&LayoutPlace) -> Result<OciLayout, RegistryError>,
    ) -> Result<Self, RunError> {
        match place {
            CopyPlace::Repository(place) => {
                let opened = Opened::open(place, logins, reporter).await?;
                Ok(Self::Repository(Box::new(opened)))
            }
            CopyPlace::Layout(layout) => Ok(Self::Layout(open(layout)?, layout.name.clone())),
        }
    }

    pub(super) fn name(&self) -> PlaceName {
        match self {
            Self::Repository(opened) => PlaceName::Repository(opened.image.clone()),
            Self::Layout(_, name) => PlaceName::Layout { layout: name.clone() },
        }
    }

    /// The repository, where it is one.
    pub(super) fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Repository(opened) => Some(&opened.image),
            Self::Layout(..) => None,
        }
    }

    pub(super) fn reader(&self) -> &dyn ReadWhole {
        match self {
            Self::Repository(opened) => &opened.repository,
            Self::Layout(layout, _) => layout,
        }
    }

    pub(super) fn writer(&self) -> &dyn WriteRepository {
        match self {
            Self::Repository(opened) => &opened.repository,
            Self::Layout(layout, _) => layout,
        }
    }

    /// The only image of a layout, with its tag if it has one.
    pub(super) async fn only(&self) -> Result<(Option<Tag>, Manifest), RunError> {
        match self {
            Self::Layout(layout, _) => Ok(layout.only().await?),
            Self::Repository(opened) => Err(RunError::ImageMissing(opened.image.to_string())),
        }
    }

    /// A layout has no rules; what a version promises holds in it too.
    pub(super) async fn mutability(&self) -> Result<Mutability, RegistryError> {
        match self {
            Self::Repository(opened) => opened.repository.mutability().await,
            Self::Layout(..) => Ok(Mutability::Mutable),
        }
    }

    /// As [`Opened::to_make`]; a layout is made as it is written.
    pub(super) async fn to_make(
        &self,
        creation: RepositoryCreation,
    ) -> Result<Option<PlannedRepository>, RunError> {
        match self {
            Self::Repository(opened) => opened.to_make(creation).await,
            Self::Layout(..) => Ok(None),
        }
    }

    /// Makes the repository.
    pub(super) async fn make(
        &self,
        planned: &PlannedRepository,
        reporter: &dyn Reporter,
    ) -> Result<(), RunError> {
        match self {
            Self::Repository(opened) => opened.make(planned, reporter).await,
            Self::Layout(..) => Ok(()),
        }
    }

    /// Lists an image without a tag, where it would not be found by its digest alone.
    pub(super) async fn list_untagged(&self, manifest: &Manifest) -> Result<(), RunError> {
        match self {
            Self::Repository(_) => Ok(()),
            Self::Layout(layout, _) => Ok(layout.list_untagged(manifest).await?),
        }
    }

    /// Ends what was started for this run alone. An archive is in its place only where the whole copy `has_succeeded`.
    pub(super) async fn close(self, has_succeeded: bool) -> Result<(), RunError> {
        match self {
            Self::Repository(opened) => opened.close().await,
            Self::Layout(layout, _) if has_succeeded => layout.finish()?,
            Self::Layout(..) => {}
        }
        Ok(())
    }
}
