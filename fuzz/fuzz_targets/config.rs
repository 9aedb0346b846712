//! `tagship.yaml` is read, whatever it holds, and its problems have places in it; then the inputs are resolved.

#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use tagship::inputs::{Environment, RawArguments, RawInputs, resolve};

fuzz_target!(|input: &[u8]| {
    let Some([file, tags, registry]) = tagship_fuzz::texts(input) else {
        return;
    };
    let config = tagship::config::parse(file);
    // Source: YAML 1.1, section 4.1.4, "Line Break Characters".
    let lines = file
        .matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .count()
        + 2;
    assert!(
        config
            .problems
            .iter()
            .all(|problem| (1..=lines).contains(&problem.line))
    );
    assert!(
        config
            .entries
            .iter()
            .all(|entry| (1..=lines).contains(&entry.line))
    );
    let flags = [("tags", tags), ("registry", registry)].map(|(name, text)| (name, vec![text.to_owned()]));
    let environment = Environment::new([], PathBuf::from("/nonexistent"));
    let raw = RawInputs::gather(RawArguments::by_flags(BTreeMap::from(flags)), &environment);
    resolve(raw, &environment).ok();
});
