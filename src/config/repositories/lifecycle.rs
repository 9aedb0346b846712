//! Lifecycle policies in `tagship.yaml`, and in files that it names.

use super::policy::BEGIN;
use super::reading::{Reading, json, place_within, suggestion};
use super::repeated::json_problem;
use super::{FileReference, Given};
use crate::config::ConfigProblem;
use crate::config::yaml::{self, Node, Position, Value};
use tagship_domain::repositories::{
    Document, InvalidLifecycleDocument, InvalidShortRules, LifecycleDocument, ShortRules,
};
use tagship_domain::untrusted::cleaned;

/// The short forms.
const SHORT: [&str; 4] = ["keep", "untagged-days", "keep-last", "archive-after-days"];
/// The properties of a policy that are numbers.
const NUMBERS: [&str; 2] = ["rulePriority", "countNumber"];

/// Reads a policy: `none`, JSON, a document, a file or short forms.
pub(in crate::config) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Given<LifecycleDocument>> {
    let pairs = match &node.value {
        Value::Mapping(pairs) => pairs,
        Value::Text(text) if text == "none" => return Some(Given::Here(Document::Absent)),
        Value::Text(text) if text.trim_start().starts_with('{') => {
            if let Some(problem) = json_problem(text) {
                reading.problem(node.position, format!("lifecycle policy: {}", problem.message));
                return None;
            }
            return match LifecycleDocument::parse(text) {
                Ok(document) => Some(Given::Here(Document::Says(document))),
                Err(invalid) => refused(&invalid, reading, |_, _| node.position),
            };
        }
        Value::Text(_) | Value::List(_) => {
            let hint = "write `none`, a mapping such as `keep-last: 30`, or `file: lifecycle.json`";
            reading.hinted(node.position, "is no lifecycle policy", Some(hint.to_owned()));
            return None;
        }
    };
    let has = |name: &str| pairs.iter().any(|(key, _)| key.text == name);
    if has("rules") {
        return match LifecycleDocument::parse(&json(node, &NUMBERS).to_string()) {
            Ok(document) => Some(Given::Here(Document::Says(document))),
            Err(invalid) => refused(&invalid, reading, |rule, path| {
                place_within(node, "rules", rule, path)
            }),
        };
    }
    let (mut rules, mut file) = (ShortRules::default(), None);
    let mut is_whole = true;
    for (key, value) in reading.pairs(node, "what a lifecycle policy says") {
        let number = match key.text.as_str() {
            "file" => {
                file = reading.text("file", value).map(|path| FileReference {
                    path: path.to_owned(),
                    line: value.position.line,
                    column: value.position.column,
                });
                continue;
            }
            "keep" => {
                let texts = reading.texts("keep", value).into_iter();
                rules.keep = texts.map(|(text, _)| text.to_owned()).collect();
                is_whole &= !rules.keep.is_empty();
                continue;
            }
            "untagged-days" => &mut rules.untagged_days,
            "keep-last" => &mut rules.keep_last,
            "archive-after-days" => &mut rules.archive_after_days,
            other => {
                let message = format!("unknown key `{}` of `lifecycle`", cleaned(other));
                let known = [&SHORT[..], &["rules", "file"]].concat();
                reading.hinted(key.position, message, suggestion(other, &known));
                is_whole = false;
                continue;
            }
        };
        *number = reading.number(&key.text, value);
        is_whole &= number.is_some();
    }
    if let Some(file) = file {
        if pairs.len() > 1 {
            let message = "`file` stands alone: the file holds the whole policy";
            reading.problem(node.position, message);
            return None;
        }
        return Some(Given::File(file));
    }
    // What could not be read is noted already.
    if !is_whole || has("file") {
        return None;
    }
    match rules.document() {
        Ok(document) => Some(Given::Here(Document::Says(document))),
        Err(InvalidShortRules::Document(invalid)) => refused(&invalid, reading, |_, _| node.position),
        Err(error) => {
            reading.problem(node.position, format!("`lifecycle` {error}"));
            None
        }
    }
}

/// Reads the policy in a file: what it says, or everything that is wrong with it.
pub(crate) fn of_file(text: &str) -> Result<LifecycleDocument, Vec<ConfigProblem>> {
    if let Some(problem) = json_problem(text) {
        return Err(vec![problem]);
    }
    LifecycleDocument::parse(text).map_err(|invalid| {
        // JSON is YAML, whose reader knows where things stand.
        let tree = yaml::read(text).ok().flatten();
        let mut problems = Vec::new();
        let place = |rule: Option<usize>, path: &[&'static str]| {
            tree.as_ref()
                .map_or(BEGIN, |tree| place_within(tree, "rules", rule, path))
        };
        refused::<()>(&invalid, &mut Reading::new(&mut problems), place);
        problems
    })
}

fn refused<T>(
    invalid: &InvalidLifecycleDocument,
    reading: &mut Reading<'_>,
    place: impl Fn(Option<usize>, &[&'static str]) -> Position,
) -> Option<T> {
    match invalid {
        InvalidLifecycleDocument::Rules(invalid) => {
            for located in &invalid.problems {
                let position = place(located.rule, &located.path);
                reading.problem(position, format!("lifecycle policy: {located}"));
            }
        }
        InvalidLifecycleDocument::Length(_) => reading.problem(place(None, &[]), invalid.to_string()),
    }
    None
}
