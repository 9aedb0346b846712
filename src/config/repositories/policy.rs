//! Repository policies in `tagship.yaml`, and in files that it names.

use super::reading::{Reading, json, place_of, suggestion};
use super::repeated::{json_problem, not_json};
use super::{FileReference, Given};
use crate::config::ConfigProblem;
use crate::config::yaml::{self, Node, Position, Value};
use tagship_domain::reference::AccountId;
use tagship_domain::repositories::{
    AccessRules, Document, InvalidRepositoryPolicy, LambdaAccess, PolicyPrincipal, RepositoryPolicy,
};
use tagship_domain::untrusted::cleaned;

/// The elements of a policy document.
const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
/// The short forms.
const SHORT: [&str; 4] = ["pull-from", "push-from", "lambda", "organization"];

/// Reads a policy: `none`, JSON, a document, a file or short forms.
pub(in crate::config) fn read(node: &Node, reading: &mut Reading<'_>) -> Option<Given<RepositoryPolicy>> {
    let pairs = match &node.value {
        Value::Mapping(pairs) => pairs,
        Value::Text(text) if text == "none" => return Some(Given::Here(Document::Absent)),
        Value::Text(text) if text.trim_start().starts_with('{') => {
            if let Some(problem) = json_problem(text) {
                reading.problem(node.position, format!("policy: {}", problem.message));
                return None;
            }
            return match RepositoryPolicy::parse(text) {
                Ok(policy) => Some(Given::Here(Document::Says(policy))),
                Err(invalid) => refused(&invalid, reading, |_| node.position),
            };
        }
        Value::Text(_) | Value::List(_) => {
            let hint = "write `none`, a mapping such as `pull-from: [111122223333]`, or `file: policy.json`";
            reading.hinted(node.position, "is no policy", Some(hint.to_owned()));
            return None;
        }
    };
    let has = |names: &[&str]| pairs.iter().any(|(key, _)| names.contains(&key.text.as_str()));
    if has(&ELEMENTS) {
        return match RepositoryPolicy::of(json(node, &[])) {
            Ok(policy) => Some(Given::Here(Document::Says(policy))),
            Err(invalid) => refused(&invalid, reading, |item| place_of(node, "Statement", item)),
        };
    }
    let (mut rules, mut file) = (AccessRules::default(), None);
    for (key, value) in reading.pairs(node, "what a policy says") {
        match key.text.as_str() {
            "file" => {
                file = reading.text("file", value).map(|path| FileReference {
                    path: path.to_owned(),
                    line: value.position.line,
                    column: value.position.column,
                });
            }
            "pull-from" => rules.pull_from = principals("pull-from", value, reading),
            "push-from" => rules.push_from = principals("push-from", value, reading),
            "lambda" => rules.lambda = lambda(value, reading),
            "organization" => rules.organization = organization(value, reading),
            other => {
                let message = format!("unknown key `{}` of `policy`", cleaned(other));
                let known = [&SHORT[..], &ELEMENTS[..], &["file"]].concat();
                reading.hinted(key.position, message, suggestion(other, &known));
            }
        }
    }
    if let Some(file) = file {
        if pairs.len() > 1 {
            reading.problem(
                node.position,
                "`file` stands alone: the file holds the whole policy",
            );
            return None;
        }
        return Some(Given::File(file));
    }
    if !has(&SHORT) && reading.is_new(node.position) {
        let hint = "write `policy: none` for a repository without one".to_owned();
        reading.hinted(node.position, "`policy` says nothing", Some(hint));
    }
    let policy = rules.policy()?;
    Some(Given::Here(Document::Says(policy)))
}

/// Reads the policy in a file: what it says, or everything that is wrong with it.
pub(crate) fn of_file(text: &str) -> Result<RepositoryPolicy, Vec<ConfigProblem>> {
    document_of_file(text, RepositoryPolicy::of)
}

/// The same for each kind of policy.
pub(in crate::config) fn document_of_file<T>(
    text: &str,
    read: impl FnOnce(serde_json::Value) -> Result<T, InvalidRepositoryPolicy>,
) -> Result<T, Vec<ConfigProblem>> {
    if let Some(problem) = json_problem(text) {
        return Err(vec![problem]);
    }
    let document = serde_json::from_str(text).map_err(|error| vec![not_json(&error)])?;
    read(document).map_err(|invalid| {
        // JSON is YAML, whose reader knows where things stand.
        let tree = yaml::read(text).ok().flatten();
        let mut problems = Vec::new();
        let place = |item| {
            tree.as_ref()
                .map_or(BEGIN, |tree| place_of(tree, "Statement", item))
        };
        refused::<()>(&invalid, &mut Reading::new(&mut problems), place);
        problems
    })
}

/// Where a file begins.
pub(in crate::config) const BEGIN: Position = Position { line: 1, column: 1 };

/// Says everything that is wrong with a policy.
pub(in crate::config) fn refused<T>(
    invalid: &InvalidRepositoryPolicy,
    reading: &mut Reading<'_>,
    place: impl Fn(Option<usize>) -> Position,
) -> Option<T> {
    for located in &invalid.problems {
        reading.problem(place(located.statement), format!("policy: {located}"));
    }
    None
}

fn principals(of: &str, node: &Node, reading: &mut Reading<'_>) -> Vec<PolicyPrincipal> {
    let mut principals = Vec::new();
    for (text, position) in reading.texts(of, node) {
        match PolicyPrincipal::parse(text) {
            Ok(principal) => principals.push(principal),
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    principals
}

/// `true`, or the accounts whose functions are meant.
fn lambda(node: &Node, reading: &mut Reading<'_>) -> Option<LambdaAccess> {
    if let Value::Text(text) = &node.value
        && !text.starts_with(|c: char| c.is_ascii_digit())
    {
        return reading.flag("lambda", node)?.then_some(LambdaAccess::Any);
    }
    let mut accounts = Vec::new();
    for (text, position) in reading.texts("lambda", node) {
        match AccountId::parse(text) {
            Ok(account) => accounts.push(account),
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    (!accounts.is_empty()).then_some(LambdaAccess::Accounts(accounts))
}

fn organization(node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let text = reading.text("organization", node)?;
    if AccessRules::is_organization(text) {
        return Some(text.to_owned());
    }
    let message = format!(
        "`{}` is no organization's id, such as `o-a1b2c3d4e5`",
        cleaned(text)
    );
    reading.problem(node.position, message);
    None
}
