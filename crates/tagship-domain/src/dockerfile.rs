//! What a Dockerfile says of the image that is built: what it begins with, and whether it has a layer.

mod images;
mod places;
mod runs;

use std::ops::Range;

pub use images::{WrittenImage, images, stage_names};
pub use places::{excerpt, line_of_image, line_of_step};
pub use runs::{TargetRun, target_run};

use crate::content::Platform;

/// The image that the built stage begins with, over all stages that it is made of.
///
/// Source: Dockerfile reference, "FROM", "Escape", "Here-Documents".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseStage {
    /// The image as it is written, with variables.
    pub image: String,
    /// What its `--platform` says, as it is written.
    pub platform: Option<String>,
    /// Its stage's name, or its number from 0 where it has none.
    pub stage: String,
    /// The line of its `FROM`, from 1.
    pub line: u32,
}

/// One `FROM`.
struct Stage {
    base: BaseStage,
    /// Whether it has a name.
    is_named: bool,
    /// Whether an instruction gives it a layer.
    has_layers: bool,
}

/// The instructions that make a layer. Source: Dockerfile reference.
const LAYERS: [&str; 4] = ["ADD", "COPY", "RUN", "WORKDIR"];

impl BaseStage {
    /// Reads a Dockerfile; `None` where the stage that `target` names, or the last one, begins with nothing, or is not
    /// there.
    pub fn of(dockerfile: &str, target: Option<&str>) -> Option<Self> {
        let stages = stages(dockerfile);
        let at = *built(&stages, target).last()?;
        let base = stages.into_iter().nth(at)?.base;
        (!base.image.eq_ignore_ascii_case("scratch")).then_some(base)
    }

    /// Whether its own `--platform` asks for another platform than the one that is built for.
    pub fn asks_for_another(&self, wanted: &Platform) -> bool {
        let Some(platform) = &self.platform else {
            return false;
        };
        if ["$TARGETPLATFORM", "${TARGETPLATFORM}"].contains(&platform.as_str()) {
            return false;
        }
        !Platform::parse(platform).is_ok_and(|platform| platform.is_same(wanted))
    }
}

/// The line of the `FROM scratch` of an image that gets no layer; `None` where it gets one, or may have one.
pub fn line_without_layers(dockerfile: &str, target: Option<&str>) -> Option<u32> {
    let stages = stages(dockerfile);
    let built = built(&stages, target);
    let base = &stages[*built.last()?].base;
    let has_layers = built.iter().any(|at| stages[*at].has_layers);
    (!has_layers && base.image.eq_ignore_ascii_case("scratch")).then_some(base.line)
}

/// Whether a line, from 1, is of a here-document, and not an instruction.
pub fn is_in_here_document(dockerfile: &str, line: u32) -> bool {
    instructions(dockerfile)
        .iter()
        .any(|instruction| instruction.here_documents.contains(&line))
}

/// The stages that an image is made of, by their places: the one that `target` names, or the last one, and those that it
/// begins with.
fn built(stages: &[Stage], target: Option<&str>) -> Vec<usize> {
    let is = |stage: &Stage, name: &str| stage.is_named && stage.base.stage.eq_ignore_ascii_case(name);
    let mut next = match target {
        None => stages.len().checked_sub(1),
        Some(target) => stages
            .iter()
            .rposition(|stage| is(stage, target))
            .or_else(|| target.parse().ok().filter(|number| *number < stages.len())),
    };
    let mut built = Vec::new();
    // A stage begins with an earlier one at most, so that this comes to an end.
    while let Some(at) = next {
        built.push(at);
        next = stages[..at]
            .iter()
            .rposition(|stage| is(stage, &stages[at].base.image));
    }
    built
}

/// All stages, in their order.
fn stages(dockerfile: &str) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions(dockerfile) {
        let name = instruction.text.split_whitespace().next().unwrap_or_default();
        if let Some(last) = stages.last_mut() {
            last.has_layers |= LAYERS.iter().any(|layer| name.eq_ignore_ascii_case(layer));
        }
        stages.extend(stage(&instruction.text, instruction.line, stages.len()));
    }
    stages
}

/// One instruction.
struct Instruction {
    /// Its first line, from 1.
    line: u32,
    /// Its text, on one line.
    text: String,
    /// The lines of its here-documents, with their ends.
    here_documents: Range<u32>,
}

/// All instructions, and what only looks like one, in their order.
fn instructions(dockerfile: &str) -> Vec<Instruction> {
    let escape = escape(dockerfile);
    let mut instructions = Vec::new();
    let mut lines = (1u32..).zip(dockerfile.lines());
    while let Some((number, first)) = lines.next() {
        let mut instruction = String::new();
        let mut line = first;
        let mut last = number;
        loop {
            if !line.trim_start().starts_with('#') {
                if let Some(part) = line.trim_end().strip_suffix(escape) {
                    instruction.push_str(part);
                } else {
                    instruction.push_str(line);
                    break;
                }
            } else if instruction.is_empty() {
                break;
            }
            let Some((number, next)) = lines.next() else { break };
            (last, line) = (number, next);
        }
        let begin = last + 1;
        // What a here-document holds is no instruction.
        for end in here_documents(&instruction) {
            let is_end = |line: &str| line.trim_start_matches('\t') == end;
            for (number, line) in lines.by_ref() {
                last = number;
                if is_end(line) {
                    break;
                }
            }
        }
        instructions.push(Instruction {
            line: number,
            text: instruction,
            here_documents: begin..last + 1,
        });
    }
    instructions
}

/// The character that goes on with the next line.
fn escape(dockerfile: &str) -> char {
    let directives = dockerfile
        .lines()
        .map_while(|line| line.trim_start().strip_prefix('#')?.split_once('='));
    let mut escapes = directives.filter(|(name, _)| name.trim().eq_ignore_ascii_case("escape"));
    let is_backtick = escapes.next().is_some_and(|(_, value)| value.trim() == "`");
    if is_backtick { '`' } else { '\\' }
}

/// The ends of the here-documents that an instruction begins.
fn here_documents(instruction: &str) -> Vec<String> {
    let command = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|with| command.eq_ignore_ascii_case(with))
    {
        return Vec::new();
    }
    instruction
        .split_whitespace()
        .filter_map(|word| {
            let name = word
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .strip_prefix("<<")?;
            let name = name.strip_prefix('-').unwrap_or(name).trim_matches(['"', '\'']);
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_name.then(|| name.to_owned())
        })
        .collect()
}

fn stage(instruction: &str, line: u32, number: usize) -> Option<Stage> {
    let mut words = instruction.split_whitespace();
    if !words.next()?.eq_ignore_ascii_case("FROM") {
        return None;
    }
    let mut words = words.peekable();
    let mut platform = None;
    while let Some(flag) = words.next_if(|word| word.starts_with("--")) {
        platform = flag
            .strip_prefix("--platform=")
            .map(|value| value.trim_matches('"').to_owned())
            .or(platform);
    }
    let image = words.next()?.trim_matches('"').to_owned();
    let name = words
        .next()
        .filter(|word| word.eq_ignore_ascii_case("AS"))
        .and_then(|_| words.next())
        .map(str::to_owned);
    Some(Stage {
        is_named: name.is_some(),
        has_layers: false,
        base: BaseStage {
            image,
            platform,
            stage: name.unwrap_or_else(|| number.to_string()),
            line,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base(dockerfile: &str, target: Option<&str>) -> Option<(String, Option<String>, u32)> {
        BaseStage::of(dockerfile, target).map(|base| (base.image, base.platform, base.line))
    }

    #[test]
    fn the_built_stages_own_image_is_found() {
        let stages = "FROM go AS build\nRUN x\nFROM --platform=$BUILDPLATFORM alpine as tools\nFROM build AS mid\nFROM mid\n";
        for (dockerfile, target, expected) in [
            ("FROM alpine\n", None, Some(("alpine", None, 1))),
            (stages, None, Some(("go", None, 1))),
            (stages, Some("TOOLS"), Some(("alpine", Some("$BUILDPLATFORM"), 3))),
            (stages, Some("3"), Some(("go", None, 1))),
            (stages, Some("other"), None),
            ("FROM alpine\nFROM scratch\nCOPY --from=0 / /\n", None, None),
            (
                "# FROM a\n\nFROM \\\n# comment\n  --platform=linux/arm64 \\\n  b AS c\n",
                None,
                Some(("b", Some("linux/arm64"), 3)),
            ),
            (
                "# escape=`\nFROM a\nRUN x `\nFROM b\n",
                None,
                Some(("a", None, 2)),
            ),
            ("FROM a\nRUN <<EOF\nFROM b\nEOF\n", None, Some(("a", None, 1))),
            (
                "FROM a\nCOPY <<-\"ONE\" <<TWO /x/\nFROM b\n\tONE\nFROM c\nTWO\n",
                None,
                Some(("a", None, 1)),
            ),
            ("FROM a AS a\nFROM a\n", None, Some(("a", None, 1))),
            ("ARG X=1\n", None, None),
            ("FROM", None, None),
        ] {
            let expected = expected.map(|(image, platform, line): (&str, Option<&str>, u32)| {
                (image.to_owned(), platform.map(str::to_owned), line)
            });
            assert_eq!(base(dockerfile, target), expected, "{dockerfile}");
        }
    }

    #[test]
    fn an_image_of_nothing_is_known_before_it_is_built() {
        for (dockerfile, target, line) in [
            ("FROM scratch\nLABEL a=b\n", None, Some(1)),
            (
                "FROM go AS build\nRUN x\n\nFROM scratch\nENV a=b\n",
                None,
                Some(4),
            ),
            ("FROM go AS build\nFROM scratch\nENV a=b\n", Some("build"), None),
            ("FROM scratch AS a\nLABEL a=b\nFROM a\nUSER 1\n", None, Some(1)),
            ("FROM scratch AS a\ncopy x /\nFROM a\nUSER 1\n", None, None),
            ("FROM scratch\nCOPY . /\n", None, None),
            ("FROM scratch\nADD x /\n", None, None),
            ("FROM scratch\nWORKDIR /a\n", None, None),
            ("FROM $BASE\n", None, None),
            ("FROM alpine\n", None, None),
            ("", None, None),
        ] {
            assert_eq!(line_without_layers(dockerfile, target), line, "{dockerfile}");
        }
    }

    #[test]
    fn lines_of_here_documents_are_told_from_instructions() {
        let dockerfile = "FROM a\nRUN <<EOF\necho\nEOF\nRUN \\\n  x\nCOPY <<A <<B /x/\n1\nA\n2\nB\nECHO\n";
        let inside: Vec<u32> = (0..20)
            .filter(|line| is_in_here_document(dockerfile, *line))
            .collect();
        assert_eq!(inside, [3, 4, 8, 9, 10, 11]);
    }

    #[test]
    fn a_platform_of_its_own_is_told_from_the_wanted_one() {
        let wanted = Platform::parse("linux/arm64").unwrap();
        for (flag, is_another) in [
            ("", false),
            ("--platform=$TARGETPLATFORM ", false),
            ("--platform=${TARGETPLATFORM} ", false),
            ("--platform=linux/arm64 ", false),
            ("--platform=linux/amd64 ", true),
            ("--platform=$BUILDPLATFORM ", true),
            ("--platform=\"linux/amd64\" ", true),
        ] {
            let base = BaseStage::of(&format!("FROM {flag}alpine\n"), None).unwrap();
            assert_eq!(base.asks_for_another(&wanted), is_another, "{flag}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(dockerfile in "((FROM|RUN|<<E|E|AS|#|\\\\|`| |a|--platform=|\n){0,40}|\\PC*)", target in proptest::option::of("[a-z0-9]{0,3}")) {
            BaseStage::of(&dockerfile, target.as_deref());
            line_without_layers(&dockerfile, target.as_deref());
            is_in_here_document(&dockerfile, 3);
            target_run(&dockerfile, target.as_deref(), &Platform::parse("linux/arm64").unwrap(), |_| false);
        }
    }
}
