//! Comments, messages and documents do without the words that make a sentence hard to read (`docs/style.md`).

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

const REFUSED: &str = r"(?i)\b(whom|nobody|somebody|told|tells|(can|could|to) (not )?be had|cannot be had|it is said|(is|are) silent)\b";

/// Every file under a folder with one of the extensions, without tests and what is generated.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("the folder can be read") {
            let entry = entry.expect("the entry can be read");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                if !path.ends_with("/tests") {
                    folders.push(path);
                }
            } else if path.ends_with(extension) && !path.ends_with("/tests.rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// What people read of a line of Rust: its comment, and its texts.
fn prose(line: &str) -> String {
    static TEXTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""(?:[^"\\]|\\.)*"|//.*"#).unwrap());
    let found: Vec<&str> = TEXTS.find_iter(line).map(|text| text.as_str()).collect();
    found.join(" ")
}

#[test]
fn texts_are_plain() {
    let refused = Regex::new(REFUSED).unwrap();
    let mut problems = Vec::new();
    let mut check = |path: &str, prose: &dyn Fn(&str) -> String| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = refused.find(&prose(line)) {
                problems.push(format!("{path}:{}: `{}`", number + 1, word.as_str()));
            }
        }
    };
    for path in ["src", "crates"]
        .into_iter()
        .flat_map(|folder| files(folder, ".rs"))
    {
        check(&path, &prose);
    }
    let documents = files("docs", ".md")
        .into_iter()
        .filter(|path| path != "docs/style.md");
    for path in documents.chain(["README.md", "CONTRIBUTING.md"].map(str::to_owned)) {
        check(&path, &str::to_owned);
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_refused_word_is_found_in_comments_and_texts_alone() {
    let refused = Regex::new(REFUSED).unwrap();
    for line in [
        "/// Whom it is for.",
        "    error(\"nobody answers\"); // why",
        "// The tag cannot be had.",
    ] {
        assert!(refused.is_match(&prose(line)), "{line}");
    }
    for line in ["let told = nobody();", "// The tag is taken."] {
        assert!(!refused.is_match(&prose(line)), "{line}");
    }
}
