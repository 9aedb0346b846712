//! What the runner's files take: outputs, the summary of a job, subjects to attest.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};

use super::ActionFileError;
use crate::random;
use crate::report::OUTPUTS;
use tagship_domain::reference::{Digest, ImageName};

/// All outputs in the heredoc form of the file.
///
/// Source: GitHub docs, "Workflow commands", "Multiline strings".
pub(super) fn outputs(values: &BTreeMap<&str, String>) -> Result<String, ActionFileError> {
    let mut block = String::new();
    for output in OUTPUTS {
        let value = values.get(output.name).map_or("", String::as_str);
        push(&mut block, output.name, value)?;
    }
    Ok(block)
}

/// Some outputs in the same form.
pub(super) fn some_outputs(values: &[(&'static str, &str)]) -> Result<String, ActionFileError> {
    let mut block = String::new();
    for (name, value) in values {
        push(&mut block, name, value)?;
    }
    Ok(block)
}

/// Variables in the same form. Source: as above, "Setting an environment variable".
pub(super) fn variables(values: &[(&'static str, SecretString)]) -> Result<String, ActionFileError> {
    let mut block = String::new();
    for (name, value) in values {
        push(&mut block, name, value.expose_secret())?;
    }
    Ok(block)
}

fn push(block: &mut String, name: &'static str, value: &str) -> Result<(), ActionFileError> {
    let token = random::hex::<16>().map_err(ActionFileError::NoRandomness)?;
    let delimiter = format!("ghadelimiter_{token}");
    if value.contains(&delimiter) {
        return Err(ActionFileError::Delimiter { output: name });
    }
    // Writing to a String does not fail.
    let _ = write!(block, "{name}<<{delimiter}\n{value}\n{delimiter}\n");
    Ok(())
}

/// The most bytes that the summary gets. The runner uploads nothing at all of one over 1 MiB.
/// Source: GitHub docs, "Workflow commands", "Job summary limits".
pub(super) const MAX_SUMMARY_BYTES: usize = 900 * 1024;

/// What stands at the end of a summary where the rest was cut off.
const CUT_OFF: &str = "\n\n… cut off, because GitHub shows no summary over 1 MiB\n";

/// The part of `markdown` that fits behind `present` bytes, with a newline at its end.
pub(super) fn summary(markdown: &str, present: u64) -> String {
    let room = MAX_SUMMARY_BYTES.saturating_sub(usize::try_from(present).unwrap_or(usize::MAX));
    if markdown.len() < room {
        let newline = if markdown.ends_with('\n') { "" } else { "\n" };
        return format!("{markdown}{newline}");
    }
    if room < CUT_OFF.len() {
        return String::new();
    }
    let end = markdown.floor_char_boundary(room - CUT_OFF.len());
    format!("{}{CUT_OFF}", &markdown[..end])
}

/// The line that names an image. Source: actions/runner, `ArtifactsFileCommand`: `oci://<name>@<digest>`.
pub(super) fn subject(image: &ImageName, digest: &Digest) -> String {
    format!("oci://{image}@{digest}\n")
}
