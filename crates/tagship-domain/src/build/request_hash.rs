//! What makes two builds of one commit the same.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::BuildRequest;
use crate::content::Platform;
use crate::reference::Digest;

/// The part of a build request that decides what is in the image, beside the commit: hashed part by part, so that two
/// of them say in what they differ. Labels, tags, compression and caches are no part of it.
///
/// As text, which the image carries as a label: `v1:`, a hash for each part, and the platform, with dots between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash {
    /// One for each of [`RequestPart::HASHED`].
    hashes: [String; RequestPart::HASHED.len()],
    /// The platform that was asked for; the engine's own when absent.
    platform: Option<Platform>,
}

/// A part of a build request, by its input's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestPart {
    /// The context folder.
    Context,
    /// The Dockerfile.
    File,
    /// The stage.
    Target,
    /// The build arguments, with their values.
    BuildArgs,
    /// The names of the secrets.
    Secrets,
    /// Whether times in layers are set.
    Reproducible,
    /// The platform.
    Platform,
}

impl RequestPart {
    const HASHED: [Self; 6] = [
        Self::Context,
        Self::File,
        Self::Target,
        Self::BuildArgs,
        Self::Secrets,
        Self::Reproducible,
    ];

    /// The input's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::File => "file",
            Self::Target => "target",
            Self::BuildArgs => "build-args",
            Self::Secrets => "secrets",
            Self::Reproducible => "reproducible",
            Self::Platform => "platform",
        }
    }
}

impl RequestHash {
    const VERSION: &str = "v1:";
    /// How many digits of each part's hash are kept: enough to tell requests apart, which nobody makes on purpose.
    const DIGITS: usize = 16;
    /// Stands for the engine's own platform.
    const NO_PLATFORM: &str = "-";

    /// Hashes a request whose context folder and Dockerfile are at these places in the repository.
    pub fn of(request: &BuildRequest, context: &[u8], dockerfile: &[u8]) -> Self {
        let secrets: BTreeSet<&str> = request.secrets.iter().map(|secret| secret.id.as_str()).collect();
        // Each name and value with its length, so that no two lists come to the same bytes.
        let sized = |bytes: &[u8]| [&bytes.len().to_be_bytes(), bytes].concat();
        let list = |texts: Vec<&str>| {
            texts
                .iter()
                .flat_map(|text| sized(text.as_bytes()))
                .collect::<Vec<_>>()
        };
        let of_part = |part: RequestPart| match part {
            RequestPart::Context => context.to_vec(),
            RequestPart::File => dockerfile.to_vec(),
            RequestPart::Target => list(request.target.iter().map(String::as_str).collect()),
            RequestPart::BuildArgs => list(
                request
                    .build_args
                    .iter()
                    .flat_map(|(name, value)| [name, value])
                    .collect(),
            ),
            RequestPart::Secrets => list(secrets.iter().copied().collect()),
            RequestPart::Reproducible => vec![u8::from(request.reproducible)],
            RequestPart::Platform => Vec::new(),
        };
        let hash = |part| {
            let hex = Digest::of(&of_part(part)).hex();
            hex.chars().take(Self::DIGITS).collect()
        };
        Self {
            hashes: RequestPart::HASHED.map(hash),
            platform: request.platform.clone(),
        }
    }

    /// Reads the label; `None` for one of another version, or of somebody else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(Self::VERSION)?.split('.');
        let mut hashes = RequestPart::HASHED.map(|_| String::new());
        for hash in &mut hashes {
            let digits = parts.next()?;
            let is_legal = digits.len() == Self::DIGITS
                && digits
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            digits.clone_into(hash);
            is_legal.then_some(())?;
        }
        let platform = match parts.next()? {
            Self::NO_PLATFORM => None,
            platform => Some(Platform::parse(platform).ok()?),
        };
        parts.next().is_none().then_some(Self { hashes, platform })
    }

    /// In what an image differs from what is asked for. `theirs` is what it was built from, as far as it says;
    /// `platforms` are those that it has, as far as they are known.
    ///
    /// An image without a platform that is asked for is another one, whatever it says; one that has it is not, be it
    /// that it was not asked for then.
    pub fn differences(&self, theirs: Option<&Self>, platforms: &[Platform]) -> Vec<RequestPart> {
        let hashed = theirs.into_iter().flat_map(|theirs| {
            let pairs = self.hashes.iter().zip(&theirs.hashes);
            let parts = RequestPart::HASHED.into_iter().zip(pairs);
            parts.filter_map(|(part, (ours, theirs))| (ours != theirs).then_some(part))
        });
        let other_platform = match (&self.platform, platforms) {
            (Some(ours), [theirs]) => !ours.is_same(theirs),
            (Some(_), [_, _, ..]) => true,
            (Some(ours), []) => theirs.is_some_and(|theirs| {
                theirs
                    .platform
                    .as_ref()
                    .is_some_and(|theirs| !ours.is_same(theirs))
            }),
            (None, _) => theirs.is_some_and(|theirs| theirs.platform.is_some()),
        };
        hashed
            .chain(other_platform.then_some(RequestPart::Platform))
            .collect()
    }
}

impl fmt::Display for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::VERSION)?;
        for hash in &self.hashes {
            write!(f, "{hash}.")?;
        }
        match &self.platform {
            None => f.write_str(Self::NO_PLATFORM),
            Some(platform) => platform.fmt(f),
        }
    }
}

impl Serialize for RequestHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::build::{BuildArgs, BuildSecret, SecretSource};

    fn request() -> BuildRequest {
        BuildRequest {
            context: PathBuf::from("/src/app"),
            dockerfile: PathBuf::from("/src/app/Dockerfile"),
            target: None,
            build_args: BuildArgs::default(),
            secrets: Vec::new(),
            labels: BTreeMap::new(),
            platform: None,
            no_cache: false,
            committed_at: 0,
            reproducible: false,
            options: crate::build::BuildOptions::default(),
        }
    }

    fn hash(request: &BuildRequest) -> RequestHash {
        RequestHash::of(request, b"app", b"app/Dockerfile")
    }

    fn args(pairs: &[(&str, &str)]) -> BuildArgs {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        BuildArgs::new(owned.collect())
    }

    #[test]
    fn each_part_that_decides_the_content_is_told() {
        let ours = hash(&request());
        let told = |change: fn(&mut BuildRequest)| {
            let mut other = request();
            change(&mut other);
            ours.differences(Some(&hash(&other)), &[])
        };
        assert_eq!(told(|_| {}), []);
        assert_eq!(
            told(|r| r.target = Some("debug".to_owned())),
            [RequestPart::Target]
        );
        assert_eq!(
            told(|r| r.build_args = args(&[("A", "1")])),
            [RequestPart::BuildArgs]
        );
        assert_eq!(told(|r| r.reproducible = true), [RequestPart::Reproducible]);
        let secret = |r: &mut BuildRequest| {
            r.secrets.push(BuildSecret {
                id: "token".to_owned(),
                source: SecretSource::Value("hidden".into()),
            });
        };
        assert_eq!(told(secret), [RequestPart::Secrets]);
        let elsewhere = RequestHash::of(&request(), b"", b"Dockerfile");
        assert_eq!(
            ours.differences(Some(&elsewhere), &[]),
            [RequestPart::Context, RequestPart::File]
        );
        // What decides nothing.
        assert_eq!(told(|r| r.no_cache = true), []);
        assert_eq!(told(|r| r.committed_at = 7), []);
        assert_eq!(told(|r| r.context = PathBuf::from("/elsewhere")), []);
        assert_eq!(
            told(|r| drop(r.labels.insert("a".to_owned(), "b".to_owned()))),
            []
        );
    }

    #[test]
    fn lists_of_arguments_do_not_run_into_each_other() {
        let of = |pairs: &[(&str, &str)]| {
            let mut request = request();
            request.build_args = args(pairs);
            hash(&request).to_string()
        };
        assert_ne!(of(&[("A", "1"), ("B", "2")]), of(&[("A", "1B2")]));
        assert_ne!(of(&[("A", "")]), of(&[]));
        assert_eq!(of(&[("A", "1"), ("B", "2")]), of(&[("B", "2"), ("A", "1")]));
    }

    #[test]
    fn a_platform_that_the_image_does_not_have_is_a_difference() {
        let platform = |text: &str| Platform::parse(text).unwrap();
        let asked = |text: Option<&str>| {
            let mut request = request();
            request.platform = text.map(&platform);
            hash(&request)
        };
        let (amd, arm) = (platform("linux/amd64"), platform("linux/arm64"));
        let other = [RequestPart::Platform];
        for theirs in [None, Some(asked(None)), Some(asked(Some("linux/amd64")))] {
            let of = |ours: Option<&str>, has: &[Platform]| asked(ours).differences(theirs.as_ref(), has);
            assert_eq!(of(Some("linux/arm64"), std::slice::from_ref(&amd)), other);
            assert_eq!(of(Some("linux/amd64"), std::slice::from_ref(&amd)), []);
            assert_eq!(of(Some("linux/amd64"), &[amd.clone(), arm.clone()]), other);
        }
        assert_eq!(
            asked(Some("linux/arm64/v8")).differences(None, std::slice::from_ref(&arm)),
            []
        );
        assert_eq!(
            asked(None).differences(Some(&asked(Some("linux/arm64"))), &[arm]),
            other
        );
        assert_eq!(asked(None).differences(None, &[amd]), []);
    }

    #[test]
    fn the_label_is_read_again_and_others_are_not() {
        let mut request = request();
        for platform in [None, Some(Platform::parse("linux/arm64/v8").unwrap())] {
            request.platform = platform;
            let hash = hash(&request);
            assert_eq!(RequestHash::parse(&hash.to_string()), Some(hash));
        }
        let text = hash(&request).to_string();
        for other in [
            "",
            "v1:",
            "v2:a",
            &text[1..],
            &format!("{text}.x"),
            &text.replace("v1", "v2"),
        ] {
            assert_eq!(RequestHash::parse(other), None, "{other}");
        }
    }
}
