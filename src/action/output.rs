use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ActionFileError;
use crate::random;
use crate::report::OUTPUTS;

/// All outputs in the heredoc form of the file.
///
/// Source: GitHub docs, "Workflow commands", "Multiline strings".
pub(super) fn block(values: &BTreeMap<&str, String>) -> Result<String, ActionFileError> {
    let mut block = String::new();
    for output in OUTPUTS {
        let value = values.get(output.name).map_or("", String::as_str);
        let token = random::hex_token().ok_or(ActionFileError::NoRandomness)?;
        let delimiter = format!("ghadelimiter_{token}");
        if value.contains(&delimiter) {
            return Err(ActionFileError::Delimiter { output: output.name });
        }
        // Writing to a String does not fail.
        let _ = write!(block, "{}<<{delimiter}\n{value}\n{delimiter}\n", output.name);
    }
    Ok(block)
}
