//! Failures that tests order: rules that are applied to the next requests of an operation.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One order: after `skip` matching requests, the next `times` ones fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// The operation, as the journal names it, such as `PutManifest` or `AssumeRoleWithWebIdentity`.
    pub operation: String,
    /// Only requests that name this repository.
    #[serde(default)]
    pub repository: Option<String>,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many fail then.
    #[serde(default = "once")]
    pub times: u32,
    /// How they fail.
    pub action: FaultAction,
}

fn once() -> u32 {
    1
}

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultAction {
    /// An HTTP status, with nothing done.
    Status {
        /// The status, such as 429, 500 or 503.
        status: u16,
        /// Whether the body is an error of the interface that was called, or no such thing.
        #[serde(default)]
        envelope: bool,
    },
    /// An error of the interface that was called, with nothing done.
    Error {
        /// Its code, such as `ThrottlingException`, `IDPCommunicationError` or `TOOMANYREQUESTS`.
        code: String,
        /// Its text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "bad_request")]
        status: u16,
    },
    /// The connection is reset before anything is done.
    Reset,
    /// It is done, and the connection is reset in the middle of the answer.
    ResetMidBody,
    /// It is done, and the connection is closed in the middle of the answer.
    Truncate,
    /// It is done after a while.
    Delay {
        /// The while.
        milliseconds: u64,
    },
    /// Nothing is done and no answer is sent, until the client goes away.
    Hang,
    /// It is done, and no answer is sent until the client goes away.
    HangAfter,
}

fn bad_request() -> u16 {
    400
}

/// The orders that are not carried out yet.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Takes an order.
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Forgets all orders.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The orders that are left, with what is left of them.
    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// What is to happen to a request that came in; counts it.
    pub(crate) fn take(&self, operation: &str, repository: Option<&str>) -> Option<FaultAction> {
        let mut faults = self.lock();
        let mut action = None;
        for fault in faults.iter_mut() {
            let concerns = fault.operation == operation
                && fault
                    .repository
                    .as_deref()
                    .is_none_or(|wanted| Some(wanted) == repository);
            if !concerns {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 && action.is_none() {
                fault.times -= 1;
                action = Some(fault.action.clone());
            }
        }
        faults.retain(|fault| fault.times > 0);
        action
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_then_fails_then_is_spent() {
        let faults = Faults::default();
        faults.add(
            serde_json::from_str(
                r#"{"operation": "PutManifest", "repository": "team/app", "skip": 1, "times": 2, "action": {"kind": "hang-after"}}"#,
            )
            .unwrap(),
        );
        let take = || faults.take("PutManifest", Some("team/app"));
        assert_eq!(faults.take("PutManifest", Some("other")), None);
        assert_eq!(faults.take("GetManifest", Some("team/app")), None);
        assert_eq!(take(), None);
        assert_eq!(take(), Some(FaultAction::HangAfter));
        assert_eq!(take(), Some(FaultAction::HangAfter));
        assert_eq!(take(), None);
        assert!(faults.list().is_empty());
    }
}
