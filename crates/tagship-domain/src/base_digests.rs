//! The base images that an image was built on, by digest: what says that one of them was patched since.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::error::cleaned;
use crate::reference::Digest;

/// The label that carries which base images an image was built on.
pub const BASES: &str = "io.github.tagship.bases";
/// The label that carries the digest of the image whose place an image takes under moving tags, since base images changed.
pub const REPLACES: &str = "io.github.tagship.replaces";

/// Base images as the Dockerfile names them, each with the digest that it had when the image was built. Those that are named by
/// digest are left out: they never change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseDigests(BTreeMap<String, Digest>);

/// A base image that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaseChange {
    /// The image as the Dockerfile names it.
    pub image: String,
    /// The digest that it had for the published image; absent where that does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// The digest that it has now.
    pub now: Digest,
}

impl BaseDigests {
    const VERSION: &str = "v1:";

    /// Reads the label; `None` for one of another version, or of another tool.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.strip_prefix(Self::VERSION)?.split(',').map(|entry| {
            let (image, digest) = entry.rsplit_once('@')?;
            Some((image.to_owned(), Digest::parse(digest).ok()?))
        });
        entries.collect::<Option<_>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of these are not what the published image says, or what it says nothing of. What cannot be known now is not
    /// compared.
    pub fn changes(&self, published: Option<&Self>) -> Vec<BaseChange> {
        let before = |image| published.and_then(|published| published.0.get(image).copied());
        let changes = self.0.iter().map(|(image, now)| BaseChange {
            image: image.clone(),
            before: before(image),
            now: *now,
        });
        changes
            .filter(|change| change.before != Some(change.now))
            .collect()
    }
}

impl FromIterator<(String, Digest)> for BaseDigests {
    fn from_iter<T: IntoIterator<Item = (String, Digest)>>(bases: T) -> Self {
        Self(bases.into_iter().collect())
    }
}

/// As the label has it.
impl fmt::Display for BaseDigests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::VERSION)?;
        for (number, (image, digest)) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{image}@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Display for BaseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (image, now) = (cleaned(&self.image), self.now.short());
        match self.before {
            Some(before) => write!(f, "`{image}` was {}, and is {now} now", before.short()),
            None => write!(
                f,
                "`{image}` is {now} now, and the image does not say what it was"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(of: &[(&str, &str)]) -> BaseDigests {
        let digest = |content: &str| Digest::of(content.as_bytes());
        of.iter()
            .map(|(image, content)| ((*image).to_owned(), digest(content)))
            .collect()
    }

    fn changed(now: &BaseDigests, published: Option<&BaseDigests>) -> Vec<String> {
        let changes = now.changes(published).into_iter();
        changes.map(|change| change.image).collect()
    }

    #[test]
    fn what_is_another_image_now_is_named_and_what_is_gone_is_not() {
        let now = bases(&[("golang:1", "new"), ("alpine", "same")]);
        let published = bases(&[("golang:1", "old"), ("alpine", "same"), ("gone:1", "x")]);
        assert_eq!(changed(&now, Some(&published)), ["golang:1"]);
        assert_eq!(changed(&now, Some(&now)), [""; 0]);
        assert_eq!(changed(&now, None), ["alpine", "golang:1"]);
        let fewer = bases(&[("alpine", "same")]);
        assert_eq!(changed(&now, Some(&fewer)), ["golang:1"]);
    }

    #[test]
    fn the_label_is_read_again_and_others_are_not() {
        let hex = "ab".repeat(32);
        let text = format!("v1:127.0.0.1:5000/team/base:1@sha256:{hex},alpine@sha256:{hex}");
        let read = BaseDigests::parse(&text).unwrap();
        assert_eq!(read.to_string(), text);
        for other in [
            "",
            "v1:",
            "v1:alpine",
            "v1:alpine@sha256:00",
            &text[1..],
            &format!("{text},"),
            &text.replace("v1", "v2"),
        ] {
            assert_eq!(BaseDigests::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_change_says_what_was_and_what_is() {
        let now = bases(&[("a\u{1b}[1m", "new")]);
        let published = bases(&[("a\u{1b}[1m", "old")]);
        let said = now.changes(Some(&published))[0].to_string();
        let short = |content: &str| Digest::of(content.as_bytes()).short();
        assert!(
            said.contains(&format!("was {}, and is {} now", short("old"), short("new"))),
            "{said}"
        );
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}
