use std::borrow::Cow;

use crate::error::{Diagnose, Kind};

/// What can go wrong on the way to credentials.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No source of credentials has any.
    #[error("no AWS credentials were found")]
    None,
}

impl Diagnose for IdentityError {
    fn kind(&self) -> Kind {
        match self {
            Self::None => Kind::Credentials,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::None => Some("set `role-to-assume`, or sign in with the AWS CLI".into()),
        }
    }
}
