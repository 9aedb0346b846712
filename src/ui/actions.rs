//! GitHub Actions: groups, annotations and masks, all on one stream, because the runner keeps no order between two.

mod relay;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use secrecy::SecretString;

use self::relay::Relay;
use super::color::Palette;
use super::lines::LineBuffer;
use super::redaction::{self, Redaction};
use super::transfers::Transfers;
use super::{Diagnosis, Renderer, words};
use crate::ports::{Reporter, RunEvent, Warning};
use tagship_domain::untrusted::Untrusted;

/// The most bytes of output that wait for their step's turn.
const MAX_WAITING_BYTES: usize = 256 * 1024;
/// The most annotations of a kind that the runner keeps. Source: actions/runner, `ExecutionContext.AddIssue`.
const MAX_WARNINGS: usize = 10;

/// Talks to the runner.
///
/// Groups do not nest, and steps of a build run side by side. So one step streams into its group; the output of the
/// others waits. When too much waits, all of it is shown and the step that wrote last streams on.
pub(super) struct Actions {
    state: Mutex<State>,
    redaction: Arc<Redaction>,
    /// The folder that paths of files begin in, from the runner's workspace.
    folder: PathBuf,
}

struct State {
    relay: Relay,
    steps: BTreeMap<u32, Step>,
    /// Steps that have something to show, in the order in which they began to.
    queue: Vec<u32>,
    active: Option<u32>,
    waiting_bytes: usize,
    warnings: usize,
    transfers: Transfers,
}

#[derive(Default)]
struct Step {
    name: String,
    lines: LineBuffer,
    waiting: Vec<String>,
    ending: Option<String>,
}

impl Actions {
    /// The runner knows files by their paths from its workspace; `folder` is what those of this program begin in there.
    pub(super) fn new(sink: Box<dyn Write + Send>, redaction: Arc<Redaction>, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            state: Mutex::new(State {
                relay: Relay::new(sink),
                steps: BTreeMap::new(),
                queue: Vec::new(),
                active: None,
                waiting_bytes: 0,
                warnings: 0,
                transfers: Transfers::default(),
            }),
            redaction,
        }
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn say(&self, state: &mut State, text: &str) {
        state.relay.say(&self.redaction.apply(text));
    }
}

impl State {
    fn output(&mut self, number: u32, lines: Vec<String>) {
        if lines.is_empty() {
            return;
        }
        if self.active.is_none() {
            self.open(number);
        }
        if self.active == Some(number) {
            for line in lines {
                self.relay.pass_on(&line);
            }
            return;
        }
        self.waiting_bytes += lines.iter().map(|line| line.len() + 1).sum::<usize>();
        self.steps.entry(number).or_default().waiting.extend(lines);
        self.enqueue(number);
        if self.waiting_bytes > MAX_WAITING_BYTES {
            self.close();
            let queue = std::mem::take(&mut self.queue);
            for other in queue.into_iter().filter(|other| *other != number) {
                self.show(other);
                self.close();
            }
            self.show(number);
        }
    }

    fn end(&mut self, number: u32, rest: Option<String>, ending: String) {
        self.output(number, rest.into_iter().collect());
        self.steps.entry(number).or_default().ending = Some(ending);
        if self.active == Some(number) {
            self.close();
            self.next();
        } else if self.active.is_none() {
            self.show(number);
            self.close();
        } else {
            self.enqueue(number);
        }
    }

    fn enqueue(&mut self, number: u32) {
        if !self.queue.contains(&number) {
            self.queue.push(number);
        }
    }

    fn open(&mut self, number: u32) {
        let name = self.steps.entry(number).or_default().name.clone();
        self.relay.command("group", &[], &format!("#{number} {name}"));
        self.active = Some(number);
    }

    fn close(&mut self) {
        let Some(number) = self.active.take() else { return };
        if let Some(ending) = self.steps.get(&number).and_then(|step| step.ending.clone()) {
            self.relay.say(&format!("#{number} {ending}"));
            self.steps.remove(&number);
        }
        self.relay.command("endgroup", &[], "");
    }

    /// Shows what a step has: in a group, which stays open, where there is output.
    fn show(&mut self, number: u32) {
        let Some(step) = self.steps.get_mut(&number) else {
            return;
        };
        let waiting = std::mem::take(&mut step.waiting);
        if waiting.is_empty() {
            if let Some(ending) = &step.ending {
                let line = format!("#{number} {}: {ending}", step.name);
                self.relay.say(&line);
                self.steps.remove(&number);
            }
            return;
        }
        self.open(number);
        for line in waiting {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(line.len() + 1);
            self.relay.pass_on(&line);
        }
    }

    /// After the active step has ended: shows what has ended too, and goes on with the first step that still runs.
    fn next(&mut self) {
        let (ended, running): (Vec<u32>, Vec<u32>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|number| self.steps.get(number).is_none_or(|step| step.ending.is_some()));
        self.queue = running;
        for number in ended {
            self.show(number);
            self.close();
        }
        if !self.queue.is_empty() {
            let first = self.queue.remove(0);
            self.show(first);
        }
    }

    /// Shows everything, and closes the group.
    fn flush(&mut self, redaction: &Redaction) {
        let begun: Vec<_> = self
            .steps
            .iter_mut()
            .filter_map(|(number, step)| Some((*number, step.lines.finish(redaction)?)))
            .collect();
        for (number, line) in begun {
            self.output(number, vec![line]);
        }
        self.close();
        for number in std::mem::take(&mut self.queue) {
            self.show(number);
            self.close();
        }
    }

    fn warn(&mut self, warning: &Warning, redaction: &Redaction, folder: &Path) {
        self.warnings += 1;
        if self.warnings > MAX_WARNINGS {
            let text = format!("warning: {}", words::warning(warning));
            return self.relay.say(&redaction.apply(&text));
        }
        let message = Untrusted::line(&warning.message).to_string();
        let file = warning.file.as_deref().map(|file| folder.join(file));
        self.annotate("warning", &[], file.as_deref(), warning.line, &message, redaction);
    }

    fn annotate(
        &mut self,
        level: &str,
        properties: &[(&str, &str)],
        file: Option<&Path>,
        line: Option<u32>,
        message: &str,
        redaction: &Redaction,
    ) {
        let file = file.map(|file| Untrusted::line(&file.to_string_lossy()).to_string());
        let file = file.as_deref().map(|file| redaction.apply(file));
        let line = line.map(|line| line.to_string());
        let mut properties = properties.to_vec();
        properties.extend(file.as_deref().map(|file| ("file", file)));
        properties.extend(line.as_deref().map(|line| ("line", line)));
        self.relay.command(level, &properties, &redaction.apply(message));
    }
}

impl Reporter for Actions {
    fn mask(&self, secret: &SecretString) {
        self.with(|state| {
            for line in redaction::masks(secret) {
                state.relay.command("add-mask", &[], line);
            }
            self.redaction.add(secret);
        });
    }

    fn event(&self, event: RunEvent<'_>) {
        self.with(|state| match event {
            RunEvent::Stage(stage) => {
                state.flush(&self.redaction);
                self.say(state, &format!("==> {}", words::stage(stage)));
            }
            RunEvent::Note(note) => self.say(state, &Untrusted::line(note).to_string()),
            RunEvent::Block(block) => self.say(state, Untrusted::block(block).to_string().trim_end()),
            RunEvent::Warning(warning) => state.warn(warning, &self.redaction, &self.folder),
            RunEvent::Retry { what, reason, delay } => self.say(state, &words::retry(what, reason, delay)),
            RunEvent::StepStarted { step, name } => {
                let name = Untrusted::line(name).to_string();
                state.steps.entry(step).or_default().name = self.redaction.apply(&name).into_owned();
            }
            RunEvent::StepOutput { step, output } => {
                let buffer = &mut state.steps.entry(step).or_default().lines;
                let lines = buffer.push(output, &self.redaction);
                state.output(step, lines);
            }
            RunEvent::StepFinished { step, outcome } => {
                let buffer = &mut state.steps.entry(step).or_default().lines;
                let rest = buffer.finish(&self.redaction);
                let ending = self.redaction.apply(&words::outcome(outcome)).into_owned();
                state.end(step, rest, ending);
            }
            RunEvent::Progress { what, current, total } => {
                if let Some(line) = state.transfers.moved(what, current, total, Instant::now()) {
                    self.say(state, &line);
                }
            }
            RunEvent::Moved { what } => state.transfers.end(what),
        });
    }
}

impl Renderer for Actions {
    fn finish(&self) {
        self.with(|state| state.flush(&self.redaction));
    }

    fn error(&self, diagnosis: &Diagnosis) {
        self.with(|state| {
            state.flush(&self.redaction);
            self.say(state, &diagnosis.text(Palette::PLAIN));
            let file = diagnosis
                .location()
                .map(|location| self.folder.join(&location.file));
            state.annotate(
                "error",
                &[("title", "Tagship")],
                file.as_deref(),
                diagnosis.location().map(|location| location.line),
                &diagnosis.annotation(),
                &self.redaction,
            );
        });
    }

    fn log(&self, line: &str) {
        self.with(|state| self.say(state, &Untrusted::line(line).to_string()));
    }
}
