//! Clean lines of bytes that come in any pieces.

use super::redaction::Redaction;
use tagship_domain::untrusted::Untrusted;

/// The most bytes of a line that are held.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Makes clean lines, without secrets, of bytes that come in any pieces.
///
/// A line ends with LF or CR LF. A CR within it starts it anew, as in a terminal: of a progress bar the last state
/// stays. What is no UTF-8 becomes U+FFFD. A line over 16 KiB comes in parts.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    returned: bool,
}

impl LineBuffer {
    /// Takes bytes; gives the lines that are whole now.
    pub(super) fn push(&mut self, bytes: &[u8], redaction: &Redaction) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => lines.push(self.take(redaction)),
                b'\r' => self.returned = true,
                _ => {
                    if std::mem::take(&mut self.returned) {
                        self.bytes.clear();
                    }
                    self.bytes.push(*byte);
                    if self.bytes.len() >= MAX_LINE_BYTES + 2 * redaction.longest() {
                        lines.push(self.take_part(redaction));
                    }
                }
            }
        }
        lines
    }

    /// The line that was begun, if there is one.
    pub(super) fn finish(&mut self, redaction: &Redaction) -> Option<String> {
        (!self.bytes.is_empty()).then(|| self.take(redaction))
    }

    fn take(&mut self, redaction: &Redaction) -> String {
        self.returned = false;
        let line = Untrusted::block(&String::from_utf8_lossy(&std::mem::take(&mut self.bytes))).to_string();
        redaction.apply(&line).into_owned()
    }

    /// Takes what is held, but keeps as much of the end as could be the beginning of a secret.
    fn take_part(&mut self, redaction: &Redaction) -> String {
        let mut part = self.take(redaction);
        let kept = redaction.longest().saturating_sub(1);
        let end = part.floor_char_boundary(part.len().saturating_sub(kept));
        self.bytes = part.split_off(end).into_bytes();
        part
    }
}

/// The line in a form that no runner takes for a command.
///
/// GitHub's `::name::` counts at the start of a line, after white space; its `##[name]` and Azure Pipelines' `##vso[name]`
/// count anywhere.
pub(in crate::ui) fn inert(line: &str) -> String {
    let line = line.replace("##[", "## [").replace("##vso[", "## vso[");
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{180e}' | '\u{200b}');
    let text = line.trim_start_matches(is_blank);
    match text.strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - text.len()]),
        None => line,
    }
}
