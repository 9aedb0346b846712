use std::io::Write;

use crate::random;
use crate::ui::command;

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
            && let Some(token) = random::hex_token()
        {
            self.print(&command::command("stop-commands", &[], &token));
            self.stopped = Some(token);
        }
        self.print(&command::inert(line));
    }

    /// Prints own text, in which there may be words of others.
    pub(super) fn say(&mut self, text: &str) {
        self.resume();
        for line in text.lines() {
            self.print(&command::inert(line));
        }
    }

    /// Prints a command.
    pub(super) fn command(&mut self, name: &str, properties: &[(&str, &str)], data: &str) {
        self.resume();
        self.print(&command::command(name, properties, data));
    }

    fn resume(&mut self) {
        if let Some(token) = self.stopped.take() {
            self.print(&format!("::{token}::"));
        }
    }

    /// Nobody may be listening any more.
    fn print(&mut self, line: &str) {
        writeln!(self.sink, "{line}").ok();
    }
}
