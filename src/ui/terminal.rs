//! Live lines in a terminal.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use secrecy::SecretString;

use super::color::Palette;
use super::lines::LineBuffer;
use super::redaction::Redaction;
use super::{Diagnosis, Renderer, words};
use crate::ports::{Reporter, RunEvent, StepOutcome};
use tagship_domain::untrusted::Untrusted;

/// The most lines that live at a time; what goes on beyond them shows when it ends.
const MAX_LIVE_LINES: usize = 8;
/// The most characters of a name on a live line.
const MAX_NAME: usize = 60;
const TICK: Duration = Duration::from_millis(120);

/// Live lines on stderr: one for each running build step and transfer, and a lasting one for what has ended.
pub(super) struct Terminal {
    screen: MultiProgress,
    state: Mutex<State>,
    redaction: Arc<Redaction>,
    palette: Palette,
}

#[derive(Default)]
struct State {
    steps: BTreeMap<u32, Step>,
    transfers: BTreeMap<String, ProgressBar>,
}

struct Step {
    name: String,
    lines: LineBuffer,
    live: Option<ProgressBar>,
}

impl State {
    fn live_lines(&self) -> usize {
        let steps = self.steps.values().filter(|step| step.live.is_some()).count();
        steps + self.transfers.len()
    }

    fn has_room(&self) -> bool {
        self.live_lines() < MAX_LIVE_LINES
    }

    fn end_transfer(&mut self, name: &str) {
        if let Some(bar) = self.transfers.remove(name) {
            bar.finish_and_clear();
        }
    }
}

impl Terminal {
    /// Draws on `screen`, whose width each live line keeps to.
    pub(super) fn new(screen: MultiProgress, redaction: Arc<Redaction>, palette: Palette) -> Self {
        Self {
            screen,
            state: Mutex::default(),
            redaction,
            palette,
        }
    }

    #[cfg(test)]
    pub(super) fn live_lines(&self) -> usize {
        self.state.lock().map_or(0, |state| state.live_lines())
    }

    fn with(&self, act: impl FnOnce(&mut State)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints clean lasting text above the live lines.
    fn print(&self, text: &str) {
        self.screen.println(self.redaction.apply(text)).ok();
    }

    fn live(&self, template: &str, length: Option<u64>) -> ProgressBar {
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let style = style.with_key("moved", write_moved);
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.screen.add(bar.with_style(style));
        bar.enable_steady_tick(TICK);
        bar
    }

    fn start_step(&self, state: &mut State, step: u32, name: &str) {
        let name = self
            .redaction
            .apply(&Untrusted::line(name).to_string())
            .into_owned();
        let live = state.has_room().then(|| {
            let bar = self.live("{spinner} {elapsed:>4} {wide_msg}", None);
            bar.set_message(short(&name));
            bar
        });
        let started = Step {
            name,
            lines: LineBuffer::default(),
            live,
        };
        if let Some(bar) = state.steps.insert(step, started).and_then(|step| step.live) {
            bar.finish_and_clear();
        }
    }

    fn end_step(&self, state: &mut State, number: u32, outcome: StepOutcome<'_>) {
        let Some(step) = state.steps.remove(&number) else {
            return;
        };
        if let Some(bar) = step.live {
            bar.finish_and_clear();
        }
        let Palette { error, faint, .. } = self.palette;
        let style = if matches!(outcome, StepOutcome::Failed(_)) {
            error
        } else {
            faint
        };
        self.print(&format!(
            "{} {style}{}{style:#}",
            step.name,
            words::outcome(outcome)
        ));
    }

    fn transfer(&self, state: &mut State, what: &str, current: u64, total: Option<u64>) {
        let name = Untrusted::line(what).to_string();
        if total == Some(current) {
            state.end_transfer(&name);
            return self.print(&words::moved(what, current));
        }
        if !state.transfers.contains_key(&name) {
            if !state.has_room() {
                return;
            }
            let template = match total {
                Some(_) => "{spinner} {wide_msg} {moved}",
                None => "{spinner} {wide_msg} {bytes} {bytes_per_sec}",
            };
            let bar = self.live(template, total);
            bar.set_message(short(&name));
            state.transfers.insert(name.clone(), bar);
        }
        if let Some(bar) = state.transfers.get(&name) {
            bar.set_position(current);
        }
    }
}

/// Writes what of a transfer has moved, and how fast and how long it goes on, once something has: in the 38 columns that the narrowest
/// terminals have for it.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn write_moved(progress: &ProgressState, to: &mut dyn fmt::Write) {
    let total = progress.len().unwrap_or_default() as f64;
    let unit = words::unit(total);
    let (moved, total) = (
        words::in_unit(progress.pos() as f64, unit),
        words::in_unit(total, unit),
    );
    // A key has no way to fail, and a text takes all.
    write!(to, "{moved}/{total} {}", unit.0).ok();
    let rate = progress.per_sec();
    if rate > 0.0 {
        let unit = words::unit(rate);
        let left = words::left_over(progress.eta().as_secs());
        write!(to, " {} {}/s {left}", words::in_unit(rate, unit), unit.0).ok();
    }
}

/// A name that leaves room for more beside it.
fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

impl Reporter for Terminal {
    fn mask(&self, secret: &SecretString) {
        self.redaction.add(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        let Palette { warning, stage, .. } = self.palette;
        self.with(|state| match event {
            RunEvent::Stage(part) => self.print(&format!("{stage}{}{stage:#}", words::stage(part))),
            RunEvent::Note(note) => self.print(&Untrusted::line(note).to_string()),
            RunEvent::Block(block) => self.print(Untrusted::block(block).to_string().trim_end()),
            RunEvent::Warning(about) => {
                self.print(&format!("{warning}warning:{warning:#} {}", words::warning(about)));
            }
            RunEvent::Retry { what, reason, delay } => self.print(&words::retry(what, reason, delay)),
            RunEvent::StepStarted { step, name } => self.start_step(state, step, name),
            RunEvent::StepOutput { step, output } => {
                let Some(step) = state.steps.get_mut(&step) else {
                    return;
                };
                let last = step
                    .lines
                    .push(output, &self.redaction)
                    .into_iter()
                    .rfind(|line| !line.trim().is_empty());
                if let (Some(bar), Some(line)) = (&step.live, last) {
                    bar.set_message(format!("{}  {}", short(&step.name), line.trim()));
                }
            }
            RunEvent::StepFinished { step, outcome } => self.end_step(state, step, outcome),
            RunEvent::Progress { what, current, total } => self.transfer(state, what, current, total),
            RunEvent::Moved { what } => state.end_transfer(&Untrusted::line(what).to_string()),
        });
    }
}

impl Renderer for Terminal {
    fn finish(&self) {
        self.with(|state| {
            for bar in std::mem::take(&mut state.transfers).into_values() {
                bar.finish_and_clear();
            }
            for step in std::mem::take(&mut state.steps).into_values() {
                if let Some(bar) = step.live {
                    bar.finish_and_clear();
                }
            }
        });
    }

    fn error(&self, diagnosis: &Diagnosis) {
        self.finish();
        self.print(&diagnosis.text(self.palette));
    }

    fn log(&self, line: &str) {
        self.print(&Untrusted::line(line).to_string());
    }
}
