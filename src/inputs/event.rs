//! What started the run: the job's variables, and the file that holds the event.

use std::io::{self, Read as _};
use std::path::Path;

use super::Environment;
use crate::regular_file;
use tagship_domain::error::cleaned;
use tagship_domain::event::{Event, JobVariables, Payload};

/// What a job was started by; `None` outside of one. Source: GitHub docs, "Variables reference".
///
/// An event file that cannot be read leaves its fields unknown, and a note for the user.
pub fn job_event(
    environment: &Environment,
    head_of_pull_request: bool,
    notes: &mut Vec<String>,
) -> Option<Event> {
    let variable = |name| environment.get(name).unwrap_or_default();
    let variables = JobVariables {
        event_name: variable("GITHUB_EVENT_NAME"),
        git_ref: variable("GITHUB_REF"),
        sha: variable("GITHUB_SHA"),
        head_of_pull_request,
    };
    if [variables.event_name, variables.git_ref, variables.sha]
        .iter()
        .all(|text| text.is_empty())
    {
        return environment.other_job().map(|job| job.event);
    }
    let payload = environment.get("GITHUB_EVENT_PATH").map(|path| {
        payload(&environment.working_directory().join(path)).unwrap_or_else(|reason| {
            notes.push(format!(
                "the event file `{}` is not used: {}",
                cleaned(path),
                cleaned(&reason)
            ));
            Payload::default()
        })
    });
    Some(Event::of_job(variables, &payload.unwrap_or_default()))
}

fn payload(path: &Path) -> Result<Payload, String> {
    let json = read_bounded(path, Payload::MAX_BYTES).map_err(|error| error.to_string())?;
    Payload::parse(&json).map_err(|error| error.to_string())
}

/// Reads a file, but not more than one byte above `most`: that is enough to see that it is too long.
pub fn read_bounded(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    regular_file::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
