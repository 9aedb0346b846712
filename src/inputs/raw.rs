//! Inputs before they are parsed, each with its origin.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::problem::Problems;
use super::quoted;
use super::trust::Trust;
use super::{Environment, Face, Origin, Problem, workspace};
use crate::config::{Config, ConfigRegistry, ConfigRepositories};
use crate::schema::{INPUTS, Input, InputKind, find};
use tagship_domain::untrusted::cleaned;

mod choice;
mod gather;
mod origins;

/// The most bytes that one input has; far above what an environment variable can carry on Linux (128 KiB).
const MAX_INPUT_BYTES: usize = 1024 * 1024;
/// The most entries that one input has.
const MAX_ENTRIES: usize = 1000;

/// What flags or the action's inputs give, by input name.
///
/// Values may be secrets, so that nothing here can be printed.
#[derive(Clone)]
pub struct RawArguments {
    face: Face,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl RawArguments {
    /// What flags give. A flag that is repeated has several texts.
    pub fn by_flags(values: BTreeMap<&'static str, Vec<String>>) -> Self {
        Self {
            face: Face::Command,
            values,
        }
    }

    /// The same, with `false` for an input that a command decides.
    #[must_use]
    pub fn without(mut self, input: &'static str) -> Self {
        self.values.insert(input, vec!["false".to_owned()]);
        self
    }

    /// The same, with `true` for an input that a command decides.
    #[must_use]
    pub fn with(mut self, input: &'static str) -> Self {
        self.values.insert(input, vec!["true".to_owned()]);
        self
    }

    /// The environment to read them in: who names the file has its paths begin in the current folder.
    pub fn environment(&self, environment: &Environment) -> Environment {
        let names_file = self.values.contains_key("config") || environment.get("TAGSHIP_CONFIG").is_some();
        if names_file {
            environment.clone().without_project()
        } else {
            environment.clone()
        }
    }

    /// What the runner's `INPUT_*` variables give.
    pub fn by_action(environment: &Environment) -> Self {
        let values = INPUTS
            .iter()
            .filter_map(|input| {
                let value = environment.get(&input.action_variable())?;
                Some((input.name, vec![value.to_owned()]))
            })
            .collect();
        Self {
            face: Face::Action,
            values,
        }
    }
}

impl std::fmt::Debug for RawArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The text of every input that is given somewhere, with its origin.
#[derive(Debug, Clone)]
pub struct RawInputs {
    face: Face,
    values: BTreeMap<&'static str, Value>,
    problems: Vec<Problem>,
    /// `tagship.yaml`, and how messages name it.
    file: Arc<(Config, String)>,
    /// How far that file is trusted.
    trust: Trust,
    /// Whether it is not said which of several images is meant; then nothing else can be said.
    lacks_image: bool,
}

/// What is given for one input: texts that hold one entry each, or that are still to be cut into lines.
#[derive(Clone)]
struct Value {
    texts: Vec<String>,
    is_cut: bool,
    origin: Origin,
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.origin.fmt(f)
    }
}

/// One text, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct InputText {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl RawInputs {
    /// The way the program was called.
    pub(super) fn face(&self) -> Face {
        self.face
    }

    /// Whether the file gives anything.
    pub(super) fn has_file(&self) -> bool {
        let (config, _) = &*self.file;
        !(config.entries.is_empty() && config.images.is_empty())
    }

    /// What the file declares of repositories, and how messages name the file.
    pub(super) fn declared_repositories(&self) -> (Option<&ConfigRepositories>, &str) {
        let (config, path) = &*self.file;
        (config.repositories.as_ref(), path)
    }

    /// What the file declares of the registry's settings, and how messages name the file.
    pub(super) fn declared_registry(&self) -> (Option<&ConfigRegistry>, &str) {
        let (config, path) = &*self.file;
        (config.registry_settings.as_ref(), path)
    }

    /// How far the file is trusted.
    pub(super) fn trust(&self) -> Trust {
        self.trust
    }

    /// The problems that were found while gathering.
    pub(super) fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    fn problem(&mut self, origin: Origin, message: impl Into<String>, hint: Option<String>) {
        self.problems.push(Problem {
            origin,
            message: message.into(),
            hint,
        });
    }

    fn take_given(&mut self, input: &'static Input, texts: Vec<String>) {
        let origin = match self.face {
            Face::Action => Origin::ActionInput(input.name),
            Face::Command if input.faces.has_flag() => Origin::Flag(input.name),
            Face::Command => {
                let hint = format!("set the variable `{}`", input.variable());
                return self.problem(
                    Origin::Flag(input.name),
                    "a secret is not taken from a flag, where every user of the machine can read it",
                    Some(hint),
                );
            }
        };
        // A variable that is empty by mistake must not make another image of this one.
        if matches!(origin, Origin::Flag("merge-from")) && texts.iter().any(|text| text.trim().is_empty()) {
            let hint = "give the digest of each part; look at what should have set it".to_owned();
            return self.problem(origin, "is given without a digest", Some(hint));
        }
        self.offer(input, texts, false, origin);
    }

    /// Takes the texts, unless the input has a value already or they are blank.
    fn offer(&mut self, input: &'static Input, texts: Vec<String>, is_cut: bool, origin: Origin) {
        if self.values.contains_key(input.name) || texts.iter().all(|text| text.trim().is_empty()) {
            return;
        }
        if texts.iter().map(String::len).sum::<usize>() > MAX_INPUT_BYTES {
            return self.problem(origin, "is longer than 1 MiB", None);
        }
        let value = Value {
            texts,
            is_cut,
            origin,
        };
        self.values.insert(input.name, value);
    }

    /// The trimmed text of an input that takes one line.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<InputText> {
        debug_assert!(find(name).is_some(), "{name} is not in the table");
        let value = self.values.get(name)?;
        let text = value.texts.join("\n").trim().to_owned();
        if text.chars().any(char::is_control) {
            return problems.add(&value.origin, "takes one line, without control characters", None);
        }
        Some(InputText {
            text,
            origin: value.origin.clone(),
        })
    }

    /// Whether there is a value, be it as it may.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of a flag; `false` where it cannot be read.
    ///
    /// Source: actions/toolkit, `core.getBooleanInput`, after the YAML 1.2 core schema.
    pub(super) fn flag(&self, name: &str, problems: &mut Problems) -> bool {
        let Some(value) = self.text(name, problems) else {
            return false;
        };
        match value.text.as_str() {
            "true" | "True" | "TRUE" => true,
            "false" | "False" | "FALSE" => false,
            other => {
                let message = format!("`{}` is neither `true` nor `false`", cleaned(other));
                problems.add::<()>(&value.origin, message, None);
                false
            }
        }
    }

    /// The value of a whole number within its bounds.
    pub(super) fn integer(&self, name: &str, problems: &mut Problems) -> Option<u32> {
        let value = self.text(name, problems)?;
        let Some(InputKind::Integer { least, greatest }) = find(name).map(|input| input.kind) else {
            return None;
        };
        match value.text.parse::<u32>() {
            Ok(number) if (least..=greatest).contains(&number) => Some(number),
            _ => {
                let message = format!(
                    "`{}` is not a whole number from {least} to {greatest}",
                    cleaned(&value.text)
                );
                problems.add(&value.origin, message, None)
            }
        }
    }

    /// The entries of a list, without blank ones and blanks around them.
    pub(super) fn entries(&self, name: &str, problems: &mut Problems) -> Vec<InputText> {
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect();
        self.cut(name, lines, problems)
    }

    /// The entries of a list whose values keep their blanks, and may be in quotes.
    pub(super) fn values(&self, name: &str, problems: &mut Problems) -> Vec<InputText> {
        self.cut(name, quoted::entries, problems)
    }

    fn cut(
        &self,
        name: &str,
        lines: impl Fn(&str) -> Vec<String>,
        problems: &mut Problems,
    ) -> Vec<InputText> {
        debug_assert!(find(name).is_some(), "{name} is not in the table");
        let Some(value) = self.values.get(name) else {
            return Vec::new();
        };
        let sourced = |text: &str| InputText {
            text: text.to_owned(),
            origin: value.origin.clone(),
        };
        let entries: Vec<InputText> = if value.is_cut {
            value.texts.iter().map(|text| sourced(text)).collect()
        } else {
            value
                .texts
                .iter()
                .flat_map(|text| lines(text))
                .filter(|line| !line.is_empty())
                .map(|line| sourced(&line))
                .collect()
        };
        if entries.len() > MAX_ENTRIES {
            problems.add::<()>(
                &value.origin,
                format!("has more than {MAX_ENTRIES} entries"),
                None,
            );
            return Vec::new();
        }
        entries
    }

    /// The whole text of a list whose lines are counted: one line for each entry.
    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> Option<InputText> {
        debug_assert!(find(name).is_some(), "{name} is not in the table");
        let value = self.values.get(name)?;
        if value.is_cut
            && value
                .texts
                .iter()
                .any(|text| text.trim_end().contains(['\n', '\r']))
        {
            return problems.add(&value.origin, "has an entry of several lines", None);
        }
        let lines: Vec<&str> = value.texts.iter().map(|text| text.trim_end()).collect();
        Some(InputText {
            text: lines.join("\n"),
            origin: value.origin.clone(),
        })
    }

    /// Whether this is a text that others can read: an argument, or a line of a committed file.
    pub(super) fn is_public(origin: &Origin) -> bool {
        matches!(origin, Origin::Flag(_) | Origin::File { .. })
    }

    /// The folder that relative paths begin in.
    pub(super) fn workspace(&self, environment: &Environment) -> PathBuf {
        workspace(self.face, environment)
    }
}
