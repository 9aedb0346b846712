//! The repositories that `tagship.yaml` declares.
//!
//! ```yaml
//! repositories:
//!   defaults:
//!     mutability: immutable
//!     exclusion-filters: [latest]
//!   team/*:
//!     tags: {team: web}
//!   team/app:
//!     lifecycle: {untagged-days: 7, keep-last: 30}
//! ```

mod catalog;
mod lifecycle;
pub(super) mod policy;
pub(super) mod reading;
mod repeated;
mod values;

use self::reading::{Reading, suggestion};
use super::ConfigProblem;
use super::yaml::{Key, Node, Position, Value};
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{DeclaredSettings, Document, NamePattern};
use tagship_domain::untrusted::cleaned;

pub(crate) use self::lifecycle::of_file as lifecycle_of_file;
pub(crate) use self::policy::of_file as policy_of_file;

/// The key that declared repositories stand under.
pub(super) const KEY: &str = "repositories";
/// The name of what holds for all.
const DEFAULTS: &str = "defaults";

/// The most repositories and patterns of one file.
const MAX_REPOSITORIES: usize = 500;

/// The keys of a repository.
const KEYS: [&str; 10] = [
    "mutability",
    "exclusion-filters",
    "encryption",
    "scan-on-push",
    "tags",
    "policy",
    "lifecycle",
    "catalog",
    "protect",
    "prune",
];

/// What the file declares of repositories.
#[derive(Debug, Clone, Default)]
pub struct ConfigRepositories {
    /// The line of the key, from 1.
    pub line: usize,
    /// The column of the key, from 1.
    pub column: usize,
    /// What holds for all.
    pub defaults: ConfigSettings,
    /// What holds for all whose names match, in the file's order.
    pub patterns: Vec<(NamePattern, ConfigSettings)>,
    /// The repositories, in the file's order.
    pub repositories: Vec<(RepositoryName, ConfigSettings)>,
}

/// What is declared of one repository, or of several.
#[derive(Debug, Clone, Default)]
pub struct ConfigSettings {
    /// The settings, without the documents that stand in other files.
    pub declared: DeclaredSettings,
    /// The file with the repository policy.
    pub policy_file: Option<FileReference>,
    /// The file with the lifecycle policy.
    pub lifecycle_file: Option<FileReference>,
    /// Files that name images in use.
    pub protect_files: Vec<FileReference>,
    /// Files that hold parts of what the gallery shows.
    pub catalog_files: Vec<(CatalogPart, FileReference)>,
}

/// A part of what the gallery of ECR Public shows that may stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogPart {
    /// What the images are.
    About,
    /// How they are used.
    Usage,
    /// The logo, which stands nowhere else.
    Logo,
}

impl CatalogPart {
    /// The key of `tagship.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Usage => "usage",
            Self::Logo => "logo",
        }
    }
}

/// A file that holds what belongs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// Its path, as it is written.
    pub path: String,
    /// The line that names it, from 1.
    pub line: usize,
    /// The column that names it, from 1.
    pub column: usize,
}

/// A document that is declared, or the file that holds it.
pub(super) enum Given<T> {
    Here(Document<T>),
    File(FileReference),
}

/// Reads the value of `repositories`.
pub(super) fn read(key: &Key, value: &Node, problems: &mut Vec<ConfigProblem>) -> ConfigRepositories {
    let mut read = ConfigRepositories {
        line: key.position.line,
        column: key.position.column,
        ..ConfigRepositories::default()
    };
    // Those of a mapping have their names outside, those of a list inside.
    let named: Vec<(Option<&Key>, &Node)> = match &value.value {
        Value::List(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Mapping(pairs) => pairs.iter().map(|(key, value)| (Some(key), value)).collect(),
        Value::Text(text) if text.is_empty() => Vec::new(),
        Value::Text(_) => {
            let message = "`repositories` takes a list or a mapping of repositories";
            problems.push(value.position.problem(message));
            return read;
        }
    };
    if named.len() > MAX_REPOSITORIES {
        let message = format!("there are more than {MAX_REPOSITORIES} repositories");
        problems.push(key.position.problem(message));
        return read;
    }
    let mut has_defaults = false;
    for (index, (outside, node)) in named.into_iter().enumerate() {
        let mut reading = Reading::new(problems);
        match name(outside, node, index, &mut reading) {
            Some((DEFAULTS, position, settings)) => {
                if std::mem::replace(&mut has_defaults, true) {
                    reading.problem(position, "`defaults` is given twice");
                }
                read.defaults = self::settings(settings, outside.is_none(), &mut reading);
            }
            Some((name, position, node)) => {
                let settings = self::settings(node, outside.is_none(), &mut reading);
                add(name, position, settings, &mut read, &mut reading);
            }
            None => {}
        }
    }
    read
}

fn add(
    name: &str,
    position: Position,
    settings: ConfigSettings,
    read: &mut ConfigRepositories,
    reading: &mut Reading<'_>,
) {
    if let Some(pattern) = NamePattern::parse(name) {
        if read.patterns.iter().any(|(known, _)| *known == pattern) {
            reading.problem(position, format!("`{}` is given twice", cleaned(name)));
        }
        read.patterns.push((pattern, settings));
        return;
    }
    match RepositoryName::parse(name) {
        Ok(name) if read.repositories.iter().any(|(known, _)| *known == name) => {
            reading.problem(position, format!("repository `{name}` is declared twice"));
        }
        Ok(name) => read.repositories.push((name, settings)),
        Err(error) => reading.problem(position, error.to_string()),
    }
}

/// The name of an entry, where it stands, and the node with its settings.
fn name<'a>(
    outside: Option<&'a Key>,
    node: &'a Node,
    index: usize,
    reading: &mut Reading<'_>,
) -> Option<(&'a str, Position, &'a Node)> {
    if let Some(key) = outside {
        return Some((key.text.as_str(), key.position, node));
    }
    let Value::Mapping(pairs) = &node.value else {
        let message = format!("repository {} is {}, and not a mapping", index + 1, node.kind());
        reading.problem(node.position, message);
        return None;
    };
    if let [(key, settings)] = pairs.as_slice()
        && key.text == DEFAULTS
    {
        return Some((DEFAULTS, key.position, settings));
    }
    let Some((_, name)) = pairs.iter().find(|(key, _)| key.text == "name") else {
        let message = format!("repository {} of `repositories` has no `name`", index + 1);
        reading.problem(node.position, message);
        return None;
    };
    let text = reading.text("name", name)?;
    Some((text, name.position, node))
}

/// Reads what is declared of one repository; `has_name` where its name stands among the settings.
pub(super) fn settings(node: &Node, has_name: bool, reading: &mut Reading<'_>) -> ConfigSettings {
    let mut read = ConfigSettings::default();
    let mut mutability = None;
    let mut filters = None;
    for (key, value) in reading.pairs(node, "settings of a repository") {
        let declared = &mut read.declared;
        match key.text.as_str() {
            "name" if has_name => {}
            "mutability" => {
                mutability = reading
                    .text("mutability", value)
                    .map(|text| (text, value.position));
            }
            "exclusion-filters" => filters = Some((values::filters(value, reading), key.position)),
            "encryption" => declared.encryption = values::encryption(value, reading),
            "scan-on-push" => declared.scan_on_push = reading.flag("scan-on-push", value),
            "tags" => values::tags(value, declared, reading),
            "policy" => match policy::read(value, reading) {
                Some(Given::Here(document)) => declared.policy = Some(document),
                Some(Given::File(file)) => read.policy_file = Some(file),
                None => {}
            },
            "lifecycle" => match lifecycle::read(value, reading) {
                Some(Given::Here(document)) => declared.lifecycle = Some(document),
                Some(Given::File(file)) => read.lifecycle_file = Some(file),
                None => {}
            },
            "catalog" => catalog::read(value, &mut read, reading),
            "protect" => values::protect(value, &mut read, reading),
            "prune" => declared.prune = reading.flag("prune", value),
            name => {
                let message = format!("unknown key `{}` of a repository", cleaned(name));
                reading.hinted(key.position, message, suggestion(name, &KEYS));
            }
        }
    }
    read.declared.mutability = values::mutability(mutability, filters, reading);
    read
}
