//! Layouts as a user names them.

use std::path::Path;

use crate::cli::repository::RepositoryArgumentError;
use crate::settings::LayoutPlace;
use tagship_domain::reference::{Digest, Reference, Tag};

/// What names of layouts begin with, and whether they are archives. Source: skopeo, containers-transports(5).
const KINDS: [(&str, bool); 3] = [("oci:", false), ("oci-archive:", true), (DOCKER, true)];

/// What `docker save` writes. Since Docker 25 that is a layout too.
const DOCKER: &str = "docker-archive:";

/// Reads `oci:FOLDER[:TAG][@DIGEST]`, or `oci-archive:FILE…`; `None` for what is no layout.
pub(super) fn layout(
    text: &str,
    folder: &Path,
) -> Option<Result<(LayoutPlace, Option<Reference>), RepositoryArgumentError>> {
    let (kind, is_archive) = KINDS.into_iter().find(|(kind, _)| text.starts_with(kind))?;
    let invalid = || RepositoryArgumentError::Layout(text.to_owned());
    let read = || -> Result<(LayoutPlace, Option<Reference>), RepositoryArgumentError> {
        let rest = &text[kind.len()..];
        let (path, reference) = match (rest.split_once('@'), rest.rsplit_once(':')) {
            (None, Some((_, tag))) if let Some((path, _)) = saved_name(text) => {
                (path, Some(Reference::Tag(Tag::parse(tag)?)))
            }
            (Some((path, digest)), _) => (path, Some(Reference::Digest(Digest::parse(digest)?))),
            (None, Some((path, tag))) if !tag.contains('/') => (path, Some(Reference::Tag(Tag::parse(tag)?))),
            _ => (rest, None),
        };
        if path.is_empty() {
            return Err(invalid());
        }
        let place = LayoutPlace {
            path: folder.join(path),
            is_archive,
            name: format!("{kind}{path}"),
        };
        Ok((place, reference))
    };
    Some(read())
}

/// Reads `docker-archive:FILE:NAME:TAG`: the file, and the name that the image was saved under.
pub(super) fn saved_name(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(DOCKER).filter(|rest| !rest.contains('@'))?;
    let (path, name) = rest.split_once(':')?;
    let (_, tag) = name.rsplit_once(':')?;
    (!path.is_empty() && !tag.contains('/')).then_some((path, name))
}

/// Whether a layout may be written by this name.
pub(super) fn may_be_written(place: &LayoutPlace) -> bool {
    !place.name.starts_with(DOCKER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, bool, String)> {
        let (place, reference) = layout(text, Path::new("/work"))?.ok()?;
        let reference = reference
            .map(|reference| reference.to_string())
            .unwrap_or_default();
        Some((place.path.display().to_string(), place.is_archive, reference))
    }

    #[test]
    fn a_layout_is_named_as_in_skopeo() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, path, is_archive, reference) in [
            ("oci:out".to_owned(), "/work/out", false, ""),
            ("oci:out:1.4.0".to_owned(), "/work/out", false, "1.4.0"),
            (format!("oci:out@{digest}"), "/work/out", false, digest.as_str()),
            ("oci-archive:/a/b.tar:1".to_owned(), "/a/b.tar", true, "1"),
            ("docker-archive:app.tar".to_owned(), "/work/app.tar", true, ""),
            (
                "docker-archive:app.tar:localhost:5000/team/app:1.0".to_owned(),
                "/work/app.tar",
                true,
                "1.0",
            ),
            ("oci:a:b/c".to_owned(), "/work/a:b/c", false, ""),
        ] {
            let expected = (path.to_owned(), is_archive, reference.to_owned());
            assert_eq!(read(&text), Some(expected), "{text}");
        }
        for text in ["oci:", "oci::1.0", "oci:out:-", "oci:out@sha256:0"] {
            assert!(
                layout(text, Path::new("/work")).is_some_and(|read| read.is_err()),
                "{text}"
            );
        }
        for text in ["team/app:1.0", "ghcr.io/oci:1.0", "oci-x:1"] {
            assert!(layout(text, Path::new("/work")).is_none(), "{text}");
        }
    }
}
