//! Where in a Dockerfile a step or an image stands, and the lines around it.

use super::{Instruction, LAYERS, Stage, images, instructions, stages};
use crate::location::SourceLine;
use crate::untrusted::{Untrusted, cleaned};

/// The lines that are shown before and after those that are meant. Source: `BuildKit`, `solver/errdefs`, `Source.Print`.
const AROUND: u32 = 2;
/// The most lines of one instruction that are shown.
const MAX_MARKED: u32 = 12;
/// The most characters of a line that are shown.
const MAX_CHARACTERS: usize = 160;

/// Returns an instruction, or a line within one, with two lines before and after it; nothing where the file has no such line.
///
/// `redact` takes secrets out of a line.
pub fn excerpt(dockerfile: &str, line: u32, redact: impl Fn(&str) -> String) -> Vec<SourceLine> {
    let last_of_instruction = instructions(dockerfile)
        .iter()
        .find(|instruction| instruction.line == line)
        .map_or(line, |instruction| instruction.here_documents.end - 1);
    let last = last_of_instruction.min(line.saturating_add(MAX_MARKED - 1));
    let shown = line.saturating_sub(AROUND)..=last.saturating_add(AROUND);
    let lines: Vec<SourceLine> = (1u32..)
        .zip(dockerfile.lines())
        .filter(|(number, _)| shown.contains(number))
        .map(|(number, text)| SourceLine {
            line: number,
            text: fit(&redact(text)),
            is_marked: (line..=last).contains(&number),
        })
        .collect();
    let is_there = lines.iter().any(|line| line.is_marked);
    if is_there { lines } else { Vec::new() }
}

fn fit(line: &str) -> String {
    let line = Untrusted::block(line).to_string();
    match line.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns the line, from 1, of the instruction that a step was made of, by the name that `BuildKit` gave the step, such as
/// `[build 2/4] RUN make`; `None` where it may be one of several.
///
/// Source: `BuildKit`, `frontend/dockerfile/dockerfile2llb`, `prefixCommand` and the count of `cmdTotal`.
pub fn line_of_step(dockerfile: &str, step: &str) -> Option<u32> {
    let (place, text) = step.strip_prefix('[')?.split_once("] ")?;
    // `[2/4]`, `[build 2/4]`, `[linux/arm64 build 2/4]`
    let mut words = place.split_whitespace().rev();
    let (number, count) = words.next()?.split_once('/')?;
    let (number, count): (usize, usize) = (number.parse().ok()?, count.parse().ok()?);
    let name = words.next().filter(|word| !word.contains('/'));
    let stages = stages(dockerfile);
    let at = the_only(stages.iter().enumerate().filter(|(at, stage)| match name {
        None => stages.len() == 1,
        Some(name) if stage.is_named => stage.base.stage.eq_ignore_ascii_case(name),
        Some(name) => name == format!("stage-{at}"),
    }))?
    .0;
    let instructions = instructions(dockerfile);
    let steps: Vec<&Instruction> = steps(&instructions, &stages, at);
    if steps.len() == count {
        let step = steps.get(number.checked_sub(1)?)?;
        return (keyword(&step.text).eq_ignore_ascii_case(keyword(text))).then_some(step.line);
    }
    // Instructions of the base image's `ONBUILD` are counted too.
    let text = cleaned(text);
    the_only(
        steps
            .iter()
            .filter(|step| cleaned(&step.text).eq_ignore_ascii_case(&text)),
    )
    .map(|step| step.line)
}

/// The instructions of one stage that are steps.
fn steps<'a>(instructions: &'a [Instruction], stages: &[Stage], at: usize) -> Vec<&'a Instruction> {
    let base = &stages[at].base;
    let is_stage = |earlier: &Stage| earlier.is_named && earlier.base.stage.eq_ignore_ascii_case(&base.image);
    let is_pulled = !base.image.eq_ignore_ascii_case("scratch") && !stages[..at].iter().any(is_stage);
    let end = stages.get(at + 1).map_or(u32::MAX, |next| next.base.line);
    let is_step = |instruction: &&Instruction| {
        let is_layer = LAYERS
            .iter()
            .any(|layer| keyword(&instruction.text).eq_ignore_ascii_case(layer));
        let is_base = instruction.line == base.line && is_pulled;
        is_base || is_layer && (base.line..end).contains(&instruction.line)
    };
    instructions.iter().filter(is_step).collect()
}

/// Returns the line, from 1, of the first instruction that reads an image, by the whole name that `BuildKit` gives it.
pub fn line_of_image<'a>(
    dockerfile: &str,
    image: &str,
    target: Option<&str>,
    arguments: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<u32> {
    let image = whole_name(image);
    let read = images(dockerfile, target, arguments);
    let found = read.iter().find(|read| {
        read.image
            .as_deref()
            .is_some_and(|read| whole_name(read) == image)
    })?;
    Some(found.line)
}

/// The name with its registry and its tag. Source: distribution, `reference`, `splitDockerDomain` and `TagNameOnly`.
fn whole_name(image: &str) -> String {
    let is_host = |host: &str| host.contains(['.', ':']) || host == "localhost";
    let (host, path) = match image.split_once('/') {
        Some((host, path)) if is_host(host) => (host, path),
        _ => ("docker.io", image),
    };
    let library = if host == "docker.io" && !path.contains('/') {
        "library/"
    } else {
        ""
    };
    let last = path.rsplit('/').next().unwrap_or(path);
    let tag = if last.contains([':', '@']) { "" } else { ":latest" };
    format!("{host}/{library}{path}{tag}")
}

fn keyword(instruction: &str) -> &str {
    instruction.split_whitespace().next().unwrap_or_default()
}

fn the_only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(dockerfile: &str, line: u32) -> String {
        let lines = excerpt(dockerfile, line, |text| text.replace("hunter2", "***"));
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// As Docker Buildx 0.30 shows it.
    #[test]
    fn an_excerpt_marks_the_instruction_among_its_neighbours() {
        let dockerfile =
            "FROM busybox\n\nENV A=1\nRUN echo one \\\n    && exit 7\nENV B=2\nENV C=3\nENV D=4\n";
        assert_eq!(
            shown(dockerfile, 4),
            "   2 |\n   3 |     ENV A=1\n   4 | >>> RUN echo one \\\n   5 | >>>     && exit 7\n   6 |     ENV B=2\n   7 |     ENV C=3"
        );
        assert_eq!(shown("FROM busybox\n", 1), "   1 | >>> FROM busybox");
        assert_eq!(shown(dockerfile, 9), "");
        assert_eq!(shown("", 1), "");
        // A line of a here-document that an engine takes for an instruction.
        assert_eq!(
            shown("FROM a\nRUN <<EOF\necho\nEOF\n", 3),
            "   1 |     FROM a\n   2 |     RUN <<EOF\n   3 | >>> echo\n   4 |     EOF"
        );
    }

    #[test]
    fn an_excerpt_is_clean_and_short() {
        let hostile = format!("FROM a\nRUN \u{1b}[2Jx\u{202e}y hunter2 {}\n", "z".repeat(1000));
        let lines = excerpt(&hostile, 2, |text| text.replace("hunter2", "***"));
        assert_eq!(lines[1].text, format!("RUN xy *** {}…", "z".repeat(149)));
        let long = format!("FROM a\nRUN x{}\nUSER 1\n", " \\\n y".repeat(100));
        assert_eq!(excerpt(&long, 2, str::to_owned).len(), 15);
    }

    /// Names as Docker Engine 20.10 gave them.
    #[test]
    fn a_steps_line_is_found_by_its_place_and_its_text() {
        let one = "FROM busybox\nENV A=1\nRUN echo $A\nRUN echo $A\nWORKDIR /x\nCOPY missing /\n";
        let several = "FROM golang AS build\nRUN make\nFROM build AS Test\nRUN make\nFROM scratch\nCOPY --from=build /a /a\nCOPY b /b\n";
        for (dockerfile, step, line) in [
            (one, "[2/5] RUN echo 1", Some(3)),
            (one, "[3/5] RUN echo 1", Some(4)),
            (one, "[4/5] WORKDIR /x", Some(5)),
            (one, "[5/5] COPY missing /", Some(6)),
            (one, "[1/5] FROM docker.io/library/busybox", Some(1)),
            (one, "[linux/arm64 2/5] RUN echo 1", Some(3)),
            // The place and the text do not agree.
            (one, "[4/5] RUN echo 1", None),
            // Two more of `ONBUILD`: the text alone decides, and it stands there twice, or as it is.
            (one, "[4/7] RUN echo $A", None),
            (one, "[7/7] COPY missing /", Some(6)),
            (one, "[other 2/5] RUN echo 1", None),
            (several, "[build 2/2] RUN make", Some(2)),
            (several, "[linux/amd64->linux/arm64 build 2/2] RUN make", Some(2)),
            (several, "[test 1/1] RUN make", Some(4)),
            (several, "[stage-2 1/2] COPY --from=build /a /a", Some(6)),
            (several, "[stage-2 2/2] COPY b /b", Some(7)),
            (several, "[2/2] RUN make", None),
            ("FROM a AS x\nRUN y\nFROM b AS x\nRUN y\n", "[x 2/2] RUN y", None),
            (
                "FROM a\nRUN \\\n# why\n  make\nrun make all\n",
                "[ 3/3] RUN make all",
                Some(5),
            ),
            (one, "[internal] load build definition from Dockerfile", None),
            (one, "exporting to image", None),
            (one, "[0/5] RUN x", None),
            ("", "[1/1] RUN x", None),
        ] {
            assert_eq!(line_of_step(dockerfile, step), line, "{step}\n{dockerfile}");
        }
    }

    #[test]
    fn an_images_line_is_found_by_its_whole_name() {
        let dockerfile = "ARG V=3\nFROM alpine:$V AS a\nFROM ghcr.io/octo/x\nCOPY --from=team/tool@sha256:0 /a /b\nCOPY --from=a /c /d\n";
        for (image, line) in [
            ("docker.io/library/alpine:3", Some(2)),
            ("ghcr.io/octo/x:latest", Some(3)),
            ("docker.io/team/tool@sha256:0", Some(4)),
            ("docker.io/library/other:1", None),
        ] {
            assert_eq!(line_of_image(dockerfile, image, None, []), line, "{image}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(dockerfile in "((FROM|RUN|<<E|E|AS|\\\\| |a|\n){0,40}|\\PC*)", step in "(\\[(a |stage-1 )?[0-9]/[0-9]\\] (RUN|FROM) ?\\PC*|\\PC*)", line in any::<u32>()) {
            line_of_step(&dockerfile, &step);
            excerpt(&dockerfile, line, str::to_owned);
            line_of_image(&dockerfile, &step, None, []);
        }
    }
}
