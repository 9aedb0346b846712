//! Event files and repository files are read, whatever they hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship_domain::event::{Event, JobVariables, Payload, RepositoryInfo};

fuzz_target!(|input: &[u8]| {
    let Some([event_name, git_ref, json]) = tagship_fuzz::texts(input) else {
        return;
    };
    RepositoryInfo::parse(json.as_bytes()).ok();
    let Ok(payload) = Payload::parse(json.as_bytes()) else {
        return;
    };
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
