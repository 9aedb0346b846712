//! What is wrong with a repository policy.

use std::fmt;

use crate::untrusted::cleaned;

/// What a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    /// One repository, which it does not name.
    Repository,
    /// Repositories of a registry, which it names.
    Registry,
}

/// A text that is no repository policy, with everything that is wrong with it; ECR says only that it is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(problems))]
pub struct InvalidRepositoryPolicy {
    /// At least one.
    pub problems: Vec<LocatedPolicyProblem>,
}

/// A problem, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedPolicyProblem {
    /// The statement's place in the list, from 1; none for the document itself.
    pub statement: Option<usize>,
    /// What is wrong.
    pub problem: PolicyProblem,
}

impl fmt::Display for LocatedPolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.statement {
            Some(statement) => write!(f, "statement {statement}: {}", self.problem),
            None => self.problem.fmt(f),
        }
    }
}

fn listed(problems: &[LocatedPolicyProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// What is wrong with a repository policy.
///
/// Source: IAM user guide, "IAM JSON policy element reference" and "Grammar of the IAM JSON policy language".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// It is no JSON object.
    #[error("a policy is a JSON object")]
    NotAnObject,
    /// It is longer than ECR takes.
    #[error("a policy has at most {maximum} characters, and this one has {found}")]
    TooLong {
        /// The most.
        maximum: usize,
        /// How many it has.
        found: usize,
    },
    /// An element that there is none of.
    #[error("there is no element `{}`", cleaned(.0))]
    Unknown(String),
    /// The version is another.
    #[error("`Version` is `2012-10-17` or `2008-10-17`")]
    Version,
    /// There are no statements.
    #[error("a policy has at least one statement in `Statement`")]
    NoStatement,
    /// A statement is no object.
    #[error("a statement is an object")]
    Statement,
    /// The effect is another.
    #[error("`Effect` is `Allow` or `Deny`")]
    Effect,
    /// It does not say whose it is.
    #[error("a statement has either `Principal` or `NotPrincipal`")]
    Principal,
    /// A principal is written in another way.
    #[error("`Principal` is `*` or a mapping of `AWS`, `Service`, `Federated` or `CanonicalUser` to names")]
    PrincipalForm,
    /// It does not say what is allowed.
    #[error("a statement has either `Action` or `NotAction`")]
    Action,
    /// An action is none of ECR's.
    #[error("`{}` is no action of ECR's, such as `ecr:BatchGetImage`", cleaned(.0))]
    ForeignAction(String),
    /// The statement names resources.
    #[error("a repository's policy is about that repository, and takes no `{0}`")]
    Resource(&'static str),
    /// The statement names no resources.
    #[error("a registry's policy names in `Resource` the repositories that it is about")]
    NoResource,
    /// An element is neither a text nor a list of texts.
    #[error("`{0}` is a text or a list of texts")]
    Texts(&'static str),
    /// A condition is written in another way.
    #[error("`Condition` is a mapping of operators to mappings of keys to values")]
    Condition,
    /// A statement's name has another form.
    #[error("`Sid` is a text")]
    Sid,
    /// Two statements have one name.
    #[error("two statements have the `Sid` `{}`", cleaned(.0))]
    SameSid(String),
}
