use crate::ports::GitError;
use tagship_domain::error::{cleaned, innermost};

/// Returns the error with gix's outermost words, which say what was tried, and its innermost, which say what was wrong.
pub(super) fn unreadable(path: String, error: &gix::Error) -> GitError {
    let tried = cleaned(&error.to_string());
    let wrong = innermost(error);
    let message = if tried.contains(&wrong) {
        tried
    } else {
        format!("{tried}: {wrong}")
    };
    GitError::Unreadable { path, message }
}
