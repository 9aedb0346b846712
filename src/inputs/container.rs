//! What the action's container cannot use of the runner's host.
//!
//! Source: actions/runner, `ContainerActionHandler`: the workspace, the runner's temporary folder, a home of the actions'
//! own and the socket at `/var/run/docker.sock` are mounted, and nothing else.

use std::path::Path;

use super::paths::Paths;
use crate::schema::NeedsSetup;

/// What to do instead.
pub(super) const HINT: &str =
    "put the command on the job's PATH with `uses: tagship/tagship/setup@v1`, and run `tagship ship` there";
/// Where the runner mounts the engine's socket.
const SOCKET: &str = "/var/run/docker.sock";

impl NeedsSetup {
    /// Whether the texts of an input name what only the host has.
    pub(super) fn is_needed(self, texts: &[String], paths: &Paths) -> bool {
        let mut lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
        match self {
            Self::Never => false,
            Self::HostProgram => lines.any(|line| matches!(line, "cosign" | "notation")),
            Self::HostProgramIfOn => lines.any(|line| line.eq_ignore_ascii_case("true")),
            Self::HostEngine => lines.any(is_engine_of_host),
            Self::HostBuilder => lines.flat_map(|line| line.split(',')).any(|field| {
                let (key, value) = field.split_once('=').unwrap_or(("", field));
                match key.trim() {
                    "ca" | "cert" | "key" | "config" => paths.is_of_host(value.trim()),
                    _ => is_engine_of_host(value.trim()),
                }
            }),
            Self::HostFile => lines
                .filter_map(named_path)
                .any(|path| !is_address(path) && paths.is_of_host(path)),
            Self::HostFileOfEntry => lines
                .filter_map(|line| line.split_once('='))
                .map(|(_, value)| value.trim())
                .any(|value| !is_address(value) && paths.is_of_host(value)),
        }
    }
}

/// Whether what stands for a folder is an address, which an engine fetches from.
pub(super) fn is_address(value: &str) -> bool {
    value.contains("://") || value.starts_with("git@")
}

fn is_engine_of_host(address: &str) -> bool {
    match address.split_once("://") {
        Some(("ssh", _)) => true,
        Some(("unix", path)) => path != SOCKET && !Path::new(path).exists(),
        _ => false,
    }
}

/// The path of a line that is one, or that is an entry with `src=` or `dest=`.
fn named_path(line: &str) -> Option<&str> {
    if !line.contains('=') {
        return Some(line);
    }
    let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
    fields.find_map(|field| {
        field
            .strip_prefix("src=")
            .or_else(|| field.strip_prefix("dest="))
            .or_else(|| field.strip_prefix("source="))
    })
}
