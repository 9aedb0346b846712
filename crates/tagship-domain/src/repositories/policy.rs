//! The policy of a repository: who else may use it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::policy_problem::{InvalidRepositoryPolicy, LocatedPolicyProblem, PolicyKind, PolicyProblem};
use super::{RegistryKind, statement};

/// The most characters of a policy. Source: ECR API reference, `SetRepositoryPolicy`, `policyText`.
const MAX_TEXT: usize = 10_240;

/// A policy that IAM and ECR take.
#[derive(Debug, Clone)]
pub struct RepositoryPolicy {
    document: Value,
}

impl PartialEq for RepositoryPolicy {
    fn eq(&self, other: &Self) -> bool {
        comparable(&self.document) == comparable(&other.document)
    }
}

impl Eq for RepositoryPolicy {}

impl RepositoryPolicy {
    /// Reads a repository's policy in JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidRepositoryPolicy> {
        Self::parse_kind(text, PolicyKind::Repository)
    }

    /// Reads a policy of this kind in JSON.
    pub(crate) fn parse_kind(text: &str, kind: PolicyKind) -> Result<Self, InvalidRepositoryPolicy> {
        let document: Value =
            serde_json::from_str(text).map_err(|_error| only(PolicyProblem::NotAnObject))?;
        Self::of_kind(document, kind)
    }

    /// Reads a repository's policy, with everything that is wrong with it.
    pub fn of(document: Value) -> Result<Self, InvalidRepositoryPolicy> {
        Self::of_kind(document, PolicyKind::Repository)
    }

    /// Reads a policy of this kind, with everything that is wrong with it.
    pub(crate) fn of_kind(document: Value, kind: PolicyKind) -> Result<Self, InvalidRepositoryPolicy> {
        let Value::Object(fields) = &document else {
            return Err(only(PolicyProblem::NotAnObject));
        };
        let mut problems: Vec<LocatedPolicyProblem> = Vec::new();
        let mut add = |statement: Option<usize>, problem| {
            problems.push(LocatedPolicyProblem { statement, problem });
        };
        for name in fields.keys() {
            if !matches!(name.as_str(), "Version" | "Id" | "Statement") {
                add(None, PolicyProblem::Unknown(name.clone()));
            }
        }
        let version = fields.get("Version").map(Value::as_str);
        if version.is_some_and(|version| !matches!(version, Some("2012-10-17" | "2008-10-17"))) {
            add(None, PolicyProblem::Version);
        }
        let statements = statements(fields);
        if statements.is_empty() {
            add(None, PolicyProblem::NoStatement);
        }
        let mut names = BTreeSet::new();
        for (index, statement) in statements.iter().enumerate() {
            for problem in statement::problems(statement, kind) {
                add(Some(index + 1), problem);
            }
            if let Some(name) = statement.get("Sid").and_then(Value::as_str)
                && !names.insert(name)
            {
                add(Some(index + 1), PolicyProblem::SameSid(name.to_owned()));
            }
        }
        let found = document.to_string().chars().count();
        if found > MAX_TEXT {
            let maximum = MAX_TEXT;
            add(None, PolicyProblem::TooLong { maximum, found });
        }
        if problems.is_empty() {
            Ok(Self { document })
        } else {
            Err(InvalidRepositoryPolicy { problems })
        }
    }

    /// Brings statements together, which are right.
    pub(super) fn of_statements(statements: &[Value]) -> Self {
        Self {
            document: json!({"Version": "2012-10-17", "Statement": statements}),
        }
    }

    /// Whether its actions are those of registries of this kind.
    pub(super) fn is_of(&self, kind: RegistryKind) -> bool {
        let fields = self.document.as_object();
        let statements = fields.map(statements).unwrap_or_default();
        statements.into_iter().all(|one| statement::is_of(one, kind))
    }

    /// Returns the policy as the API takes it.
    pub fn to_text(&self) -> String {
        self.document.to_string()
    }

    /// Returns the policy as data.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Whether a policy of the registry says the same: in any order, with lists of one, with accounts by their root's name.
    pub fn says_as(&self, actual: &str) -> bool {
        let actual: Option<Value> = serde_json::from_str(actual).ok();
        actual.is_some_and(|actual| comparable(&self.document) == comparable(&actual))
    }
}

/// The statements of a policy, one line each, for people. The text may come from a registry.
pub(crate) fn lines(document: &Value) -> Vec<String> {
    let fields = document.as_object();
    let statements = fields.map(statements).unwrap_or_default();
    statements.iter().map(|one| statement::line(one)).collect()
}

fn only(problem: PolicyProblem) -> InvalidRepositoryPolicy {
    InvalidRepositoryPolicy {
        problems: vec![LocatedPolicyProblem {
            statement: None,
            problem,
        }],
    }
}

/// IAM takes a single statement where a list may be.
fn statements(fields: &Map<String, Value>) -> Vec<&Value> {
    match fields.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

/// What two policies that say the same have in common. The version counts, because it decides what a variable is.
fn comparable(document: &Value) -> (Option<String>, BTreeSet<String>) {
    let Some(fields) = document.as_object() else {
        return (Some(document.to_string()), BTreeSet::new());
    };
    let version = fields.get("Version").and_then(Value::as_str);
    let statements = statements(fields).into_iter();
    let statements = statements.map(|one| statement::comparable(one).to_string());
    (version.map(str::to_owned), statements.collect())
}
