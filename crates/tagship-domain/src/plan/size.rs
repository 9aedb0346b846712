//! How large an image may be.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{Diagnose, FailureKind};
use crate::reference::Digest;

/// The most bytes that the image of one platform has in the registry: config and layers, compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SizeLimit {
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub source: SizeSource,
}

/// Who limits the size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SizeSource {
    /// The input.
    MaxSize,
    /// AWS Lambda.
    Lambda,
}

impl SizeLimit {
    /// AWS Lambda's limit. It counts bytes that are not compressed, which are more: what exceeds it compressed certainly
    /// does.
    ///
    /// Source: AWS Lambda developer guide, "Lambda quotas", "Container image code package size".
    pub const LAMBDA: Self = Self {
        bytes: 10 << 30,
        source: SizeSource::Lambda,
    };

    /// Refuses an image of more bytes.
    pub fn check(self, (digest, size): (Digest, u64)) -> Result<(), TooLarge> {
        if size <= self.bytes {
            return Ok(());
        }
        Err(TooLarge {
            digest,
            size,
            limit: self,
        })
    }
}

/// An image is larger than it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image {digest} has {size} bytes, compressed, and {} allows {}", limit.source.name(), limit.bytes)]
pub struct TooLarge {
    /// The image.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// The limit.
    pub limit: SizeLimit,
}

impl SizeSource {
    const fn name(self) -> &'static str {
        match self {
            Self::MaxSize => "`max-size`",
            Self::Lambda => "AWS Lambda",
        }
    }
}

impl Diagnose for TooLarge {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("no tag was put; see with `docker history` which steps add most, and leave out what the image does not need".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_may_have_as_many_bytes_as_the_limit_and_no_more() {
        let digest = Digest::of(b"image");
        let limit = SizeLimit {
            bytes: 100,
            source: SizeSource::MaxSize,
        };
        assert_eq!(limit.check((digest, 100)), Ok(()));
        let error = limit.check((digest, 101)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("image {digest} has 101 bytes, compressed, and `max-size` allows 100")
        );
        assert!(
            SizeLimit::LAMBDA
                .check((digest, 10 * 1024 * 1024 * 1024 + 1))
                .is_err()
        );
    }
}
