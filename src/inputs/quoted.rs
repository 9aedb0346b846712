//! Lists whose entries have values: one a line, with every blank of the value, or in double quotes over several lines.

/// The entries of a list, without blank lines and indentation.
///
/// An entry that begins with a quote goes to the next one that ends a line; two quotes within stand for one.
/// Source: Docker docs, "Using secrets with GitHub Actions"; RFC 4180, section 2, rules 5 to 7.
pub(super) fn entries(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (entry, after) = quoted(rest).unwrap_or_else(|| {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            (line.strip_suffix('\r').unwrap_or(line).to_owned(), after)
        });
        entries.push(entry);
        rest = after.trim_start();
    }
    entries
}

/// The entry that is in quotes, and what follows it; `None` where no quote ends a line.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut entry = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        entry.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            entry.push('"');
            rest = after;
            continue;
        }
        let (blank, after) = after.split_once('\n').unwrap_or((after, ""));
        return blank.trim().is_empty().then_some((entry, after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_of_a_value_stay_and_quotes_hold_several_lines() {
        for (text, expected) in [
            ("A=1\nB= two  \n\n  C=\t3\t", vec!["A=1", "B= two  ", "C=\t3\t"]),
            ("A=1\r\nB=2\r\n", vec!["A=1", "B=2"]),
            ("\"A=1, 2\"", vec!["A=1, 2"]),
            ("\"KEY=one\ntwo\n\"\nB=2", vec!["KEY=one\ntwo\n", "B=2"]),
            ("\"A=\"\"x\"\"\"  \nB=2", vec!["A=\"x\"", "B=2"]),
            ("A=\"x\"", vec!["A=\"x\""]),
            ("\"A=open\nB=2", vec!["\"A=open", "B=2"]),
            ("\"A\"=1", vec!["\"A\"=1"]),
            (" \n ", vec![]),
        ] {
            assert_eq!(entries(text), expected, "{text:?}");
        }
    }
}
