//! Files that deployments read, written once the image is published.
//!
//! 1. Before the build each is made for a stand-in of the image, so that what cannot be made or written is found early.
//! 2. After it each is read and made anew, and all are written: each whole, or not at all. Several entries may change their parts
//!    of one file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::pipeline::Ledger;
use crate::regular_file;
use crate::report::{DeployFileReport, Status};
use crate::settings::Settings;
use tagship_domain::content::Platform;
use tagship_domain::deploy::{DeployFile, DeployFileProblem, DeployForm, DeployedImage};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::facts::PlatformManifest;
use tagship_domain::plan::Plan;
use tagship_domain::reference::{Digest, ImageName, ImageRef};
use tagship_domain::tags::TagClass;
use tagship_domain::untrusted::cleaned;

/// The most bytes of a file that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why a file of `deploy-files` cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DeployFileError {
    /// It cannot say what it is to say.
    #[error("deploy file `{path}` {problem}")]
    Unfit {
        /// The file that is read, as the user knows it.
        path: String,
        /// Why.
        problem: DeployFileProblem,
    },
    /// It cannot be read.
    #[error("deploy file `{path}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("deploy file `{path}` cannot be written: {source}")]
    Unwritable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written, and the image is published already.
    #[error("`{image}` is published, but deploy file `{path}` cannot be written: {source}")]
    Unwritten {
        /// The image.
        image: Box<ImageRef>,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Diagnose for DeployFileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unwritten { .. } => FailureKind::Operation,
            _ => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Unwritten { .. } => {
                "what deploys the image does not know it; make room there, and run again".into()
            }
            Self::Unwritable { source, .. } if source.get_ref().is_some() => {
                "name a file of the checkout itself; nothing was built".into()
            }
            Self::Unwritable { .. } => {
                "make the folder, or let the user of this run write there; nothing was built".into()
            }
            Self::Unfit {
                problem: DeployFileProblem::Missing,
                ..
            } => "commit the file, or let a step before this one make it; nothing was built".into(),
            Self::Unfit { .. } | Self::Unreadable { .. } => "nothing was built".into(),
        })
    }
}

/// Finds out before the build whether each file can be made, and where the run is to write, be written.
pub(super) fn check(settings: &Settings, plan: &Plan) -> Result<(), DeployFileError> {
    let tags = || plan.tags.iter().map(|planned| &planned.wanted);
    let release = tags().find(|tag| tag.class == TagClass::Release);
    let targets: Vec<&ImageName> = plan.targets.iter().map(|target| &target.image).collect();
    let mut made_files = BTreeMap::new();
    for file in &settings.deploy_files {
        let platforms = stand_ins(settings, file);
        let image = DeployedImage {
            name: &plan.image,
            digest: Digest::of(b""),
            tag: release.or_else(|| tags().next()).map(|tag| &tag.tag),
            platforms: &platforms,
        };
        make(settings, file, &image, &targets, &mut made_files)?;
        if !settings.dry_run {
            let probed = place(settings, file).and_then(|place| regular_file::check_replace(&place));
            probed.map_err(|source| unwritable(settings, file, source))?;
        }
    }
    Ok(())
}

/// The platforms that the image will have; where the engine chooses, the one that the file is for.
fn stand_ins(settings: &Settings, file: &DeployFile) -> Vec<PlatformManifest> {
    let chosen = match &file.form {
        DeployForm::Lambda {
            platform: Some(platform),
            ..
        } => Some(platform.clone()),
        _ => Platform::parse("linux/amd64").ok(),
    };
    let platforms = if settings.build.platforms.is_empty() {
        chosen.into_iter().collect()
    } else {
        settings.build.platforms.clone()
    };
    let stand_in = |platform| PlatformManifest {
        platform,
        digest: Digest::of(b""),
    };
    platforms.into_iter().map(stand_in).collect()
}

/// Writes all files for what is published now.
pub(super) fn write(settings: &Settings, ledger: &Ledger) -> Result<(), DeployFileError> {
    let report = ledger.report();
    let is_published = matches!(report.status, Status::Published | Status::AlreadyPublished);
    let (Some(name), Some(digest), true) = (&report.image, report.digest, is_published) else {
        return Ok(());
    };
    let image = DeployedImage {
        name,
        digest,
        tag: report.principal_tag(),
        platforms: &report.manifests,
    };
    let targets: Vec<&ImageName> = report.targets.iter().map(|target| &target.image).collect();
    let mut made_files = BTreeMap::new();
    for file in &settings.deploy_files {
        make(settings, file, &image, &targets, &mut made_files)?;
    }
    for file in &settings.deploy_files {
        // What several entries change is written once.
        let Some(text) = made_files.remove(&file.path) else {
            continue;
        };
        let written = place(settings, file).and_then(|place| regular_file::replace(&place, text.as_bytes()));
        written.map_err(|source| DeployFileError::Unwritten {
            image: Box::new(name.at(digest)),
            path: shown(settings, &file.path),
            source,
        })?;
        ledger.deploy_file(DeployFileReport {
            form: file.form.clone(),
            path: shown(settings, &file.path),
        });
    }
    Ok(())
}

/// Makes what a file is to say, out of what an entry before makes of it, or else of what is there.
fn make(
    settings: &Settings,
    file: &DeployFile,
    image: &DeployedImage<'_>,
    targets: &[&ImageName],
    made: &mut BTreeMap<PathBuf, String>,
) -> Result<(), DeployFileError> {
    let source = file.source();
    let existing = match (made.remove(&file.path), source) {
        (Some(before), _) => Some(before),
        (None, Some(source)) => read(settings, source)?,
        (None, None) => None,
    };
    let image = in_target(file, image, targets);
    let text = image.and_then(|image| file.render(existing.as_deref(), &image));
    let text = text.map_err(|problem| DeployFileError::Unfit {
        path: shown(settings, source.unwrap_or(&file.path)),
        problem,
    })?;
    made.insert(file.path.clone(), text);
    Ok(())
}

/// The image in the repository that a file names: that of the run, or of the further target by its name or its registry.
fn in_target<'a>(
    file: &DeployFile,
    image: &DeployedImage<'a>,
    targets: &[&'a ImageName],
) -> Result<DeployedImage<'a>, DeployFileProblem> {
    let Some(wanted) = &file.target else {
        return Ok(*image);
    };
    let is_wanted = |known: &&&ImageName| known.to_string() == *wanted || known.registry.as_str() == wanted;
    let mut found = targets.iter().filter(is_wanted);
    match (found.next(), found.next()) {
        (Some(name), None) => Ok(DeployedImage { name, ..*image }),
        _ => Err(DeployFileProblem::NoTarget {
            target: cleaned(wanted),
            known: targets.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// What a file says; `None` where there is none.
fn read(settings: &Settings, path: &Path) -> Result<Option<String>, DeployFileError> {
    let read = || {
        let mut text = String::new();
        let file = regular_file::open(&within(settings, path)?)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("it is larger than 1 MiB"));
        }
        Ok(text)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => {
            let path = shown(settings, path);
            Err(DeployFileError::Unreadable { path, source })
        }
    }
}

/// The file that is written, with links followed: in the checkout still.
fn place(settings: &Settings, file: &DeployFile) -> io::Result<PathBuf> {
    within(settings, &file.path).or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
        if file.path.is_symlink() {
            return Err(io::Error::other("it is a link that leads nowhere"));
        }
        let name = file.path.file_name().ok_or(error)?;
        if name.eq_ignore_ascii_case(".git") {
            return Err(io::Error::other("it is in `.git`, which is git's own"));
        }
        Ok(within(settings, file.path.parent().unwrap_or(Path::new("/")))?.join(name))
    })
}

/// Where a path leads to, if that is in the checkout.
fn within(settings: &Settings, path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    let Ok(inside) = real.strip_prefix(fs::canonicalize(&settings.workspace)?) else {
        return Err(io::Error::other("a link leads out of the checkout"));
    };
    // What git keeps decides what commands later steps run; some file systems know no case.
    if inside.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(io::Error::other("it is in `.git`, which is git's own"));
    }
    Ok(real)
}

fn unwritable(settings: &Settings, file: &DeployFile, source: io::Error) -> DeployFileError {
    DeployFileError::Unwritable {
        path: shown(settings, &file.path),
        source,
    }
}

/// A path as the user knows it.
fn shown(settings: &Settings, path: &Path) -> String {
    let path = path.strip_prefix(&settings.workspace).unwrap_or(path);
    path.display().to_string()
}
