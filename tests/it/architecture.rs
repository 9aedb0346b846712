//! The architecture, read from the source tree: which crate, module and file may use which, what may touch the world, how
//! long a file may be.

mod circles;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use circles::Files;
use source::Source;
pub(crate) use source::{all_sources, sources};

/// The crates of the workspace that a crate may depend on. `docs/architecture.md` says why.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/tagship-domain", &[]),
    ("crates/buildkit-session", &["tagship-domain"]),
    ("crates/oci-registry", &["tagship-domain"]),
    ("crates/ecr-local", &["tagship-domain"]),
    (
        ".",
        &["buildkit-session", "ecr-local", "oci-registry", "tagship-domain"],
    ),
];

/// For each module of the crate's root: the other modules that it may use, whole or by one item.
///
/// Data flows one way (`src/lib.rs`); adapters are put behind ports by `run` alone.
const MAY_USE: &[(&str, &str)] = &[
    ("random", ""),
    ("limits", ""),
    ("regular_file", ""),
    ("network", "regular_file"),
    ("ports", ""),
    ("settings", ""),
    ("schema", ""),
    // The fronts.
    ("action", "inputs random regular_file report::OUTPUTS"),
    (
        "cli",
        "action inputs network pipeline::Ledger ports run schema settings ui",
    ),
    ("config", "regular_file schema"),
    // Workflows are read within the bounds of the file of inputs.
    ("migration", "config schema"),
    ("inputs", "config limits network regular_file schema settings"),
    ("report", "ports"),
    ("ui", "clock inputs::Environment ports random report"),
    // The transaction. Reading an image back is part of it, and needs nothing but the port.
    ("pipeline", "limits ports report"),
    // The adapters.
    ("aws", "limits network ports random regular_file settings"),
    ("clock", "ports"),
    ("engine", "limits ports regular_file"),
    ("git", "network ports"),
    ("git_remote", "limits ports"),
    ("github", "limits network ports settings"),
    ("logins", "limits ports regular_file settings"),
    ("signing", "limits ports settings"),
    ("soci", "limits ports"),
    ("webhooks", "limits network ports random"),
    ("registry", "network ports"),
];

/// The modules that put everything together.
const ASSEMBLY: [&str; 3] = ["main", "lib", "run"];

/// Text that only these modules may hold, and why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        "std::env",
        &["action", "cli", "inputs", "main"],
        "the environment is an input",
    ),
    (
        "env::var",
        &["action", "cli", "inputs", "main"],
        "the environment is an input",
    ),
    ("println!", &["ui"], "one module prints"),
    ("print!", &["ui"], "one module prints"),
    ("stdout()", &["ui"], "one module prints"),
    ("stderr()", &["ui"], "one module prints"),
    ("SystemTime::now", &["clock"], "the time is a port"),
    ("Timestamp::now", &["clock"], "the time is a port"),
    ("Zoned::now", &["clock"], "the time is a port"),
    (
        "process::exit",
        &["cli", "ui"],
        "`main` returns its exit code, unless it panicked or has to end twice",
    ),
];

/// What the domain may not touch: it decides, and does nothing.
const NOT_IN_DOMAIN: &[&str] = &[
    "async ",
    ".await",
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "std::thread",
    "Instant",
    "tokio",
    "futures",
    "reqwest",
    "hyper",
    "bollard",
    "gix",
    "aws_config",
    "aws_sdk",
    "axum",
    "tracing",
];

/// The most lines of a file, without tests.
const LONGEST: usize = 350;

/// A file of fewer lines is short, and there are fewer than [`MOST_SHORT`], besides fronts (`lib.rs`, `main.rs`, files
/// beside the folder of their parts).
const SHORT: usize = 40;
const MOST_SHORT: usize = 10;

#[test]
fn every_module_uses_only_what_lies_before_it() {
    fail_on(sources("src").iter().flat_map(forbidden_uses));
}

#[test]
fn the_world_is_touched_only_where_it_belongs() {
    fail_on(sources("src").iter().flat_map(misplaced));
    fail_on(sources("crates/tagship-domain/src").iter().flat_map(misplaced));
}

#[test]
fn no_file_is_too_long() {
    for folder in product_folders() {
        fail_on(sources(&folder).iter().filter_map(too_long));
    }
}

#[test]
fn a_module_is_a_file_beside_its_folder() {
    let folders = product_folders()
        .into_iter()
        .flat_map(|folder| sources(&folder))
        .filter(|source| source.path.ends_with("/mod.rs"));
    fail_on(folders.map(|source| format!("`{}` should be a file beside its folder", source.path)));
}

#[test]
fn crates_depend_on_those_below_only() {
    let crates: BTreeSet<&str> = ARROWS
        .iter()
        .filter_map(|(folder, _)| folder.strip_prefix("crates/"))
        .collect();
    for (folder, allowed) in ARROWS {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("the manifest can be read");
        let used = dependencies(&manifest).filter(|name| crates.contains(name));
        assert_eq!(used.collect::<Vec<_>>(), *allowed, "{folder}");
    }
}

#[test]
fn modules_form_no_circle() {
    let sources = sources("src");
    let modules: BTreeSet<&str> = sources.iter().map(Source::module).collect();
    let mut uses: Vec<(&str, String)> = Vec::new();
    for source in &sources {
        let paths = source.used_from_root();
        let names = paths.iter().filter_map(|path| path.split("::").next());
        uses.extend(names.map(|name| (source.module(), name.to_owned())));
    }
    // Takes away, again and again, what uses nothing that is left; a circle remains.
    let mut left: BTreeSet<&str> = modules.clone();
    loop {
        let needs = |module: &str| {
            uses.iter()
                .any(|(from, to)| *from == module && to != module && left.contains(to.as_str()))
        };
        let free: Vec<&str> = left.iter().copied().filter(|module| !needs(module)).collect();
        if free.is_empty() {
            break;
        }
        for module in free {
            left.remove(module);
        }
    }
    assert!(left.is_empty(), "these modules need each other: {left:?}");
}

#[test]
fn files_form_no_circle() {
    for folder in product_folders() {
        let sources = sources(&folder);
        let files = Files::read(&folder, &sources);
        let circles = files.circles();
        assert!(circles.is_empty(), "circles in {folder}: {circles:#?}");
    }
}

#[test]
fn few_files_are_short() {
    let short: Vec<String> = product_folders()
        .into_iter()
        .flat_map(|folder| {
            let sources = sources(&folder);
            let fronts: BTreeSet<String> = sources
                .iter()
                .filter_map(|source| Some(format!("{}.rs", source.path.rsplit_once('/')?.0)))
                .collect();
            let is_front =
                |path: &str| path.ends_with("/lib.rs") || path.ends_with("/main.rs") || fronts.contains(path);
            let short = sources
                .into_iter()
                .filter(|source| !is_front(&source.path) && source.lines_without_tests() < SHORT);
            short.map(|source| source.path).collect::<Vec<_>>()
        })
        .collect();
    assert!(short.len() < MOST_SHORT, "{}: {short:#?}", short.len());
}

#[test]
fn no_file_is_forgotten() {
    let roots = crate_roots();
    for known in [
        "src",
        "crates/ecr-local/tests/it",
        "tests/engines",
        "tests/support/src",
    ] {
        assert!(roots.iter().any(|root| root == known), "{known}: {roots:?}");
    }
    for root in roots {
        let sources = all_sources(&root);
        let declared: BTreeSet<String> = sources.iter().flat_map(Source::declared_modules).collect();
        let tops = ["main.rs", "lib.rs"].map(|name| format!("{root}/{name}"));
        let forgotten = sources.iter().filter(|source| {
            !tops.contains(&source.path) && !declared.contains(source.path.trim_end_matches(".rs"))
        });
        fail_on(forgotten.map(|source| format!("`{}` is declared by no `mod`", source.path)));
    }
}

#[test]
fn every_file_says_what_it_is() {
    let silent = crate_roots()
        .into_iter()
        .flat_map(|root| all_sources(&root))
        .filter(|source| !source.text.starts_with("//!"));
    fail_on(silent.map(|source| format!("`{}` does not begin with `//!`", source.path)));
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for folder in product_folders() {
        let package = folder.strip_suffix("src").expect("a product folder is `src`");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{package}Cargo.toml"));
        let manifest = fs::read_to_string(path).expect("the manifest can be read");
        let code: String = sources(&folder).iter().map(Source::code).collect();
        let names = dependencies(&manifest).filter(|name| !uses(&code, &name.replace('-', "_")));
        unused.extend(names.map(|name| format!("`{package}Cargo.toml` needs no `{name}`")));
    }
    fail_on(unused);
}

/// Whether a word stands in the code.
fn uses(code: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(is_part) && !code[at + name.len()..].starts_with(is_part))
}

/// The folders of the product's code.
fn product_folders() -> Vec<String> {
    let is_beside = |folder: &String| folder.split('/').any(|part| matches!(part, "examples" | "tests"));
    crate_roots()
        .into_iter()
        .filter(|folder| !is_beside(folder))
        .collect()
}

/// Every folder in the workspace that begins a crate, of the product or of tests: it has a `lib.rs` or a `main.rs`.
fn crate_roots() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        if !folder.is_empty() && ["lib.rs", "main.rs"].iter().any(|name| path.join(name).exists()) {
            found.push(folder);
            continue;
        }
        for entry in fs::read_dir(path).expect("the folder can be read") {
            let entry = entry.expect("the entry can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_source = !name.starts_with('.') && name != "target" && name != "fuzz";
            if is_source && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(format!("{folder}/{name}").trim_start_matches('/').to_owned());
            }
        }
    }
    found.sort_unstable();
    found
}

/// The names in the table `[dependencies]`, sorted as Cargo.toml has them.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let table = manifest
        .split("\n[")
        .find_map(|table| table.strip_prefix("dependencies]"));
    let mut names: Vec<&str> = table
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    names.sort_unstable();
    names.into_iter()
}

fn forbidden_uses(source: &Source) -> Vec<String> {
    let module = source.module();
    if ASSEMBLY.contains(&module) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "`{}` is a new module of the root: give it a place in `MAY_USE`",
            source.path
        )];
    };
    let may_use = |used: &str| {
        let first = used.split("::").next().unwrap_or(used);
        first == module
            || allowed
                .split(' ')
                .any(|allowed| allowed == first || allowed == used)
    };
    source
        .used_from_root()
        .into_iter()
        .filter(|used| !may_use(used))
        .map(|used| format!("`{}` uses `crate::{used}`", source.path))
        .collect()
}

fn misplaced(source: &Source) -> Vec<String> {
    let module = source.module();
    let code = source.code();
    let reserved = RESERVED
        .iter()
        .filter(|(text, modules, _)| !modules.contains(&module) && code.contains(text))
        .map(|(text, _, why)| format!("`{}` has `{text}`: {why}", source.path));
    let in_domain = NOT_IN_DOMAIN
        .iter()
        .filter(|text| source.path.starts_with("crates/tagship-domain/") && code.contains(*text))
        .map(|text| format!("`{}` has `{text}`: the domain touches nothing", source.path));
    reserved.chain(in_domain).collect()
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.lines_without_tests();
    (lines > LONGEST).then(|| format!("`{}` has {lines} lines", source.path))
}

fn fail_on(problems: impl IntoIterator<Item = String>) {
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The checks find what they look for.
mod checks {
    use super::{Source, forbidden_uses, misplaced, too_long};

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_forbidden_use_is_found_in_every_form() {
        for text in [
            "use crate::registry::Client;",
            "use crate::{ports::Clock, registry};",
            "use crate::ports::Clock;\nfn f() { crate::registry::push() }",
            "pub(crate) use crate::registry::{\n    Client,\n    Other,\n};",
            "use super::super::registry::Client;",
        ] {
            let found = forbidden_uses(&source("src/report/plan.rs", text));
            assert_eq!(found.len(), 1 + usize::from(text.contains("Other")), "{text}");
        }
    }

    #[test]
    fn one_item_of_a_module_can_be_allowed_alone() {
        let text = "use crate::report::{OUTPUTS, Report};";
        assert_eq!(
            forbidden_uses(&source("src/action/output.rs", text)),
            ["`src/action/output.rs` uses `crate::report::Report`"]
        );
    }

    #[test]
    fn comments_tests_and_own_items_do_not_count() {
        let text = "//! As crate::registry.\nuse crate::ports;\n#[cfg(test)]\nmod tests {\n    use crate::registry;\n}\n";
        assert_eq!(
            forbidden_uses(&source("src/report/plan.rs", text)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        assert_eq!(forbidden_uses(&source("src/utils.rs", "")).len(), 1);
    }

    #[test]
    fn the_world_is_found_in_the_wrong_module() {
        assert_eq!(
            misplaced(&source(
                "crates/tagship-domain/src/plan.rs",
                "let now = Timestamp::now();"
            ))
            .len(),
            1
        );
        assert_eq!(
            misplaced(&source("crates/tagship-domain/src/plan.rs", "async fn f() {}")).len(),
            1
        );
        assert_eq!(
            misplaced(&source("src/engine/connect.rs", "let x = std::env::var(\"X\");")).len(),
            2
        );
        assert_eq!(
            misplaced(&source("src/ui/lines.rs", "println!(\"x\")")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn modules_for_tests_are_known_by_their_declaration() {
        let text = "mod plain;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod fakes;\n";
        let declared = |path| source(path, text).modules_for_tests();
        assert_eq!(declared("src/aws.rs"), ["src/aws/tests", "src/aws/fakes"]);
        assert_eq!(declared("src/lib.rs"), ["src/tests", "src/fakes"]);
    }

    #[test]
    fn only_lines_without_tests_count() {
        let long = "x\n".repeat(351);
        assert!(too_long(&source("crates/tagship-domain/src/plan.rs", &long)).is_some());
        assert!(
            too_long(&source(
                "crates/tagship-domain/src/plan.rs",
                &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n")
            ))
            .is_none()
        );
    }
}
