//! `tagship.yaml`: the inputs of a repository, in a file.
//!
//! ```yaml
//! registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com
//! repository: team/app
//! tags:
//!   - type=semver,pattern={{version}}
//!   - type=sha
//! ```
//!
//! The key `images` holds several images: a list of mappings, each with a `name`, or a mapping from names. Each may
//! hold every other key; what it does not hold it has from the file. The keys `repositories` and
//! `registry-settings` hold what is declared of repositories and of the registry, which no flag says.
//!
//! Values are read straight into texts, so that the version `1.10` does not become the number 1.1.

mod images;
mod registry_settings;
mod repositories;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use self::yaml::{Key, Node, Value};
use crate::regular_file;
use crate::schema::{self, Faces, INPUTS, Input, InputKind};
use tagship_domain::untrusted::cleaned;

pub use registry_settings::ConfigRegistry;
pub(crate) use registry_settings::registry_policy_of_file;
pub use repositories::{CatalogPart, ConfigRepositories, ConfigSettings, FileReference};
pub(crate) use repositories::{lifecycle_of_file, policy_of_file};

/// The file that is read when none is named.
pub const FILE_NAME: &str = "tagship.yaml";

/// The most bytes that the file may have: what `repo import` writes of some hundred repositories is read again.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What the file says.
#[derive(Debug, Default)]
pub struct Config {
    /// The inputs that it gives, in its order.
    pub entries: Vec<ConfigEntry>,
    /// The images that it names, in its order.
    pub images: Vec<ConfigImage>,
    /// The repositories that it declares.
    pub repositories: Option<ConfigRepositories>,
    /// The settings of the registry that it declares.
    pub registry_settings: Option<ConfigRegistry>,
    /// What is wrong with it.
    pub problems: Vec<ConfigProblem>,
}

/// One input in the file.
#[derive(Debug)]
pub struct ConfigEntry {
    /// The input.
    pub input: &'static Input,
    /// The line of its key, from 1.
    pub line: usize,
    /// The column of its key, from 1.
    pub column: usize,
    /// Its value, or the entries of its value.
    pub texts: Vec<String>,
    /// Whether each text is one entry, and not still to be cut into lines.
    pub is_cut: bool,
}

/// One of several images in the file.
#[derive(Debug)]
pub struct ConfigImage {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The inputs that it gives, in its order.
    pub entries: Vec<ConfigEntry>,
}

/// One thing that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Why the file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system refuses.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is too large.
    #[error("`{path}` is larger than 1 MiB")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// It is not text.
    #[error("`{path}` is not UTF-8 text")]
    NotText {
        /// The file.
        path: String,
    },
}

/// Reads the file; `None` when there is none.
pub fn load(path: &Path) -> Result<Option<Config>, ConfigError> {
    let shown = || path.display().to_string();
    let unreadable = |source| ConfigError::Unreadable {
        path: shown(),
        source,
    };
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: shown() });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(parse(&text))),
        Err(_) => Err(ConfigError::NotText { path: shown() }),
    }
}

/// Reads the text of a file: what can be read, and everything that is wrong.
pub fn parse(text: &str) -> Config {
    let mut config = Config::default();
    let problems = &mut config.problems;
    match yaml::read(text) {
        Ok(Some(file)) => {
            config.entries = entries(&file, problems, |key, value, problems| {
                match key.text.as_str() {
                    images::KEY => config.images = images::read(key, value, problems),
                    repositories::KEY => {
                        config.repositories = Some(repositories::read(key, value, problems));
                    }
                    registry_settings::KEY => {
                        config.registry_settings = Some(registry_settings::read(key, value, problems));
                    }
                    _ => return false,
                }
                true
            });
        }
        Ok(None) => {}
        Err(problem) => problems.push(problem),
    }
    config
}

/// Reads a mapping of inputs. `is_taken` says whether a key is no input, and has been read.
fn entries(
    node: &Node,
    problems: &mut Vec<ConfigProblem>,
    mut is_taken: impl FnMut(&Key, &Node, &mut Vec<ConfigProblem>) -> bool,
) -> Vec<ConfigEntry> {
    let mut entries = Vec::new();
    let pairs = match &node.value {
        Value::Mapping(pairs) => pairs.as_slice(),
        Value::Text(text) if text.is_empty() => &[],
        Value::Text(_) | Value::List(_) => {
            let message = format!(
                "{} stands where a mapping of inputs belongs, such as `repository: team/app`",
                node.kind()
            );
            problems.push(node.position.problem(message));
            &[]
        }
    };
    let mut seen = BTreeSet::new();
    for (key, value) in pairs {
        let problem = |message: String, hint: Option<String>| ConfigProblem {
            hint,
            ..key.position.problem(message)
        };
        let name = key.text.as_str();
        if !seen.insert(name) {
            problems.push(problem(format!("`{}` is given twice", cleaned(name)), None));
            continue;
        }
        if is_taken(key, value, problems) {
            continue;
        }
        let Some(input) = schema::find(name) else {
            let message = format!("unknown key `{}`", cleaned(name));
            problems.push(problem(message, Some(suggestion(name))));
            continue;
        };
        if !input.faces.has_file_key() {
            let (message, hint) = if input.faces == Faces::Secret {
                (
                    format!("`{name}` is a secret, and must not be in a file"),
                    Some(format!(
                        "set the variable `{}`, or the action's input",
                        input.variable()
                    )),
                )
            } else {
                (
                    format!("`{name}` can only be set per run, not in `tagship.yaml`"),
                    None,
                )
            };
            problems.push(problem(message, hint));
            continue;
        }
        match texts(name, value, input.kind) {
            Ok((texts, is_cut)) => entries.push(ConfigEntry {
                input,
                line: key.position.line,
                column: key.position.column,
                texts,
                is_cut,
            }),
            Err(problem) => problems.push(problem),
        }
    }
    entries
}

/// The texts of a value, and whether each is one entry: a text, and for a list also a list of texts or pairs.
fn texts(name: &str, node: &Node, kind: InputKind) -> Result<(Vec<String>, bool), ConfigProblem> {
    let is_list = matches!(kind, InputKind::Entries | InputKind::Records { .. });
    let text = |of: &str, node: &Node| match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::List(_) | Value::Mapping(_) => Err(node
            .position
            .problem(format!("{of} takes a text, and this is {}", node.kind()))),
    };
    let entry = format!("an entry of `{name}`");
    let of_entry = |item: &Node| match (&item.value, kind) {
        (Value::Mapping(fields), InputKind::Records { last }) => {
            record(fields, last, |field| text(&entry, field))
        }
        _ => text(&entry, item),
    };
    match &node.value {
        Value::List(items) if is_list => {
            let items: Result<_, _> = items.iter().map(of_entry).collect();
            Ok((items?, true))
        }
        Value::Mapping(_) if matches!(kind, InputKind::Records { .. }) => Ok((vec![of_entry(node)?], true)),
        Value::Mapping(pairs) if is_list => {
            let pair = |(key, value): &(Key, Node)| Ok(format!("{}={}", key.text, text(&entry, value)?));
            let pairs: Result<_, _> = pairs.iter().map(pair).collect();
            Ok((pairs?, true))
        }
        _ => Ok((vec![text(&format!("`{name}`"), node)?], false)),
    }
}

/// One entry of fields: `name=value,name=value`, the field that may hold commas last.
fn record(
    fields: &[(Key, Node)],
    last: &str,
    text: impl Fn(&Node) -> Result<String, ConfigProblem>,
) -> Result<String, ConfigProblem> {
    let (end, begin): (Vec<_>, Vec<_>) = fields.iter().partition(|(key, _)| key.text == last);
    let mut pairs = Vec::new();
    for (key, value) in begin.into_iter().chain(end) {
        let field = text(value)?;
        if key.text != last && field.contains(',') {
            let message = format!("`{}` may not hold a comma", cleaned(&key.text));
            return Err(value.position.problem(message));
        }
        // Lines are entries.
        let field: Vec<&str> = field.split_whitespace().collect();
        pairs.push(format!("{}={}", key.text, field.join(" ")));
    }
    Ok(pairs.join(","))
}

/// What the user probably meant.
fn suggestion(key: &str) -> String {
    let kebab = key.replace(['_', ' '], "-").to_ascii_lowercase();
    INPUTS
        .iter()
        .filter(|input| input.faces.has_file_key())
        .map(|input| (strsim::jaro_winkler(&kebab, input.name), input.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(
            || "`tagship ship --help` lists the inputs".to_owned(),
            |(_, name)| format!("did you mean `{name}`?"),
        )
}
