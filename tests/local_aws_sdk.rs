//! The embedded ECR, driven from outside: by AWS's own SDK, and by HTTP requests as the specifications have them.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests fail by panicking, as tests do"
)]

#[path = "local_aws_sdk/account_settings.rs"]
mod account_settings;
#[path = "local_aws_sdk/archive.rs"]
mod archive;
#[path = "local_aws_sdk/assume_role.rs"]
mod assume_role;
#[path = "local_aws_sdk/bench.rs"]
mod bench;
#[path = "local_aws_sdk/data_plane.rs"]
mod data_plane;
#[path = "local_aws_sdk/faults.rs"]
mod faults;
#[path = "local_aws_sdk/identity.rs"]
mod identity;
#[path = "local_aws_sdk/images.rs"]
mod images;
#[path = "local_aws_sdk/layers.rs"]
mod layers;
#[path = "local_aws_sdk/lifecycle.rs"]
mod lifecycle;
#[path = "local_aws_sdk/policies.rs"]
mod policies;
#[path = "local_aws_sdk/public.rs"]
mod public;
#[path = "local_aws_sdk/pull_through.rs"]
mod pull_through;
#[path = "local_aws_sdk/pull_time.rs"]
mod pull_time;
#[path = "local_aws_sdk/quirks.rs"]
mod quirks;
#[path = "local_aws_sdk/referrers.rs"]
mod referrers;
#[path = "local_aws_sdk/replication.rs"]
mod replication;
#[path = "local_aws_sdk/repositories.rs"]
mod repositories;
#[path = "local_aws_sdk/resource_tags.rs"]
mod resource_tags;
#[path = "local_aws_sdk/scanning.rs"]
mod scanning;
#[path = "local_aws_sdk/signatures.rs"]
mod signatures;
#[path = "local_aws_sdk/signing.rs"]
mod signing;
#[path = "local_aws_sdk/state.rs"]
mod state;
#[path = "local_aws_sdk/templates.rs"]
mod templates;
#[path = "local_aws_sdk/tls.rs"]
mod tls;
