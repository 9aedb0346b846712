//! A workflow is migrated, whatever it holds, and what comes out is a workflow.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship::migration::{MigrationError, migrate};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(migration) = migrate(text) else { return };
    let again = migrate(&migration.workflow);
    let is_broken = matches!(
        again,
        Err(MigrationError::NotYaml { .. } | MigrationError::NoJobs)
    );
    assert!(!is_broken, "{again:?}\n{}", migration.workflow);
    for note in &migration.notes {
        assert!(!note.to_string().contains(char::is_control), "{note}");
    }
});
