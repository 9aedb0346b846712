//! The image that a build began with, as the engine resolved it.

use std::fs::File;
use std::io::{self, Read as _};

use buildkit_session::Progress;

use crate::ports::OpenBase;
use tagship_domain::build::{BaseOrigin, BuildRequest};
use tagship_domain::dockerfile::BaseStage;
use tagship_domain::reference::{Digest, ImageName, PartialRef, Reference, RegistryHost, RepositoryName};

/// The most bytes of a Dockerfile that are read; BuildKit refuses longer ones.
const MOST: u64 = 4 * 1024 * 1024;

/// A base image, by the digest of its manifest or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResolvedBase {
    pub(super) image: ImageName,
    pub(super) digest: Digest,
}

impl ResolvedBase {
    /// Finds what the built stage began with; `None` where it began with nothing, or with an image of the engine's own.
    pub(super) fn of(request: &BuildRequest, progress: &Progress) -> Option<Self> {
        let text = read_dockerfile(request).ok()?;
        let base = BaseStage::of(&text, request.target.as_deref())?;
        if request.options.contexts.contains_key(&base.image) {
            return None;
        }
        Self::parse(resolved(&base, &progress.step_names())?)
    }

    /// Finds what the built stage began with where a pull-through cache gave it: builders do not say which digest a named context
    /// has, so that its tag is looked up. What is there now by another digest has other layers, and is left aside then.
    pub(super) async fn of_cache(request: &BuildRequest, registries: &dyn OpenBase) -> Option<Self> {
        let text = read_dockerfile(request).ok()?;
        let base = BaseStage::of(&text, request.target.as_deref())?;
        // An image that several stages begin with stands there once.
        let is_it =
            |image: &&tagship_domain::build::BaseImage| image.line == base.line || image.image == base.image;
        let cached = request.base_images.iter().find(is_it)?;
        let BaseOrigin::Cache { address, .. } = &cached.origin else {
            return None;
        };
        let named = PartialRef::parse_name(address).ok()?;
        let image = ImageName {
            registry: named.registry?,
            repository: named.repository?,
        };
        let digest = match named.reference? {
            Reference::Digest(digest) => digest,
            Reference::Tag(tag) => {
                let tags = std::slice::from_ref(&tag);
                let found = registries.open(&image).ok()?.resolve(tags).await.ok()?;
                found.get(&tag)?.digest()
            }
        };
        Some(Self { image, digest })
    }

    /// Reads `host/repository:tag@digest`, as BuildKit writes it: with the host, also that of Docker Hub.
    fn parse(reference: &str) -> Option<Self> {
        let (name, digest) = reference.split_once('@')?;
        let (host, path) = name.split_once('/')?;
        let repository = path.split(':').next()?;
        Some(Self {
            image: ImageName {
                registry: RegistryHost::parse_any(host).ok()?,
                repository: RepositoryName::parse(repository).ok()?,
            },
            digest: Digest::parse(digest).ok()?,
        })
    }
}

/// Reads the Dockerfile of a build.
pub(crate) fn read_dockerfile(request: &BuildRequest) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(&request.dockerfile)?
        .take(MOST)
        .read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Finds a stage's base among a build's steps, as the builder resolved it in a registry; `None` for an image of the engine's
/// own.
pub(super) fn resolved<'a>(
    base: &BaseStage,
    step_names: &(impl Iterator<Item = &'a str> + Clone),
) -> Option<&'a str> {
    let stage = &base.stage;
    let begins = [format!("[{stage} "), format!("[stage-{stage} "), "[".to_owned()];
    begins.iter().find_map(|begin| {
        step_names.clone().find_map(|name| {
            let (counted, reference) = name.strip_prefix(begin.as_str())?.split_once("] FROM ")?;
            let is_count = !counted.contains(' ');
            (is_count && reference.contains('@')).then_some(reference)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as Docker Engine 28.5 and 20.10 gave them.
    const STEPS: [&str; 4] = [
        "[internal] load metadata for docker.io/library/golang:1",
        "[build 1/2] FROM docker.io/library/golang:1@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        "[stage-1 1/3] FROM 127.0.0.1:5000/team/base:1@sha256:2222222222222222222222222222222222222222222222222222222222222222",
        "[stage-1 2/3] COPY --from=build /a /a",
    ];

    fn base(dockerfile: &str, target: Option<&str>) -> Option<String> {
        let base = BaseStage::of(dockerfile, target)?;
        let found = ResolvedBase::parse(resolved(&base, &STEPS.into_iter())?)?;
        Some(format!("{}@{}", found.image, &found.digest.hex()[..4]))
    }

    #[test]
    fn the_built_stages_own_base_is_found() {
        let dockerfile =
            "FROM golang:1 AS build\nRUN a\nFROM 127.0.0.1:5000/team/base:1\nCOPY --from=build /a /a\n";
        assert_eq!(base(dockerfile, None).unwrap(), "127.0.0.1:5000/team/base@2222");
        assert_eq!(
            base(dockerfile, Some("build")).unwrap(),
            "registry-1.docker.io/library/golang@1111"
        );
        assert_eq!(base("FROM scratch\nCOPY a /\n", None), None);
    }

    #[test]
    fn what_is_no_reference_is_none() {
        for text in ["busybox:1", "a/b:1", "a/b@sha256:0", "A/b@sha256:0", ""] {
            assert_eq!(ResolvedBase::parse(text), None, "{text}");
        }
    }
}
