//! The build steps that run programs of the platform that is built for.

use std::collections::BTreeSet;

use super::images::read_by;
use super::{Stage, built, instructions, stage, stages};
use crate::content::Platform;

/// A `RUN` that the built image needs, in a stage of the platform that is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetRun {
    /// Its line, from 1.
    pub line: u32,
    /// Whether it is certain that it runs a program of that platform.
    pub is_certain: bool,
}

/// Returns the first `RUN` that the built image needs and that runs programs of `wanted`; one that may do so where none is
/// certain, and `None` where none can.
///
/// A stage is of the platform of the `FROM` that it goes back to. What begins with `scratch` runs what was copied to it, of
/// whatever platform; what `is_replaced` by a named context, or is named by a variable, is of a platform that the builder alone knows.
///
/// Source: Dockerfile reference, "FROM"; `BuildKit`, `frontend/dockerfile/dockerfile2llb`, `dispatchState.platform`.
pub fn target_run(
    dockerfile: &str,
    target: Option<&str>,
    wanted: &Platform,
    is_replaced: impl Fn(&str) -> bool,
) -> Option<TargetRun> {
    let stages = stages(dockerfile);
    let (mut runs, mut uses) = (Vec::new(), Vec::new());
    // Which stage an instruction is of; those before the first `FROM` are of none.
    let mut of = 0usize;
    for instruction in instructions(dockerfile) {
        let name = instruction.text.split_whitespace().next().unwrap_or_default();
        if stage(&instruction.text, instruction.line, 0).is_some() {
            of += 1;
        } else if let Some(at) = of.checked_sub(1) {
            uses.extend(read_by(&instruction).map(|read| (at, read.to_owned())));
            if name.eq_ignore_ascii_case("RUN") {
                runs.push((at, instruction.line));
            }
        }
    }
    let mut needed = BTreeSet::new();
    let mut next = built(&stages, target);
    while let Some(at) = next.pop() {
        if needed.insert(at) {
            let read = uses.iter().filter(|(of, _)| *of == at);
            next.extend(read.filter_map(|(_, name)| place(&stages[..at], name)));
            next.extend(place_of_name(&stages[..at], &stages[at].base.image));
        }
    }
    let runs = runs.into_iter().filter(|(at, _)| needed.contains(at));
    let found: Vec<TargetRun> = runs
        .filter_map(|(at, line)| {
            let is_certain = is_of_target(&stages, at, wanted, &is_replaced)?;
            Some(TargetRun { line, is_certain })
        })
        .collect();
    let certain = found.iter().find(|run| run.is_certain);
    certain.or_else(|| found.first()).copied()
}

/// Whether a stage is certainly of the wanted platform; `None` where it certainly is not.
fn is_of_target(
    stages: &[Stage],
    at: usize,
    wanted: &Platform,
    is_replaced: &impl Fn(&str) -> bool,
) -> Option<bool> {
    let mut at = at;
    loop {
        if is_replaced(&stages[at].base.stage) {
            return Some(false);
        }
        // A stage begins with an earlier one, so that this comes to an end.
        match place_of_name(&stages[..at], &stages[at].base.image) {
            Some(earlier) => at = earlier,
            None => break,
        }
    }
    let base = &stages[at].base;
    let is_known =
        !base.image.contains('$') && !base.image.eq_ignore_ascii_case("scratch") && !is_replaced(&base.image);
    match base.platform.as_deref() {
        None | Some("$TARGETPLATFORM" | "${TARGETPLATFORM}") => Some(is_known),
        Some(platform) => match Platform::parse(platform) {
            Ok(platform) if platform.is_same(wanted) => Some(is_known),
            Ok(_) => None,
            Err(_) if ["$BUILDPLATFORM", "${BUILDPLATFORM}"].contains(&platform) => None,
            Err(_) => Some(false),
        },
    }
}

fn place_of_name(before: &[Stage], name: &str) -> Option<usize> {
    before
        .iter()
        .rposition(|stage| stage.is_named && stage.base.stage.eq_ignore_ascii_case(name))
}

/// The stage that `COPY --from` or a mount names, by its name or number.
fn place(before: &[Stage], name: &str) -> Option<usize> {
    let number = || name.parse().ok().filter(|number| *number < before.len());
    place_of_name(before, name).or_else(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_need_the_platform_are_told_from_those_that_do_not() {
        let wanted = Platform::parse("linux/arm64").unwrap();
        let cross =
            "FROM --platform=$BUILDPLATFORM go AS build\nRUN make\nFROM alpine\nCOPY --from=build /a /a\n";
        for (dockerfile, target, expected) in [
            ("FROM alpine\nRUN x\n", None, Some((2, true))),
            (cross, None, None),
            ("FROM scratch\nCOPY a /\n", None, None),
            (
                "FROM go AS build\nrun make\nFROM scratch\nCOPY --from=build /a /\n",
                None,
                Some((2, true)),
            ),
            (
                "FROM go AS build\nRUN make\nFROM scratch\nCOPY --from=0 /a /\n",
                None,
                Some((2, true)),
            ),
            ("FROM go AS build\nRUN make\nFROM alpine\nCOPY a /\n", None, None),
            (
                "FROM go AS build\nRUN make\nFROM alpine\nCOPY a /\n",
                Some("build"),
                Some((2, true)),
            ),
            (
                "FROM --platform=$BUILDPLATFORM go AS a\nFROM a AS b\nRUN x\n",
                None,
                None,
            ),
            ("FROM --platform=linux/amd64 go\nRUN x\n", None, None),
            ("FROM --platform=linux/arm64 go\nRUN x\n", None, Some((2, true))),
            (
                "FROM --platform=$TARGETPLATFORM go\nRUN x\n",
                None,
                Some((2, true)),
            ),
            ("FROM --platform=$OTHER go\nRUN x\n", None, Some((2, false))),
            ("ARG B\nFROM $B\nRUN x\n", None, Some((3, false))),
            (
                "FROM scratch\nCOPY tool /\nRUN [\"/tool\"]\n",
                None,
                Some((3, false)),
            ),
            ("FROM named\nRUN x\n", None, Some((2, false))),
            (
                "FROM go AS named\nRUN x\nFROM alpine\nCOPY --from=named / /\n",
                None,
                Some((2, false)),
            ),
            (
                "FROM scratch\nCOPY a /\nFROM $B AS b\nRUN y\nFROM alpine\nRUN --mount=from=b,target=/b x\n",
                None,
                Some((6, true)),
            ),
            ("FROM alpine\nCOPY <<E /x\nRUN x\nE\n", None, None),
            ("RUN x\n", None, None),
        ] {
            let found = target_run(dockerfile, target, &wanted, |name| name == "named");
            let found = found.map(|run| (run.line, run.is_certain));
            assert_eq!(found, expected, "{dockerfile}");
        }
    }
}
