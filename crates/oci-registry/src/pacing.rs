//! How fast images are put into ECR, whose quotas for that are an account's and the lowest of all.
//!
//! A bucket of turns for each account in each region, shared by all clients of the process: a run's few manifests and tags find
//! it full and never wait; a copy of a whole repository would be refused over and over without it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use tagship_domain::reference::RegistryHost;

/// The time between two images once the bucket is empty.
///
/// Source: Amazon ECR service quotas, "Rate of `PutImage` requests", and ECR Public service quotas, the same: 10 a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// How many images a full bucket lets pass at once.
const BURST: u32 = 10;

/// The buckets of this process.
static BUCKETS: Mutex<Option<HashMap<Quota, Bucket>>> = Mutex::new(None);

/// What a quota counts: the account and region of a private registry, or ECR Public.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Quota {
    Private(String, String),
    Public,
}

impl Quota {
    /// The quota that a registry's puts count for; none for one that is not ECR's.
    fn of(host: &RegistryHost) -> Option<Self> {
        match (host.account(), host.region()) {
            // A registry has several names.
            (Some(account), Some(region)) => Some(Self::Private(account.to_string(), region.to_string())),
            _ => host.is_public_ecr().then_some(Self::Public),
        }
    }
}

#[derive(Debug, Default)]
struct Bucket {
    /// When it will be full again; absent while nothing was taken.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a turn; gives the time to wait for it.
    fn take(&mut self, now: Instant) -> Duration {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + INTERVAL;
        self.full_at = Some(full_at);
        (full_at - now).saturating_sub(INTERVAL * BURST)
    }
}

/// Waits until the registry's quota lets one more image be put.
pub(crate) async fn wait_to_put(host: &RegistryHost) {
    let Some(quota) = Quota::of(host) else {
        return;
    };
    let wait = {
        let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get_or_insert_default().entry(quota).or_default();
        bucket.take(Instant::now())
    };
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn host(name: &str) -> RegistryHost {
        RegistryHost::parse_any(name).unwrap()
    }

    #[test]
    fn ten_pass_at_once_and_then_ten_a_second() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let waits: Vec<u128> = (0..30).map(|_| bucket.take(start).as_millis()).collect();
        assert_eq!(waits[..10], [0; 10]);
        assert_eq!(waits[10..12], [100, 200]);
        assert_eq!(waits[29], 2000);
        // All thirty have passed two seconds later, and each second more gives ten back, never more.
        let half_full = start + Duration::from_millis(2500);
        let waits: Vec<u128> = (0..6).map(|_| bucket.take(half_full).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 100]);
        let hours_later = start + Duration::from_secs(10_000);
        let waits: Vec<u128> = (0..11).map(|_| bucket.take(hours_later).as_millis()).collect();
        assert_eq!(waits[..10], [0; 10]);
        assert_eq!(waits[10], 100);
    }

    #[tokio::test]
    async fn all_names_of_an_account_in_a_region_share_its_turns() {
        let names = [
            "123456789012.dkr.ecr.eu-north-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-north-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-north-1.on.aws",
        ];
        let hosts = names.map(host);
        let start = Instant::now();
        join_all(hosts.iter().cycle().take(12).map(wait_to_put)).await;
        assert!(
            start.elapsed() >= Duration::from_millis(200),
            "{:?}",
            start.elapsed()
        );
    }

    #[test]
    fn accounts_and_regions_have_quotas_of_their_own_and_other_registries_none() {
        let quota = |name: &str| Quota::of(&host(name));
        let here = quota("123456789012.dkr.ecr.eu-north-1.amazonaws.com");
        assert!(here.is_some());
        assert_ne!(here, quota("210987654321.dkr.ecr.eu-north-1.amazonaws.com"));
        assert_ne!(here, quota("123456789012.dkr.ecr.eu-west-1.amazonaws.com"));
        assert_eq!(quota("public.ecr.aws"), Some(Quota::Public));
        for other in [
            "ghcr.io",
            "docker.io",
            "127.0.0.1:5000",
            "registry.example.com:443",
        ] {
            assert_eq!(quota(other), None, "{other}");
        }
    }
}
