//! Waiting until ECR itself has copied an image to other registries.

use super::RunError;
use super::connection::RegistryConnection;
use crate::ports::{Reporter, RunEvent, WatchReplication};
use crate::settings::Settings;
use tagship_domain::plan::Plan;
use tagship_domain::reference::Digest;

/// The wait of one run.
pub(super) struct ReplicationWait {
    watch: Box<dyn WatchReplication>,
    destinations: Vec<String>,
}

impl ReplicationWait {
    /// Finds out, before anything is built, where images are copied to; `None` where a run does not wait for it, or publishes a
    /// part that becomes an image later.
    pub(super) async fn of(
        settings: &Settings,
        plan: &Plan,
        connection: &RegistryConnection,
    ) -> Result<Option<Self>, RunError> {
        if !settings.waits_for_replication || plan.is_part {
            return Ok(None);
        }
        let watch: Box<dyn WatchReplication> = Box::new(connection.replication());
        let destinations = watch.destinations().await?;
        Ok(Some(Self { watch, destinations }))
    }

    /// Waits, also for an image that was published before: this run may be the repetition of one that was broken off.
    pub(super) async fn finish(&self, digest: Digest, reporter: &dyn Reporter) -> Result<(), RunError> {
        let places = self.destinations.join(", ");
        reporter.event(RunEvent::Note(&format!("ECR copies the image to {places}")));
        self.watch.wait(digest, &self.destinations).await?;
        reporter.event(RunEvent::Note(&format!("the image is in {places}")));
        Ok(())
    }
}
