//! ECR's answers to one call, in the seam's words.

use crate::aws::IdentityError;
use crate::aws::failure::ApiFailure;
use crate::ports::{LoginError, RegistryError};
use tagship_domain::reference::{RegistryHost, RepositoryName};

/// One call about one repository, for the errors it may come to.
pub(super) struct Call<'a> {
    pub(super) registry: &'a RegistryHost,
    pub(super) repository: &'a RepositoryName,
    /// The IAM action, such as `ecr:BatchGetImage`.
    pub(super) action: &'static str,
    /// What is done, for people.
    pub(super) operation: &'static str,
}

impl Call<'_> {
    /// Returns the rows of a list that comes in pages, of which at most `most` are read: `ask` asks for the page of a token, and
    /// `read` gives its rows with the token of the next one.
    pub(super) async fn pages<A, T, F>(
        &self,
        most: usize,
        ask: impl Fn(Option<String>) -> F,
        read: impl Fn(&A) -> Result<(Vec<T>, Option<&str>), RegistryError>,
    ) -> Result<Vec<T>, RegistryError>
    where
        F: Future<Output = Result<A, ApiFailure>>,
    {
        let (mut rows, mut next) = (Vec::new(), None);
        for _ in 0..most {
            let answer = ask(next).await.map_err(|failure| self.failed(failure))?;
            let (page, following) = read(&answer)?;
            rows.extend(page);
            next = following.map(str::to_owned);
            if next.is_none() {
                return Ok(rows);
            }
        }
        Err(self.malformed("its pages do not end"))
    }

    /// Source: ECR API reference, errors of `DescribeRepositories` and `BatchGetImage`, "Common Errors".
    pub(super) fn failed(&self, failure: ApiFailure) -> RegistryError {
        let (host, repository) = (self.registry.clone(), self.repository.clone());
        if let Some(source) = failure.about_credentials() {
            let source = LoginError::new(source);
            return RegistryError::Login { host, source };
        }
        if failure.is_access_denied() {
            return RegistryError::not_permitted(self.action, &repository, &failure.message);
        }
        if failure.code == "RepositoryNotFoundException" {
            return RegistryError::RepositoryMissing { repository, host };
        }
        let (operation, message) = (self.operation.to_owned(), failure.message);
        if failure.transient {
            RegistryError::Unavailable {
                host,
                operation: operation.into(),
                message,
                was_repeated: true,
            }
        } else {
            RegistryError::Refused {
                host,
                operation: operation.into(),
                message,
            }
        }
    }

    /// An answer that is not what the API promises.
    pub(super) fn malformed(&self, problem: impl Into<String>) -> RegistryError {
        RegistryError::Refused {
            host: self.registry.clone(),
            operation: self.operation.into(),
            message: problem.into(),
        }
    }
}

/// Why there is no authorization token.
pub(super) fn no_token(failure: ApiFailure, action: &'static str) -> IdentityError {
    if let Some(error) = failure.about_credentials() {
        return error;
    }
    if failure.is_access_denied() {
        return IdentityError::NotPermitted { action };
    }
    let (operation, message) = (format!("`{action}`"), failure.message);
    if failure.transient {
        IdentityError::Unavailable { operation, message }
    } else {
        IdentityError::Refused { operation, message }
    }
}
