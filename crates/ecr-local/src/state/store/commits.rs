//! Transactions, and when they are on the disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use crate::refusal::Refusal;

/// A database whose transactions share a sync where they end at the same time.
///
/// A transaction is committed in memory first, where others see it; then it waits until a sync that began later has
/// ended. Of those that wait, one carries the sync out. So what is acknowledged is on the disk, and a hundred
/// requests at once cost two or three syncs.
#[derive(Debug)]
pub(super) struct SyncedDatabase {
    database: Database,
    progress: Mutex<Progress>,
    synced: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// The transactions that ended so far, counted in their order.
    ended: u64,
    /// The last of them that is on the disk.
    durable: u64,
    /// Whether a thread carries a sync out.
    is_syncing: bool,
}

impl SyncedDatabase {
    /// All transactions begin here from now on.
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            progress: Mutex::default(),
            synced: Condvar::new(),
        }
    }

    /// Begins to read what is there now.
    pub(super) fn read(&self) -> Result<ReadTransaction, Refusal> {
        Ok(self.database.begin_read()?)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a transaction; the only one until it ends with [`Self::commit`] or is dropped.
    pub(super) fn begin(&self) -> Result<WriteTransaction, Refusal> {
        let mut write = self.database.begin_write()?;
        write.set_durability(Durability::None).map_err(Refusal::state)?;
        Ok(write)
    }

    /// Ends a transaction of [`Self::begin`]. When this returns, its changes are on the disk.
    pub(super) fn commit(&self, write: WriteTransaction) -> Result<(), Refusal> {
        // Counted while no other transaction can begin, so that numbers have the order of the transactions.
        let mine = {
            let mut progress = self.progress();
            progress.ended += 1;
            progress.ended
        };
        write.commit()?;
        let mut progress = self.progress();
        while progress.durable < mine {
            if progress.is_syncing {
                let waited = self.synced.wait(progress);
                progress = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            progress.is_syncing = true;
            drop(progress);
            let synced = self.sync();
            progress = self.progress();
            progress.is_syncing = false;
            // After a failure another one that waits tries, and gets the error too.
            self.synced.notify_all();
            progress.durable = progress.durable.max(synced?);
        }
        Ok(())
    }

    /// Brings everything that has ended to the disk, and says up to which transaction that is.
    fn sync(&self) -> Result<u64, Refusal> {
        // Waits for the transactions that came before.
        let write = self.database.begin_write()?;
        let ended = self.progress().ended;
        write.commit()?;
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crate::state::store::Store;
    use crate::state::store::schema::META;

    #[test]
    fn transactions_that_end_together_are_all_there_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        thread::scope(|scope| {
            for number in 0..32_u8 {
                let store = &store;
                scope.spawn(move || {
                    let write = store.begin().unwrap();
                    write
                        .open_table(META)
                        .unwrap()
                        .insert(format!("key {number}").as_str(), [number].as_slice())
                        .unwrap();
                    store.commit(write).unwrap();
                    let progress = store.database.progress();
                    assert!(progress.durable > 0);
                });
            }
        });
        for number in 0..32_u8 {
            assert_eq!(store.meta(&format!("key {number}")).unwrap(), Some(vec![number]));
        }
        let progress = store.database.progress();
        assert_eq!((progress.durable, progress.is_syncing), (progress.ended, false));
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let write = store.begin().unwrap();
        write
            .open_table(META)
            .unwrap()
            .insert("key", [1].as_slice())
            .unwrap();
        drop(write);
        store.set_meta("other", &[2]).unwrap();
        assert_eq!(store.meta("key").unwrap(), None);
    }
}
