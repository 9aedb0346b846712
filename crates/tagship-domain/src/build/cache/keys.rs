//! What a line about each kind of cache may say.

use super::CacheKind;

/// Whether a cache is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    From,
    To,
}

impl CacheKind {
    /// Returns the keys that a line of this kind takes, where Tagship can send it; none for the rest.
    ///
    /// Source: Docker documentation, "Cache storage backends".
    pub(super) const fn keys(self, direction: Direction) -> &'static [&'static str] {
        match (self, direction) {
            (Self::Registry, Direction::From) => &["ref"],
            (Self::Registry, Direction::To) => &[
                "ref",
                "mode",
                "oci-mediatypes",
                "image-manifest",
                "compression",
                "compression-level",
                "force-compression",
                "ignore-error",
            ],
            (Self::Gha, Direction::From) => &[
                "url",
                "url_v2",
                "version",
                "token",
                "scope",
                "timeout",
                "repository",
            ],
            (Self::Gha, Direction::To) => &[
                "url",
                "url_v2",
                "version",
                "token",
                "scope",
                "timeout",
                "repository",
                "mode",
                "ghtoken",
                "ignore-error",
            ],
            (Self::Local, Direction::From) => &["src", "digest", "tag"],
            (Self::Local, Direction::To) => &[
                "dest",
                "tag",
                "mode",
                "oci-mediatypes",
                "image-manifest",
                "compression",
                "compression-level",
                "force-compression",
                "ignore-error",
            ],
            _ => &[],
        }
    }

    /// Whether Tagship knows the keys of this kind. No engine takes the other kinds, whatever their keys; a BuildKit daemon
    /// checks them itself.
    pub(super) const fn is_known(self) -> bool {
        matches!(self, Self::Registry | Self::Inline | Self::Gha | Self::Local)
    }
}
