//! What policies say to a request; the later of two counts.

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
    /// A statement allows it to the caller, whom it names so.
    Allowed(PrincipalMatch),
    /// A statement denies it, whatever others say.
    Denied,
}

/// How closely a policy names somebody; the closer is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrincipalMatch {
    /// By the account, which decides by itself who of its own is meant.
    Account,
    /// By user or role, or as everyone.
    Identity,
    /// By the role's session.
    Session,
}
