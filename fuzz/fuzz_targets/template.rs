//! Templates are read and filled in, and dates are formatted; nothing grows without bounds.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use tagship_domain::template::{Escape, Template, Zone, format};

fuzz_target!(|input: &[u8]| {
    let Some([source, zone, seconds]) = tagship_fuzz::texts(input) else {
        return;
    };
    let seconds = seconds.trim().parse().unwrap_or_default();
    if let Ok(template) = Template::parse(source) {
        for escape in [Escape::None, Escape::Html, Escape::Tag] {
            let filled = template.fill(escape, |expression| Ok(expression.arguments.concat()));
            assert!(filled.is_err() || filled.is_ok_and(|text| text.len() <= Template::MAX_LENGTH));
        }
    }
    if let (Ok(zone), Ok(time)) = (Zone::named(zone), Timestamp::from_second(seconds)) {
        assert!(format(&zone.at(time), source).len() <= 64 + 64 * source.len());
    }
});
