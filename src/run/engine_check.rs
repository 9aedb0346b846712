//! Whether the engine can do what a plan asks of it.

use std::sync::Arc;

use super::RunError;
use crate::engine::Spread;
use crate::logins::Logins;
use crate::pipeline::PipelineError;
use crate::ports::{FindLogin, Reporter, RunEvent};
use crate::settings::{LoginSettings, Settings};
use tagship_domain::capability::Feature;
use tagship_domain::plan::{Content, Plan};

/// Finds out whether the engine does what not every engine does, if the plan asks for any of it. A plan is made without an
use super::connection::runner_at;
/// engine too.
pub(super) async fn check_engine(
    settings: &Settings,
    plan: &Plan,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), RunError> {
    let Content::Build { request } = &plan.content else {
        return Ok(());
    };
    if Feature::of(request, &[]).is_empty() && settings.build.builders.is_empty() {
        return Ok(());
    }
    let logins: Arc<dyn FindLogin> =
        Arc::new(Logins::new(LoginSettings::default(), None, Arc::clone(reporter)));
    let runner = Spread::new(&settings.build.builders, reporter, |place, reporter| {
        let (logins, name) = (Arc::clone(&logins), plan.image.to_string());
        runner_at(place, settings, logins, reporter, name)
    });
    match runner.check(request, &[]).await {
        Err(error) if error.is_refusal() => Err(PipelineError::from(error).into()),
        Err(error) => {
            let note = format!("could not determine whether the engine does all that is asked for: {error}");
            reporter.event(RunEvent::Note(&note));
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
