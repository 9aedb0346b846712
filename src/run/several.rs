//! `tagship ship --all` and `--changed`: the images of `tagship.yaml` in one run, each its own transaction.
//!
//! 1. All inputs of all images are read before the first begins.
//! 2. A few run at a time. One that fails stops none that has begun; with `fail-fast` no further one begins.
//! 3. Images that go to one registry with the same identity have one login.
//! 4. The report has a row for each, also when the run is cancelled.

mod reporter;
mod row;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::stream::{self, StreamExt as _};

use self::reporter::ImageReporter;
pub use self::row::ShippedImages;
use super::shared_registries::SharedRegistries;
use super::ship::ship_sharing;
use super::{Outcome, RunError};
use crate::ports::Reporter;
use crate::settings::Settings;

/// Which images are published, and how.
#[derive(Debug)]
pub struct SeveralRequest {
    /// The images, with their names, in the order of the file.
    pub images: Vec<(String, Settings)>,
    /// How many are published at a time.
    pub parallel: usize,
    /// Whether no further image begins after one has failed.
    pub is_fail_fast: bool,
}

impl SeveralRequest {
    /// Refuses images of which each run would take the tags of the other.
    pub fn check(&self) -> Result<(), RunError> {
        let is_same = |one: &Settings, other: &Settings| {
            one.is_published()
                && one.destination == other.destination
                && one.lists.rules == other.lists.rules
                && one.lists.flavor == other.lists.flavor
        };
        for (number, (second, other)) in self.images.iter().enumerate() {
            let before = &self.images[..number];
            if let Some((first, _)) = before.iter().find(|(_, settings)| is_same(settings, other)) {
                return Err(RunError::SameTagRules {
                    first: first.clone(),
                    second: second.clone(),
                });
            }
        }
        Ok(())
    }

    /// Returns the rows of the report, before anything has happened.
    pub fn rows(&self) -> ShippedImages {
        ShippedImages::new(self.images.iter().map(|(name, _)| name.clone()))
    }
}

/// Publishes images; what is true of each at any moment stands in `rows`.
pub async fn ship_several(
    request: &SeveralRequest,
    reporter: Arc<dyn Reporter>,
    rows: &ShippedImages,
) -> Outcome {
    let has_failed = AtomicBool::new(false);
    let settings = request.images.iter().map(|(_, settings)| settings);
    let shared = Box::pin(SharedRegistries::open(settings, &reporter)).await;
    let last_step = Arc::new(AtomicU32::new(0));
    let runs = request.images.iter().zip(rows.iter());
    let runs = runs.map(|((name, settings), row)| {
        let reporter = ImageReporter::new(name, &last_step, Arc::clone(&reporter));
        let (has_failed, shared) = (&has_failed, &shared);
        async move {
            if request.is_fail_fast && has_failed.load(Ordering::Relaxed) {
                return;
            }
            row.begin();
            let shipped = Box::pin(ship_sharing(
                settings,
                Some(shared),
                Arc::new(reporter),
                row.ledger(),
            ))
            .await;
            if shipped.is_err() {
                has_failed.store(true, Ordering::Relaxed);
            }
            row.end(shipped);
        }
    });
    // A list, because a stream over the iterator itself could not be sent between threads.
    stream::iter(runs.collect::<Vec<_>>())
        .buffer_unordered(request.parallel.max(1))
        .collect::<()>()
        .await;
    shared.close().await;
    rows.outcome(None)
}
