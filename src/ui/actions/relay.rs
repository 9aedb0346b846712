//! The stream that the runner reads, and whether it obeys what it reads.

use std::io::Write;

use crate::random;
use crate::ui::lines::inert;

/// The stream that the runner reads, and whether it looks for commands in it.
///
/// What others wrote passes between `::stop-commands::<token>` and `::<token>::`, where the runner obeys nothing.
/// Source: GitHub docs, "Workflow commands", "Stopping and starting workflow commands".
pub(super) struct Relay {
    sink: Box<dyn Write + Send>,
    /// The token that makes the runner obey again.
    stopped: Option<String>,
}

impl Relay {
    pub(super) fn new(sink: Box<dyn Write + Send>) -> Self {
        Self { sink, stopped: None }
    }

    /// Prints a line that others wrote.
    pub(super) fn pass_on(&mut self, line: &str) {
        if self.stopped.is_none()
            && let Ok(token) = random::hex::<16>()
        {
            self.print(&command("stop-commands", &[], &token));
            self.stopped = Some(token);
        }
        self.print(&inert(line));
    }

    /// Prints own text, in which there may be words of others.
    pub(super) fn say(&mut self, text: &str) {
        self.resume();
        for line in text.lines() {
            self.print(&inert(line));
        }
    }

    /// Prints a command.
    pub(super) fn command(&mut self, name: &str, properties: &[(&str, &str)], data: &str) {
        self.resume();
        self.print(&command(name, properties, data));
    }

    fn resume(&mut self) {
        if let Some(token) = self.stopped.take() {
            self.print(&format!("::{token}::"));
        }
    }

    /// The reader may be gone.
    fn print(&mut self, line: &str) {
        writeln!(self.sink, "{line}").ok();
    }
}

/// A workflow command, by which a step talks to the runner: one line, without the newline.
///
/// Source: actions/runner, `ActionCommand`; actions/toolkit, `packages/core/src/command.ts`.
fn command(name: &str, properties: &[(&str, &str)], data: &str) -> String {
    let properties = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", escape_property(value)))
        .collect::<Vec<_>>()
        .join(",");
    let separator = if properties.is_empty() { "" } else { " " };
    format!("::{name}{separator}{properties}::{}", escape_data(data))
}

fn escape_data(data: &str) -> String {
    data.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(value: &str) -> String {
    escape_data(value).replace(':', "%3A").replace(',', "%2C")
}
