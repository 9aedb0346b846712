//! The labels of an image.

use std::collections::BTreeMap;

use semver::Version;

use crate::domain::facts::Source;
use crate::domain::reference::RepositoryName;

/// The label that carries the commit.
pub const REVISION: &str = "org.opencontainers.image.revision";
/// The label that carries the version.
pub const VERSION: &str = "org.opencontainers.image.version";

/// The label that carries the licence, as an SPDX expression.
pub const LICENCES: &str = "org.opencontainers.image.licenses";

/// The labels that Tagship reads again; the inputs take them from nobody.
pub const RESERVED: [&str; 2] = [REVISION, VERSION];

/// The labels that a commit gives its image; `own` ones win, except over those that Tagship reads again.
///
/// `created` is the commit's time, so that the same commit gives the same image.
/// Source: OCI image spec, "Pre-Defined Annotation Keys".
pub fn labels(
    source: &Source,
    revision: &str,
    version: Option<&Version>,
    repository: &RepositoryName,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let name = repository.as_str();
    let title = name.rsplit('/').next().unwrap_or(name);
    let reserved = [
        (REVISION, Some(revision.to_owned())),
        (VERSION, version.map(Version::to_string)),
    ];
    let made = [
        ("org.opencontainers.image.source", source.url.clone()),
        (
            "org.opencontainers.image.created",
            Some(source.committed_at.to_string()),
        ),
        ("org.opencontainers.image.title", Some(title.to_owned())),
    ];
    let own = own.iter().map(|(key, value)| (key.as_str(), Some(value.clone())));
    let all = made.into_iter().chain(own).chain(reserved);
    all.filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}
