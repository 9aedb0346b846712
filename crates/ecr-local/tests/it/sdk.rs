//! The embedded ECR, driven from outside: by AWS's own SDK, and by HTTP requests as the specifications have them.

mod account_settings;
mod archive;
mod assume_role;
mod data_plane;
mod early_answers;
mod faults;
mod identity;
mod images;
mod layers;
mod lifecycle;
mod policies;
mod public;
mod pull_through;
mod pull_time;
mod quirks;
mod referrers;
mod replication;
mod repositories;
mod resource_tags;
mod scanning;
mod signatures;
mod signing;
mod state;
mod templates;
mod tls;
