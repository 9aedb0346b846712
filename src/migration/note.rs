//! What a reader should know of a migration.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tagship_domain::untrusted::cleaned;

/// What a reader should know of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationNote {
    /// An input has no equivalent.
    NoEquivalent {
        /// The step, as its author names it.
        step: String,
        /// The input.
        input: String,
    },
    /// An input is about something that Tagship does in its own way.
    NotNeeded {
        /// The step.
        step: String,
        /// The input.
        input: String,
    },
    /// An input needs what only the runner has, and the action's container does not see.
    NeedsSetup {
        /// The step.
        step: String,
        /// The input.
        input: String,
    },
    /// A step stays, although Tagship needs it no more.
    Stays {
        /// The step.
        step: String,
        /// Why.
        reason: &'static str,
    },
    /// A step is none of those that are replaced.
    Untouched {
        /// The step.
        step: String,
    },
    /// An image goes to another registry.
    OtherRegistry {
        /// The image.
        image: String,
    },
    /// The workflow does not say to which account the registry belongs.
    AccountUnknown,
    /// A step uses an output that there is none for.
    NoOutput {
        /// The reference, such as `steps.meta.outputs.json`.
        reference: String,
        /// Its line in the workflow that was read, from 1.
        line: usize,
    },
    /// A step uses an output before the step that has it now.
    TooEarly {
        /// The reference.
        reference: String,
        /// Its line, from 1.
        line: usize,
    },
    /// A step that is replaced ran on another condition than the build.
    Condition {
        /// The step.
        step: String,
        /// Its condition.
        condition: String,
    },
    /// A step pushes a part of an image of several platforms.
    ByDigest {
        /// The step.
        step: String,
    },
    /// Nothing checks the repository out.
    NoCheckout,
    /// A step uses a variable that `docker/metadata-action` sets.
    MetadataVariable {
        /// Its line, from 1.
        line: usize,
    },
}

impl MigrationNote {
    /// Returns the stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoEquivalent { .. } => "no-equivalent",
            Self::NotNeeded { .. } => "not-needed",
            Self::NeedsSetup { .. } => "needs-setup",
            Self::Stays { .. } => "stays",
            Self::Untouched { .. } => "untouched",
            Self::OtherRegistry { .. } => "other-registry",
            Self::AccountUnknown => "account-unknown",
            Self::NoOutput { .. } => "no-output",
            Self::TooEarly { .. } => "too-early",
            Self::Condition { .. } => "condition",
            Self::ByDigest { .. } => "by-digest",
            Self::NoCheckout => "no-checkout",
            Self::MetadataVariable { .. } => "metadata-variable",
        }
    }

    /// Whether the author has to do something.
    pub const fn is_work(&self) -> bool {
        !matches!(
            self,
            Self::NotNeeded { .. } | Self::Untouched { .. } | Self::Stays { .. }
        )
    }
}

impl fmt::Display for MigrationNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEquivalent { step, input } => {
                write!(f, "`{}` of `{}` has no equivalent", cleaned(input), cleaned(step))
            }
            Self::NotNeeded { step, input } => {
                write!(f, "`{}` of `{}` is not needed", cleaned(input), cleaned(step))
            }
            Self::NeedsSetup { step, input } => write!(
                f,
                "`{}` of `{}` needs an agent of the runner, which the action does not see: put the command on the PATH with `tagship/tagship/setup`, and run `tagship ship` there",
                cleaned(input),
                cleaned(step)
            ),
            Self::Stays { step, reason } => write!(f, "`{}` stays: {reason}", cleaned(step)),
            Self::Untouched { step } => write!(f, "`{}` stays as it is", cleaned(step)),
            Self::OtherRegistry { image } => write!(
                f,
                "`{}` is in another registry than Amazon ECR, where Tagship does not publish",
                cleaned(image)
            ),
            Self::AccountUnknown => f.write_str(
                "the workflow does not say which account the registry belongs to: set the variable `AWS_ACCOUNT_ID` of the repository, or write it into `account-id`",
            ),
            Self::NoOutput { reference, line } => {
                write!(f, "line {line}: there is no output for `{}`", cleaned(reference))
            }
            Self::TooEarly { reference, line } => write!(
                f,
                "line {line}: `{}` is used before the image is published",
                cleaned(reference)
            ),
            Self::Condition { step, condition } => write!(
                f,
                "`{}` ran on a condition of its own, which is left out: {}",
                cleaned(step),
                cleaned(condition)
            ),
            Self::ByDigest { step } => write!(
                f,
                "`{}` pushes one platform by digest: let the job that merges, with `docker buildx imagetools create`, be a step of Tagship with `merge-from` (docs/multi-platform.md)",
                cleaned(step)
            ),
            Self::NoCheckout => f.write_str(
                "the job has no checkout, and Tagship publishes one: add `actions/checkout` before it",
            ),
            Self::MetadataVariable { line } => write!(
                f,
                "line {line}: `DOCKER_METADATA_OUTPUT_…` is not set any more; use the outputs of Tagship's step"
            ),
        }
    }
}

impl Serialize for MigrationNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("message", &self.to_string())?;
        map.end()
    }
}
