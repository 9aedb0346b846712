//! How many requests a second an operation takes; further ones are refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// ECR's quotas: requests a second, with what the data plane calls the same.
///
/// Source: ECR user guide, "Service quotas". A burst of one second's requests is let through; AWS does not say how
/// large its bursts are.
const QUOTAS: [(&str, u32, &[&str]); 8] = [
    ("GetAuthorizationToken", 500, &[]),
    ("BatchCheckLayerAvailability", 1_000, &["HeadBlob"]),
    ("InitiateLayerUpload", 100, &["StartUpload"]),
    ("UploadLayerPart", 500, &["UploadPart"]),
    ("CompleteLayerUpload", 100, &["CompleteUpload"]),
    ("PutImage", 10, &["PutManifest"]),
    ("BatchGetImage", 2_000, &["HeadManifest", "GetManifest"]),
    ("GetDownloadUrlForLayer", 3_000, &["GetBlob"]),
];

/// Requests a second by operation of ECR's API; others are not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quotas(pub BTreeMap<String, u32>);

impl Quotas {
    /// Those that a new account has.
    pub fn of_new_account() -> Self {
        Self(
            QUOTAS
                .iter()
                .map(|(operation, quota, _)| ((*operation).to_owned(), *quota))
                .collect(),
        )
    }
}

/// What is left of the quotas, for all accounts together.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<BTreeMap<String, Bucket>>);

#[derive(Debug)]
struct Bucket {
    quota: u32,
    /// Thousandths of requests.
    left: u64,
    at: Timestamp,
}

impl Throttle {
    /// Begins to enforce these quotas, and no others.
    pub(crate) fn set(&self, quotas: Quotas, now: Timestamp) {
        let buckets = quotas.0.into_iter().map(|(operation, quota)| {
            let bucket = Bucket {
                quota,
                left: u64::from(quota) * 1000,
                at: now,
            };
            (operation, bucket)
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = buckets.collect();
    }

    /// The quotas that are enforced.
    pub(crate) fn quotas(&self) -> Quotas {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Quotas(
            buckets
                .iter()
                .map(|(operation, bucket)| (operation.clone(), bucket.quota))
                .collect(),
        )
    }

    /// Whether a request of an operation, as the journal names it, may pass; counts it then.
    pub(crate) fn admits(&self, operation: &str, now: Timestamp) -> bool {
        let of_api = QUOTAS
            .iter()
            .find(|(_, _, on_data_plane)| on_data_plane.contains(&operation))
            .map_or(operation, |(of_api, _, _)| of_api);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get_mut(of_api).is_none_or(|bucket| bucket.admits(now))
    }
}

impl Bucket {
    fn admits(&mut self, now: Timestamp) -> bool {
        // A clock that was set back fills nothing.
        let elapsed = u64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(0);
        let full = u64::from(self.quota) * 1000;
        self.left = elapsed
            .saturating_mul(self.quota.into())
            .saturating_add(self.left)
            .min(full);
        self.at = now;
        let admits = self.left >= 1000;
        if admits {
            self.left -= 1000;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_quota_is_a_burst_and_then_a_rate() {
        let throttle = Throttle::default();
        let mut now = Timestamp::UNIX_EPOCH;
        assert!(throttle.admits("PutImage", now));
        throttle.set(Quotas(BTreeMap::from([("PutImage".to_owned(), 2)])), now);
        let both_faces = ["PutImage", "PutManifest"];
        assert_eq!(
            both_faces.map(|operation| throttle.admits(operation, now)),
            [true, true]
        );
        assert_eq!(
            both_faces.map(|operation| throttle.admits(operation, now)),
            [false, false]
        );
        assert!(throttle.admits("GetManifest", now));
        now += SignedDuration::from_millis(500);
        assert_eq!(
            both_faces.map(|operation| throttle.admits(operation, now)),
            [true, false]
        );
        // Whatever time has passed, no more than a second's requests have been saved.
        now += SignedDuration::from_hours(1);
        assert_eq!(
            [(); 3].map(|()| throttle.admits("PutImage", now)),
            [true, true, false]
        );
        now -= SignedDuration::from_hours(1);
        assert!(!throttle.admits("PutImage", now));
    }

    // The one that pushes meet first: ECR user guide, "Service quotas", "Rate of PutImage requests".
    #[test]
    fn a_new_account_puts_ten_images_a_second() {
        assert_eq!(Quotas::of_new_account().0["PutImage"], 10);
    }
}
