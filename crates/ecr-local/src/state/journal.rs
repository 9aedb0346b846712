//! What was asked of the emulator, and what it answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

/// The most entries that are kept; the oldest go first.
const CAPACITY: usize = 10_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JournalEntry {
    /// Counts up from 1 since the start or the last reset.
    pub sequence: u64,
    /// When it came, by the emulator's clock.
    pub at: Timestamp,
    /// An operation of the API such as `PutImage`, or a kind of data plane request such as `PutManifest`.
    pub operation: String,
    /// The repository, where the request names one.
    pub repository: Option<String>,
    /// The tag, digest, upload or audience that the request is about.
    pub reference: Option<String>,
    /// The client's end of the connection; the requests of one connection have the same.
    pub peer: Option<SocketAddr>,
    /// The HTTP status of the answer, also of one that a fault keeps back; `None` while there is none, or when the
    /// connection ended before.
    pub status: Option<u16>,
    /// Whether a fault holds the request back now.
    pub held: Option<HeldAt>,
}

/// Where a fault holds a request back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldAt {
    /// Nothing was done yet.
    BeforeEffect,
    /// It was done, and the answer is never sent.
    AfterEffect,
}

/// The list of requests, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Journal {
    state: Mutex<Entries>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    entries: VecDeque<JournalEntry>,
}

/// An entry that is being written. When it is dropped without an answer, the request was broken off.
#[derive(Debug)]
pub(crate) struct OpenEntry<'a> {
    journal: &'a Journal,
    sequence: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changes: watch::Sender::new(()),
        }
    }
}

impl Journal {
    /// Notes a request that came in.
    pub(crate) fn open(
        &self,
        at: Timestamp,
        operation: &str,
        repository: Option<&str>,
        reference: Option<&str>,
        peer: Option<SocketAddr>,
    ) -> OpenEntry<'_> {
        let sequence = self.change(|state| {
            state.last += 1;
            if state.entries.len() == CAPACITY {
                state.entries.pop_front();
            }
            state.entries.push_back(JournalEntry {
                sequence: state.last,
                at,
                operation: operation.to_owned(),
                repository: repository.map(str::to_owned),
                reference: reference.map(str::to_owned),
                peer,
                status: None,
                held: None,
            });
            state.last
        });
        OpenEntry {
            journal: self,
            sequence,
        }
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.entries.iter().cloned().collect()
    }

    /// Forgets all entries.
    pub(crate) fn reset(&self) {
        self.change(|state| *state = Entries::default());
    }

    /// Waits until the entries are as wanted, and gives them.
    pub(crate) async fn until(&self, wanted: impl Fn(&[JournalEntry]) -> bool) -> Vec<JournalEntry> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let entries = self.entries();
            // The sender lives as long as `self`, so that the wait ends by a change alone.
            if wanted(&entries) || changes.changed().await.is_err() {
                return entries;
            }
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changes.send_replace(());
        result
    }

    fn update(&self, sequence: u64, update: impl FnOnce(&mut JournalEntry)) {
        self.change(|state| {
            // A reset may have taken the entry away.
            if let Some(entry) = state
                .entries
                .iter_mut()
                .rev()
                .find(|entry| entry.sequence == sequence)
            {
                update(entry);
            }
        });
    }
}

impl OpenEntry<'_> {
    /// Notes that a fault holds the request back.
    pub(crate) fn hold(&self, held: HeldAt) {
        self.journal
            .update(self.sequence, |entry| entry.held = Some(held));
    }

    /// Notes the answer.
    pub(crate) fn answer(&self, status: u16) {
        self.journal
            .update(self.sequence, |entry| entry.status = Some(status));
    }
}

impl Drop for OpenEntry<'_> {
    fn drop(&mut self) {
        self.journal.update(self.sequence, |entry| entry.held = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_kept_in_order_and_bounded() {
        let journal = Journal::default();
        for number in 0..=CAPACITY {
            let entry = journal.open(Timestamp::UNIX_EPOCH, "Ping", None, None, None);
            entry.answer(u16::try_from(number % 500).unwrap());
        }
        let entries = journal.entries();
        assert_eq!(entries.len(), CAPACITY);
        assert_eq!(entries.first().map(|entry| entry.sequence), Some(2));
        journal.reset();
        assert!(journal.entries().is_empty());
    }

    #[tokio::test]
    async fn a_held_request_can_be_waited_for() {
        let journal = Journal::default();
        let entry = journal.open(
            Timestamp::UNIX_EPOCH,
            "PutManifest",
            Some("team/app"),
            Some("1.0.0"),
            None,
        );
        let (entries, ()) = tokio::join!(
            journal.until(|entries| entries.iter().any(|entry| entry.held.is_some())),
            async { entry.hold(HeldAt::AfterEffect) }
        );
        assert_eq!(
            entries.first().and_then(|entry| entry.held),
            Some(HeldAt::AfterEffect)
        );
        drop(entry);
        assert_eq!(journal.entries().first().and_then(|entry| entry.held), None);
    }
}
