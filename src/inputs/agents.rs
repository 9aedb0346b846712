//! The ssh agents that build steps may use.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::PathBuf;

use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, RawInputs, container};
use crate::inputs::Face;
use tagship_domain::untrusted::cleaned;

/// Reads `default`, `ID`, or `ID=SOCKET`.
///
/// Source: docker CLI reference, `docker buildx build --ssh`.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> BTreeMap<String, PathBuf> {
    let mut agents = BTreeMap::new();
    for entry in raw.entries("ssh", problems) {
        let (id, socket) = match entry.text.split_once('=') {
            Some((id, path)) => (id.trim(), Some(paths.resolve(path.trim()))),
            None => (
                entry.text.trim(),
                environment.get("SSH_AUTH_SOCK").map(PathBuf::from),
            ),
        };
        let is_id = !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !is_id {
            let message = format!("`{}` is no name of an agent", cleaned(id));
            problems.add::<()>(
                &entry.origin,
                message,
                "write `default` or `ID=SOCKET`".to_owned(),
            );
            continue;
        }
        let Some(socket) = socket.and_then(|socket| checked(raw, id, socket, &entry, problems)) else {
            if environment.get("SSH_AUTH_SOCK").is_none() && !entry.text.contains('=') {
                let message = format!("agent `{id}` is the one of `SSH_AUTH_SOCK`, which is not set");
                problems.add::<()>(
                    &entry.origin,
                    message,
                    "start an agent, and add the keys to it".to_owned(),
                );
            }
            continue;
        };
        if agents.insert(id.to_owned(), socket).is_some() {
            problems.add::<()>(&entry.origin, format!("agent `{id}` is given twice"), None);
        }
    }
    agents
}

/// The socket, if one is there. Files of keys are an agent's business.
fn checked(
    raw: &RawInputs,
    id: &str,
    socket: PathBuf,
    entry: &InputText,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let problem = match fs::metadata(&socket) {
        Ok(metadata) if metadata.file_type().is_socket() => return Some(socket),
        Ok(_) => "is no socket",
        Err(_) => "is not there",
    };
    let hint = if raw.face() == Face::Action {
        container::HINT
    } else {
        "name the socket of an agent, and give keys to it with `ssh-add`"
    };
    let message = format!("agent `{id}` is at `{}`, which {problem}", socket.display());
    problems.add(&entry.origin, message, hint.to_owned())
}
