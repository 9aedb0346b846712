//! What runs builds, on the engine or on a builder that the user names.

use std::sync::Arc;

use buildkit_session::DaemonPlace;

use crate::engine::BuildRunner;
use crate::ports::{FindLogin, Reporter};
use crate::settings::Settings;

/// Returns what runs builds on a builder that the user names, or on the engine; contacts nothing. `name` keeps builds of one
/// repository apart from those of others.
pub(super) fn runner_at(
    place: Option<&DaemonPlace>,
    settings: &Settings,
    logins: Arc<dyn FindLogin>,
    reporter: Arc<dyn Reporter>,
    name: String,
) -> BuildRunner {
    let engine = settings.build.engine.clone();
    let runner = BuildRunner::new(engine, logins, reporter, settings.tree(), name);
    match place {
        Some(builder) => runner.on_daemon(builder.clone()),
        None => runner,
    }
}
