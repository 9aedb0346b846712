//! What the runner makes of a step's output, line by line, over both streams.

use std::collections::{BTreeMap, BTreeSet};

use super::mask::Masker;
use super::parse::{self, Command};

/// How many annotations of each kind the runner keeps for a step; more are only in the log.
pub const ANNOTATIONS_KEPT: usize = 10;
/// Where the runner cuts an annotation's message, in characters.
pub const ANNOTATION_LENGTH: usize = 4096;

/// The commands that the runner acts on; the last two make the step fail, for they are disabled.
const COMMANDS: [&str; 14] = [
    "add-mask",
    "add-matcher",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-output",
    "warning",
    "add-path",
    "set-env",
];
const STOP: &str = "stop-commands";

/// A line that the user sees beside the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// `error`, `warning` or `notice`.
    pub level: String,
    /// Its message, masked and cut.
    pub message: String,
    /// `file`, `line`, `title` and so on.
    pub properties: BTreeMap<String, String>,
}

/// What a step's output did.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Outputs set by `set-output` commands.
    pub outputs: BTreeMap<String, String>,
    /// State set by `save-state` commands.
    pub state: BTreeMap<String, String>,
    /// The values of `add-mask` commands.
    pub masks: Vec<String>,
    /// What is kept out of the log.
    pub masker: Masker,
    /// The annotations that the runner keeps.
    pub annotations: Vec<Annotation>,
    /// The titles of groups.
    pub groups: Vec<String>,
    /// Problem matchers that were added or removed.
    pub matchers: Vec<String>,
    /// The log's lines, masked.
    pub log: Vec<String>,
    /// What the runner itself complains of; the step has failed when there is any.
    pub errors: Vec<String>,
}

/// Reads a step's output.
#[derive(Debug, Default)]
pub struct Reader {
    seen: Observation,
    stop_token: Option<String>,
    registered_tokens: BTreeSet<String>,
    echo: bool,
}

impl Reader {
    /// Takes the next line of either stream.
    pub fn line(&mut self, line: &str) {
        let tokens = &self.registered_tokens;
        let known = |name: &str| name == STOP || COMMANDS.contains(&name) || tokens.contains(name);
        let Some(command) = parse::parse(line, known) else {
            self.log(line);
            return;
        };
        match &self.stop_token {
            Some(token) if *token == command.name => {
                self.registered_tokens.remove(&command.name);
                self.stop_token = None;
                self.log(line);
            }
            Some(_) => self.log(line),
            None if command.name == STOP => self.stop(line, &command.data),
            None => self.act(line, &command),
        }
    }

    /// Everything that was seen.
    pub fn finish(self) -> Observation {
        self.seen
    }

    fn log(&mut self, line: &str) {
        let masked = self.seen.masker.mask(line);
        self.seen.log.push(masked);
    }

    fn stop(&mut self, line: &str, token: &str) {
        let name = token.to_lowercase();
        if name.is_empty() || name == "pause-logging" || name == STOP || COMMANDS.contains(&name.as_str()) {
            self.fail(format!("`{token}` is no stop token"));
            return;
        }
        if token.chars().count() > 6 {
            self.seen.masker.add(token);
        }
        self.registered_tokens.insert(name.clone());
        self.stop_token = Some(name);
        self.log(line);
    }

    fn act(&mut self, line: &str, command: &Command) {
        if self.echo && command.name != "add-mask" {
            self.log(line);
        }
        let name = command.properties.get("name").cloned().unwrap_or_default();
        match command.name.as_str() {
            "add-mask" if command.data.trim().is_empty() => {
                self.annotate(
                    "warning",
                    "Can't add secret mask for empty string",
                    BTreeMap::new(),
                );
            }
            "add-mask" => {
                self.seen.masker.add(&command.data);
                self.seen.masks.push(command.data.clone());
            }
            "add-matcher" | "remove-matcher" => self.seen.matchers.push(line.to_owned()),
            "debug" => {}
            "echo" => match command.data.to_lowercase().as_str() {
                "on" => self.echo = true,
                "off" => self.echo = false,
                _ => self.fail(format!("invalid echo command value `{}`", command.data)),
            },
            "group" => {
                self.log(&format!("##[group]{}", command.data));
                self.seen.groups.push(command.data.clone());
            }
            "endgroup" => self.log("##[endgroup]"),
            "set-output" | "save-state" if name.is_empty() => {
                self.fail(format!("required field `name` is missing in `{}`", command.name));
            }
            "set-output" => {
                self.seen.outputs.insert(name, command.data.clone());
                self.annotate(
                    "warning",
                    "The `set-output` command is deprecated",
                    BTreeMap::new(),
                );
            }
            "save-state" => {
                self.seen.state.insert(name, command.data.clone());
                self.annotate(
                    "warning",
                    "The `save-state` command is deprecated",
                    BTreeMap::new(),
                );
            }
            "set-env" | "add-path" => self.fail(format!("the `{}` command is disabled", command.name)),
            level => {
                self.log(&format!("##[{level}]{}", command.data));
                self.annotate(level, &command.data, command.properties.clone());
            }
        }
    }

    fn annotate(&mut self, level: &str, message: &str, properties: BTreeMap<String, String>) {
        let same_level = |annotation: &&Annotation| annotation.level == level;
        if self.seen.annotations.iter().filter(same_level).count() == ANNOTATIONS_KEPT {
            return;
        }
        let message = self.seen.masker.mask(message);
        self.seen.annotations.push(Annotation {
            level: level.to_owned(),
            message: message.chars().take(ANNOTATION_LENGTH).collect(),
            properties,
        });
    }

    fn fail(&mut self, message: String) {
        self.annotate("error", &message, BTreeMap::new());
        self.seen.errors.push(message);
    }
}
