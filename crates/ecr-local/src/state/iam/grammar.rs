//! What all parts of a policy are written in: single values or lists, wildcards, and why one is not read.

use serde::Deserialize;

/// What a policy belongs to, which decides what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyKind {
    /// To a role or a session.
    Identity,
    /// To a role, as what is assumed.
    Trust,
    /// To a repository or a registry.
    Resource,
}

/// Why a policy is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyProblem {
    /// AWS does not take it either.
    #[error("{0}")]
    Invalid(String),
    /// AWS takes it, but the emulator cannot evaluate it.
    #[error("the emulator does not evaluate {0}")]
    NotEvaluated(String),
}

impl PolicyProblem {
    pub(super) fn invalid(problem: &str) -> Self {
        Self::Invalid(problem.to_owned())
    }
}

/// IAM takes a single value where a list may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// Refuses variables such as `${aws:username}`, which would be compared letter by letter.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
pub(super) fn without_variables<'a>(
    texts: impl IntoIterator<Item = &'a String>,
) -> Result<(), PolicyProblem> {
    if texts.into_iter().any(|text| text.contains("${")) {
        return Err(PolicyProblem::NotEvaluated("policy variables".to_owned()));
    }
    Ok(())
}

/// Whether the whole of `text` matches `pattern`: `*` stands for any characters, `?` for one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Where to go on after the last `*`: one more character belongs to it each time.
    let mut retry: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    while let Some(character) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                (p, t) = (after_star, taken + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

/// What a policy says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// No statement is about it.
    Silent,
    /// A statement allows it, none denies it.
    Allowed,
    /// A statement denies it, whatever others say.
    Denied,
}

/// What the policy of a resource says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PolicyDecision {
    /// No statement is about it.
    Silent,
    /// A statement allows it to the caller, named this closely.
    Allowed(PrincipalMatch),
    /// A statement denies it, whatever others say.
    Denied,
}

/// How closely a policy names a caller; the closer is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrincipalMatch {
    /// By the account, which decides by itself who of its own is meant.
    Account,
    /// By user or role, or as everyone.
    Identity,
    /// By the role's session.
    Session,
}
