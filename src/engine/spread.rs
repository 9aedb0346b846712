//! One image on several builders, side by side.
//!
//! 1. Share the platforms out: each goes to the builder that is named for it, the rest to one for all, or to the engine.
//! 2. Build and push each share by digest, all at the same time. The first that fails ends the others.
//! 3. Make one index of what was pushed, and push it by digest.
//!
//! A request that one builder has wholly is given to it as it is.

use std::sync::Arc;

use async_trait::async_trait;
use buildkit_session::DaemonPlace;
use futures_util::future::{join_all, try_join_all};

use super::builder::EngineBuilder;
use super::named_reporter::{NamedReporter, Shared};
use super::runner::BuildRunner;
use crate::ports::{
    BuildError, Builder, BuilderSummary, BuiltImage, EngineSummary, ImageStore, RegistryError, Reporter,
    RunEvent, TryImage, WriteRepository,
};
use tagship_domain::build::{BuildOutput, BuildRequest, spread};
use tagship_domain::content::Platform;
use tagship_domain::merging::index_of_parts;
use tagship_domain::reference::{Digest, ImageRef, Reference};
use tagship_domain::tags::label_annotations;

/// What the engine is called beside other builders.
const ENGINE: &str = "engine";

/// Builders for one image, each for some platforms.
pub struct Spread<B> {
    nodes: Vec<Node<B>>,
    reporter: Arc<dyn Reporter>,
}

impl<B: std::fmt::Debug> std::fmt::Debug for Spread<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.nodes).finish()
    }
}

/// One builder.
#[derive(Debug)]
struct Node<B> {
    name: String,
    /// What it is named for; all that no other one is named for when empty.
    platforms: Vec<Platform>,
    builder: B,
}

/// What one builder is asked for.
struct Share<'a, B> {
    node: &'a Node<B>,
    request: BuildRequest,
}

impl<B> Spread<B> {
    /// Takes the builders that the user names, and the engine where none of them is for all platforms. `make` makes what builds
    /// there, and reports to what it is given; it contacts nothing.
    pub fn new(
        builders: &[DaemonPlace],
        reporter: &Arc<dyn Reporter>,
        mut make: impl FnMut(Option<&DaemonPlace>, Arc<dyn Reporter>) -> B,
    ) -> Self {
        let has_default = builders.iter().any(|builder| builder.platforms.is_empty());
        let places: Vec<Option<&DaemonPlace>> = builders
            .iter()
            .map(Some)
            .chain((!has_default).then_some(None))
            .collect();
        let shared = Arc::new(Shared::default());
        let is_alone = places.len() == 1;
        let nodes = places.into_iter().map(|place| {
            let name = place.map_or_else(|| ENGINE.to_owned(), |place| name_among(place, builders));
            let reporter = if is_alone {
                Arc::clone(reporter)
            } else {
                let inner = Arc::clone(reporter);
                Arc::new(NamedReporter::new(inner, name.clone(), Arc::clone(&shared)))
            };
            Node {
                platforms: place.map_or_else(Vec::new, |place| place.platforms.clone()),
                builder: make(place, reporter),
                name,
            }
        });
        Self {
            nodes: nodes.collect(),
            reporter: Arc::clone(reporter),
        }
    }

    /// Says which builders are named for what is not asked for.
    fn note_unused(&self, request: &BuildRequest) {
        let used = self.shares(request);
        let is_used = |node: &Node<B>| used.iter().any(|share| std::ptr::eq(share.node, node));
        for node in self.nodes.iter().filter(|node| !is_used(node)) {
            let platforms: Vec<String> = node.platforms.iter().map(ToString::to_string).collect();
            if !platforms.is_empty() {
                let note = format!(
                    "builder `{}` is not used: `platforms` does not ask for {}",
                    node.name,
                    platforms.join(", ")
                );
                self.reporter.event(RunEvent::Note(&note));
            }
        }
    }

    /// What builds the first platform.
    pub(super) fn first(&self, request: &BuildRequest) -> Result<&B, BuildError> {
        let first = self.shares(request).into_iter().next();
        first.map(|share| &share.node.builder).ok_or_else(nothing_shared)
    }

    /// Who builds what of a request. There is always a builder for all platforms.
    fn shares(&self, request: &BuildRequest) -> Vec<Share<'_, B>> {
        let named: Vec<Vec<Platform>> = self.nodes.iter().map(|node| node.platforms.clone()).collect();
        let shares = spread(&request.platforms, &named);
        let is_whole = shares.len() == 1;
        let shares = shares.into_iter().filter_map(|(at, platforms)| {
            let node = self.nodes.get(at?)?;
            let request = if is_whole {
                request.clone()
            } else {
                request.share(platforms)
            };
            Some(Share { node, request })
        });
        shares.collect()
    }
}

/// The short name of a builder; its address where another one has the same.
fn name_among(builder: &DaemonPlace, all: &[DaemonPlace]) -> String {
    let short = builder.address.short_name();
    let same = all.iter().filter(|other| other.address.short_name() == short);
    if same.count() > 1 || short == ENGINE {
        builder.address.to_string()
    } else {
        short
    }
}

impl<B> Share<'_, B> {
    /// An error names its builder where there are several.
    fn error(&self, is_alone: bool, error: BuildError) -> BuildError {
        if is_alone {
            return error;
        }
        BuildError::OnBuilder {
            builder: self.node.name.clone(),
            source: Box::new(error),
        }
    }
}

/// What builds: the first, or the first whose store decides how a second build is made, and all of them where they are several.
fn summary<B>(shares: &[Share<'_, B>], engines: Vec<EngineSummary>) -> Option<EngineSummary> {
    let builders: Vec<BuilderSummary> = shares
        .iter()
        .zip(&engines)
        .map(|(share, engine)| BuilderSummary {
            name: share.node.name.clone(),
            platforms: share.request.platforms.clone(),
            version: engine.version.clone(),
            store: engine.store,
        })
        .collect();
    let classic = engines
        .iter()
        .position(|engine| engine.store == ImageStore::Classic)
        .unwrap_or_default();
    let mut summary = engines.into_iter().nth(classic)?;
    if builders.len() > 1 {
        summary.builders = builders;
    }
    Some(summary)
}

/// Never happens: a request has at least one share.
fn nothing_shared() -> BuildError {
    BuildError::Failed {
        message: "no builder has a part of it".to_owned(),
        location: None,
    }
}

impl Spread<BuildRunner> {
    /// Finds out whether every builder that is needed answers and can do its share.
    pub async fn check(
        &self,
        request: &BuildRequest,
        outputs: &[BuildOutput],
    ) -> Result<EngineSummary, BuildError> {
        self.note_unused(request);
        let shares = self.shares(request);
        let is_alone = shares.len() == 1;
        if !is_alone && !outputs.is_empty() {
            let builders = shares.len();
            return Err(BuildError::SeveralBuilders { builders });
        }
        let engines = shares.iter().map(async |share| {
            let checked = share.node.builder.check(&share.request, outputs).await;
            checked.map_err(|error| share.error(is_alone, error))
        });
        summary(&shares, try_join_all(engines).await?).ok_or_else(nothing_shared)
    }

    /// Builds, and brings the result to each output; with none it is built and thrown away, by all builders at the same time.
    ///
    /// Dropping the future cancels the build.
    pub async fn build_outputs(
        &self,
        request: &BuildRequest,
        outputs: &[BuildOutput],
    ) -> Result<BuiltImage, BuildError> {
        let shares = self.shares(request);
        let is_alone = shares.len() == 1;
        let builds = shares.iter().map(async |share| {
            let built = share.node.builder.build_outputs(&share.request, outputs).await;
            built.map_err(|error| share.error(is_alone, error))
        });
        let mut built = try_join_all(builds).await?;
        // Several have no output.
        Ok(built.pop().unwrap_or_default())
    }
}

#[async_trait]
impl Builder for Spread<EngineBuilder> {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        self.note_unused(request);
        let shares = self.shares(request);
        let is_alone = shares.len() == 1;
        let engines = shares.iter().map(async |share| {
            let checked = share.node.builder.check(&share.request).await;
            checked.map_err(|error| share.error(is_alone, error))
        });
        summary(&shares, try_join_all(engines).await?).ok_or_else(nothing_shared)
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let shares = self.shares(request);
        if let [only] = shares.as_slice() {
            return only.node.builder.publish(&only.request, registry).await;
        }
        let pushed = shares.iter().map(async |share| {
            let pushed = share.node.builder.publish(&share.request, registry).await;
            pushed.map_err(|error| share.error(false, error))
        });
        let digests = try_join_all(pushed).await?;
        let mut found = registry.look_up(&digests, &[]).await?.digests;
        let mut parts = Vec::new();
        for (digest, share) in digests.into_iter().zip(&shares) {
            let manifest = found
                .remove(&digest)
                .ok_or(RegistryError::ContentMissing { digest })?;
            parts.push((manifest, share.request.platforms.clone()));
        }
        let mut annotations = label_annotations(&request.labels, true);
        annotations.extend(request.options.annotations.iter().cloned());
        let index = index_of_parts(&parts, &annotations)?;
        let reference = Reference::Digest(index.digest());
        registry.put_manifest(&reference, &index).await?;
        Ok(index.digest())
    }
}

#[async_trait]
impl TryImage for Spread<EngineBuilder> {
    /// Each platform on the builder that built it.
    async fn try_image(
        &self,
        image: &ImageRef,
        platforms: &[Platform],
        command: &str,
    ) -> Result<Vec<Platform>, BuildError> {
        let named: Vec<Vec<Platform>> = self.nodes.iter().map(|node| node.platforms.clone()).collect();
        let tried = spread(platforms, &named)
            .into_iter()
            .map(async |(at, platforms)| {
                let node = at.and_then(|at| self.nodes.get(at)).ok_or_else(nothing_shared)?;
                node.builder.try_image(image, &platforms, command).await
            });
        let mut untried = Vec::new();
        let mut refusal = None;
        let mut has_run = false;
        for tried in join_all(tried).await {
            match tried {
                Ok(others) => {
                    has_run = true;
                    untried.extend(others);
                }
                Err(BuildError::NotRunnable { engine, platforms }) => {
                    untried.extend(platforms.iter().cloned());
                    refusal = Some(BuildError::NotRunnable { engine, platforms });
                }
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(refusal) if !has_run => Err(refusal),
            _ => Ok(untried),
        }
    }
}
