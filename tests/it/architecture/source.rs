//! Source files as text, with just enough understanding of Rust to tell code from comments and tests.

use std::fs;
use std::path::Path;

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path from the package's root, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

/// The product's Rust files under a folder of the package: those of modules that only tests have are left out.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut found = all_sources(folder);
    let for_tests: Vec<String> = found.iter().flat_map(Source::modules_for_tests).collect();
    let is_for_tests = |source: &Source| {
        let path = source.path.trim_end_matches(".rs");
        let mut modules = for_tests.iter();
        modules.any(|module| path == module || path.starts_with(&format!("{module}/")))
    };
    found.retain(|source| !is_for_tests(source));
    found
}

/// All Rust files under a folder of the package.
pub(crate) fn all_sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it is in the package");
                found.push(Source {
                    path: name.to_string_lossy().into_owned(),
                    text: fs::read_to_string(&path).expect("the file can be read"),
                });
            }
        }
    }
    assert!(!found.is_empty(), "`{folder}` has no source files");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// The module of the root that the file belongs to.
    pub(crate) fn module(&self) -> &str {
        let name = self.path.split('/').nth(1).unwrap_or(&self.path);
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// How many lines it has without tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        self.before_tests().lines().count()
    }

    /// The modules in files of their own that the file declares for tests alone, as paths without `.rs`.
    pub(crate) fn modules_for_tests(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs");
        let folder = match path {
            path if path.ends_with("/lib") || path.ends_with("/main") => {
                path.rsplit_once('/').map_or(path, |(folder, _)| folder)
            }
            path => path,
        };
        let after = self.text.split("#[cfg(test)]\n").skip(1);
        after
            .filter_map(|text| {
                let declaration = text.lines().next()?.strip_suffix(';')?;
                let (_, name) = declaration.split_once("mod ")?;
                Some(format!("{folder}/{name}"))
            })
            .collect()
    }

    /// The modules in files of their own that the file declares, as paths without `.rs`.
    pub(crate) fn declared_modules(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs");
        let is_top = path.ends_with("/main") || path.ends_with("/lib");
        let folder = path
            .rsplit_once('/')
            .filter(|_| is_top)
            .map_or(path, |(folder, _)| folder);
        let lines = self.text.lines().filter_map(|line| line.trim().strip_suffix(';'));
        let names = lines.filter_map(|line| {
            line.split_once("mod ")
                .filter(|(before, _)| before.is_empty() || before.starts_with("pub"))
        });
        names.map(|(_, name)| format!("{folder}/{name}")).collect()
    }

    /// The code, without comments and tests.
    pub(crate) fn code(&self) -> String {
        let lines = self.before_tests().lines();
        lines
            .map(|line| match line.find("//") {
                Some(0) => "",
                Some(at) if line[..at].ends_with(' ') => &line[..at],
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The paths, from the crate's root, of everything of this crate that the code names.
    pub(crate) fn used_from_root(&self) -> Vec<String> {
        let code = self.code();
        // `src/a.rs` reaches the root by one `super`, `src/a/b.rs` by two.
        let to_root = "super::".repeat(self.path.split('/').count() - 1);
        let mut used = Vec::new();
        for root in ["crate::", &to_root] {
            for (at, _) in code.match_indices(root) {
                let starts = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
                if starts {
                    expand("", &code[at + root.len()..], &mut used);
                }
            }
        }
        used.sort();
        used.dedup();
        used
    }

    fn before_tests(&self) -> &str {
        let tests = self.text.find("#[cfg(test)]\nmod tests {");
        &self.text[..tests.unwrap_or(self.text.len())]
    }
}

/// Writes out a path or a tree of paths (`a::{b, c::d}`) at the start of `text`; gives how much of it that is.
fn expand(prefix: &str, text: &str, used: &mut Vec<String>) -> usize {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let length = text.find(|c| !is_path(c)).unwrap_or(text.len());
    let path = format!("{prefix}{}", &text[..length]);
    if !text[length..].starts_with('{') {
        used.push(path.trim_end_matches(':').to_owned());
        return length;
    }
    let mut at = length + 1;
    while let Some(next) = text[at..].chars().next() {
        if next == '}' {
            return at + 1;
        }
        at += if is_path(next) {
            expand(&path, &text[at..], used)
        } else {
            next.len_utf8()
        };
    }
    at
}
