//! What is known of one step: its output, and the end of it for a failure.

use std::collections::BTreeMap;

use bollard_buildkit_proto::google::protobuf::Timestamp;

use super::tail::Tail;
use crate::event::{BuildEvent, ProgressSink};
use tagship_domain::build::BuildArgs;

/// The most bytes of one piece of a step's output.
const PIECE_BYTES: usize = 32 * 1024;

/// A step of a build.
pub(super) struct Step {
    pub(super) number: u32,
    pub(super) name: String,
    /// The first time that BuildKit worked on it: it may put a step aside and come back to it.
    pub(super) started: Option<Timestamp>,
    pub(super) finished: bool,
    /// Of a step whose failure fails the build.
    pub(super) error: Option<String>,
    pub(super) tail: Tail,
    /// By stream: the end of its output that may begin a build argument's value.
    held: BTreeMap<i64, Vec<u8>>,
}

impl Step {
    /// A step that has said nothing yet.
    pub(super) fn new(number: u32, name: &str) -> Self {
        Self {
            number,
            name: name.to_owned(),
            started: None,
            finished: false,
            error: None,
            tail: Tail::default(),
            held: BTreeMap::new(),
        }
    }

    /// Shows a piece of the output, up to what may begin a build argument's value; after the step's end all of it.
    pub(super) fn output(
        &mut self,
        stream: i64,
        piece: &[u8],
        build_args: &BuildArgs,
        sink: &dyn ProgressSink,
    ) {
        let mut bytes = self.held.remove(&stream).unwrap_or_default();
        bytes.extend_from_slice(piece);
        let (shown, held) = build_args.redact_stream(&bytes, self.finished);
        if !held.is_empty() {
            self.held.insert(stream, held);
        }
        self.show(&shown, sink);
    }

    /// Shows what is held.
    pub(super) fn release(&mut self, build_args: &BuildArgs, sink: &dyn ProgressSink) {
        for held in std::mem::take(&mut self.held).into_values() {
            self.show(&build_args.redact_stream(&held, true).0, sink);
        }
    }

    fn show(&mut self, bytes: &[u8], sink: &dyn ProgressSink) {
        for piece in bytes.chunks(PIECE_BYTES) {
            sink.event(BuildEvent::StepOutput {
                step: self.number,
                output: piece,
            });
        }
        self.tail.push(bytes);
    }

    /// The last lines of the output.
    pub(super) fn last_lines(&self, build_args: &BuildArgs) -> Vec<String> {
        let mut tail = self.tail.clone();
        for held in self.held.values() {
            tail.push(&build_args.redact_stream(held, true).0);
        }
        tail.lines()
    }
}
