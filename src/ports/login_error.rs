use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use tagship_domain::error::{Diagnose, Kind};

/// Why there is no credential for a registry.
///
/// Shown as its cause, which is the error of whoever issues credentials.
#[derive(Debug)]
pub struct LoginError(Box<dyn Diagnose>);

impl LoginError {
    /// Wraps the error of whoever issues credentials.
    pub fn new(cause: impl Diagnose) -> Self {
        Self(Box::new(cause))
    }

    /// Returns the error of whoever issues credentials.
    pub fn cause(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LoginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Diagnose for LoginError {
    fn kind(&self) -> Kind {
        self.0.kind()
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        self.0.hint()
    }
}
