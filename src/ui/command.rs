//! Workflow commands: lines by which a step talks to the runner.
//!
//! Source: actions/runner, `ActionCommand`; actions/toolkit, `packages/core/src/command.ts`.

/// A command line, without the newline.
pub(super) fn command(name: &str, properties: &[(&str, &str)], data: &str) -> String {
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

/// The line in a form that the runner takes for no command.
///
/// `::name::` counts at the start of a line, after white space; `##[name]` counts anywhere.
pub(super) fn inert(line: &str) -> String {
    let line = line.replace("##[", "## [");
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{180e}' | '\u{200b}');
    let text = line.trim_start_matches(is_blank);
    match text.strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - text.len()]),
        None => line,
    }
}
