//! Patterns of ignore files and path filters are read and matched; none takes more than linear time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tagship_domain::paths::PathFilter;

fuzz_target!(|input: &[u8]| {
    let Some([patterns, path]) = tagship_fuzz::texts(input) else {
        return;
    };
    tagship_fuzz::is_ignored(patterns, path);
    let lines: Vec<&str> = patterns.lines().collect();
    if let Ok(filter) = PathFilter::parse(&lines) {
        filter.contains(path.as_bytes());
    }
});
