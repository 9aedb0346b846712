//! Base images by way of a registry's pull-through cache: which are read through which rule, with the Dockerfile unchanged.

use std::borrow::Cow;

use crate::build::{BaseImage, BaseOrigin, BuildRequest, NamedContext};
use crate::dockerfile::{WrittenImage, images, stage_names};
use crate::error::{Diagnose, FailureKind, cleaned};
use crate::reference::{Digest, ImageName, PartialRef, Reference, RegistryHost, RepositoryName, Tag};
use crate::registry_settings::PullThroughRule;

/// The host that Docker Hub's images are named by. Source: distribution, `reference`, `normalize.go`.
const DOCKER_HUB: &str = "registry-1.docker.io";

/// Returns the images that a build reads, as its Dockerfile names them; those that `build-contexts` stands for are left out.
pub fn base_images(dockerfile: &str, request: &BuildRequest) -> Vec<UpstreamImage> {
    let written = images(dockerfile, request.target.as_deref(), request.build_args.iter());
    let stages = stage_names(dockerfile);
    let read = written.into_iter().map(UpstreamImage::of).map(|mut image| {
        // A named context stands for a stage of its name as well. Source: BuildKit, `dockerfile2llb`, `dispatchState`.
        let name = image.context.as_deref();
        image.is_stage = stages
            .iter()
            .any(|stage| name.is_some_and(|name| name.eq_ignore_ascii_case(stage)));
        image
    });
    let is_replaced = |image: &UpstreamImage| {
        let mut names = [Some(&image.written.written), image.context.as_ref()]
            .into_iter()
            .flatten();
        names.any(|name| request.options.contexts.contains_key(name))
    };
    read.filter(|image| !is_replaced(image)).collect()
}

/// Returns the images that named contexts stand for.
///
/// Source: BuildKit, `frontend/dockerui/namedcontext.go`.
pub fn named_images(request: &BuildRequest) -> Vec<UpstreamImage> {
    let addresses = request
        .options
        .contexts
        .values()
        .filter_map(|context| match context {
            NamedContext::Address(address) => address.strip_prefix("docker-image://"),
            NamedContext::Folder(_) => None,
        });
    let images = addresses.map(|image| WrittenImage {
        written: image.to_owned(),
        image: Some(image.to_owned()),
        line: 0,
    });
    images.map(UpstreamImage::of).collect()
}

/// What an image's name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBase<'a> {
    /// Whatever the tag points to.
    Tag(&'a ImageName, &'a Tag),
    /// One image for ever.
    Digest,
    /// The builder alone knows it.
    Unknown,
}

/// An image that a build reads, as its Dockerfile names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamImage {
    written: WrittenImage,
    /// The repository upstream.
    name: Option<ImageName>,
    /// The tag or the digest.
    reference: Option<Reference>,
    /// What follows the repository's name.
    suffix: String,
    /// The name that BuildKit looks named contexts up by.
    context: Option<String>,
    /// Whether a stage has that name.
    is_stage: bool,
}

/// Where an image lies, or is going to lie, in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedImage {
    /// The rule.
    pub rule: PullThroughRule,
    /// The repository of the copies.
    pub repository: RepositoryName,
    /// The tag or the digest.
    pub reference: Reference,
}

/// A base image is not cached, and the rule that is about it cannot import it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "base image `{}` is not in the pull-through cache, and rule `{}` cannot import it: {problem}",
    cleaned(image),
    cleaned(rule)
)]
pub struct UnusableRule {
    image: String,
    rule: String,
    problem: String,
}

impl Diagnose for UnusableRule {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let rule = cleaned(&self.rule);
        Some(format!("`aws ecr validate-pull-through-cache-rule --ecr-repository-prefix {rule}` asks again once it is mended; without `from-cache` the image comes from upstream").into())
    }
}

impl UpstreamImage {
    fn of(written: WrittenImage) -> Self {
        let unknown = |written| Self {
            written,
            name: None,
            reference: None,
            suffix: String::new(),
            context: None,
            is_stage: false,
        };
        let Some(text) = written.image.clone() else {
            return unknown(written);
        };
        let Ok(parsed) = PartialRef::parse_name(&text) else {
            return unknown(written);
        };
        let Some(mut path) = parsed.repository else {
            return unknown(written);
        };
        let registry = match parsed.registry {
            Some(host) => host,
            None => match RegistryHost::parse_any(DOCKER_HUB) {
                Ok(host) => host,
                Err(_) => return unknown(written),
            },
        };
        let last = text.rsplit_once('/').map_or(&*text, |(_, last)| last);
        let suffix = last
            .find([':', '@'])
            .map_or(":latest", |at| &last[at..])
            .to_owned();
        let is_hub = registry.as_str() == DOCKER_HUB;
        if is_hub
            && !path.as_str().contains('/')
            && let Ok(official) = RepositoryName::parse(&format!("library/{path}"))
        {
            path = official;
        }
        // Source: BuildKit, `frontend/dockerui`, `NamedContext`; distribution, `reference`, `FamiliarName`.
        let familiar = match path.as_str() {
            name if !is_hub => format!("{registry}/{name}"),
            name => name.strip_prefix("library/").unwrap_or(name).to_owned(),
        };
        let context = format!("{familiar}{}", suffix.strip_suffix(":latest").unwrap_or(&suffix));
        Self {
            written,
            reference: parsed
                .reference
                .or_else(|| Some(Tag::parse("latest").ok()?.into())),
            name: Some(ImageName {
                registry,
                repository: path,
            }),
            suffix,
            context: Some(context),
            is_stage: false,
        }
    }

    /// Returns the image as it is written, with variables filled in where they are known.
    pub fn text(&self) -> &str {
        self.written.image.as_deref().unwrap_or(&self.written.written)
    }

    /// Returns what its name stands for upstream.
    pub fn named(&self) -> NamedBase<'_> {
        match (&self.name, &self.reference) {
            (Some(image), Some(Reference::Tag(tag))) => NamedBase::Tag(image, tag),
            (Some(_), Some(Reference::Digest(_))) => NamedBase::Digest,
            _ => NamedBase::Unknown,
        }
    }

    /// Returns where the image lies in the cache of a registry with these rules; `None` where none is about it.
    pub fn cached(&self, rules: &[PullThroughRule]) -> Option<CachedImage> {
        let name = self.name.as_ref().filter(|_| !self.is_stage)?;
        let of = |rule: &PullThroughRule| {
            let repository = rule.repository_of(name)?;
            // ECR takes the rule with the longest prefix, which may be another one.
            let taken = PullThroughRule::of_repository(rules, &repository)?;
            (taken == rule).then(|| (rule.clone(), repository))
        };
        // Of several rules the one that says more of the upstream's names.
        let specific = |(rule, _): &(PullThroughRule, RepositoryName)| {
            let length = rule
                .upstream_prefix
                .as_deref()
                .filter(|prefix| *prefix != "ROOT")
                .map_or(0, str::len);
            (std::cmp::Reverse(length), rule.prefix.to_string())
        };
        let (rule, repository) = rules.iter().filter_map(of).min_by_key(specific)?;
        Some(CachedImage {
            rule,
            repository,
            reference: self.reference.clone()?,
        })
    }

    /// Returns what the plan says of the image: read from `registry`, whose cache has it by the digest that is known, if it is there.
    pub fn from_cache(
        self,
        registry: &RegistryHost,
        cached: &CachedImage,
        known: Option<Digest>,
    ) -> BaseImage {
        let address = format!("{registry}/{}{}", cached.repository, self.suffix);
        BaseImage {
            image: self.written.image.unwrap_or(self.written.written),
            line: self.written.line,
            origin: match self.context {
                Some(context) => BaseOrigin::Cache {
                    address,
                    rule: cached.rule.prefix.to_string(),
                    digest: known,
                    context,
                },
                None => BaseOrigin::Variable,
            },
        }
    }

    /// Returns that the image is not cached, and that its rule cannot import it.
    pub fn unusable(&self, cached: &CachedImage, problem: String) -> UnusableRule {
        UnusableRule {
            image: self.shown().to_owned(),
            rule: cached.rule.prefix.to_string(),
            problem,
        }
    }

    fn shown(&self) -> &str {
        self.written.image.as_deref().unwrap_or(&self.written.written)
    }

    /// Returns what the plan says of an image that no rule is about.
    pub fn from_upstream(self, registry: &RegistryHost) -> BaseImage {
        let origin = match &self.name {
            None if self.written.image.is_none() => BaseOrigin::Variable,
            Some(name) if name.registry == *registry => BaseOrigin::SameRegistry,
            Some(_) if self.is_stage => BaseOrigin::StageName,
            _ => BaseOrigin::NoRule,
        };
        self.staying(origin)
    }

    /// Returns what an offline plan says of the image.
    pub fn unasked(self) -> BaseImage {
        self.staying(BaseOrigin::NotAsked)
    }

    fn staying(self, origin: BaseOrigin) -> BaseImage {
        BaseImage {
            image: self.written.image.unwrap_or(self.written.written),
            line: self.written.line,
            origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry_settings::{TemplatePrefix, Upstream};

    const HERE: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    fn rule(prefix: &str, host: &str, upstream_prefix: Option<&str>) -> PullThroughRule {
        PullThroughRule {
            prefix: TemplatePrefix::of_registry(prefix),
            host: Upstream::parse(host).unwrap().host().to_owned(),
            kind: None,
            credential: None,
            role: None,
            upstream_prefix: upstream_prefix.map(str::to_owned),
        }
    }

    fn rewritten(image: &str, rules: &[PullThroughRule]) -> (String, String) {
        let request = BuildRequest::default();
        let [image] =
            <[UpstreamImage; 1]>::try_from(base_images(&format!("FROM {image}\n"), &request)).unwrap();
        let registry = RegistryHost::parse_any(HERE).unwrap();
        let base = match image.cached(rules) {
            Some(cached) => image.from_cache(&registry, &cached, None),
            None => image.from_upstream(&registry),
        };
        match base.origin {
            BaseOrigin::Cache { address, context, .. } => {
                (context, address.strip_prefix(HERE).unwrap().to_owned())
            }
            other => (String::new(), other.code().to_owned()),
        }
    }

    /// Names as the ECR user guide has them, "Pulling an image with a pull through cache rule", and contexts as BuildKit looks them up.
    #[test]
    fn an_image_is_read_through_the_rule_that_is_about_it() {
        let rules = [
            rule("docker-hub", "docker-hub", None),
            rule("quay", "quay", Some("ROOT")),
            rule("ghcr-octo", "ghcr.io", Some("octo")),
            rule("ghcr", "ghcr.io", None),
            rule("docker-hub/bitnami", "ecr-public", Some("bitnami")),
        ];
        let digest = format!("sha256:{}", "a".repeat(64));
        for (image, context, address) in [
            ("python:3.13", "python:3.13", "/docker-hub/library/python:3.13"),
            ("python", "python", "/docker-hub/library/python:latest"),
            (
                "docker.io/library/python:latest",
                "python",
                "/docker-hub/library/python:latest",
            ),
            (
                "grafana/grafana:1",
                "grafana/grafana:1",
                "/docker-hub/grafana/grafana:1",
            ),
            ("quay.io/a/b:1", "quay.io/a/b:1", "/quay/a/b:1"),
            ("ghcr.io/octo/app:1", "ghcr.io/octo/app:1", "/ghcr-octo/app:1"),
            ("ghcr.io/other/app:1", "ghcr.io/other/app:1", "/ghcr/other/app:1"),
            // A longer prefix takes the name that the rule of Docker Hub would give.
            ("bitnami/redis:1", "", "no-rule"),
            (
                "public.ecr.aws/bitnami/redis:1",
                "public.ecr.aws/bitnami/redis:1",
                "/docker-hub/bitnami/redis:1",
            ),
            ("registry.k8s.io/pause:3", "", "no-rule"),
            ("$NONE", "", "variable"),
            (&format!("{HERE}/team/app:1"), "", "same-registry"),
        ] {
            assert_eq!(
                rewritten(image, &rules),
                (context.to_owned(), address.to_owned()),
                "{image}"
            );
        }
        let pinned = format!("python:3.13@{digest}");
        let (context, address) = rewritten(&pinned, &rules);
        assert_eq!(context, pinned);
        assert_eq!(address, format!("/docker-hub/library/{pinned}"));
        assert_eq!(
            rewritten(&format!("quay.io/a/b@{digest}"), &rules).1,
            format!("/quay/a/b@{digest}")
        );
        let root = [rule("ROOT", "quay", None)];
        assert_eq!(rewritten("quay.io/a/b:1", &root).1, "/a/b:1");
    }

    /// As BuildKit does: `FROM busybox AS busybox` under a context `busybox` is that image, and the stage's steps are gone.
    #[test]
    fn an_image_whose_name_a_stage_has_stays_as_it_is() {
        let rules = [rule("docker-hub", "docker-hub", None)];
        let registry = RegistryHost::parse_any(HERE).unwrap();
        for (dockerfile, code) in [
            ("FROM busybox AS busybox\nRUN x\n", "stage-name"),
            ("FROM docker.io/library/busybox:latest AS BusyBox\n", "stage-name"),
            ("ARG I=busybox\nFROM ${I} AS busybox\n", "stage-name"),
            (
                "FROM busybox AS base\nFROM scratch AS busybox\nCOPY --from=base / /\n",
                "stage-name",
            ),
            ("FROM busybox:1 AS busybox\nRUN x\n", "cache"),
            ("FROM busybox AS base\nFROM base\n", "cache"),
        ] {
            let found = base_images(dockerfile, &BuildRequest::default());
            let [image] = <[UpstreamImage; 1]>::try_from(found).unwrap();
            let base = match image.cached(&rules) {
                Some(cached) => image.from_cache(&registry, &cached, None),
                None => image.from_upstream(&registry),
            };
            assert_eq!(base.origin.code(), code, "{dockerfile}");
        }
    }

    #[test]
    fn a_name_stands_for_a_tag_for_one_image_or_for_what_the_builder_knows() {
        let mut request = BuildRequest::default();
        for (name, address) in [
            ("shared", "docker-image://quay.io/a/b:2"),
            ("git", "https://git.example/a.git"),
        ] {
            let context = crate::build::NamedContext::Address(address.to_owned());
            request.options.contexts.insert(name.to_owned(), context);
        }
        let digest = format!("ab@sha256:{}", "ab".repeat(32));
        let dockerfile = format!(
            "ARG V=3\nFROM python:$V AS a\nFROM {digest} AS b\nFROM x-$TARGETARCH AS c\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\nCOPY --from=c / /\nCOPY --from=shared / /\n"
        );
        let mut images = base_images(&dockerfile, &request);
        images.extend(named_images(&request));
        let named = images.iter().map(|image| match image.named() {
            NamedBase::Tag(name, tag) => format!("{}: {name}:{tag}", image.text()),
            NamedBase::Digest => format!("{}: one", image.text()),
            NamedBase::Unknown => format!("{}: unknown", image.text()),
        });
        assert_eq!(
            named.collect::<Vec<_>>(),
            [
                "python:3: registry-1.docker.io/library/python:3".to_owned(),
                format!("{digest}: one"),
                "x-$TARGETARCH: unknown".to_owned(),
                "quay.io/a/b:2: quay.io/a/b:2".to_owned(),
            ]
        );
    }

    #[test]
    fn what_a_named_context_stands_for_is_left_to_it() {
        let mut request = BuildRequest::default();
        let other = crate::build::NamedContext::Address("docker-image://x".to_owned());
        request.options.contexts.insert("python:3.13".to_owned(), other);
        assert_eq!(base_images("FROM docker.io/library/python:3.13\n", &request), []);
    }
}
