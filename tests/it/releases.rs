//! What a release says of itself agrees: the version in `Cargo.toml`, the tags that the documents name, the changelog,
//! and the platforms that the installers know.

use std::collections::BTreeSet;

use test_support::process::{finish, repository_root, scrubbed};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(path: &str) -> String {
    std::fs::read_to_string(repository_root().join(path)).unwrap()
}

/// All Markdown pages that a reader copies steps from.
fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_owned(), read("README.md"))];
    for entry in std::fs::read_dir(repository_root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
        }
    }
    pages
}

/// The words after `marker` in a text, each up to what cannot be in a git tag.
fn words_after<'a>(text: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-');
    text.split(marker)
        .skip(1)
        .map(move |rest| rest.split(ends).next().unwrap_or_default())
}

#[test]
fn the_documents_name_the_moving_tag_of_this_major_version() {
    let moving = format!("v{}", VERSION.split('.').next().unwrap());
    let mut count = 0;
    for (name, text) in pages() {
        for action in ["uses: tagship/tagship@", "uses: tagship/tagship/setup@"] {
            for tag in words_after(&text, action) {
                assert_eq!(tag, moving, "in {name}, after `{action}`");
                count += 1;
            }
        }
    }
    assert!(count >= 2, "README.md shows both actions");
}

#[test]
fn the_changelog_has_a_part_for_what_comes_or_for_this_version() {
    let changelog = read("CHANGELOG.md");
    let parts = [format!("## [{VERSION}] - "), "## [Unreleased]".to_owned()];
    assert!(
        parts
            .iter()
            .any(|part| changelog.lines().any(|line| line.starts_with(part))),
        "neither of {parts:?}"
    );
}

/// The target triples of a text.
fn triples(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words
        .filter(|word| word.ends_with("-unknown-linux-gnu") || word.ends_with("-apple-darwin"))
        .collect()
}

#[test]
fn the_installer_knows_the_platforms_that_are_released() {
    let (release, installer) = (read("scripts/release"), read("scripts/install.sh"));
    assert_eq!(triples(&release), triples(&installer));
    let workflow = read(".github/workflows/release.yml");
    for folder in ["linux-amd64", "linux-arm64", "macos-arm64"] {
        assert!(workflow.contains(&format!("platform: {folder}\n")), "{folder}");
        assert!(release.contains(&format!("{folder}) echo ")), "{folder}");
    }
}

#[test]
fn every_action_of_a_workflow_is_named_by_its_commit() {
    let folder = repository_root().join(".github/workflows");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\npermissions: {}\n"), "{}", path.display());
        for line in text
            .lines()
            .filter(|line| line.contains("uses: ") && !line.contains("uses: ./"))
        {
            let commit = line
                .split('@')
                .nth(1)
                .and_then(|rest| rest.split(' ').next())
                .unwrap_or_default();
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit && line.contains(" # v"), "{}: {line}", path.display());
        }
    }
}

/// Compiling takes minutes without a line: a script says so first, and what it needs.
#[test]
fn a_script_that_compiles_says_what_it_costs_and_what_it_needs() {
    let home = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let mut command = scrubbed("/bin/bash", home.path());
        let script = format!(". scripts/support/rust.sh; {script}");
        command.args(["-c", &script]).current_dir(repository_root());
        command
    };
    let announced = |folder: &str| {
        let said = finish(&mut shell(&format!(
            "announce_compilation Tagship '8 minutes' '2 GB' {folder}"
        )));
        said.expect_code(0);
        said.stderr
    };
    let first = announced("/nonexistent");
    for part in ["compiling Tagship", "8 minutes", "2 GB of disk"] {
        assert!(first.contains(part), "{first}");
    }
    assert_eq!(announced("/"), "compiling Tagship\n");
    // A machine that has everything else.
    for tool in ["dirname", "sed", "cut", "sort", "head"] {
        let found = ["/usr/bin", "/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, home.path().join(tool)).unwrap();
    }
    let without = finish(shell("require_rust").env("PATH", home.path()));
    without.expect_code(1);
    let (problem, hint) = ("there is no Rust toolchain", "hint: install rustup");
    assert!(
        without.stderr.contains(problem) && without.stderr.contains(hint),
        "{}",
        without.stderr
    );
    for script in ["scripts/demo", "scripts/test"] {
        let text = read(script);
        let asks = text
            .find("\nrequire_rust\n")
            .unwrap_or_else(|| panic!("{script}: it needs Rust"));
        let says = text
            .find("\nannounce_compilation ")
            .unwrap_or_else(|| panic!("{script}: it compiles"));
        let compiles = text
            .find("cargo build")
            .or_else(|| text.find("\ncargo test"))
            .unwrap();
        assert!(asks < says && says < compiles, "{script}");
    }
}
