//! Questions to the frontend, through a runner.

use buildkit_session::{CallAnswer, call, random_id};

use super::destination::Destination;
use super::failure;
use super::runner::{BuildRunner, Engine};
use super::spread::Spread;
use super::{order, session};
use crate::ports::BuildError;
use tagship_domain::build::{BuildRequest, FrontendCall};
use tagship_domain::capability::{Cause, Feature, FeatureAnswer, Support, UnsupportedFeature};

impl BuildRunner {
    /// Asks the frontend about a Dockerfile. Nothing is built, and nothing is left in the engine.
    pub async fn call(&self, request: &BuildRequest, asked: FrontendCall) -> Result<CallAnswer, BuildError> {
        let engine = self.engine().await?;
        let progress = self.progress(request);
        let (session, name) = self.session(engine, request, Destination::default()).await?;
        let channel = engine.connection.channel().await?;
        let order = order::order(request, &name, Vec::new());
        let lost = engine.connection.lost(engine.connection.control().await?);
        let asking = call(
            channel,
            random_id()?,
            session.id(),
            order,
            asked.question.request(),
        );
        let answer = tokio::select! {
            biased;
            answer = asking => answer,
            lost = lost => return Err(lost.into()),
        };
        match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Self::unanswered(engine, asked)),
            Err(status) => Err(match session.failure() {
                Some(error) => session::failure(error),
                None => failure::classify(&status, &progress, request, None),
            }),
        }
    }

    /// The frontend of this engine does not know the question.
    fn unanswered(engine: &Engine, asked: FrontendCall) -> BuildError {
        let feature = Feature::Call(asked.question);
        let (store, version) = engine.capabilities.facts();
        let refusal = match (feature.answer(store, version), feature.support(store)) {
            (FeatureAnswer::Refused(refusal), _) => refusal,
            // A `# syntax=` line names an older frontend than the engine's own.
            (FeatureAnswer::Satisfied, Support::Since(first)) => UnsupportedFeature {
                feature,
                cause: Cause::OlderThan(first),
            },
            (FeatureAnswer::Satisfied, _) => UnsupportedFeature {
                feature,
                cause: Cause::OlderThan(version),
            },
        };
        BuildError::Unsupported {
            version: engine.capabilities.version.clone(),
            store: engine.capabilities.store,
            refusals: vec![refusal],
        }
    }
}

impl Spread<BuildRunner> {
    /// Asks the builder of the first platform, since all read the same Dockerfile.
    pub async fn call(&self, request: &BuildRequest, asked: FrontendCall) -> Result<CallAnswer, BuildError> {
        self.first(request)?.call(request, asked).await
    }
}
