//! Why a push cannot begin.

use std::borrow::Cow;

use crate::engine::SavedProblem;
use tagship_domain::artifact::{InvalidChart, InvalidWasm};
use tagship_domain::content::Platform;
use tagship_domain::error::{Diagnose, FailureKind, listed};
use tagship_domain::reference::{ImageName, PartialRef, RegistryHost};

/// Why a push cannot begin. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The engine does not have the image.
    #[error("the engine has no image `{0}`")]
    NotInEngine(String),
    /// Nothing says which tag it is to get.
    #[error("`{0}` has no tag to be pushed under")]
    NoTag(String),
    /// A file is none of what can be pushed.
    #[error("`{0}` is no image and no artifact that is known")]
    Unknown(String),
    /// A file cannot be read.
    #[error("`{name}` cannot be read: {problem}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        problem: String,
    },
    /// An archive of `docker save` cannot be read.
    #[error("`{name}`: {problem}")]
    Archive {
        /// The archive.
        name: String,
        /// Why.
        problem: SavedProblem,
    },
    /// An archive holds several images.
    #[error("`{name}` holds several images: {}", listed(images))]
    Several {
        /// The archive.
        name: String,
        /// Their names.
        images: Vec<String>,
    },
    /// A chart is none.
    #[error("chart `{name}`: {problem}")]
    Chart {
        /// The file.
        name: String,
        /// Why.
        problem: InvalidChart,
    },
    /// A chart is to go where Helm does not look for it.
    #[error(
        "chart `{chart}` cannot go to `{image}`: Helm finds a chart by the last part of its repository's name"
    )]
    ChartElsewhere {
        /// The chart's name.
        chart: String,
        /// The repository.
        image: ImageName,
    },
    /// A WebAssembly file is none.
    #[error("`{name}`: {problem}")]
    Wasm {
        /// The file.
        name: String,
        /// Why.
        problem: InvalidWasm,
    },
    /// An index lacks images of its platforms, as where an engine pulled one of them.
    #[error(
        "`{name}` is an image for several platforms, and those of {} alone are there",
        listed(has)
    )]
    Partial {
        /// The image.
        name: String,
        /// The platforms that are there.
        has: Vec<Platform>,
    },
    /// The image is of another platform than it should.
    #[error("`{name}` is of {found}, and not of {wanted}")]
    Platform {
        /// The image.
        name: String,
        /// Its platform.
        found: Platform,
        /// The one that is asked for.
        wanted: Platform,
    },
    /// The registry scans no images.
    #[error("registry `{0}` is not Amazon ECR, whose scans the gate reads")]
    NoScans(RegistryHost),
}

impl Diagnose for PushError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NotInEngine(_) | Self::Unreadable { .. } | Self::Archive { .. } | Self::Partial { .. } => {
                FailureKind::Operation
            }
            _ => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NotInEngine(name) if PartialRef::parse_name(name).is_ok_and(|named| named.registry.is_some()) => {
                "`docker image ls` lists those that it has; what is in a registry already is copied by `tagship copy`".into()
            }
            Self::NotInEngine(_) => {
                "`docker image ls` lists those that it has; a file is named by its path, a layout as `oci:FOLDER`".into()
            }
            Self::NoTag(_) => "name one, as `team/app:1.4.0` or with `--to`".into(),
            Self::Unknown(_) => {
                "name an image of the engine, an archive of `docker save`, a layout as `oci:FOLDER`, a packaged chart or a `.wasm` file".into()
            }
            Self::Unreadable { .. } => "check the path, which begins in the current folder".into(),
            Self::Archive { .. } => "make it with `docker save`; it may be compressed with gzip".into(),
            Self::Several { name, images } => {
                let path = name.strip_prefix("docker-archive:").unwrap_or(name);
                let first = images.first().map_or("NAME:TAG", String::as_str);
                format!("name one, as `docker-archive:{path}:{first}`").into()
            }
            Self::Chart { problem: InvalidChart::Name(_), .. } => {
                "give the chart a name of lower-case letters, digits and `-`, as Helm wants it, and package it again".into()
            }
            Self::Chart { .. } => "make it with `helm package`".into(),
            Self::ChartElsewhere { chart, image } => {
                let name = image.repository.as_str();
                let parent = name.rsplit_once('/').map(|(parent, _)| format!("{parent}/")).unwrap_or_default();
                format!("push it to `{parent}{chart}`, or to one of that name elsewhere").into()
            }
            Self::Wasm { .. } => "name a core module, or a component of the component model".into(),
            Self::Partial { has, .. } => match has.first() {
                Some(platform) => format!("pull all of them, or push one: `--platform {platform}`").into(),
                None => "pull it again: the engine has none of its images whole".into(),
            },
            Self::Platform { found, .. } => format!("push what is there: `--platform {found}`").into(),
            Self::NoScans(_) => "leave `--scan` out, or push to ECR".into(),
        })
    }
}
