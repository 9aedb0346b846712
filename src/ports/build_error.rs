//! The error of the seam to the engine.

mod engine_hint;
mod soci;
mod wording;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use buildkit_session::Error;

use super::RegistryError;
use engine_hint::engine_hint;
pub use soci::SociProblem;
use tagship_domain::build::TooLittleSpace;
use tagship_domain::capability::{ImageStore, UnsupportedFeature};
use tagship_domain::content::Platform;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::location::SourceLocation;
use tagship_domain::merging::MergeError;
use tagship_domain::reference::Digest;
use wording::{BuilderKind, ExitCodeSuffix, LocationPrefix, MessageSuffix, RunningSuffix, UnsupportedList};

/// What can go wrong with the engine and the build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine cannot be reached or used, or what the build needs of this machine is not there.
    #[error(transparent)]
    Engine(#[from] buildkit_session::Error),
    /// The engine would leave something out that is asked for.
    #[error(
        "{} does not do all that is asked for{}",
        BuilderKind(version, *store), UnsupportedList(refusals)
    )]
    Unsupported {
        /// The engine's version.
        version: String,
        /// How it stores images.
        store: ImageStore,
        /// What it does not do.
        refusals: Vec<UnsupportedFeature>,
    },
    /// The result is to stay in an engine's store, and the builder has none.
    #[error("a BuildKit daemon keeps no images, so that nothing can be left there")]
    NoStore,
    /// The result is to come here, and several builders have a part of it.
    #[error("{builders} builders have a part of the image each, and `load` and `outputs` take what one has")]
    SeveralBuilders {
        /// How many.
        builders: usize,
    },
    /// What several builders pushed makes no index.
    #[error("the images of several builders make no index: {0}")]
    Merge(#[from] MergeError),
    /// It went wrong on one of several builders.
    #[error("{source} (on builder `{builder}`)")]
    OnBuilder {
        /// The builder's name.
        builder: String,
        /// What went wrong.
        source: Box<Self>,
    },
    /// A build step failed.
    #[error("{}build step `{name}` failed{}{}", LocationPrefix(location.as_ref()), ExitCodeSuffix(*exit_code), MessageSuffix(message.as_deref()))]
    StepFailed {
        /// The step's name.
        name: String,
        /// The exit code of its command.
        exit_code: Option<i32>,
        /// Its own last lines of output. Hostile text.
        tail: Vec<String>,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
        /// What the engine says, unless that is the exit code only.
        message: Option<String>,
    },
    /// The Dockerfile is wrong.
    #[error("{}the Dockerfile cannot be built: {message}", LocationPrefix(location.as_ref()))]
    DockerfileInvalid {
        /// What is wrong.
        message: String,
        /// Where.
        location: Option<SourceLocation>,
    },
    /// The image that reads the Dockerfile cannot be pulled.
    #[error("`# syntax` image `{image}`, which reads the Dockerfile, cannot be pulled: {message}")]
    SyntaxImage {
        /// The image's reference.
        image: String,
        /// Why.
        message: String,
    },
    /// An image that the Dockerfile begins with or copies from cannot be pulled.
    #[error("{}base image `{image}` cannot be pulled: {message}", LocationPrefix(location.as_ref()))]
    BaseImage {
        /// The image's reference.
        image: String,
        /// Why.
        message: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// The image begins with one of another platform than it would say.
    #[error("{}base image `{image}` is of {actual}, and the image would say {wanted}", LocationPrefix(location.as_ref()))]
    BasePlatform {
        /// The image as the Dockerfile names it.
        image: String,
        /// The platform that it is of, as far as that is known.
        actual: String,
        /// The platforms that were asked for.
        wanted: String,
        /// Its `FROM` in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// A step runs programs of a platform that what builds does not run.
    #[error(
        "{location}: the step runs programs of {platform}, and what builds is {builder} without an emulation for that"
    )]
    NoEmulation {
        /// The platform of what builds.
        builder: String,
        /// The platform that was asked for.
        platform: Platform,
        /// The step in the Dockerfile.
        location: SourceLocation,
    },
    /// The image has no layer.
    #[error("{location}: the image would have no layer: it begins with `scratch`, and nothing is added")]
    NoLayer {
        /// Its `FROM` in the Dockerfile.
        location: SourceLocation,
    },
    /// The engine's frontend is older than here-documents.
    #[error("{location}: the engine's own frontend does not know here-documents")]
    HereDocument {
        /// The first line that it takes for an instruction.
        location: SourceLocation,
    },
    /// A file that is to be copied is not there.
    #[error("{}`{path}`, which is to be copied, does not exist", LocationPrefix(location.as_ref()))]
    SourceMissing {
        /// The path.
        path: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// The Dockerfile has no such stage.
    #[error("the Dockerfile has no stage `{target}`")]
    TargetMissing {
        /// The stage.
        target: String,
    },
    /// The engine's disk is full.
    #[error("the engine has no space left on its disk")]
    NoSpace,
    /// What waits to be pushed cannot be kept on this machine.
    #[error("`{folder}` does not take what waits to be pushed: {message}")]
    Temporary {
        /// The folder of temporary files.
        folder: String,
        /// Why.
        message: String,
    },
    /// A disk of this machine has too little space.
    #[error(transparent)]
    TooLittleSpace(#[from] TooLittleSpace),
    /// It took longer than it may.
    #[error("building and pushing were ended after {} s, as `timeout` says{}", limit.as_secs(), RunningSuffix(steps))]
    TimedOut {
        /// How long it may take.
        limit: Duration,
        /// The steps that still ran. Hostile text.
        steps: Vec<String>,
    },
    /// It said nothing for longer than it may.
    #[error("the build was ended because it said nothing for {} s{}", span.as_secs(), RunningSuffix(steps))]
    Silent {
        /// How long it may say nothing.
        span: Duration,
        /// The steps that still ran. Hostile text.
        steps: Vec<String>,
    },
    /// An image is to be tried, and the engine runs none of its platforms.
    #[error("the engine is {engine} and can run none of {}", platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    NotRunnable {
        /// The engine's own platform.
        engine: String,
        /// The image's platforms.
        platforms: Vec<Platform>,
    },
    /// The build failed for another reason.
    #[error("{}the build failed: {message}", LocationPrefix(location.as_ref()))]
    Failed {
        /// The engine's words, cleaned.
        message: String,
        /// Where in the Dockerfile.
        location: Option<SourceLocation>,
    },
    /// The engine does not give out what it built.
    #[error("the engine does not give image `{}`: {message}", image.short())]
    Archive {
        /// The image's id.
        image: Digest,
        /// Why.
        message: String,
    },
    /// The layers get no index for lazy loading.
    #[error(transparent)]
    Soci(#[from] SociProblem),
    /// Pushing what was built failed.
    #[error(transparent)]
    Push(#[from] RegistryError),
}

impl BuildError {
    /// Whether what builds would leave something out that is asked for.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Unsupported { .. } | Self::NoEmulation { .. } => true,
            Self::OnBuilder { source, .. } => source.is_refusal(),
            _ => false,
        }
    }
}

impl Diagnose for BuildError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Engine(
                Error::Address { .. }
                | Error::Certificates { .. }
                | Error::EngineCertificates { .. }
                | Error::Context { .. }
                | Error::IgnoreFile { .. }
                | Error::Dockerfile { .. }
                | Error::Secret { .. }
                | Error::Output { .. },
            )
            | Self::TargetMissing { .. }
            | Self::NoStore
            | Self::SeveralBuilders { .. }
            | Self::NoEmulation { .. }
            | Self::Unsupported { .. } => FailureKind::Usage,
            Self::OnBuilder { source, .. } => source.kind(),
            Self::Merge(error) => error.kind(),
            Self::Push(error) => error.kind(),
            _ => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Engine(error) => return engine_hint(error).map(Cow::Borrowed),
            Self::StepFailed {
                message: Some(message),
                ..
            } if message.contains("exec format error") => NO_EMULATION,
            Self::StepFailed { tail, .. } if tail.iter().any(|line| line.contains("exec format error")) => {
                NO_EMULATION
            }
            Self::StepFailed { .. } => "the step's own output says why",
            Self::DockerfileInvalid { .. } => "correct the Dockerfile",
            Self::NoEmulation { .. } => NO_EMULATION,
            Self::NoLayer { .. } => "add a file with `COPY`; registries take no image without a layer",
            Self::HereDocument { .. } => {
                "begin the Dockerfile with `# syntax=docker/dockerfile:1`, or update the engine to 23.0 or later"
            }
            Self::SyntaxImage { .. } => {
                "check the first lines of the Dockerfile, and that the engine may pull the image; without `# syntax` the engine's own frontend reads the Dockerfile"
            }
            Self::BaseImage { .. } => {
                "check the image's name, and give the login of a private registry in `registry-auth` or with `docker login`"
            }
            Self::BasePlatform { .. } => {
                "begin the built stage with an image of that platform, or leave `platforms` out; `builders` names machines of other platforms"
            }
            Self::Unsupported { refusals, .. } => {
                let ways: BTreeSet<String> = refusals.iter().map(UnsupportedFeature::way_out).collect();
                return Some(ways.into_iter().collect::<Vec<_>>().join("; ").into());
            }
            Self::SourceMissing { .. } => {
                "check the path, which is relative to `context`, and whether `.dockerignore` leaves it out"
            }
            Self::TargetMissing { .. } => "name a stage of the Dockerfile with `target`",
            Self::NotRunnable { .. } => {
                "name a machine of that platform with `builders`; or each job with `by-digest` tests its own image"
            }
            Self::TimedOut { .. } => {
                "give `timeout` more seconds, or keep results of earlier builds with `cache`"
            }
            Self::Silent { .. } => "let the step say what it does, or give `stall-timeout` more seconds",
            Self::TooLittleSpace(error) => return error.hint(),
            Self::NoSpace => "free some with `docker system prune`, or give the engine a larger disk",
            Self::Temporary { .. } => {
                "free some space there, or name another folder with the variable `TMPDIR`"
            }
            Self::Failed { .. } => "the build's output above may say more",
            Self::Archive { .. } => "run again; another process may have removed the image",
            Self::NoStore => "leave the line without a platform in `builders` out, or `load`",
            Self::SeveralBuilders { .. } => {
                "build one platform, or publish: several builders make one index in the registry"
            }
            Self::Soci(problem) => problem.hint(),
            Self::Push(error) => return error.hint(),
            Self::Merge(error) => return error.hint(),
            Self::OnBuilder { source, .. } => return source.hint(),
        };
        Some(hint.into())
    }

    fn output(&self) -> &[String] {
        match self {
            Self::StepFailed { tail, .. } => tail,
            Self::OnBuilder { source, .. } => source.output(),
            _ => &[],
        }
    }

    fn location(&self) -> Option<SourceLocation> {
        match self {
            Self::StepFailed { location, .. }
            | Self::DockerfileInvalid { location, .. }
            | Self::BaseImage { location, .. }
            | Self::BasePlatform { location, .. }
            | Self::SourceMissing { location, .. }
            | Self::Failed { location, .. } => location.clone(),
            Self::NoLayer { location }
            | Self::HereDocument { location }
            | Self::NoEmulation { location, .. } => Some(location.clone()),
            Self::OnBuilder { source, .. } => source.location(),
            _ => None,
        }
    }
}

/// What to do where the engine runs no program of a platform.
const NO_EMULATION: &str = "name a machine of that platform with `builders`, install emulation on the engine (`docker/setup-qemu-action`), or cross-compile in a stage with `--platform=$BUILDPLATFORM` (docs/multi-platform.md)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_a_mistake_of_the_user() {
        let error = BuildError::from(Error::Address {
            address: "x".to_owned(),
            problem: "has no scheme".to_owned(),
        });
        assert_eq!(error.kind(), FailureKind::Usage);
        assert!(error.hint().is_some());
    }
}
