//! Reading that is not waited for without end, and that a signal ends.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::limits;

/// The bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// How many pieces may wait.
const PIECES: usize = 4;
/// How often it is looked whether the run was cancelled.
const GLANCE: Duration = Duration::from_millis(50);

/// Whether the run was cancelled. Standard input belongs to the process, and so does this.
static IS_STOPPED: AtomicBool = AtomicBool::new(false);

/// Ends all reading of standard input, now and later: what was read of it is removed by who reads.
pub fn stop_reading() {
    IS_STOPPED.store(true, Ordering::Relaxed);
}

/// How long bytes are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// The first.
    pub(super) first: Duration,
    /// The next, after others.
    pub(super) silence: Duration,
}

/// How long bytes of standard input are waited for.
pub(super) const WAIT: Wait = Wait {
    first: limits::STANDARD_INPUT_FIRST,
    silence: limits::STANDARD_INPUT_SILENCE,
};

/// A reader on a thread of its own, which may hang for ever and is left there.
pub(super) struct BoundedReader {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// How much of the piece is taken.
    taken: usize,
    /// Whether anything has come.
    has_begun: bool,
    is_over: bool,
    wait: Wait,
}

impl BoundedReader {
    pub(super) fn new(mut source: impl Read + Send + 'static, wait: Wait) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES);
        thread::Builder::new()
            .name("standard input".to_owned())
            .spawn(move || {
                loop {
                    let mut piece = vec![0; PIECE];
                    let read = source.read(&mut piece).map(|length| {
                        piece.truncate(length);
                        piece
                    });
                    let is_interrupted = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
                    if read.as_ref().is_err_and(is_interrupted) {
                        continue;
                    }
                    let is_last = read.as_ref().map_or(true, Vec::is_empty);
                    if sender.send(read).is_err() || is_last {
                        return;
                    }
                }
            })?;
        Ok(Self {
            pieces,
            piece: Vec::new(),
            taken: 0,
            has_begun: false,
            is_over: false,
            wait,
        })
    }

    /// The next piece, which is empty at the end.
    fn next(&self) -> io::Result<Vec<u8>> {
        let longest = if self.has_begun {
            self.wait.silence
        } else {
            self.wait.first
        };
        let began = Instant::now();
        loop {
            if IS_STOPPED.load(Ordering::Relaxed) {
                return Err(io::Error::other("the run was cancelled"));
            }
            match self.pieces.recv_timeout(GLANCE) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) if began.elapsed() < longest => {}
                Err(RecvTimeoutError::Timeout) => {
                    let what = if self.has_begun { "nothing more" } else { "nothing" };
                    let message = format!("{what} came for {} s", longest.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
            }
        }
    }
}

impl Read for BoundedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() && !self.is_over {
            self.piece = self.next()?;
            self.taken = 0;
            self.has_begun = true;
            self.is_over = self.piece.is_empty();
        }
        let length = (&self.piece[self.taken..]).read(buffer)?;
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Wait = Wait {
        first: Duration::from_millis(60),
        silence: Duration::from_millis(120),
    };

    /// Gives its bytes, and then hangs.
    struct Hanging(&'static [u8]);

    impl Read for Hanging {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                thread::sleep(Duration::from_secs(30));
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn all_bytes_come_in_their_order() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PIECE + 17).collect();
        let mut read = Vec::new();
        let source = io::Cursor::new(bytes.clone());
        BoundedReader::new(source, WAIT)
            .unwrap()
            .read_to_end(&mut read)
            .unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn neither_the_first_byte_nor_the_next_is_waited_for_without_end() {
        for (bytes, expected) in [(&b""[..], "nothing came"), (b"FROM", "nothing more came")] {
            let mut reader = BoundedReader::new(Hanging(bytes), SHORT).unwrap();
            let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
