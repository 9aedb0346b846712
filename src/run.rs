//! What each command does: the place where settings meet adapters.

mod build_here;
mod build_watch;
mod changed;
mod comment;
mod commit_naming;
mod compare;
mod connection;
mod context;
mod copy;
mod deploy_files;
mod doctor;
mod engine_check;
mod error;
mod exports;
mod from_cache;
mod frontend_call;
mod further_targets;
mod gate;
mod git_context;
mod history;
mod iam;
mod init;
mod inspect;
mod local_client;
mod local_server;
mod ls;
mod migrate;
mod notify;
mod opened;
mod outcome;
mod promote;
mod promotion_report;
mod push;
mod release;
mod release_published;
mod replication;
mod repositories;
mod result_files;
mod rule_inputs;
mod scan;
mod several;
mod shared_registries;
mod ship;
mod signing;
mod source;
mod tags;
mod target;
mod version;

pub use build_here::build;
pub use changed::{changed, touched};
pub use comment::comment_text;
pub use copy::{CopyRequest, Selection, copy_all};
pub use doctor::doctor;
pub use error::RunError;
pub use iam::{IamError, IamPolicy, IamRequest, PolicyFormat, TrustRequest, iam};
pub use init::{InitError, InitRequest, PreparedSetup, prepare_setup};
pub use inspect::{InspectRequest, inspect};
pub use local_server::{local_environment, serve_local};
pub use ls::{LsRequest, ls};
pub use migrate::{MigrateError, migrate};
pub use notify::{EndedRun, has_receivers, notify};
pub use outcome::{ExportedVariable, Outcome};
pub use promote::{PromoteRequest, promote};
pub use push::{PushError, PushRequest, PushSource, push};
pub use release::ReleaseImageRequest;
pub use release_published::release_published;
pub use repositories::{
    CostRequest, CostSubject, DeleteRequest, ImportRequest, PruneRequest, ReadLayers, RegistryRequest,
    RepositoriesError, apply_registry, delete_repository, estimate_cost, import_repositories,
    list_registries, plan_registry, preview_lifecycles, prune_repositories,
};
pub use scan::{ScanRequest, ScannedImage, scan};
pub use several::{SeveralRequest, ShippedImages, ship_several};
pub use ship::{plan, ship};
pub use tags::{TagsRequest, tags};
pub use version::{VersionRequest, version};
