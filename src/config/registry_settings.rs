//! The settings of the whole registry that `tagship.yaml` declares.
//!
//! ```yaml
//! registry-settings:
//!   scanning: {type: basic, on-push: ["*"]}
//!   replication:
//!     - {to: [eu-west-1], prefixes: [team/]}
//!   pull-through-cache:
//!     quay: quay
//! ```

mod policy;
mod rules;
mod templates;

use super::ConfigProblem;
use super::repositories::reading::{Reading, suggestion};
use super::repositories::{ConfigSettings, FileReference, Given};
use super::yaml::{Key, Node};
use tagship_domain::registry_settings::{
    AccountSetting, CreationTemplate, DeclaredRegistry, PullTimeExclusion,
};
use tagship_domain::untrusted::cleaned;

pub(crate) use self::policy::of_file as registry_policy_of_file;

/// The key that declared settings of a registry stand under.
pub(super) const KEY: &str = "registry-settings";

/// The keys of a registry.
const KEYS: [&str; 9] = [
    "account-settings",
    "policy",
    "scanning",
    "signing",
    "creation-templates",
    "pull-through-cache",
    "replication",
    "pull-time-exclusions",
    "prune",
];

/// What the file declares of the registry's settings.
#[derive(Debug, Clone, Default)]
pub struct ConfigRegistry {
    /// The line of the key, from 1.
    pub line: usize,
    /// The column of the key, from 1.
    pub column: usize,
    /// The settings, without templates and documents that stand in other files.
    pub declared: DeclaredRegistry,
    /// The file with the registry policy.
    pub policy_file: Option<FileReference>,
    /// Templates of repositories, each with its settings.
    pub templates: Vec<(CreationTemplate, ConfigSettings)>,
}

/// Reads the value of `registry-settings`.
pub(super) fn read(key: &Key, value: &Node, problems: &mut Vec<ConfigProblem>) -> ConfigRegistry {
    let mut read = ConfigRegistry {
        line: key.position.line,
        column: key.position.column,
        ..ConfigRegistry::default()
    };
    let mut reading = Reading::new(problems);
    let reading = &mut reading;
    for (key, value) in reading.pairs(value, "settings of a registry") {
        let declared = &mut read.declared;
        match key.text.as_str() {
            "account-settings" => account_settings(value, declared, reading),
            "policy" => match policy::read(value, reading) {
                Some(Given::Here(document)) => declared.policy = Some(document),
                Some(Given::File(file)) => read.policy_file = Some(file),
                None => {}
            },
            "scanning" => declared.scanning = rules::scanning(value, reading),
            "signing" => declared.signing = Some(rules::signing(value, reading)),
            "creation-templates" => read.templates = templates::read(value, reading),
            "pull-through-cache" => declared.pull_through = rules::pull_through(value, reading),
            "replication" => declared.replication = Some(rules::replication(value, reading)),
            "pull-time-exclusions" => exclusions(value, declared, reading),
            "prune" => declared.prune = reading.flag("prune", value).unwrap_or(false),
            name => {
                let message = format!("unknown key `{}` of `registry-settings`", cleaned(name));
                reading.hinted(key.position, message, suggestion(name, &KEYS));
            }
        }
    }
    read
}

fn account_settings(node: &Node, declared: &mut DeclaredRegistry, reading: &mut Reading<'_>) {
    for (key, value) in reading.pairs(node, "settings of the account") {
        let setting = match AccountSetting::parse(&key.text) {
            Ok(setting) => setting,
            Err(error) => {
                let known = AccountSetting::ALL.map(AccountSetting::as_str);
                reading.hinted(key.position, error.to_string(), suggestion(&key.text, &known));
                continue;
            }
        };
        let Some(text) = reading.text(setting.as_str(), value) else {
            continue;
        };
        match setting.value(text) {
            Ok(text) => {
                if declared.account_settings.insert(setting, text).is_some() {
                    reading.problem(key.position, format!("`{}` is given twice", setting.as_str()));
                }
            }
            Err(error) => reading.problem(value.position, error.to_string()),
        }
    }
}

fn exclusions(node: &Node, declared: &mut DeclaredRegistry, reading: &mut Reading<'_>) {
    /// Source: ECR API reference, `ListPullTimeUpdateExclusions`.
    const MOST: usize = 100;
    for (text, position) in reading.texts("pull-time-exclusions", node) {
        match PullTimeExclusion::parse(text) {
            Ok(principal) => {
                if !declared.exclusions.insert(principal) {
                    reading.problem(position, format!("`{}` is given twice", cleaned(text)));
                }
            }
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    if declared.exclusions.len() > MOST {
        let found = declared.exclusions.len();
        let message = format!("a registry has at most {MOST} pull-time exclusions, and here are {found}");
        reading.problem(node.position, message);
    }
}
