//! The transaction: [`gather()`] reads, [`execute()`] writes what the plan says, and nothing else does.

mod apply_error;
mod base_cache;
mod base_digests;
mod error;
mod execute;
mod gate;
mod gather;
mod ledger;
mod lifecycle_check;
mod prune;
mod rebuild;
mod registry_settings;
mod release;
mod repositories;
mod repository_list;
mod signing;
mod tagging;
mod targets;
mod writers;

pub use apply_error::ApplyError;
pub use base_cache::{BaseCacheError, read_through_cache, read_through_unknown};
pub use base_digests::resolve_bases;
pub use error::{PipelineError, TargetsFailed};
pub use execute::execute;
pub use gate::{Scanning, find_baseline, judge};
pub use gather::{gather, gather_copy, gather_missing, image_facts, label_facts, read_parts};
pub use ledger::Ledger;
pub use lifecycle_check::{LifecycleCheck, preview_by_registry, preview_lifecycle};
pub use prune::{Pruned, delete_planned};
pub use registry_settings::{
    AppliedSettings, PlannedSettings, UpstreamProblem, apply_settings, plan_settings,
};
pub use release::{ReleasedImage, gather_release, gather_tags, release};
pub use repositories::{
    AppliedRepository, HearApplied, PlannedRepository, PutRepository, Wanted, apply_repositories,
    plan_repositories, read_documents,
};
pub use repository_list::list_repositories;
pub use tagging::put_promoted;
pub use targets::{FurtherTargets, blob_progress};
pub use writers::Writers;

#[cfg(test)]
mod tests;
