//! What a log says of transfers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::words;

/// The time between two lines about one transfer.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// The most transfers that are followed at a time; of others only the end is said.
const MAX_TRANSFERS: usize = 1000;

/// The transfers that go on.
#[derive(Debug, Default)]
pub(super) struct Transfers(BTreeMap<String, Transfer>);

#[derive(Debug)]
struct Transfer {
    /// When it began, or was last spoken of, and how far it was then.
    since: (Instant, u64),
    current: u64,
}

impl Transfers {
    /// Takes how far a transfer is; gives the line that is due: at its end, and every ten seconds while it lasts.
    pub(super) fn moved(
        &mut self,
        what: &str,
        current: u64,
        total: Option<u64>,
        now: Instant,
    ) -> Option<String> {
        if total == Some(current) {
            self.end(what);
            return Some(words::moved(what, current));
        }
        let Some(transfer) = self.0.get_mut(what).filter(|known| known.current <= current) else {
            let since = (now, current);
            if self.0.len() < MAX_TRANSFERS || self.0.contains_key(what) {
                self.0.insert(what.to_owned(), Transfer { since, current });
            }
            return None;
        };
        transfer.current = current;
        let (then, before) = transfer.since;
        let passed = now.saturating_duration_since(then);
        if passed < BETWEEN_LINES {
            return None;
        }
        transfer.since = (now, current);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let rate = (current - before).saturating_mul(1000) / millis;
        Some(words::moving(what, current, total, rate))
    }

    /// Forgets a transfer.
    pub(super) fn end(&mut self, what: &str) {
        self.0.remove(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// The lines about a transfer, by the seconds and mebibytes at which it is heard of.
    fn lines(total: Option<u64>, heard: &[(u64, u64)]) -> Vec<String> {
        let (mut transfers, start) = (Transfers::default(), Instant::now());
        let line = |(seconds, mebibytes): &(u64, u64)| {
            let now = start + Duration::from_secs(*seconds);
            transfers.moved("layer", mebibytes * MIB, total, now)
        };
        heard.iter().filter_map(line).collect()
    }

    #[test]
    fn one_that_lasts_has_a_line_every_ten_seconds() {
        let total = Some(1000 * MIB);
        let each_second: Vec<(u64, u64)> = (0..=35).map(|second| (second, second * 2)).collect();
        assert_eq!(
            lines(total, &each_second),
            [
                "layer: 20.00 MiB of 1000.00 MiB, 2.00 MiB/s, 8m 10s left",
                "layer: 40.00 MiB of 1000.00 MiB, 2.00 MiB/s, 8m 0s left",
                "layer: 60.00 MiB of 1000.00 MiB, 2.00 MiB/s, 7m 50s left",
            ]
        );
        // The rate is that of the time since the line before.
        assert_eq!(
            lines(total, &[(0, 0), (10, 100), (20, 110), (31, 1000)]),
            [
                "layer: 100.00 MiB of 1000.00 MiB, 10.00 MiB/s, 1m 30s left",
                "layer: 110.00 MiB of 1000.00 MiB, 1.00 MiB/s, 14m 50s left",
                "layer: 1000.00 MiB",
            ]
        );
        assert_eq!(
            lines(Some(72_000 * MIB), &[(0, 0), (10, 100)]),
            ["layer: 100.00 MiB of 70.31 GiB, 10.00 MiB/s, 1h 59m left"]
        );
    }

    #[test]
    fn one_of_unknown_size_or_that_stands_still_has_no_time_that_is_left() {
        assert_eq!(
            lines(None, &[(0, 0), (4, 10), (12, 24)]),
            ["layer: 24.00 MiB, 2.00 MiB/s"]
        );
        assert_eq!(
            lines(Some(20 * MIB), &[(0, 5), (10, 5)]),
            ["layer: 5.00 MiB of 20.00 MiB, 0 B/s"]
        );
    }

    #[test]
    fn one_that_is_short_has_its_end_alone_and_one_that_begins_anew_counts_anew() {
        let total = Some(20 * MIB);
        assert_eq!(lines(total, &[(0, 0), (9, 19), (9, 20)]), ["layer: 20.00 MiB"]);
        assert_eq!(
            lines(total, &[(0, 0), (9, 19), (11, 1), (20, 10), (21, 11)]),
            ["layer: 11.00 MiB of 20.00 MiB, 1.00 MiB/s, 9s left"]
        );
    }

    #[test]
    fn no_more_are_followed_than_can_be() {
        let (mut transfers, start) = (Transfers::default(), Instant::now());
        for number in 0..2 * MAX_TRANSFERS {
            transfers.moved(&number.to_string(), 0, None, start);
        }
        assert_eq!(transfers.0.len(), MAX_TRANSFERS);
        transfers.end("0");
        assert_eq!(transfers.0.len(), MAX_TRANSFERS - 1);
    }
}
