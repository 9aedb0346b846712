//! The further repositories of a run that publishes.

use std::sync::Arc;

use futures_util::future::join_all;

use super::RunError;
use super::error::is_out_of_reach;
use super::opened::Opened;
use super::signing::signer_at;
use crate::pipeline::{PipelineError, gather_copy};
use crate::ports::{ReadHistory, Reporter, SignImage, WriteRepository};
use crate::settings::{RepositoryPlace, Settings, SignSettings};
use tagship_domain::error::with_causes;
use tagship_domain::plan::{Plan, TargetPlan, Unknown};
use tagship_domain::tags::DesiredTag;

/// The further repositories of a run that publishes, in the order of the settings.
pub(super) struct OpenedTargets(Vec<Opened>);

impl OpenedTargets {
    /// Opens them; contacts no server.
    pub(super) async fn open(settings: &Settings, reporter: &Arc<dyn Reporter>) -> Result<Self, RunError> {
        let mut opened = Vec::new();
        for place in &settings.targets {
            opened.push(Opened::open(place, &settings.build.logins, Arc::clone(reporter)).await?);
        }
        Ok(Self(opened))
    }

    /// Adds to the plan what happens in each. One that is out of reach is so for `tagship plan` too, which goes on.
    pub(super) async fn plan(
        &self,
        plan: &mut Plan,
        history: &dyn ReadHistory,
        may_be_out_of_reach: bool,
    ) -> Result<(), RunError> {
        // A part of an image is merged in the first repository, and goes nowhere else.
        if plan.is_part {
            return Ok(());
        }
        let wanted: Vec<DesiredTag> = plan.tags.iter().map(|planned| planned.wanted.clone()).collect();
        let candidate = plan.candidate(plan.published());
        let planned = self.0.iter().map(async |target| {
            let image = target.image.clone();
            let facts = match gather_copy(&target.repository, history, &wanted, candidate).await {
                Ok(facts) => Ok(facts),
                Err(error) if may_be_out_of_reach && is_out_of_reach(&error) => Err(Unknown::OutOfReach {
                    message: with_causes(&error),
                }),
                Err(error) => return Err(error.of_target(&image)),
            };
            Ok(TargetPlan::new(
                image,
                &wanted,
                candidate,
                facts.as_ref().map_err(Clone::clone),
            ))
        });
        let planned: Result<Vec<_>, PipelineError> = join_all(planned).await.into_iter().collect();
        plan.targets = planned?;
        Ok(())
    }

    /// Adds to the plan that none of them was asked.
    pub(super) fn plan_offline(settings: &Settings, plan: &mut Plan, unknown: &Unknown) {
        let wanted: Vec<DesiredTag> = plan.tags.iter().map(|planned| planned.wanted.clone()).collect();
        let images = settings.targets.iter().filter_map(RepositoryPlace::image);
        let planned = images
            .map(|image| TargetPlan::new(image.clone(), &wanted, plan.candidate(None), Err(unknown.clone())));
        plan.targets = planned.collect();
    }

    /// What they are written with, in the plan's order.
    pub(super) fn writers(&self) -> Vec<&dyn WriteRepository> {
        let repositories = self.0.iter().map(|target| &target.repository);
        repositories
            .map(|repository| repository as &dyn WriteRepository)
            .collect()
    }

    /// What signs the image in each, in the plan's order; nothing where nothing is signed.
    pub(super) fn signers(&self, settings: Option<&SignSettings>) -> Vec<Box<dyn SignImage>> {
        let signers = self.0.iter().map_while(|target| signer_at(settings?, target));
        signers.collect()
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        for target in self.0 {
            target.close().await;
        }
    }
}
