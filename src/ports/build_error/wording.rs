//! Parts of the sentences about builds that failed.

use std::fmt;

use tagship_domain::capability::{ImageStore, UnsupportedFeature};
use tagship_domain::location::SourceLocation;
use tagship_domain::untrusted::cleaned;

/// What builds: an engine with its store, or BuildKit.
pub(super) struct BuilderKind<'a>(pub(super) &'a str, pub(super) ImageStore);

impl fmt::Display for BuilderKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(version, store) = self;
        match store {
            ImageStore::None => write!(f, "BuildKit {version}"),
            ImageStore::Classic | ImageStore::Containerd => write!(f, "engine {version} with the {store}"),
        }
    }
}

/// The beginning of a sentence about a place, if it is known.
pub(super) struct LocationPrefix<'a>(pub(super) Option<&'a SourceLocation>);

impl fmt::Display for LocationPrefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|location| write!(f, "{location}: "))
    }
}

/// One line for each, if there are several.
pub(super) struct UnsupportedList<'a>(pub(super) &'a [UnsupportedFeature]);

impl fmt::Display for UnsupportedList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0 {
            return write!(f, ": {only}");
        }
        self.0.iter().try_for_each(|refusal| write!(f, "\n  {refusal}"))
    }
}

/// The first steps that still run.
pub(super) struct RunningSuffix<'a>(pub(super) &'a [String]);

impl RunningSuffix<'_> {
    /// The most steps that are named.
    const MOST: usize = 3;
}

impl fmt::Display for RunningSuffix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().take(Self::MOST).enumerate() {
            let before = if position == 0 { ", in step " } else { ", " };
            write!(f, "{before}`{}`", cleaned(step))?;
        }
        Ok(())
    }
}

pub(super) struct ExitCodeSuffix(pub(super) Option<i32>);

impl fmt::Display for ExitCodeSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|code| write!(f, " with exit code {code}"))
    }
}

pub(super) struct MessageSuffix<'a>(pub(super) Option<&'a str>);

impl fmt::Display for MessageSuffix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|message| write!(f, ": {message}"))
    }
}
