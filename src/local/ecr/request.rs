use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::reference::RepositoryName;
use crate::local::emulator::Emulator;
use crate::local::iam::Principal;
use crate::local::refusal::Refusal;
use crate::local::server::BaseUrl;
use crate::local::store::Registry;

/// Who calls, and through which address.
pub(super) struct Context<'a> {
    pub(super) emulator: &'a Emulator,
    pub(super) principal: &'a Principal,
    pub(super) base: &'a BaseUrl,
}

impl Context<'_> {
    pub(super) fn registry(&self) -> &Registry {
        &self.emulator.registry
    }

    /// Checks the caller's permission for `operation` on every repository that the request names.
    ///
    /// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon ECR".
    pub(super) fn authorize(&self, operation: &str, document: &Value) -> Result<(), Refusal> {
        let action = format!("ecr:{operation}");
        let resources = self.resources(operation, document);
        for resource in resources {
            self.emulator
                .iam
                .authorize(self.principal, &action, &resource)
                .map_err(Refusal::AccessDenied)?;
        }
        Ok(())
    }

    fn resources(&self, operation: &str, document: &Value) -> Vec<String> {
        if operation == "GetAuthorizationToken" {
            return vec!["*".to_owned()];
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
            .map(|name| self.registry().arn(name))
            .collect();
        if named.is_empty() {
            return vec![self.registry().arn("*")];
        }
        named
    }

    /// Checks that the request is for this registry.
    pub(super) fn check_registry(&self, id: Option<&str>, repository: &str) -> Result<(), Refusal> {
        match id {
            Some(id) if id != self.registry().account().as_str() => Err(Refusal::RepositoryNotFound {
                repository: repository.to_owned(),
                registry: id.chars().take(12).collect(),
            }),
            _ => Ok(()),
        }
    }

    /// An address that images are pushed to and pulled from, through the server that was asked.
    pub(super) fn repository_uri(&self, name: &RepositoryName) -> String {
        format!("{}/{name}", self.base.host())
    }
}

/// Reads an operation's input.
pub(super) fn read<T: DeserializeOwned>(document: Value) -> Result<T, Refusal> {
    serde_json::from_value(document).map_err(|error| Refusal::Serialization(error.to_string()))
}

/// Reads a repository's name.
pub(super) fn repository_name(text: &str) -> Result<RepositoryName, Refusal> {
    RepositoryName::parse(text).map_err(|_invalid| {
        Refusal::parameter(
            "repositoryName",
            r"must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*'",
        )
    })
}

/// Reads the size of a page. Source: ECR API reference, `maxResults`.
pub(super) fn page_size(max_results: Option<i64>) -> Result<usize, Refusal> {
    const DEFAULT: usize = 100;
    match max_results {
        None => Ok(DEFAULT),
        Some(size @ 1..=1000) => Ok(usize::try_from(size).unwrap_or(DEFAULT)),
        Some(_) => Err(Refusal::parameter(
            "maxResults",
            "Member must have value between 1 and 1000",
        )),
    }
}

/// A time as the API has it: seconds since 1970, with milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit into 53 bits for the next 280,000 years"
)]
pub(super) fn epoch_seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
