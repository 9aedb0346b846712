//! The registry policy in `tagship.yaml`, and in a file that it names.

use crate::config::ConfigProblem;
use crate::config::repositories::policy::{document_of_file, refused};
use crate::config::repositories::reading::{Reading, json, place_of, suggestion};
use crate::config::repositories::{FileReference, Given};
use crate::config::yaml::{Node, Value};
use tagship_domain::reference::AccountId;
use tagship_domain::registry_settings::{DeclaredRegistryPolicy, RegistryPolicy};
use tagship_domain::repositories::Document;
use tagship_domain::untrusted::cleaned;

/// The elements of a policy document.
const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

/// Reads a policy: `none`, JSON, a document, a file or the short form.
pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Given<DeclaredRegistryPolicy>> {
    let says = |policy| Some(Given::Here(Document::Says(policy)));
    let pairs = match &node.value {
        Value::Mapping(pairs) => pairs,
        Value::Text(text) if text == "none" => return Some(Given::Here(Document::Absent)),
        Value::Text(text) if text.trim_start().starts_with('{') => {
            return match RegistryPolicy::parse(text) {
                Ok(policy) => says(DeclaredRegistryPolicy::Document(policy)),
                Err(invalid) => refused(&invalid, reading, |_| node.position),
            };
        }
        Value::Text(_) | Value::List(_) => {
            let hint = "write `none`, `replicate-from: [111122223333]`, or `file: registry-policy.json`";
            reading.hinted(node.position, "is no policy", Some(hint.to_owned()));
            return None;
        }
    };
    if pairs.iter().any(|(key, _)| ELEMENTS.contains(&key.text.as_str())) {
        return match RegistryPolicy::of(json(node, &[])) {
            Ok(policy) => says(DeclaredRegistryPolicy::Document(policy)),
            Err(invalid) => refused(&invalid, reading, |item| place_of(node, "Statement", item)),
        };
    }
    let mut given = None;
    for (key, value) in reading.pairs(node, "what a policy says") {
        match key.text.as_str() {
            _ if given.is_some() => {
                reading.problem(key.position, "`file` and `replicate-from` stand alone");
            }
            "file" => {
                given = reading.text("file", value).map(|path| {
                    Given::File(FileReference {
                        path: path.to_owned(),
                        line: value.position.line,
                        column: value.position.column,
                    })
                });
            }
            "replicate-from" => {
                let accounts = accounts(value, reading);
                given = (!accounts.is_empty()).then_some(Given::Here(Document::Says(
                    DeclaredRegistryPolicy::ReplicateFrom(accounts),
                )));
            }
            other => {
                let message = format!("unknown key `{}` of `policy`", cleaned(other));
                let known = [&["replicate-from", "file"][..], &ELEMENTS[..]].concat();
                reading.hinted(key.position, message, suggestion(other, &known));
            }
        }
    }
    if given.is_none() && reading.is_new(node.position) && pairs.is_empty() {
        let hint = "write `policy: none` for a registry without one".to_owned();
        reading.hinted(node.position, "`policy` says nothing", Some(hint));
    }
    given
}

fn accounts(node: &Node, reading: &mut Reading<'_>) -> Vec<AccountId> {
    let mut accounts = Vec::new();
    for (text, position) in reading.texts("replicate-from", node) {
        match AccountId::parse(text) {
            Ok(account) => accounts.push(account),
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    accounts
}

/// Reads the policy in a file: what it says, or everything that is wrong with it.
pub(crate) fn of_file(text: &str) -> Result<RegistryPolicy, Vec<ConfigProblem>> {
    document_of_file(text, RegistryPolicy::of)
}
