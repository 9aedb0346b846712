//! Steps that run programs of a platform that what builds does not run.

use buildkit_session::{Capabilities, DockerfileName};

use super::places::DockerfilePlaces;
use crate::ports::{BuildError, Reporter, RunEvent};
use tagship_domain::build::BuildRequest;
use tagship_domain::dockerfile::TargetRun;

/// Refuses a build with a step that certainly fails, and notes one that may.
pub(super) fn check(
    request: &BuildRequest,
    dockerfile: &DockerfileName,
    builder: &Capabilities,
    reporter: &dyn Reporter,
) -> Result<(), BuildError> {
    let places = DockerfilePlaces::of(request, dockerfile);
    for platform in request
        .platforms
        .iter()
        .filter(|platform| !builder.runs(platform))
    {
        match places.target_run(platform) {
            None => {}
            Some(TargetRun {
                line,
                is_certain: true,
            }) => {
                return Err(BuildError::NoEmulation {
                    builder: builder.platform.clone(),
                    platform: platform.clone(),
                    location: places.at(line),
                });
            }
            Some(TargetRun { line, .. }) => {
                let note = format!(
                    "{}:{line}: the step may run programs of {platform}, and what builds is {} without an emulation for that",
                    dockerfile.shown_own(),
                    builder.platform
                );
                reporter.event(RunEvent::Note(&note));
            }
        }
    }
    Ok(())
}
