//! Operations: what each takes, and what carries it out.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::context::Context;
use super::shape::Member;
use crate::refusal::Refusal;
use crate::state::store::Registry;

/// What carries an operation out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handler {
    /// It reads and writes as long as it takes, in a thread of its own.
    Blocking(fn(&Context<'_>, Value) -> Result<Value, Refusal>),
    /// It never blocks, but waits for others.
    Waiting(for<'a> fn(&'a Context<'a>, Value) -> BoxFuture<'a, Result<Value, Refusal>>),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) on: Resource,
    /// The members of the input; others are ignored, as in AWS.
    pub(crate) input: &'static [Member],
    pub(crate) run: Handler,
}

/// What an operation needs a permission on.
///
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECR".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The repositories that the request names; any of the registry if it names none.
    Repository,
    /// Nothing that could be named: `*`.
    Registry,
}

impl Operation {
    /// Checks the caller's permission for the operation, which is one of `service`, on everything that the request
    /// names.
    pub(super) fn authorize(
        &self,
        context: &Context<'_>,
        service: &str,
        document: &Value,
    ) -> Result<(), Refusal> {
        let action = format!("{service}:{}", self.name);
        for resource in self.on.named_in(document, &context.registry) {
            context.permit(&action, &resource)?;
        }
        Ok(())
    }
}

impl Resource {
    /// The names of the resources that a request to `registry` is about.
    fn named_in(self, document: &Value, registry: &Registry) -> Vec<String> {
        if self == Self::Registry {
            return vec!["*".to_owned()];
        }
        if let Some(arn) = document.get("resourceArn").and_then(Value::as_str) {
            return vec![arn.to_owned()];
        }
        let one = document.get("repositoryName").and_then(Value::as_str);
        let many = document
            .get("repositoryNames")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let named: Vec<String> = one
            .into_iter()
            .chain(many)
            .map(|name| registry.arn(name))
            .collect();
        if named.is_empty() {
            return vec![registry.arn("*")];
        }
        named
    }
}
