//! The images that a build reads: those that its stages begin with, copy from and mount.

use std::collections::{BTreeMap, BTreeSet};

use super::{Instruction, built, instructions, stage, stages};

/// An image that a build reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenImage {
    /// The image as it is written.
    pub written: String,
    /// The same with its variables filled in; `None` where one of them is known to the builder alone.
    pub image: Option<String>,
    /// The line of the instruction, from 1.
    pub line: u32,
}

/// The variables that the builder sets. Source: Dockerfile reference, "Automatic platform ARGs in the global scope".
const OF_BUILDER: [&str; 8] = [
    "BUILDARCH",
    "BUILDOS",
    "BUILDPLATFORM",
    "BUILDVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
];

/// Returns the names that stages have, in the Dockerfile's order.
pub fn stage_names(dockerfile: &str) -> Vec<String> {
    let named = stages(dockerfile).into_iter().filter(|stage| stage.is_named);
    named.map(|stage| stage.base.stage).collect()
}

/// Returns the images that the built stage is made of, over all stages that it needs, each once and in the Dockerfile's order.
///
/// `arguments` are the build arguments. Source: Dockerfile reference, "Understand how ARG and FROM interact", "COPY --from" and "RUN
/// --mount".
pub fn images<'a>(
    dockerfile: &str,
    target: Option<&str>,
    arguments: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<WrittenImage> {
    let stages = stages(dockerfile);
    let given: BTreeMap<&str, &str> = arguments.into_iter().collect();
    let (mut globals, mut uses) = (Variables::default(), Vec::new());
    // Which stage an instruction is of; those before the first `FROM` are of none.
    let mut of = 0usize;
    for instruction in instructions(dockerfile) {
        if stage(&instruction.text, instruction.line, 0).is_some() {
            of += 1;
        } else if of == 0 {
            globals.declare(&instruction.text, &given);
        } else {
            let read = read_by(&instruction);
            uses.extend(read.map(|image| (of - 1, image.to_owned(), instruction.line)));
        }
    }
    let named = |before: usize, name: &str| {
        let is = |at: &usize| stages[*at].is_named && stages[*at].base.stage.eq_ignore_ascii_case(name);
        let number = || name.parse().ok().filter(|number| *number < before);
        (0..before).rev().find(is).or_else(number)
    };
    let (mut needed, mut next) = (BTreeSet::new(), built(&stages, target));
    let mut found: Vec<WrittenImage> = Vec::new();
    while let Some(at) = next.pop() {
        if !needed.insert(at) {
            continue;
        }
        let base = &stages[at].base;
        let filled = globals.fill(&base.image).filter(|name| !name.is_empty());
        // A stage may be named by way of a variable too.
        match filled.as_deref().and_then(|name| {
            (0..at)
                .rev()
                .find(|one| stages[*one].is_named && stages[*one].base.stage.eq_ignore_ascii_case(name))
        }) {
            Some(stage) => next.push(stage),
            None if base.image.eq_ignore_ascii_case("scratch") => {}
            None => found.push(WrittenImage {
                written: base.image.clone(),
                image: filled,
                line: base.line,
            }),
        }
        for (_, written, line) in uses.iter().filter(|(of, ..)| *of == at) {
            match named(at, written) {
                Some(stage) => next.push(stage),
                None => found.push(WrittenImage {
                    written: written.clone(),
                    image: (!written.contains('$')).then(|| written.clone()),
                    line: *line,
                }),
            }
        }
    }
    found.sort_by_key(|image| image.line);
    let mut once = BTreeSet::new();
    found.retain(|image| once.insert(image.image.clone().unwrap_or_else(|| image.written.clone())));
    found
}

/// What an instruction copies from or mounts.
pub(super) fn read_by(instruction: &Instruction) -> impl Iterator<Item = &str> {
    let mut words = instruction.text.split_whitespace();
    let name = words.next().unwrap_or_default();
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let (copies, mounts) = (is("COPY"), is("RUN"));
    let flags = words.take_while(|word| word.starts_with("--"));
    flags.filter_map(move |flag| {
        let from = if copies {
            flag.strip_prefix("--from=")
        } else if mounts {
            let fields = flag.strip_prefix("--mount=")?.trim_matches('"').split(',');
            fields.filter_map(|field| field.strip_prefix("from=")).next_back()
        } else {
            None
        };
        from.map(|image| image.trim_matches('"'))
            .filter(|image| !image.is_empty())
    })
}

/// Variables that are declared before the first stage; `None` where a value is known to the builder alone.
#[derive(Default)]
struct Variables(BTreeMap<String, Option<String>>);

impl Variables {
    /// Reads an `ARG`; every other instruction declares nothing.
    fn declare(&mut self, instruction: &str, given: &BTreeMap<&str, &str>) {
        let mut words = instruction.split_whitespace();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("ARG")) {
            return;
        }
        for word in words {
            let (name, default) = word
                .split_once('=')
                .map_or((word, None), |(name, value)| (name, Some(value)));
            let value = match (given.get(name), default) {
                (Some(given), _) => Some((*given).to_owned()),
                (None, Some(default)) => self.fill(unquoted(default)),
                (None, None) if OF_BUILDER.contains(&name) => None,
                (None, None) => Some(String::new()),
            };
            self.0.insert(name.to_owned(), value);
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(value) => value.as_deref(),
            None if OF_BUILDER.contains(&name) => None,
            None => Some(""),
        }
    }

    /// Fills in `$NAME`, `${NAME}`, and `${NAME:-word}` and `${NAME:+word}` with or without the colon. What else there is, is left to
    /// the builder. Source: Dockerfile reference, "Environment replacement".
    fn fill(&self, text: &str) -> Option<String> {
        if text.contains('\\') {
            return None;
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            filled += before;
            if let Some(inner) = after.strip_prefix('{') {
                let (inner, after) = inner.split_once('}')?;
                filled += &self.braced(inner)?;
                rest = after;
            } else {
                let end = name_length(after);
                if end == 0 {
                    return None;
                }
                filled += self.value(&after[..end])?;
                rest = &after[end..];
            }
        }
        filled += rest;
        Some(filled)
    }

    fn braced(&self, inner: &str) -> Option<String> {
        let (name, operator) = inner.split_at(name_length(inner));
        if name.is_empty() || operator.contains('$') {
            return None;
        }
        let value = self.value(name)?;
        let is_set = |with_colon: bool| self.0.contains_key(name) && !(with_colon && value.is_empty());
        let with_colon = operator.starts_with(':');
        let operator = operator.strip_prefix(':').unwrap_or(operator);
        let word = |sign| operator.strip_prefix(sign);
        if operator.is_empty() && !with_colon {
            return Some(value.to_owned());
        }
        if let Some(word) = word('-') {
            return Some(if is_set(with_colon) { value } else { word }.to_owned());
        }
        let word = word('+')?;
        Some(if is_set(with_colon) { word } else { "" }.to_owned())
    }
}

fn name_length(text: &str) -> usize {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    text.bytes().take_while(is_part).count()
}

fn unquoted(text: &str) -> &str {
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(dockerfile: &str, target: Option<&str>, arguments: &[(&str, &str)]) -> Vec<String> {
        let images = images(dockerfile, target, arguments.iter().copied());
        let shown = images.into_iter().map(|image| match image.image {
            Some(known) => format!("{} {known}", image.line),
            None => format!("{} ? {}", image.line, image.written),
        });
        shown.collect()
    }

    #[test]
    fn every_image_that_the_built_stage_needs_is_found_once() {
        let all = "FROM go AS build\nRUN --mount=type=bind,from=tools:1,target=/t x\nFROM unused AS other\nFROM alpine\n\
                   COPY --from=build /a /a\nCOPY --chown=1 --from=alpine /b /b\nCOPY --from=0 /c /c\nCOPY --from=extra /d /d\n";
        assert_eq!(
            found(all, None, &[]),
            ["1 go", "2 tools:1", "4 alpine", "8 extra"]
        );
        assert_eq!(found(all, Some("build"), &[]), ["1 go", "2 tools:1"]);
        assert_eq!(found(all, Some("OTHER"), &[]), ["3 unused"]);
        assert_eq!(found("FROM scratch\nCOPY --from=a:1 / /\n", None, &[]), ["2 a:1"]);
        assert_eq!(found("FROM a\nRUN <<E\nFROM b\nE\n", None, &[]), ["1 a"]);
        assert_eq!(found("", None, &[]), Vec::<String>::new());
    }

    /// Expected values are what BuildKit makes of the same lines.
    #[test]
    fn variables_are_filled_in_as_the_builder_does() {
        let head = "ARG TAG=3.13\nARG BASE=\"python:${TAG}\" EMPTY=\nARG NONE\n";
        for (from, expected) in [
            ("$BASE", "4 python:3.13"),
            ("${BASE}-slim", "4 python:3.13-slim"),
            ("a:${NONE:-b}", "4 a:b"),
            ("a:${EMPTY-b}c", "4 a:c"),
            ("a:${EMPTY:-b}", "4 a:b"),
            ("a:${UNKNOWN-b}", "4 a:b"),
            ("a${TAG:+:x}", "4 a:x"),
            ("a${NONE:+:x}", "4 a"),
            ("a:${TAG#3}", "4 ? a:${TAG#3}"),
            ("a-$TARGETARCH", "4 ? a-$TARGETARCH"),
            ("a:${TAG", "4 ? a:${TAG"),
            ("$UNKNOWN", "4 ? $UNKNOWN"),
        ] {
            assert_eq!(found(&format!("{head}FROM {from}\n"), None, &[]), [expected]);
        }
        let given = found(
            &format!("{head}FROM $BASE\n"),
            None,
            &[("TAG", "3.14"), ("OTHER", "x")],
        );
        assert_eq!(given, ["4 python:3.14"]);
        // What a stage declares is no matter of a `FROM`.
        assert_eq!(found("FROM a\nARG X=1\nFROM b:$X\n", None, &[]), ["3 b:"]);
        assert_eq!(found("ARG S=one\nFROM a AS one\nFROM $S\n", None, &[]), ["2 a"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "((FROM|ARG|COPY|RUN|--from=|--mount=|<<E|AS|\\$|\\{|\\}|:-|=|\\\\| |a|\n){0,40}|\\PC*)") {
            images(&text, None, [("a", "b")]);
        }
    }
}
