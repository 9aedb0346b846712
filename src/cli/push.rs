//! The flags of `tagship push`.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;

use super::copy::platform;
use super::layout;
use super::promote::tag_or_rule;
use super::repository::{CreationArgument, RepositoryArgumentError, RepositoryArguments};
use super::scan::GateArguments;
use crate::inputs::{self, Environment};
use crate::run::{PushRequest, PushSource};
use crate::settings::LayoutPlace;
use tagship_domain::content::Platform;
use tagship_domain::findings::ScanMode;
use tagship_domain::reference::{PartialRef, Reference, Tag};

/// What names of an engine's images may begin with. Source: skopeo, containers-transports(5), with and without a daemon's mark.
const ENGINE: [&str; 2] = ["docker://", "docker-daemon:"];

/// The flags of `tagship push`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct PushArguments {
    /// What is pushed: an image of the engine, an archive of `docker save`, a layout as `oci:FOLDER[:TAG]` or
    /// `oci-archive:FILE[:TAG]`, a packaged Helm chart, or a `.wasm` file
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where it goes; the tag is that of the source unless it is given [default: the source's own name where it names a
    /// registry, else the repository of the settings]
    #[arg(value_name = "[HOST/]REPOSITORY[:TAG]")]
    target: Option<String>,
    /// A tag that it gets, or a rule that makes one of what the image says of itself; may be repeated
    #[arg(long, value_name = "TAG|RULE", value_parser = tag_or_rule, help_heading = "Push")]
    to: Vec<String>,
    /// Push the one image of this platform, with its own digest
    #[arg(long, value_name = "OS/ARCH", value_parser = platform, help_heading = "Push")]
    platform: Option<Platform>,
    /// Put tags only if the findings of the image's scan pass, as the scan gate of `ship` judges them
    #[arg(long, help_heading = "Push")]
    require_scan: bool,
    /// Begin a basic scan where the registry begins none
    #[arg(long, requires = "require_scan", help_heading = "Push")]
    start: bool,
    #[command(flatten)]
    gate: GateArguments,
    /// Let tags go back from a later image to this one
    #[arg(long, help_heading = "Push")]
    rollback: bool,
    #[command(flatten, next_help_heading = "Push")]
    creation: CreationArgument,
    /// Show what would be done, and write nothing
    #[arg(long, help_heading = "Push")]
    dry_run: bool,
    /// The engine that has the image: `unix:///path`, `tcp://host:port` or `ssh://user@host`
    #[arg(long, value_name = "ADDRESS", help_heading = "Push")]
    docker_host: Option<String>,
    #[command(flatten)]
    repository: RepositoryArguments,
}

impl PushArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<PushRequest, RepositoryArgumentError> {
        let source = source(&self.source, environment.working_directory())?;
        let named = match (&self.target, &source) {
            (Some(target), _) => PartialRef::parse_name(target)?,
            (None, PushSource::Engine { image, .. }) => own_place(image),
            (None, _) => PartialRef::default(),
        };
        let gate = match self.gate.first() {
            _ if self.require_scan => {
                let mode = if self.start {
                    ScanMode::Start
                } else {
                    ScanMode::Wait
                };
                Some(
                    self.gate
                        .into_settings(&self.repository, Some(&named), mode, environment)?,
                )
            }
            Some(flag) => return Err(RepositoryArgumentError::Unscanned(flag)),
            None => None,
        };
        let mut tags = self.to;
        match (&named.reference, self.target) {
            (Some(Reference::Tag(tag)), Some(_)) => tags.insert(0, tag.to_string()),
            (Some(Reference::Digest(_)), Some(target)) => {
                return Err(RepositoryArgumentError::DigestTarget(target));
            }
            _ => {}
        }
        let host = self.docker_host.map(|host| ("docker-host", vec![host]));
        let engine = self.repository.with(BTreeMap::from_iter(host), environment);
        Ok(PushRequest {
            target: self.repository.place(&named, true, environment)?,
            engine: inputs::engine(&engine, environment)?,
            logins: inputs::logins(environment)?,
            name: self.source,
            source,
            tags: tags.join("\n"),
            platform: self.platform,
            gate,
            is_rollback: self.rollback,
            create_repository: self.creation.create_repository,
            dry_run: self.dry_run,
            workspace: environment.working_directory().to_owned(),
            github: inputs::forge(environment),
        })
    }
}

/// What a name stands for. A file counts before an image of the engine.
fn source(text: &str, folder: &Path) -> Result<PushSource, RepositoryArgumentError> {
    if let Some(layout) = layout::layout(text, folder) {
        let (place, reference) = layout?;
        return Ok(PushSource::Layout {
            place,
            reference,
            image: layout::saved_name(text).map(|(_, name)| name.to_owned()),
        });
    }
    if let Some(image) = ENGINE.iter().find_map(|begin| text.strip_prefix(begin)) {
        return of_engine(image);
    }
    let path = folder.join(text);
    let kind = Path::new(text).extension().and_then(|kind| kind.to_str());
    // A pipe too is no image of the engine: that it cannot be read is said where it is opened.
    let is_there = path.metadata().is_ok_and(|there| !there.is_dir());
    let is_path = text.starts_with(['/', '.']) || is_there;
    match kind {
        Some("tar") if is_path => Ok(PushSource::Layout {
            place: LayoutPlace {
                path,
                is_archive: true,
                name: text.to_owned(),
            },
            reference: None,
            image: None,
        }),
        Some("gz") if is_path => Ok(PushSource::Artifact(path)),
        Some("tgz" | "wasm") => Ok(PushSource::Artifact(path)),
        _ if text.starts_with(['/', '.']) => Ok(PushSource::Artifact(path)),
        // A file that is nothing to push is said to be that; the engine is asked for what may be a name in it.
        _ if is_there && (kind.is_some() || text.bytes().any(|b| b.is_ascii_uppercase())) => {
            Ok(PushSource::Artifact(path))
        }
        _ => of_engine(text),
    }
}

/// An image by its name, whose tag is `latest` where it names none, or by its id, which has no tag.
///
/// Source: docker CLI reference, `docker image push`.
fn of_engine(image: &str) -> Result<PushSource, RepositoryArgumentError> {
    let may_be_in_name = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    if !image.starts_with(|first: char| first.is_ascii_alphanumeric()) || !image.bytes().all(may_be_in_name) {
        return Err(RepositoryArgumentError::EngineImage(image.to_owned()));
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    let is_id = image.starts_with("sha256:")
        || ((12..=64).contains(&image.len())
            && image.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    let tag = match last.rsplit_once(':') {
        _ if is_id || last.contains('@') => None,
        Some((_, tag)) => Tag::parse(tag).ok(),
        None => Tag::parse("latest").ok(),
    };
    Ok(PushSource::Engine {
        image: image.to_owned(),
        tag,
    })
}

/// Where an image of the engine belongs by its name, if that names a registry.
fn own_place(image: &str) -> PartialRef {
    PartialRef::parse_name(image)
        .ok()
        .filter(|named| named.registry.is_some())
        .map(|named| PartialRef {
            reference: None,
            ..named
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tagship_domain::error::{Diagnose as _, FailureKind};

    use super::*;

    fn read(text: &str, folder: &Path) -> String {
        match source(text, folder).unwrap() {
            PushSource::Engine { image, tag } => {
                format!(
                    "engine {image} {}",
                    tag.map(|tag| tag.to_string()).unwrap_or_default()
                )
            }
            PushSource::Layout { place, reference, .. } => {
                let reference = reference.map(|reference| reference.to_string());
                format!("layout {} {}", place.name, reference.unwrap_or_default())
            }
            PushSource::Artifact(path) => format!("artifact {}", path.display()),
        }
    }

    #[test]
    fn a_source_is_named_as_other_tools_name_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        std::fs::write(folder.join("app.tar"), "").unwrap();
        std::fs::write(folder.join("app.tar.gz"), "").unwrap();
        let id = "a".repeat(64);
        for (text, expected) in [
            ("app", "engine app latest".to_owned()),
            ("team/app:1.4.0", "engine team/app:1.4.0 1.4.0".to_owned()),
            (
                "localhost:5000/app",
                "engine localhost:5000/app latest".to_owned(),
            ),
            ("docker://app.tar", "engine app.tar latest".to_owned()),
            ("docker-daemon:app:1", "engine app:1 1".to_owned()),
            ("app.tar.gz", format!("artifact {}/app.tar.gz", folder.display())),
            ("other.tar", "engine other.tar latest".to_owned()),
            (id.as_str(), format!("engine {id} ")),
            ("sha256:abc", "engine sha256:abc ".to_owned()),
            ("app.tar", "layout app.tar ".to_owned()),
            ("oci:image:1.0", "layout oci:image 1.0".to_owned()),
            ("docker-archive:a.tar", "layout docker-archive:a.tar ".to_owned()),
            (
                "web-1.2.3.tgz",
                format!("artifact {}/web-1.2.3.tgz", folder.display()),
            ),
            ("./none", format!("artifact {}/./none", folder.display())),
        ] {
            assert_eq!(read(text, folder), expected, "{text}");
        }
        for text in ["docker://…", "docker://", "docker://a b", "a\u{1b}[2Kb", ""] {
            let error = source(text, folder).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Usage, "{text}");
        }
    }

    #[test]
    fn an_image_belongs_where_its_name_says() {
        let named = own_place("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:1.0");
        assert_eq!(named.repository.unwrap().as_str(), "team/app");
        assert!(named.registry.is_some() && named.reference.is_none());
        assert_eq!(own_place("team/app:1.0"), PartialRef::default());
    }
}
