//! Messages of commits and names of git tags are read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship::domain::bump::Change;
use tagship::domain::version::TagPrefix;

fuzz_target!(|input: &[u8]| {
    Change::read(input);
    let Some([prefix, tag]) = tagship::texts(input) else { return };
    let Ok(prefix) = TagPrefix::parse(prefix) else { return };
    if let Some(version) = prefix.version(tag) {
        assert_eq!(prefix.version(&prefix.tag(&version, Some(tag))), Some(version));
    }
});
