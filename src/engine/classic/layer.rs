//! A layer's times on the way through.

mod pax;

use ::tar::{EntryType, Header};
use bytes::{Bytes, BytesMut};

use super::epoch::Epoch;
use super::header::{clamp, has_right_checksum, write_checksum};
use super::tar::BLOCK;

/// The most bytes of an extended header. Source: Go, `archive/tar`, `maxSpecialFileSize`, which engines read layers with.
const MAX_RECORDS: u64 = 1 << 20;

/// Where the second half of an old GNU sparse map says that a block with more of it follows, in the header and in such
/// a block. Source: GNU tar manual, "Basic Tar Format", `struct oldgnu_header` and `struct sparse_header`.
const SPARSE_GOES_ON: (usize, usize) = (482, 504);

/// Sets every time in a layer's tar archive that is later than the epoch to it, while the archive passes.
///
/// Every other byte stays, and so does the whole entry whose times are old enough. What is no tar archive, or from some
/// place on is not, passes as it is.
pub(super) struct LayerTimes {
    epoch: Epoch,
    state: State,
    /// The beginning of what is needed whole: a header, with its records if it is an extended one.
    held: Vec<u8>,
    /// What the extended headers tell of the next entry.
    overrides: PaxOverrides,
    output: BytesMut,
}

enum State {
    /// A header is gathered.
    Header,
    /// An extended header's records are gathered: so many bytes, and those that fill the last block.
    Records(usize),
    /// More of a sparse file's map is gathered, before so many bytes of content.
    SparseMap(u64),
    /// So many bytes pass until the next header.
    Content(u64),
    /// All that comes passes.
    Rest,
}

#[derive(Default)]
struct PaxOverrides {
    size: Option<u64>,
    /// Whether there was a later time for the content than the epoch; there is none any more.
    was_late: bool,
}

impl LayerTimes {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            state: State::Header,
            held: Vec::new(),
            overrides: PaxOverrides::default(),
            output: BytesMut::new(),
        }
    }

    /// Takes the layer's next bytes; gives those that are ready.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Bytes {
        while !bytes.is_empty() {
            let wanted = match self.state {
                State::Header | State::SparseMap(_) => BLOCK - self.held.len(),
                State::Records(size) => BLOCK + size.next_multiple_of(BLOCK) - self.held.len(),
                State::Content(left) => usize::try_from(left).unwrap_or(usize::MAX),
                State::Rest => usize::MAX,
            };
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            bytes = later;
            match &mut self.state {
                State::Rest => self.output.extend_from_slice(now),
                State::Content(left) => {
                    self.output.extend_from_slice(now);
                    *left -= now.len() as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
                State::Header | State::Records(_) | State::SparseMap(_) => {
                    self.held.extend_from_slice(now);
                    if now.len() == wanted {
                        let held = std::mem::take(&mut self.held);
                        self.take(held);
                    }
                }
            }
        }
        self.output.split().freeze()
    }

    /// The last bytes, if any.
    pub(super) fn finish(self) -> Bytes {
        self.held.into()
    }

    /// Takes what was gathered.
    fn take(&mut self, held: Vec<u8>) {
        let next = match self.state {
            State::Header => self.take_header(held),
            State::Records(size) => self.take_records(&held, size),
            State::SparseMap(content) => {
                let goes_on = held.get(SPARSE_GOES_ON.1).is_some_and(|byte| *byte != 0);
                self.output.extend_from_slice(&held);
                Some(after_map(goes_on, content))
            }
            State::Content(_) | State::Rest => None,
        };
        self.state = next.unwrap_or(State::Rest);
    }

    /// `None` if it is no header.
    fn take_header(&mut self, held: Vec<u8>) -> Option<State> {
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&held);
        // Two empty blocks end an archive, and more may follow.
        let is_empty = held.iter().all(|byte| *byte == 0);
        let size = header.entry_size().ok();
        let kind = header.entry_type();
        if is_empty || !has_right_checksum(&header) || size.is_none() {
            self.output.extend_from_slice(&held);
            return is_empty.then_some(State::Header);
        }
        let size = size?;
        if kind == EntryType::XHeader && size <= MAX_RECORDS {
            self.held = held;
            return Some(State::Records(usize::try_from(size).ok()?));
        }
        let is_entry = !matches!(
            kind,
            EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink
        );
        let overrides = if is_entry {
            std::mem::take(&mut self.overrides)
        } else {
            PaxOverrides::default()
        };
        clamp(&mut header, overrides.was_late, self.epoch);
        self.output.extend_from_slice(header.as_bytes());
        if kind == EntryType::XHeader {
            return None;
        }
        let size = if has_content(kind) {
            overrides.size.unwrap_or(size)
        } else {
            0
        };
        let content = size.checked_next_multiple_of(BLOCK as u64)?;
        let goes_on =
            kind == EntryType::GNUSparse && held.get(SPARSE_GOES_ON.0).is_some_and(|byte| *byte != 0);
        Some(after_map(goes_on, content))
    }

    /// `None` if they are no records.
    fn take_records(&mut self, held: &[u8], size: usize) -> Option<State> {
        let (block, padded) = held.split_at(BLOCK);
        let Some(records) = padded
            .get(..size)
            .and_then(|records| pax::clamp(records, self.epoch))
        else {
            self.output.extend_from_slice(held);
            return None;
        };
        if records.size.is_some() {
            self.overrides.size = records.size;
        }
        self.overrides.was_late |= records.was_late;
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        let Some(bytes) = records.rewritten else {
            clamp(&mut header, false, self.epoch);
            self.output.extend_from_slice(header.as_bytes());
            self.output.extend_from_slice(padded);
            return Some(State::Header);
        };
        // One that held nothing but a late time would not have been there without.
        if !bytes.is_empty() {
            clamp(&mut header, false, self.epoch);
            header.set_size(bytes.len() as u64);
            write_checksum(&mut header);
            self.output.extend_from_slice(header.as_bytes());
            self.output.extend_from_slice(&bytes);
            let filled = bytes.len().next_multiple_of(BLOCK) - bytes.len();
            self.output.resize(self.output.len() + filled, 0);
        }
        Some(State::Header)
    }
}

/// What comes after a header, or after a block of a sparse file's map.
fn after_map(goes_on: bool, content: u64) -> State {
    match content {
        content if goes_on => State::SparseMap(content),
        0 => State::Header,
        content => State::Content(content),
    }
}

/// Whether a size counts bytes of content. Source: Go, `archive/tar`, `isHeaderOnly`.
fn has_content(kind: EntryType) -> bool {
    !matches!(
        kind,
        EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo
    )
}

#[cfg(test)]
mod tests;
