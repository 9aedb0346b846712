//! What makes two builds of one commit the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};

use super::{BuildRequest, NamedContext};
use crate::content::Platform;
use crate::reference::Digest;

/// The part of a build request that decides what is in the image, beside the commit: hashed part by part, so that two
/// of them say in what they differ. Labels, tags, compression and caches are no part of it.
///
/// As text, which the image carries as a label: `v1:`, a hash for each part, and the platforms, with dots between them
/// and commas between platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash {
    /// One for each of [`RequestPart::HASHED`].
    hashes: [String; RequestPart::HASHED.len()],
    /// The platforms that were asked for, sorted; the engine's own when empty.
    platforms: Vec<Platform>,
}

/// Where the folders and files of a request lie in the repository.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The context folder.
    pub context: Vec<u8>,
    /// The Dockerfile.
    pub dockerfile: Vec<u8>,
    /// The named contexts that are folders, by name.
    pub contexts: BTreeMap<String, Vec<u8>>,
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
    /// The build arguments, with their values, but for volatile ones.
    BuildArgs,
    /// The contexts beside the main one.
    BuildContexts,
    /// The names of the secrets.
    Secrets,
    /// Whether times in layers are set.
    Reproducible,
    /// The platforms.
    Platforms,
}

impl RequestPart {
    const HASHED: [Self; 7] = [
        Self::Context,
        Self::File,
        Self::Target,
        Self::BuildArgs,
        Self::BuildContexts,
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
            Self::BuildContexts => "build-contexts",
            Self::Secrets => "secrets",
            Self::Reproducible => "reproducible",
            Self::Platforms => "platforms",
        }
    }
}

impl RequestHash {
    const VERSION: &str = "v1:";
    /// How many digits of each part's hash are kept: enough to distinguish requests, which are not made on purpose.
    const DIGITS: usize = 16;
    /// Stands for the engine's own platform.
    const NO_PLATFORM: &str = "-";

    /// Hashes a request whose folders and files are at these places in the repository.
    pub fn of(request: &BuildRequest, places: &Places) -> Self {
        let secrets: BTreeSet<&str> = request.secrets.iter().map(|secret| secret.id.as_str()).collect();
        // Each name and value with its length, so that no two lists come to the same bytes.
        let sized = |bytes: &[u8]| [&bytes.len().to_be_bytes(), bytes].concat();
        let list = |texts: Vec<&[u8]>| texts.iter().flat_map(|text| sized(text)).collect::<Vec<_>>();
        let options = &request.options;
        let of_part = |part: RequestPart| match part {
            RequestPart::Context => places.context.clone(),
            RequestPart::File => places.dockerfile.clone(),
            RequestPart::Target => list(request.target.iter().map(String::as_bytes).collect()),
            RequestPart::BuildArgs => {
                let arguments = request.build_args.iter();
                let counting = arguments.filter(|(name, _)| !options.volatile_args.contains(*name));
                list(
                    counting
                        .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()])
                        .collect(),
                )
            }
            RequestPart::BuildContexts => {
                let contexts = options.contexts.iter();
                let place = |name: &str, context| match context {
                    NamedContext::Address(address) => ("address", address.clone().into_bytes()),
                    NamedContext::Folder(_) => {
                        ("folder", places.contexts.get(name).cloned().unwrap_or_default())
                    }
                };
                let described: Vec<_> = contexts
                    .map(|(name, context)| (name.as_bytes(), place(name, context.clone())))
                    .collect();
                let parts = described
                    .iter()
                    .flat_map(|(name, (kind, place))| [*name, kind.as_bytes(), place.as_slice()]);
                list(parts.collect())
            }
            RequestPart::Secrets => list(secrets.iter().map(|id| id.as_bytes()).collect()),
            RequestPart::Reproducible => vec![u8::from(request.reproducible)],
            RequestPart::Platforms => Vec::new(),
        };
        let hash = |part| {
            let hex = Digest::of(&of_part(part)).hex();
            hex.chars().take(Self::DIGITS).collect()
        };
        let mut platforms = request.platforms.clone();
        platforms.sort_unstable();
        Self {
            hashes: RequestPart::HASHED.map(hash),
            platforms,
        }
    }

    /// Reads the label; `None` for one of another version, or of another tool.
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
        let platforms = match parts.next()? {
            Self::NO_PLATFORM => Vec::new(),
            platforms => platforms
                .split(',')
                .map(Platform::parse)
                .collect::<Result<_, _>>()
                .ok()?,
        };
        parts.next().is_none().then_some(Self { hashes, platforms })
    }

    /// In what an image differs from what is asked for. `theirs` is what it was built from, as far as it says;
    /// `platforms` are those that it has, as far as they are known.
    ///
    /// An image without a platform that is asked for is another one, whatever it says; one that has it is not, be it
    /// that it was not asked for then.
    pub fn differences(&self, theirs: Option<&Self>, platforms: &[Platform]) -> Vec<RequestPart> {
        let hashed = theirs.into_iter().flat_map(|theirs| self.differing_parts(theirs));
        let of_label = theirs.map_or(&[][..], |theirs| &theirs.platforms);
        let known = if platforms.is_empty() { of_label } else { platforms };
        let within = |some: &[Platform], all: &[Platform]| {
            some.iter().all(|one| all.iter().any(|other| one.is_same(other)))
        };
        let ours = self.platforms.as_slice();
        let other_platform = if ours.is_empty() {
            !of_label.is_empty()
        } else {
            let is_same = within(ours, known) && within(known, ours);
            !known.is_empty() && !is_same
        };
        hashed
            .chain(other_platform.then_some(RequestPart::Platforms))
            .collect()
    }
}

impl RequestHash {
    /// In what two requests differ, but for platforms.
    pub fn differing_parts(&self, theirs: &Self) -> impl Iterator<Item = RequestPart> {
        let pairs = self.hashes.iter().zip(&theirs.hashes);
        let parts = RequestPart::HASHED.into_iter().zip(pairs);
        parts.filter_map(|(part, (ours, theirs))| (ours != theirs).then_some(part))
    }

    /// In what an image differs that this request is to be a part of: as [`Self::differences`], but for platforms that
    /// the image has besides.
    pub fn differences_of_part(&self, theirs: Option<&Self>, platforms: &[Platform]) -> Vec<RequestPart> {
        let hashed = theirs.into_iter().flat_map(|theirs| self.differing_parts(theirs));
        let has = |wanted: &Platform| platforms.iter().any(|known| known.is_same(wanted));
        let lacks_platform = !platforms.is_empty() && !self.platforms.iter().all(has);
        hashed
            .chain(lacks_platform.then_some(RequestPart::Platforms))
            .collect()
    }

    /// The platforms that are asked for, sorted; none for the engine's own.
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// The same request for these platforms.
    #[must_use]
    pub fn with_platforms(mut self, platforms: &[Platform]) -> Self {
        self.platforms = platforms.to_vec();
        self.platforms.sort_unstable();
        self
    }
}

impl fmt::Display for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::VERSION)?;
        for hash in &self.hashes {
            write!(f, "{hash}.")?;
        }
        if self.platforms.is_empty() {
            return f.write_str(Self::NO_PLATFORM);
        }
        let platforms: Vec<String> = self.platforms.iter().map(Platform::to_string).collect();
        f.write_str(&platforms.join(","))
    }
}

impl Serialize for RequestHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::build::{BuildArgs, BuildSecret, SecretSource};

    fn request() -> BuildRequest {
        BuildRequest {
            context: PathBuf::from("/src/app"),
            dockerfile: PathBuf::from("/src/app/Dockerfile"),
            ..BuildRequest::default()
        }
    }

    fn places(context: &str, dockerfile: &str) -> Places {
        Places {
            context: context.as_bytes().to_vec(),
            dockerfile: dockerfile.as_bytes().to_vec(),
            contexts: BTreeMap::new(),
        }
    }

    fn hash(request: &BuildRequest) -> RequestHash {
        RequestHash::of(request, &places("app", "app/Dockerfile"))
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
        let difference = |change: fn(&mut BuildRequest)| {
            let mut other = request();
            change(&mut other);
            ours.differences(Some(&hash(&other)), &[])
        };
        assert_eq!(difference(|_| {}), []);
        assert_eq!(
            difference(|r| r.target = Some("debug".to_owned())),
            [RequestPart::Target]
        );
        assert_eq!(
            difference(|r| r.build_args = args(&[("A", "1")])),
            [RequestPart::BuildArgs]
        );
        assert_eq!(difference(|r| r.reproducible = true), [RequestPart::Reproducible]);
        let secret = |r: &mut BuildRequest| {
            r.secrets.push(BuildSecret {
                id: "token".to_owned(),
                source: SecretSource::Value("hidden".into()),
            });
        };
        assert_eq!(difference(secret), [RequestPart::Secrets]);
        let elsewhere = RequestHash::of(&request(), &places("", "Dockerfile"));
        assert_eq!(
            ours.differences(Some(&elsewhere), &[]),
            [RequestPart::Context, RequestPart::File]
        );
        // What decides nothing.
        assert_eq!(difference(|r| r.no_cache = true), []);
        assert_eq!(difference(|r| r.committed_at = 7), []);
        assert_eq!(difference(|r| r.context = PathBuf::from("/elsewhere")), []);
        assert_eq!(
            difference(|r| drop(r.labels.insert("a".to_owned(), "b".to_owned()))),
            []
        );
    }

    #[test]
    fn named_contexts_count_by_their_place_or_address_and_volatile_arguments_do_not() {
        let with = |context: NamedContext, place: &str| {
            let mut request = request();
            request.options.contexts.insert("shared".to_owned(), context);
            let mut places = places("app", "app/Dockerfile");
            places
                .contexts
                .insert("shared".to_owned(), place.as_bytes().to_vec());
            RequestHash::of(&request, &places)
        };
        let folder = |path: &str| NamedContext::Folder(PathBuf::from(path));
        let ours = with(folder("/here/lib"), "lib");
        let differs = |theirs: &RequestHash| ours.differences(Some(theirs), &[]);
        assert_eq!(differs(&with(folder("/elsewhere/lib"), "lib")), []);
        let other = [RequestPart::BuildContexts];
        assert_eq!(differs(&with(folder("/here/lib"), "other/lib")), other);
        assert_eq!(
            differs(&with(NamedContext::Address("lib".to_owned()), "lib")),
            other
        );
        assert_eq!(differs(&hash(&request())), other);

        let dated = |date: &str| {
            let mut request = request();
            request.build_args = args(&[("A", "1"), ("DATE", date)]);
            request.options.volatile_args.insert("DATE".to_owned());
            hash(&request)
        };
        assert_eq!(dated("monday"), dated("tuesday"));
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
            request.platforms = text.iter().map(|text| platform(text)).collect();
            hash(&request)
        };
        let (amd, arm) = (platform("linux/amd64"), platform("linux/arm64"));
        let other = [RequestPart::Platforms];
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
            asked(None).differences(Some(&asked(Some("linux/arm64"))), std::slice::from_ref(&arm)),
            other
        );
        assert_eq!(asked(None).differences(None, std::slice::from_ref(&amd)), []);

        let mut request = request();
        request.platforms = vec![amd.clone(), arm.clone()];
        let both = hash(&request);
        request.platforms.reverse();
        assert_eq!(hash(&request), both, "their order is none of the image's");
        assert_eq!(both.differences(None, &[arm.clone(), amd.clone()]), []);
        assert_eq!(both.differences(Some(&both), &[]), []);
        assert_eq!(both.differences(Some(&both), &[amd]), other);
    }

    #[test]
    fn the_label_is_read_again_and_others_are_not() {
        let mut request = request();
        let platform = |text| Platform::parse(text).unwrap();
        for platforms in [
            vec![],
            vec![platform("linux/arm64/v8")],
            vec![platform("linux/amd64"), platform("linux/arm64/v8")],
        ] {
            request.platforms = platforms;
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
