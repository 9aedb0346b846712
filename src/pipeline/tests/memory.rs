//! A repository in memory that keeps ECR's rules.

use super::*;

/// What happens to the request after the first `after` ones.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// It fails without effect.
    Before,
    /// It fails after its effect.
    After,
}

/// Another writer: before the request after the first `after` ones, it points a tag to its image.
pub(super) struct ConcurrentPush {
    pub(super) after: usize,
    pub(super) tag: Tag,
    pub(super) manifest: Manifest,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) blobs: BTreeMap<Digest, Bytes>,
    pub(super) manifests: BTreeMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<Tag, Digest>,
    pub(super) requests: Vec<String>,
    pub(super) fault: Option<(usize, Fault)>,
    pub(super) rival: Option<ConcurrentPush>,
    pub(super) is_list_refused: bool,
    /// The rights of a push that the role lacks.
    pub(super) missing_rights: Vec<&'static str>,
}

pub(super) struct Memory {
    pub(super) mutability: Mutability,
    pub(super) state: Mutex<State>,
}

impl Memory {
    pub(super) fn new(mutability: Mutability) -> Self {
        Self {
            mutability,
            state: Mutex::new(State::default()),
        }
    }

    /// One request: counted, and broken when it is its turn.
    fn request<T>(
        &self,
        name: String,
        effect: impl FnOnce(&mut State) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut state = self.state.lock().unwrap();
        let count = state.requests.len();
        state.requests.push(name.clone());
        if state.rival.as_ref().is_some_and(|rival| rival.after == count) {
            let rival = state.rival.take().unwrap();
            state
                .manifests
                .insert(rival.manifest.digest(), rival.manifest.clone());
            state.tags.insert(rival.tag, rival.manifest.digest());
        }
        // A stream is its caller's to repeat.
        let was_repeated = name != "upload";
        let broken = RegistryError::Unavailable {
            host: image().registry,
            operation: name.into(),
            message: "reset".to_owned(),
            was_repeated,
        };
        match state.fault {
            Some((after, Fault::Before)) if after == count => Err(broken),
            Some((after, Fault::After)) if after == count => effect(&mut state).and(Err(broken)),
            _ => effect(&mut state),
        }
    }

    pub(super) fn tag(&self, tag: &str) -> Option<Digest> {
        self.state
            .lock()
            .unwrap()
            .tags
            .get(&Tag::parse(tag).unwrap())
            .copied()
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

#[async_trait]
impl ReadRegistry for Memory {
    async fn mutability(&self) -> Result<Mutability, RegistryError> {
        self.request("mutability".to_owned(), |_| Ok(self.mutability.clone()))
    }
}

#[async_trait]
impl ReadRepository for Memory {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        self.request("resolve".to_owned(), |state| {
            let known = |tag: &Tag| Some((tag.clone(), state.manifests[state.tags.get(tag)?].clone()));
            Ok(tags.iter().filter_map(known).collect())
        })
    }

    async fn look_up(&self, digests: &[Digest], tags: &[Tag]) -> Result<FoundManifests, RegistryError> {
        self.request("look up".to_owned(), |state| {
            let tagged = |tag: &Tag| Some((tag.clone(), state.manifests[state.tags.get(tag)?].clone()));
            let known = |digest: &Digest| Some((*digest, state.manifests.get(digest)?.clone()));
            Ok(FoundManifests {
                tags: tags.iter().filter_map(tagged).collect(),
                digests: digests.iter().filter_map(known).collect(),
            })
        })
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.request("list".to_owned(), |state| {
            if state.is_list_refused {
                return Err(RegistryError::NotPermitted {
                    action: "ecr:ListImages".to_owned(),
                    repository: image().repository,
                });
            }
            Ok(state.tags.keys().cloned().collect())
        })
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.request("manifest".to_owned(), |state| {
            Ok(state.manifests.get(digest).cloned())
        })
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        self.request("blob size".to_owned(), |state| {
            Ok(state.blobs.get(digest).map(|blob| blob.len() as u64))
        })
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let digest = descriptor.digest;
        self.request("blob".to_owned(), |state| {
            state
                .blobs
                .get(&digest)
                .cloned()
                .ok_or(RegistryError::ContentMissing { digest })
        })
    }
}

#[async_trait]
impl ReadWhole for Memory {
    async fn referrers(&self, _: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        Ok(Vec::new())
    }

    async fn open(&self, blob: &Descriptor) -> Result<BlobStream, RegistryError> {
        let content = self.blob(blob).await?;
        Ok(futures_util::stream::iter([Ok(content)]).boxed())
    }
}

#[async_trait]
impl WriteRepository for Memory {
    async fn check_push(&self) -> Result<(), RegistryError> {
        let missing = self.state.lock().unwrap().missing_rights.clone();
        if missing.is_empty() {
            return Ok(());
        }
        let repository = image().repository;
        Err(RegistryError::PushNotPermitted { missing, repository })
    }

    async fn upload(&self, _: &Digest, _: u64, mut content: BlobStream) -> Result<(), RegistryError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = content.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| RegistryError::Source(error.to_string()))?);
        }
        self.put_blob(bytes.into()).await.map(drop)
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&content);
        self.request("put blob".to_owned(), |state| {
            state.blobs.insert(digest, content);
            Ok(digest)
        })
    }

    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.request(format!("put {reference}"), |state| {
            let tagship_domain::content::Content::Image(image) = manifest.content()? else {
                unreachable!("one image")
            };
            for blob in image.layers.iter().chain([&image.config]) {
                assert!(
                    state.blobs.contains_key(&blob.digest),
                    "ECR refuses a manifest whose blobs are missing"
                );
            }
            if let Reference::Tag(tag) = reference {
                // The stricter reading: the same digest is refused too.
                if state.tags.contains_key(tag) && self.mutability.protects(tag) {
                    return Err(RegistryError::TagTaken { tag: tag.clone() });
                }
                state.tags.insert(tag.clone(), manifest.digest());
            }
            state.manifests.insert(manifest.digest(), manifest.clone());
            Ok(())
        })
    }
}
