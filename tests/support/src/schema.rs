//! JSON schemas, of this repository and of others, asked by another program than ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::clients::client;
use crate::process::repository_root;

/// Returns what does not fit `schema`, a path from the repository's root; empty where all fits.
pub fn problems(schema: &str, printed: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("printed.json");
    fs::write(&path, printed.to_string()).unwrap();
    problems_of(schema, &path)
}

/// Returns what a file breaks of the official schema of SARIF 2.1.0; empty where it breaks nothing.
pub fn sarif_problems(path: &Path) -> String {
    let checked = Command::new(client("sarif-kit"))
        .arg("validate")
        .arg(path)
        .output()
        .unwrap();
    if checked.status.success() {
        return String::new();
    }
    let said = [checked.stdout, checked.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// As [`problems`], of a file: JSON, or YAML by its name.
pub fn problems_of(schema: &str, path: &Path) -> String {
    let checked = Command::new(client("check-jsonschema"))
        .arg("--schemafile")
        .arg(repository_root().join(schema))
        .arg(path)
        .output()
        .unwrap();
    if checked.status.success() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        text.contains("Schema validation errors"),
        "{text}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    text
}
