//! The crate's own structure: arrows between files go down, floor by floor, and nowhere in a circle.
//!
//! An arrow is a path in a file that leads to another file. A name that a module hands on counts as the file's that
//! defines it; handing on is no arrow. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. What has no floor of its own is used by all, or uses all.
const FLOORS: [&str; 4] = ["state", "services", "faces", "http"];

/// A module's path within the crate; the crate itself has none.
type Module = Vec<String>;

/// The paths in each of the crate's files, tests left out, and whether each is handed on.
struct House(BTreeMap<Module, Vec<(bool, Vec<String>)>>);

impl House {
    fn read() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let pattern = r"(pub(?:\([a-z]+\))? use )?\b([a-z_]+)::([\w:]*(?:\{[^;]*?\};)?)";
        let pattern = regex::Regex::new(pattern).unwrap();
        let mut files = Vec::new();
        collect(&source, &mut files);
        let modules = files.into_iter().filter_map(|path| {
            let name = path.strip_prefix(&source).unwrap().with_extension("");
            let module: Module = name
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            let module = if module == ["lib"] { Module::new() } else { module };
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            (!module.iter().any(|part| part == "tests")).then(|| (module, paths(&pattern, &code)))
        });
        Self(modules.collect())
    }

    /// The files that `module` has arrows to.
    fn arrows(&self, module: &Module) -> BTreeSet<Module> {
        let used = self.0[module]
            .iter()
            .filter(|(handed_on, path)| !(*handed_on && self.is_child(module, &path[0])));
        used.filter_map(|(_, path)| self.resolve(module, path))
            .filter(|target| target != module)
            .collect()
    }

    fn is_child(&self, module: &Module, name: &str) -> bool {
        self.0
            .contains_key(&[module.as_slice(), &[name.to_owned()]].concat())
    }

    /// The module whose file defines what `path`, as written in `module`, leads to; none outside the crate.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (mut here, mut rest) = (module.clone(), path);
        match path[0].as_str() {
            "crate" => (here, rest) = (Module::new(), &path[1..]),
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
            }
            child if self.is_child(module, child) => {}
            _ => return None,
        }
        while let Some(next) = rest.first().filter(|next| self.is_child(&here, next)) {
            here.push(next.clone());
            rest = &rest[1..];
        }
        let Some(name) = rest.first() else {
            return Some(here);
        };
        let mut known = self.0[&here].iter();
        let handed_on = known.find(|(handed_on, path)| *handed_on && path.last() == Some(name));
        match handed_on {
            Some((_, path)) if here != *module => self.resolve(&here, path),
            _ => Some(here),
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// All paths in a file, lists taken apart, and whether each is handed on.
fn paths(pattern: &regex::Regex, code: &str) -> Vec<(bool, Vec<String>)> {
    let found = pattern.captures_iter(code).flat_map(|found| {
        let paths = take_apart(&format!("{}::{}", &found[2], &found[3]));
        let handed_on = found.get(1).is_some();
        paths.into_iter().map(move |path| (handed_on, path))
    });
    found.collect()
}

/// `a::{b, c::{d, self}}` as `a::b`, `a::c::d` and `a::c`.
fn take_apart(text: &str) -> Vec<Vec<String>> {
    let (mut done, mut lists) = (Vec::new(), Vec::new());
    let (mut path, mut name): (Vec<String>, String) = Default::default();
    for character in text.trim_end_matches(';').chars().chain([',']) {
        match character {
            ':' | '{' | '}' | ',' => {
                let part = name.split(" as ").next().unwrap_or_default().trim().to_owned();
                name.clear();
                let is_end = !part.is_empty() && character != ':';
                if !part.is_empty() && part != "self" && part != "*" {
                    path.push(part);
                }
                if character == '{' {
                    lists.push(path.clone());
                } else if is_end {
                    done.push(path.clone());
                }
                if character == '}' {
                    lists.pop();
                }
                if matches!(character, ',' | '}') {
                    path = lists.last().cloned().unwrap_or_default();
                }
            }
            other => name.push(other),
        }
    }
    done
}

#[test]
fn lists_of_paths_are_taken_apart() {
    let paths = take_apart("a::{b, c::{d as e, self}};");
    assert_eq!(
        paths.iter().map(|path| path.join("::")).collect::<Vec<_>>(),
        ["a::b", "a::c::d", "a::c"]
    );
}

#[test]
fn no_files_go_round_in_a_circle() {
    let house = House::read();
    let mut left: BTreeMap<&Module, BTreeSet<Module>> = house
        .0
        .keys()
        .map(|module| (module, house.arrows(module)))
        .collect();
    assert!(
        left.values().map(BTreeSet::len).sum::<usize>() > 400,
        "arrows are found"
    );
    // What has no arrow to anything that is left is in no circle.
    loop {
        let modules: BTreeSet<Module> = left.keys().map(|module| (*module).clone()).collect();
        let before = left.len();
        left.retain(|_, arrows| arrows.iter().any(|target| modules.contains(target)));
        if left.len() == before {
            break;
        }
    }
    // What nothing that is left has an arrow to is in none either.
    loop {
        let targets: BTreeSet<Module> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|module, _| targets.contains(*module));
        if left.len() == before {
            break;
        }
    }
    let circles: Vec<String> = left
        .iter()
        .map(|(module, arrows)| {
            let back = arrows.iter().filter(|target| left.contains_key(target));
            let back: Vec<String> = back.map(|target| target.join("::")).collect();
            format!("{} -> {}", module.join("::"), back.join(", "))
        })
        .collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn arrows_between_floors_go_down() {
    let house = House::read();
    let floor = |module: &Module| {
        FLOORS
            .iter()
            .position(|floor| module.first().is_some_and(|name| name == floor))
    };
    for module in house.0.keys() {
        for target in house.arrows(module) {
            if let (Some(from), Some(to)) = (floor(module), floor(&target)) {
                assert!(from >= to, "{} uses {}", module.join("::"), target.join("::"));
            }
        }
    }
}
