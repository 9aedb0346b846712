//! Event files and repository files are read, whatever they hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship::domain::event::{Event, JobVariables, Payload, RepositoryInfo};

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (event_name, git_ref, json) = input;
    RepositoryInfo::parse(json).ok();
    let Ok(payload) = Payload::parse(json) else { return };
    for head_of_pull_request in [false, true] {
        let variables = JobVariables {
            event_name,
            git_ref,
            sha: "860c1904a1ce19322e91ac35af1ab07466440c37",
            head_of_pull_request,
        };
        let event = Event::of_job(variables, &payload);
        event.is_default_branch(payload.default_branch.as_deref());
    }
});
