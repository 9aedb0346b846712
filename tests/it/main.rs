//! Tests that need no Docker engine: the program, its commands and the adapters, from outside.

#![expect(
    clippy::unwrap_used,
    reason = "what test functions call fails by panicking too"
)]

mod architecture;
mod aws_notices;
mod building_page;
mod caches;
mod cli_process;
mod command_permissions;
mod copying;
mod deploy_files;
mod doctor_command;
mod documents;
mod errors_index;
mod errors_page;
mod exports;
mod first_process;
mod git;
mod git_context;
mod git_remote;
mod github_release_page;
mod github_releases;
mod hostile;
mod identity_local;
mod identity_sessions;
mod init_command;
mod inputs_generated;
mod inventory;
mod judges;
mod kubernetes_example;
mod limits_page;
mod local_env;
mod local_plan;
mod monorepo;
mod networks;
mod notifications;
mod other_ci;
mod permissions_page;
mod plain_words;
mod promotion;
mod pull_requests;
mod pushing;
mod readme_in_korean;
mod real_names;
mod registry;
mod release_command;
mod release_files;
mod release_pr;
mod release_races;
mod releases;
mod replication;
mod repositories;
mod runner_contract;
mod scanning;
mod schemas;
mod several_images;
mod signing;
mod site;
mod source;
mod tags_command;
mod tags_page;
mod targets;
mod version_agreement;
mod version_command;
mod versions_page;
