//! An image as a user writes it.

use super::{Digest, InvalidName, Reference, RegistryHost, RepositoryName, Tag};

/// An image as a user writes it, in full or as much of it as is not known otherwise:
/// `[HOST/]REPOSITORY[:TAG][@DIGEST]`.
///
/// Unlike docker's, a name without a host is no name in Docker Hub: the registry is that of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartialRef {
    /// The registry's host.
    pub registry: Option<RegistryHost>,
    /// The repository.
    pub repository: Option<RepositoryName>,
    /// The tag or digest; a digest counts more than a tag beside it.
    pub reference: Option<Reference>,
}

impl PartialRef {
    /// Reads a name with a tag or digest, or a tag or a digest alone.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if let Ok(digest) = Digest::parse(text) {
            return Ok(Self::of(digest.into()));
        }
        if text.contains(['/', ':', '@']) {
            Self::parse_name(text)
        } else {
            Tag::parse(text).map(|tag| Self::of(tag.into()))
        }
    }

    /// Reads a name, with a tag or digest or without: what could be either is a repository.
    pub fn parse_name(text: &str) -> Result<Self, InvalidName> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        // Source: distribution, `reference`, `splitDockerDomain`.
        let (registry, path) = match rest.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(RegistryHost::parse_any(host)?), path)
            }
            _ => (None, rest),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(Tag::parse(tag)?)),
            None => (path, None),
        };
        Ok(Self {
            registry,
            repository: Some(RepositoryName::parse(repository)?),
            reference: digest.map(Reference::Digest).or(tag.map(Reference::Tag)),
        })
    }

    fn of(reference: Reference) -> Self {
        Self {
            reference: Some(reference),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(read: &PartialRef) -> [String; 3] {
        [
            read.registry.as_ref().map(ToString::to_string),
            read.repository.as_ref().map(ToString::to_string),
            read.reference.as_ref().map(ToString::to_string),
        ]
        .map(Option::unwrap_or_default)
    }

    #[test]
    fn each_part_may_be_left_out() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
        for (text, expected) in [
            ("1.4.0".to_owned(), ["", "", "1.4.0"]),
            (digest.clone(), ["", "", digest.as_str()]),
            ("team/app".to_owned(), ["", "team/app", ""]),
            ("app:1.4.0".to_owned(), ["", "app", "1.4.0"]),
            (format!("team/app@{digest}"), ["", "team/app", digest.as_str()]),
            (format!("team/app:1@{digest}"), ["", "team/app", digest.as_str()]),
            (format!("{ecr}/team/app:latest"), [ecr, "team/app", "latest"]),
            ("127.0.0.1:5510/app:1".to_owned(), ["127.0.0.1:5510", "app", "1"]),
        ] {
            assert_eq!(parts(&PartialRef::parse(&text).unwrap()), expected, "{text}");
        }
        let name = PartialRef::parse_name("app").unwrap();
        assert_eq!(parts(&name), ["", "app", ""]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "a/B",
            "team/app:",
            "team/app@sha256:0",
            "app:1:2",
            "a b/c",
            "https://a.b/c",
            "-1",
        ] {
            assert!(PartialRef::parse(text).is_err(), "{text}");
        }
    }
}
