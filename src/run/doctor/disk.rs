//! Whether there is room on this machine's disks for what a run writes there.

use std::path::Path;

use super::examination::Examination;
use crate::engine::free_space;
use crate::settings::Settings;
use tagship_domain::build::BuildOutput;
use tagship_domain::doctor::{Check, CheckState, Subject};
use tagship_domain::error::{FailureKind, cleaned};

/// What is little, in bytes: an ordinary base image unpacked takes as much.
const LITTLE: u64 = 1_000_000_000;

/// What is as good as nothing, in bytes.
const NOTHING: u64 = 1_000_000;

/// Looks at the disk of the workspace, and at those of outputs.
pub(super) fn examine(settings: &Settings, found: &mut Examination) {
    let outputs = settings.outputs.iter().filter_map(|output| match output {
        BuildOutput::Store(_) => None,
        BuildOutput::Folder(folder) => Some(folder.as_path()),
        BuildOutput::File(_, file) => file.parent(),
    });
    for place in std::iter::once(settings.workspace.as_path()).chain(outputs) {
        found.checks.push(judged(place, free_space(place)));
    }
}

/// What so much space is good for; what is not known is no obstacle.
fn judged(place: &Path, free: Option<u64>) -> Check {
    let shown = cleaned(&place.display().to_string());
    let Some(free) = free else {
        return Check {
            subject: Subject::Disk,
            state: CheckState::Unknown,
            reason: format!("the disk of `{shown}` does not say what is free"),
            cure: None,
            kind: None,
        };
    };
    let state = match free {
        ..NOTHING => CheckState::Fail,
        NOTHING..LITTLE => CheckState::Warn,
        LITTLE.. => CheckState::Ok,
    };
    let cure = (state != CheckState::Ok).then(|| {
        "remove what is not needed: `docker system prune` frees what the engine keeps of earlier builds"
            .to_owned()
    });
    Check {
        subject: Subject::Disk,
        state,
        reason: format!("`{shown}` has {} free", indicatif::HumanBytes(free)),
        cure,
        kind: (state == CheckState::Fail).then_some(FailureKind::Operation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_fails_a_run_and_little_space_is_said() {
        let place = Path::new("/out");
        for (free, state) in [
            (Some(0), CheckState::Fail),
            (Some(300_000_000), CheckState::Warn),
            (Some(20_000_000_000), CheckState::Ok),
            (None, CheckState::Unknown),
        ] {
            let check = judged(place, free);
            assert_eq!(check.state, state, "{free:?}");
            let needs_cure = matches!(state, CheckState::Fail | CheckState::Warn);
            assert_eq!(check.cure.is_some(), needs_cure, "{free:?}");
            assert_eq!(check.kind.is_some(), state == CheckState::Fail, "{free:?}");
        }
    }
}
