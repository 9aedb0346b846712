//! Build arguments that the Dockerfile has no use for.

use super::BuildArgs;

/// What every Dockerfile takes without saying so, and what is meant for the frontend.
/// Source: Dockerfile reference, "Predefined ARGs" and "BuildKit built-in build args".
fn is_predefined(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "FTP_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "SOURCE_DATE_EPOCH",
    ];
    let upper = name.to_ascii_uppercase();
    NAMES.contains(&upper.as_str()) || name.starts_with("BUILDKIT_")
}

/// Returns the arguments that no `ARG` of a Dockerfile takes, in the order of their names.
///
/// A line that only looks like an `ARG`, as in a heredoc, counts as one: better no warning than a wrong one.
pub fn unused<'a>(arguments: &'a BuildArgs, dockerfile: &str) -> Vec<&'a str> {
    let joined = dockerfile
        .replace("\\\r\n", " ")
        .replace("\\\n", " ")
        .replace("`\n", " ");
    let mut declared = Vec::new();
    for line in joined.lines() {
        let mut words = line.split_whitespace();
        let is_argument = match words.next() {
            Some(word) if word.eq_ignore_ascii_case("ONBUILD") => {
                words.next().is_some_and(|word| word.eq_ignore_ascii_case("ARG"))
            }
            Some(word) => word.eq_ignore_ascii_case("ARG"),
            None => false,
        };
        if is_argument {
            declared.extend(words.map(|word| word.split('=').next().unwrap_or(word)));
        }
    }
    let is_unused = |name: &&str| !is_predefined(name) && !declared.contains(name);
    arguments.names().filter(is_unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_taken_by_every_form_of_arg() {
        let dockerfile = "ARG BASE=busybox\nFROM $BASE\narg lower\nARG A=1 B=\"x y\"\nARG \\\n  CONTINUED\n\
                          ONBUILD ARG LATER\n# ARG COMMENT\nRUN echo ARG ECHOED\n";
        let names = [
            "BASE",
            "lower",
            "A",
            "B",
            "CONTINUED",
            "LATER",
            "COMMENT",
            "ECHOED",
            "MISSING",
            "a",
            "http_proxy",
            "BUILDKIT_INLINE_CACHE",
            "SOURCE_DATE_EPOCH",
        ];
        let pairs = names.map(|name| (name.to_owned(), String::new()));
        let arguments = BuildArgs::new(pairs.into());
        assert_eq!(
            unused(&arguments, dockerfile),
            ["COMMENT", "ECHOED", "MISSING", "a"]
        );
    }
}
