//! Lines of `key=value` pairs, as `docker buildx` takes them.

use std::collections::BTreeMap;

use super::invalid::InvalidOption;

/// Reads one line of comma-separated `key=value` pairs; no key stands twice.
///
/// A pair in double quotes may hold commas; `""` stands for a quote in it.
/// Source: RFC 4180; buildx, `util/buildflags`, which reads such lines with Go's `encoding/csv`.
pub(super) fn attributes(line: &str) -> Result<BTreeMap<String, String>, InvalidOption> {
    let mut attributes = BTreeMap::new();
    for field in fields(line)? {
        let (key, value) = field
            .split_once('=')
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .filter(|(key, _)| !key.is_empty())
            .ok_or(InvalidOption::NotAttributes)?;
        if attributes.contains_key(&key) {
            return Err(InvalidOption::RepeatedKey { key });
        }
        attributes.insert(key, value);
    }
    Ok(attributes)
}

fn fields(line: &str) -> Result<Vec<String>, InvalidOption> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let field;
        (field, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_field(quoted)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, rest) = rest.split_at(end);
            if field.contains('"') {
                return Err(InvalidOption::Quotes);
            }
            (field.to_owned(), rest)
        };
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// Reads up to the closing quote; what follows it begins with a comma or is empty.
fn quoted_field(mut rest: &str) -> Result<(String, &str), InvalidOption> {
    let mut field = String::new();
    loop {
        let end = rest.find('"').ok_or(InvalidOption::Quotes)?;
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if let Some(next) = rest.strip_prefix('"') {
            field.push('"');
            rest = next;
        } else if rest.is_empty() || rest.starts_with(',') {
            return Ok((field, rest));
        } else {
            return Err(InvalidOption::Quotes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Result<Vec<(String, String)>, InvalidOption> {
        attributes(line).map(|attributes| attributes.into_iter().collect())
    }

    #[test]
    fn pairs_are_read_as_go_reads_them() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs("b=2,a=1").unwrap(), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(
            pairs(r#"a=x=y,"b=1,""2""",c="#).unwrap(),
            [pair("a", "x=y"), pair("b", "1,\"2\""), pair("c", "")]
        );
        for line in ["", "a", "a=1,", ",a=1", "=1"] {
            assert_eq!(pairs(line), Err(InvalidOption::NotAttributes), "{line}");
        }
        for line in [r#""a=1"#, r#""a=1"b"#, r#"a="1""#] {
            assert_eq!(pairs(line), Err(InvalidOption::Quotes), "{line}");
        }
        let key = "a".to_owned();
        assert_eq!(pairs("a=1,a=2"), Err(InvalidOption::RepeatedKey { key }));
    }
}
