//! Entries of lists, each read by the domain.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::RawInputs;
use super::problem::Problems;
use super::raw::InputText;
use tagship_domain::untrusted::cleaned;

/// What every entry of a list is.
pub(super) fn each<T, E: Display>(
    raw: &RawInputs,
    input: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    problems: &mut Problems,
) -> Vec<T> {
    let entries = raw.entries(input, problems);
    let mut parsed =
        |(index, entry): (usize, &InputText)| checked(entry, index, parse(&entry.text), problems);
    entries.iter().enumerate().filter_map(&mut parsed).collect()
}

/// What the one line of an input is.
pub(super) fn one<T, E: Display>(
    raw: &RawInputs,
    input: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    problems: &mut Problems,
) -> Option<T> {
    let value = raw.text(input, problems)?;
    problems.check(&value.origin, parse(&value.text), None)
}

/// The value, or what is wrong with its entry, which is counted from `index` 0. Only the entry's beginning is shown: a
/// secret may follow.
pub(super) fn checked<T, E: Display>(
    entry: &InputText,
    index: usize,
    parsed: Result<T, E>,
    problems: &mut Problems,
) -> Option<T> {
    let begin = begin(&entry.text);
    let parsed = parsed.map_err(|error| format!("entry {}, `{}`: {error}", index + 1, cleaned(begin)));
    problems.check(&entry.origin, parsed, None)
}

/// What an entry is called: the name of its first field, with the value where that says what kind it is.
fn begin(entry: &str) -> &str {
    let first = entry.split(',').next().unwrap_or_default();
    match first.split_once('=') {
        Some(("type" | "id", _)) | None => first,
        Some((name, _)) => name,
    }
}

/// Names, one a line or separated by commas, each once.
pub(super) fn names(raw: &RawInputs, input: &str, problems: &mut Problems) -> Vec<InputText> {
    let mut known = BTreeSet::new();
    let mut names = Vec::new();
    for entry in raw.entries(input, problems) {
        let parts = entry.text.split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            if known.insert(part.to_owned()) {
                names.push(InputText {
                    text: part.to_owned(),
                    origin: entry.origin.clone(),
                });
            }
        }
    }
    names
}
