//! Which file uses which, and the circles among them.
//!
//! A use counts for the file that defines the item, not for one that passes it on with `pub use`. What a file uses of
//! the modules that it is part of does not count: a module and its parts are one thing to all others.

use super::source::Source;

/// One file as a module.
struct Module {
    path: Vec<String>,
    file: String,
    code: String,
    /// The items that it defines at its top level.
    items: Vec<String>,
    /// What it imports: the name here, and the path. `*` stands for all names.
    imports: Vec<(String, Vec<String>)>,
}

/// The files of a crate and their uses of each other.
pub(crate) struct Files(Vec<Module>);

impl Files {
    /// Reads the files of the crate whose root is `folder`, such as `src`.
    pub(crate) fn read(folder: &str, sources: &[Source]) -> Self {
        let of_library = sources.iter().filter(|source| !source.path.ends_with("/main.rs"));
        Self(of_library.map(|source| Module::read(folder, source)).collect())
    }

    /// Returns the groups of files that need each other, each sorted.
    pub(crate) fn circles(&self) -> Vec<Vec<&str>> {
        let uses: Vec<Vec<usize>> = (0..self.0.len()).map(|from| self.uses(from)).collect();
        let reach: Vec<Vec<bool>> = (0..uses.len()).map(|from| reachable(&uses, from)).collect();
        let mut circles = Vec::new();
        for (from, reached) in reach.iter().enumerate() {
            let circle: Vec<usize> = (0..uses.len())
                .filter(|to| reached[*to] && reach[*to][from])
                .collect();
            if circle.first() == Some(&from) && circle.len() > 1 {
                circles.push(circle.into_iter().map(|at| self.0[at].file.as_str()).collect());
            }
        }
        circles
    }

    /// The files that one uses.
    fn uses(&self, from: usize) -> Vec<usize> {
        let module = &self.0[from];
        let imported = module.imports.iter().map(|(_, path)| path.clone());
        let mut used: Vec<usize> = imported
            .chain(module.inline_paths())
            .filter_map(|path| self.resolve(from, &path, 0))
            .filter(|to| !module.path.starts_with(&self.0[*to].path))
            .filter(|to| *to != from)
            .collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    fn find(&self, path: &[String]) -> Option<usize> {
        self.0.iter().position(|module| module.path == path)
    }

    /// The file that defines what `path` names in a module; `None` outside of the crate.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        if depth > 16 {
            return Some(from);
        }
        let module = &self.0[from];
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return self.walk(self.find(&[])?, rest, depth),
            "self" => return self.walk(from, rest, depth),
            "super" => {
                let (_, parent) = module.path.split_last()?;
                let parent = self.find(parent)?;
                return match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(parent, rest, depth + 1),
                    _ => self.walk(parent, rest, depth),
                };
            }
            _ => {}
        }
        let child = [module.path.as_slice(), std::slice::from_ref(first)].concat();
        let known = self.find(&child).is_some()
            || module.items.contains(first)
            || module
                .imports
                .iter()
                .any(|(name, to)| name == first && to.first() != Some(first));
        if known { self.walk(from, path, depth) } else { None }
    }

    /// Follows the names of a path down from a module.
    fn walk(&self, mut at: usize, path: &[String], depth: usize) -> Option<usize> {
        for (index, name) in path.iter().enumerate() {
            let module = &self.0[at];
            if name == "*" {
                return Some(at);
            }
            let child = [module.path.as_slice(), std::slice::from_ref(name)].concat();
            if let Some(child) = self.find(&child) {
                at = child;
                continue;
            }
            if module.items.contains(name) {
                return Some(at);
            }
            if let Some((_, to)) = module.imports.iter().find(|(here, _)| here == name) {
                let whole = [to.as_slice(), &path[index + 1..]].concat();
                return self.resolve(at, &whole, depth + 1).or(Some(at));
            }
            return Some(at);
        }
        Some(at)
    }
}

impl Module {
    fn read(folder: &str, source: &Source) -> Self {
        let inner = source.path.trim_start_matches(folder).trim_start_matches('/');
        let inner = inner.trim_end_matches(".rs");
        let path = match inner {
            "lib" => Vec::new(),
            inner => inner.split('/').map(str::to_owned).collect(),
        };
        let code = source.code();
        let mut imports = Vec::new();
        for statement in use_statements(&code) {
            expand(&[], statement, &mut imports);
        }
        Self {
            path,
            file: source.path.clone(),
            items: code.lines().filter_map(item).collect(),
            imports,
            code,
        }
    }

    /// The paths that stand in the code itself and begin at the crate, here, above or at an imported module.
    fn inline_paths(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("::") {
            let before = &self.code[..at];
            let start = before
                .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .map_or(0, |start| start + 1);
            let first = &before[start..];
            if first.is_empty() || first.contains(':') || first.starts_with(char::is_uppercase) {
                continue;
            }
            let after = &self.code[start..];
            let end = after
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .unwrap_or(after.len());
            let path = after[..end].trim_end_matches(':').split("::");
            found.push(path.map(str::to_owned).collect());
        }
        found
    }
}

/// The name of the item that a line defines, if it does so at the top level.
fn item(line: &str) -> Option<String> {
    let mut words = line
        .split([' ', '(', '<', ':', ';', '=', '{'])
        .filter(|word| !word.is_empty());
    if line.starts_with(' ') {
        return None;
    }
    let kinds = [
        "fn", "struct", "enum", "trait", "const", "static", "type", "union",
    ];
    let mut is_item = false;
    for word in &mut words {
        match word {
            "pub" | "crate)" | "super)" | "in" | "async" | "unsafe" | "extern" => {}
            word if word.ends_with(')') => {}
            word if kinds.contains(&word) => is_item = true,
            word if is_item => return Some(word.to_owned()),
            _ => return None,
        }
    }
    None
}

/// What stands between `use` and `;`.
fn use_statements(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("use ").filter_map(|(at, _)| {
        let line = code[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        let is_statement = line.is_empty() || (line.starts_with("pub") && !line.contains("fn "));
        let rest = &code[at + 4..];
        is_statement.then(|| &rest[..rest.find(';').unwrap_or(0)])
    })
}

/// Writes out a tree of paths (`a::{b, c::d as e}`).
fn expand(prefix: &[String], tree: &str, imports: &mut Vec<(String, Vec<String>)>) {
    let tree = tree.trim();
    if let Some((path, branches)) = tree.split_once('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(
            path.split("::")
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
        );
        let branches = branches.trim_end().trim_end_matches('}');
        let (mut depth, mut start) = (0, 0);
        for (at, c) in branches.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&prefix, &branches[start..at], imports);
                    start = at + 1;
                }
                _ => {}
            }
        }
        let last = branches[start..].trim();
        let missing = last.matches('{').count() - last.matches('}').count().min(last.matches('{').count());
        expand(&prefix, &format!("{last}{}", "}".repeat(missing)), imports);
        return;
    }
    if tree.is_empty() {
        return;
    }
    let (path, alias) = tree
        .split_once(" as ")
        .map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path: Vec<String> = prefix
        .iter()
        .cloned()
        .chain(path.split("::").map(|name| name.trim().to_owned()))
        .collect();
    if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
        path.pop();
    }
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned());
    imports.push((name.unwrap_or_default(), path));
}

/// Which files one reaches over one use or more.
fn reachable(uses: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut reached = vec![false; uses.len()];
    let mut open = uses[from].clone();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut reached[at], true) {
            open.extend(&uses[at]);
        }
    }
    reached
}
