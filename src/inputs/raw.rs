use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::problem::Problems;
use super::table::{INPUTS, Input, Kind};
use super::{Environment, Face, Origin, Problem, workspace};
use crate::config::{self, Config};

/// The most bytes that one input has; far above what an environment variable can carry on Linux (128 KiB).
const MAX_INPUT_BYTES: usize = 1024 * 1024;
/// The most entries that one input has.
const MAX_ENTRIES: usize = 1000;

/// What flags or the action's inputs give, by input name.
///
/// Values may be secrets, so that nothing here can be printed.
#[derive(Clone)]
pub struct Given {
    face: Face,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Given {
    /// What flags give. A flag that is repeated has several texts.
    pub fn by_flags(values: BTreeMap<&'static str, Vec<String>>) -> Self {
        Self {
            face: Face::Command,
            values,
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

impl std::fmt::Debug for Given {
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
pub(super) struct Sourced {
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl RawInputs {
    /// Brings together what is given, `TAGSHIP_*`, `tagship.yaml`, well-known variables and defaults.
    pub fn gather(given: Given, environment: &Environment) -> Self {
        let mut raw = Self::given(given, environment);
        raw.file = Arc::new(raw.load_file(environment));
        let image = raw.selected();
        raw.completed(image, environment)
    }

    /// What `ship` would gather for each image of `tagship.yaml`, with its name.
    pub(super) fn of_images(given: Given, environment: &Environment) -> (Self, Vec<(String, Self)>) {
        let mut raw = Self::given(given, environment);
        raw.file = Arc::new(raw.load_file(environment));
        let images = raw.file.0.images.iter().enumerate().map(|(index, image)| {
            let of_image = raw.clone().completed(Some(index), environment);
            (image.name.clone(), of_image)
        });
        let images = images.collect();
        (raw.completed(None, environment), images)
    }

    /// What flags, inputs of the action and variables say, which counts more than the file.
    fn given(given: Given, environment: &Environment) -> Self {
        let Given { face, values } = given;
        let mut raw = Self {
            face,
            values: BTreeMap::new(),
            problems: Vec::new(),
            file: Arc::default(),
        };
        for (name, texts) in values {
            let Some(input) = super::find(name) else { continue };
            raw.take_given(input, texts);
        }
        for input in INPUTS {
            let mut variables = vec![input.variable()];
            if face == Face::Action {
                variables.push(input.action_variable());
            }
            for variable in variables
                .iter()
                .filter(|variable| environment.is_not_utf8(variable))
            {
                raw.problem(Origin::Variable(variable.clone()), "is not UTF-8", None);
            }
            if let Some(text) = environment.get(&input.variable()) {
                raw.offer(
                    input,
                    vec![text.to_owned()],
                    false,
                    Origin::Variable(input.variable()),
                );
            }
        }
        raw
    }

    /// Adds what counts less than what was given: the image's part of the file, the file, variables and defaults.
    fn completed(mut self, image: Option<usize>, environment: &Environment) -> Self {
        let file = Arc::clone(&self.file);
        let (config, path) = &*file;
        let of_image = image.and_then(|index| config.images.get(index));
        let entries = of_image.into_iter().flat_map(|image| &image.entries);
        for entry in entries.chain(&config.entries) {
            let at = Origin::File {
                path: path.clone(),
                line: entry.line,
                column: entry.column,
            };
            self.offer(entry.input, entry.texts.clone(), entry.is_cut, at);
        }
        for input in INPUTS {
            for variable in input.standard_variables {
                if let Some(text) = environment.get(variable) {
                    let origin = Origin::Variable((*variable).to_owned());
                    self.offer(input, vec![text.to_owned()], false, origin);
                }
            }
            if let Some(default) = input.default {
                self.offer(
                    input,
                    vec![default.to_owned()],
                    false,
                    Origin::Default(input.name),
                );
            }
        }
        self
    }

    /// The image that `only` names, or the only one.
    fn selected(&mut self) -> Option<usize> {
        let file = Arc::clone(&self.file);
        let (config, path) = &*file;
        let images = &config.images;
        let names: Vec<String> = images.iter().map(|image| format!("`{}`", image.name)).collect();
        let names = names.join(", ");
        if let Some(only) = self.text("only", &mut Problems::new(Vec::new())) {
            let found = images.iter().position(|image| image.name == only.text);
            if found.is_none() {
                let message = format!("there is no image `{}` in `{path}`", shown(&only.text));
                let hint = (!images.is_empty()).then(|| format!("there are {names}"));
                self.problem(only.origin, message, hint);
            }
            return found;
        }
        if images.len() > 1 {
            let message = format!("`{path}` holds several images: {names}");
            let hint = "name one with `only`; `tagship plan --changed` lists those that the commit touches";
            self.problem(Origin::Inputs, message, Some(hint.to_owned()));
        }
        (images.len() == 1).then_some(0)
    }

    /// The way the program was called.
    pub(super) fn face(&self) -> Face {
        self.face
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

    /// The file that somebody names.
    fn named_file(&self) -> Option<(String, Origin)> {
        let value = self.values.get("config")?;
        let name = value.texts.first()?.trim().to_owned();
        Some((name, value.origin.clone()))
    }

    /// The file that inputs are read from; absolute.
    pub(super) fn config_path(&self, environment: &Environment) -> PathBuf {
        let named = self.named_file();
        let name = named
            .as_ref()
            .map_or(config::FILE_NAME, |(name, _)| name.as_str());
        super::paths::Paths::new(self, environment).resolve(name)
    }

    /// Reads `tagship.yaml`; gives it with the name that messages have for it.
    fn load_file(&mut self, environment: &Environment) -> (Config, String) {
        let workspace = workspace(self.face, environment);
        let named = self.named_file();
        let path = self.config_path(environment);
        let shown = path
            .strip_prefix(&workspace)
            .unwrap_or(&path)
            .display()
            .to_string();
        let origin = |line, column| Origin::File {
            path: shown.clone(),
            line,
            column,
        };
        let loaded = match config::load(&path) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                if let Some((name, origin)) = named {
                    let hint = "name a file that exists, relative to the workspace".to_owned();
                    self.problem(
                        origin,
                        format!("there is no file `{}`", name.escape_debug()),
                        Some(hint),
                    );
                }
                return (Config::default(), shown);
            }
            Err(error) => {
                let named_at = named.map_or_else(|| origin(1, 1), |(_, origin)| origin);
                self.problem(named_at, error.to_string(), None);
                return (Config::default(), shown);
            }
        };
        for problem in &loaded.problems {
            let at = origin(problem.line, problem.column);
            self.problem(at, problem.message.clone(), problem.hint.clone());
        }
        (loaded, shown)
    }

    /// The trimmed text of an input that takes one line.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<Sourced> {
        debug_assert!(super::find(name).is_some(), "{name} is not in the table");
        let value = self.values.get(name)?;
        let text = value.texts.join("\n").trim().to_owned();
        if text.chars().any(char::is_control) {
            return problems.add(&value.origin, "takes one line, without control characters", None);
        }
        Some(Sourced {
            text,
            origin: value.origin.clone(),
        })
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
                let message = format!("`{}` is neither `true` nor `false`", shown(other));
                problems.add::<()>(&value.origin, message, None);
                false
            }
        }
    }

    /// The value of a whole number within its bounds.
    pub(super) fn integer(&self, name: &str, problems: &mut Problems) -> Option<u32> {
        let value = self.text(name, problems)?;
        let Some(Kind::Integer { least, greatest }) = super::find(name).map(|input| input.kind) else {
            return None;
        };
        match value.text.parse::<u32>() {
            Ok(number) if (least..=greatest).contains(&number) => Some(number),
            _ => {
                let message = format!(
                    "`{}` is not a whole number from {least} to {greatest}",
                    shown(&value.text)
                );
                problems.add(&value.origin, message, None)
            }
        }
    }

    /// The entries of a list, without blank ones.
    pub(super) fn entries(&self, name: &str, problems: &mut Problems) -> Vec<Sourced> {
        debug_assert!(super::find(name).is_some(), "{name} is not in the table");
        let Some(value) = self.values.get(name) else {
            return Vec::new();
        };
        let sourced = |text: &str| Sourced {
            text: text.to_owned(),
            origin: value.origin.clone(),
        };
        let entries: Vec<Sourced> = if value.is_cut {
            value.texts.iter().map(|text| sourced(text)).collect()
        } else {
            value
                .texts
                .iter()
                .flat_map(|text| text.lines())
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(sourced)
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
    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> Option<Sourced> {
        debug_assert!(super::find(name).is_some(), "{name} is not in the table");
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
        Some(Sourced {
            text: lines.join("\n"),
            origin: value.origin.clone(),
        })
    }

    /// The value of a secret.
    pub(super) fn secret(&self, name: &str, problems: &mut Problems) -> Option<SecretString> {
        self.text(name, problems).map(|value| value.text.into())
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

/// The first characters of a hostile text, for a message.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 120;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
