use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ActionFileError;
use crate::random;

/// An output of the action.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The name.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
}

/// The outputs, as `action.yml` declares them.
///
/// The runner drops a job's output that contains a masked text. Whoever masks the account's id still gets
/// `repository`, `tag` and `digest`, which do not have it.
pub static OUTPUTS: &[Output] = &[
    Output {
        name: "status",
        description: "`published`, `already-published` or `dry-run`; empty when the run failed.",
    },
    Output {
        name: "digest",
        description: "The digest of the image's manifest or index, `sha256:…`.",
    },
    Output {
        name: "image",
        description: "The image by digest: `<registry>/<repository>@<digest>`.",
    },
    Output {
        name: "registry",
        description: "The registry's host.",
    },
    Output {
        name: "repository",
        description: "The repository's name, without the registry.",
    },
    Output {
        name: "tag",
        description: "The release tag, or the commit tag where there is no version.",
    },
    Output {
        name: "tags",
        description: "All tags of the image, one a line.",
    },
    Output {
        name: "version",
        description: "The version, if there is one.",
    },
    Output {
        name: "manifests",
        description: "The digest of each platform's manifest, as a JSON object.",
    },
    Output {
        name: "json",
        description: "The whole report, as JSON.",
    },
];

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
