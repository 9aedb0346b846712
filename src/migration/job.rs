//! The jobs and steps of a workflow, with the lines that each takes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::MigrationError;
use super::image::is_pushed_image;
use crate::config::yaml::{Key, Node, Value};

/// One job.
#[derive(Debug)]
pub(super) struct Job {
    /// Its lines, from 0.
    pub(super) lines: Range<usize>,
    pub(super) steps: Vec<Step>,
    /// The variables of the workflow and of the job.
    pub(super) variables: BTreeMap<String, String>,
}

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    /// Its lines, from 0.
    pub(super) lines: Range<usize>,
    /// The column of its dash, from 0.
    pub(super) indent: usize,
    /// As its author names it.
    pub(super) name: String,
    pub(super) keys: Vec<(Key, Node)>,
    pub(super) with: Vec<(String, String)>,
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepKind {
    Credentials,
    EcrLogin,
    DockerLogin,
    Buildx,
    Qemu,
    Metadata,
    BuildPush,
    Checkout,
    Other,
}

impl StepKind {
    fn of(uses: &str) -> Self {
        let action = uses.split('@').next().unwrap_or_default();
        match action.to_ascii_lowercase().as_str() {
            "aws-actions/configure-aws-credentials" => Self::Credentials,
            "aws-actions/amazon-ecr-login" => Self::EcrLogin,
            "docker/login-action" => Self::DockerLogin,
            "docker/setup-buildx-action" => Self::Buildx,
            "docker/setup-qemu-action" => Self::Qemu,
            "docker/metadata-action" => Self::Metadata,
            "docker/build-push-action" => Self::BuildPush,
            "actions/checkout" => Self::Checkout,
            _ => Self::Other,
        }
    }
}

/// Returns the value of a key, if it is a text.
pub(super) fn text<'a>(pairs: &'a [(Key, Node)], key: &str) -> Option<&'a str> {
    match &find(pairs, key)?.value {
        Value::Text(text) => Some(text),
        Value::List(_) | Value::Mapping(_) => None,
    }
}

pub(super) fn find<'a>(pairs: &'a [(Key, Node)], key: &str) -> Option<&'a Node> {
    let (_, node) = pairs.iter().find(|(known, _)| known.text == key)?;
    Some(node)
}

pub(super) fn mapping(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Mapping(pairs) => pairs,
        Value::Text(_) | Value::List(_) => &[],
    }
}

/// The texts of a mapping. A list is one entry a line, as actions read lists.
fn texts(node: Option<&Node>) -> Vec<(String, String)> {
    let pairs = node.map(mapping).unwrap_or_default();
    let text = |node: &Node| match &node.value {
        Value::Text(text) => text.clone(),
        Value::List(_) | Value::Mapping(_) => String::new(),
    };
    pairs
        .iter()
        .map(|(key, node)| (key.text.clone(), text(node)))
        .collect()
}

/// Returns the jobs of a workflow that have steps.
pub(super) fn jobs(root: &Node, lines: &[&str]) -> Result<Vec<Job>, MigrationError> {
    let workflow = mapping(root);
    let Some(jobs) = find(workflow, "jobs").map(mapping) else {
        return Err(MigrationError::NoJobs);
    };
    let starts: Vec<usize> = jobs.iter().map(|(key, _)| key.position.line - 1).collect();
    let jobs_end = starts
        .last()
        .map_or(0, |last| end_of(lines, *last, indent_of(lines, *last)));
    let mut read = Vec::new();
    for (index, (_, node)) in jobs.iter().enumerate() {
        let job = mapping(node);
        let mut variables: BTreeMap<String, String> = texts(find(workflow, "env")).into_iter().collect();
        variables.extend(texts(find(job, "env")));
        let Some(Value::List(steps)) = find(job, "steps").map(|node| &node.value) else {
            continue;
        };
        let end = starts.get(index + 1).copied().unwrap_or(jobs_end);
        read.push(Job {
            lines: starts[index]..end,
            steps: steps
                .iter()
                .map(|node| step(node, lines))
                .collect::<Result<_, _>>()?,
            variables,
        });
    }
    Ok(read)
}

fn step(node: &Node, lines: &[&str]) -> Result<Step, MigrationError> {
    let keys = mapping(node).to_vec();
    let first = keys.first().map_or(node.position, |(key, _)| key.position);
    let start = first.line - 1;
    let unusual = || MigrationError::Layout { line: first.line };
    // A step begins with a dash on its own line; one of `{…}` cannot be cut out.
    let before: String = lines
        .get(start)
        .ok_or_else(unusual)?
        .chars()
        .take(first.column - 1)
        .collect();
    let indent = before.find('-').ok_or_else(unusual)?;
    if before.trim() != "-" {
        return Err(unusual());
    }
    let uses = text(&keys, "uses").unwrap_or_default();
    let name = text(&keys, "name").or_else(|| text(&keys, "id"));
    let run = text(&keys, "run").and_then(|run| run.lines().next());
    Ok(Step {
        kind: StepKind::of(uses),
        lines: start..end_of(lines, start, indent),
        indent,
        name: name
            .or(run)
            .unwrap_or_else(|| uses.split('@').next().unwrap_or_default())
            .to_owned(),
        with: texts(find(&keys, "with")),
        keys,
    })
}

/// The line behind everything that lies deeper than `indent`, without blank lines and comments at its end.
fn end_of(lines: &[&str], start: usize, indent: usize) -> usize {
    let mut end = start + 1;
    for (number, line) in lines.iter().enumerate().skip(start + 1) {
        let content = line.trim_start();
        if content.is_empty() || (content.starts_with('#') && line.len() - content.len() <= indent) {
            continue;
        }
        if line.len() - content.len() <= indent {
            break;
        }
        end = number + 1;
    }
    end
}

fn indent_of(lines: &[&str], number: usize) -> usize {
    lines
        .get(number)
        .map_or(0, |line| line.len() - line.trim_start().len())
}

impl Step {
    /// Returns an input of the step.
    pub(super) fn input(&self, name: &str) -> Option<&str> {
        let (_, value) = self.with.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// Returns the value of a key of the step, if it is a text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        text(&self.keys, key)
    }

    /// Returns whether the step builds an image and pushes it, at least in some runs.
    pub(super) fn is_publishing(&self) -> bool {
        self.kind == StepKind::BuildPush
            && match self.input("outputs") {
                Some(outputs) => is_pushed_image(outputs),
                None => self.input("push").is_some_and(|push| push.trim() != "false"),
            }
    }
}

/// The session tags of a role that is assumed with keys: those that configure-aws-credentials sends of itself, and those of
/// the workflow. With OIDC it sends none.
pub(super) fn session_tags(step: &Step) -> Vec<String> {
    let is = |name: &str| step.input(name).is_some_and(|value| value.trim() == "true");
    let by_keys = step.input("aws-access-key-id").is_some() || is("role-chaining");
    if step.kind != StepKind::Credentials || step.input("role-to-assume").is_none() || !by_keys {
        return Vec::new();
    }
    let of_action = (!is("role-skip-session-tagging")).then(|| "auto".to_owned());
    let custom = step.input("custom-tags").and_then(lines_of).unwrap_or_default();
    of_action.into_iter().chain(custom).collect()
}

/// `KEY=VALUE` lines of a JSON object of texts.
pub(super) fn lines_of(json: &str) -> Option<Vec<String>> {
    let tags: BTreeMap<String, String> = serde_json::from_str(json).ok()?;
    Some(
        tags.into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect(),
    )
}
