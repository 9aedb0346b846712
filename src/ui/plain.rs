//! Lines on stderr, where nothing can be drawn over.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use secrecy::SecretString;

use super::color::Palette;
use super::groups::Groups;
use super::lines::{LineBuffer, inert};
use super::redaction::Redaction;
use super::transfers::Transfers;
use super::{Diagnosis, Renderer, words};
use crate::ports::{Reporter, RunEvent, Stage};
use tagship_domain::untrusted::Untrusted;

/// Lines on stderr, where nothing can be drawn over. Each line of a build step begins with its number.
pub(super) struct Plain {
    state: Mutex<State>,
    redaction: Arc<Redaction>,
    palette: Palette,
    groups: Groups,
}

struct State {
    sink: Box<dyn Write + Send>,
    /// The stage whose group is open.
    stage: Option<Stage>,
    steps: BTreeMap<u32, LineBuffer>,
    transfers: Transfers,
}

impl Plain {
    pub(super) fn new(
        sink: Box<dyn Write + Send>,
        redaction: Arc<Redaction>,
        palette: Palette,
        groups: Groups,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                sink,
                stage: None,
                steps: BTreeMap::new(),
                transfers: Transfers::default(),
            }),
            redaction,
            palette,
            groups,
        }
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints clean text without secrets, none of which a log takes for a command; the reader may be gone.
    fn print(&self, state: &mut State, text: &str) {
        for line in self.redaction.apply(text).split('\n') {
            writeln!(state.sink, "{}", inert(line)).ok();
        }
    }

    /// Begins the group of a stage, after the end of the one before; `false` where the log does not fold.
    fn begin(&self, state: &mut State, next: Stage) -> bool {
        self.end(state);
        let Some(mark) = self.groups.begin(next) else {
            return false;
        };
        state.stage = Some(next);
        writeln!(state.sink, "{mark}").ok();
        true
    }

    fn end(&self, state: &mut State) {
        let ended = state.stage.take();
        if let Some(mark) = ended.and_then(|ended| self.groups.end(ended)) {
            writeln!(state.sink, "{mark}").ok();
        }
    }

    fn show(&self, state: &mut State, event: &RunEvent<'_>) {
        let Palette { warning, stage, .. } = self.palette;
        let line = match event {
            RunEvent::Stage(part) if self.begin(state, *part) => None,
            RunEvent::Stage(part) => Some(format!("{stage}==> {}{stage:#}", words::stage(*part))),
            RunEvent::Note(note) => Some(Untrusted::line(note).to_string()),
            RunEvent::Block(block) => Some(Untrusted::block(block).to_string().trim_end().to_owned()),
            RunEvent::Warning(about) => {
                Some(format!("{warning}warning:{warning:#} {}", words::warning(about)))
            }
            RunEvent::Retry { what, reason, delay } => Some(words::retry(what, reason, *delay)),
            RunEvent::StepStarted { step, name } => Some(format!("#{step} {}", Untrusted::line(name))),
            RunEvent::StepOutput { step, output } => {
                let lines = state
                    .steps
                    .entry(*step)
                    .or_default()
                    .push(output, &self.redaction);
                for line in lines {
                    self.print(state, &format!("#{step} {line}"));
                }
                None
            }
            RunEvent::StepFinished { step, outcome } => {
                let rest = state
                    .steps
                    .remove(step)
                    .and_then(|mut buffer| buffer.finish(&self.redaction));
                if let Some(line) = rest {
                    self.print(state, &format!("#{step} {line}"));
                }
                Some(format!("#{step} {}", words::outcome(*outcome)))
            }
            RunEvent::Progress { what, current, total } => {
                state.transfers.moved(what, *current, *total, Instant::now())
            }
            RunEvent::Moved { what } => {
                state.transfers.end(what);
                None
            }
        };
        if let Some(line) = line {
            self.print(state, &line);
        }
    }
}

impl Reporter for Plain {
    fn mask(&self, secret: &SecretString) {
        self.redaction.add(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        self.with(|state| self.show(state, &event));
    }
}

impl Renderer for Plain {
    fn finish(&self) {
        self.with(|state| {
            for (step, mut buffer) in std::mem::take(&mut state.steps) {
                if let Some(line) = buffer.finish(&self.redaction) {
                    self.print(state, &format!("#{step} {line}"));
                }
            }
            self.end(state);
        });
    }

    fn error(&self, diagnosis: &Diagnosis) {
        self.finish();
        self.with(|state| {
            if let Some(mark) = self.groups.unfold() {
                writeln!(state.sink, "{mark}").ok();
            }
            self.print(state, &diagnosis.text(self.palette));
        });
    }

    fn log(&self, line: &str) {
        self.with(|state| self.print(state, &Untrusted::line(line).to_string()));
    }
}
