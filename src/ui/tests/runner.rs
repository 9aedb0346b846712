//! What the runner makes of a step's stream.
//!
//! Source: actions/runner, `ActionCommand` and `ActionCommandManager`: lines end at LF, CR or CR LF; after white space a
//! line may be `::name properties::data`, else it may hold `##[name properties]data` anywhere; names are
//! case-insensitive; after `stop-commands` only the token counts.

#[derive(Debug, Default)]
pub(super) struct RecordedEvents {
    /// Every command that was obeyed, with its data; masks are apart.
    pub(super) commands: Vec<(String, String)>,
    /// What was masked.
    pub(super) masks: Vec<String>,
    /// Lines that are no commands, and groups as `[group] name`.
    pub(super) log: Vec<String>,
    /// Whether commands are obeyed at the end.
    pub(super) is_obeying: bool,
    /// Whether no group began within another one.
    pub(super) groups_are_flat: bool,
}

const NAMES: [&str; 14] = [
    "debug",
    "notice",
    "warning",
    "error",
    "group",
    "endgroup",
    "add-mask",
    "echo",
    "stop-commands",
    "add-matcher",
    "remove-matcher",
    "set-output",
    "save-state",
    "set-env",
];

pub(super) fn listen(stream: &str) -> RecordedEvents {
    let mut heard = RecordedEvents {
        groups_are_flat: true,
        ..RecordedEvents::default()
    };
    let mut stopped: Option<String> = None;
    let mut is_in_group = false;
    for line in stream.replace("\r\n", "\n").split(['\r', '\n']) {
        let command = second_form(line).or_else(|| first_form(line));
        if let Some(token) = &stopped {
            match &command {
                Some((name, _)) if name == token => stopped = None,
                _ => heard.log.push(line.to_owned()),
            }
            continue;
        }
        let Some((name, data)) = command.filter(|(name, _)| NAMES.contains(&name.as_str())) else {
            if !line.is_empty() {
                heard.log.push(line.to_owned());
            }
            continue;
        };
        match name.as_str() {
            "stop-commands" => {
                assert!(data.len() > 6 && !NAMES.contains(&data.as_str()), "{data}");
                stopped = Some(data.to_ascii_lowercase());
            }
            "add-mask" => heard.masks.push(data.clone()),
            "group" => {
                heard.groups_are_flat &= !is_in_group;
                is_in_group = true;
                heard.log.push(format!("[group] {data}"));
            }
            "endgroup" => {
                is_in_group = false;
                heard.log.push("[endgroup]".to_owned());
            }
            _ => {}
        }
        if name != "add-mask" {
            heard.commands.push((name, data));
        }
    }
    heard.is_obeying = stopped.is_none();
    heard
}

/// `::name properties::data`
fn second_form(line: &str) -> Option<(String, String)> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let name = head.split(' ').next()?.to_ascii_lowercase();
    Some((name, unescape(data)))
}

/// `##[name properties]data`
fn first_form(line: &str) -> Option<(String, String)> {
    let (_, behind) = line.split_once("##[")?;
    let (head, data) = behind.split_once(']')?;
    let name = head.split(' ').next()?.to_ascii_lowercase();
    Some((name, unescape(data)))
}

fn unescape(data: &str) -> String {
    data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}
