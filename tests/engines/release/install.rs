//! `setup` and the installer, with the files of the rehearsed release.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use test_support::github::Github;
use test_support::process::{Finished, finish, output_of, repository_root, scrubbed};

use super::{Clone, VERSION, released};

/// A published release, and an empty home.
struct Installation {
    github: Github,
    home: TempDir,
}

impl Installation {
    fn new() -> Self {
        let clone = Clone::of_this_repository();
        let github = Github::of(clone.folder.path());
        released(clone, &github);
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        Self { github, home }
    }

    /// `scripts/install.sh` in a shell that knows nothing but where releases are.
    fn installer(&self) -> Command {
        let mut command = scrubbed("sh", self.home.path());
        command
            .arg(repository_root().join("scripts/install.sh"))
            .env("TAGSHIP_INSTALL_URL", self.github.releases_url());
        command
    }

    #[track_caller]
    fn assert_refused(&self, command: &mut Command, message: &str) {
        let refused = finish(command);
        refused.expect_code(1);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert!(refused.stderr.contains("\nhint: "), "{}", refused.stderr);
        assert!(
            !self.home.path().join(".local/bin/tagship").exists(),
            "nothing is installed"
        );
    }
}

/// The first words of what an installed program says of itself.
#[track_caller]
fn version_of(program: &Path) -> String {
    let said = output_of(Command::new(program).arg("--version"));
    said.split(" (").next().unwrap_or_default().to_owned()
}

#[test]
fn the_installer_installs_the_latest_release_and_a_named_one() {
    let place = Installation::new();
    let program = place.home.path().join(".local/bin/tagship");
    let latest = finish(&mut place.installer());
    latest.expect_code(0);
    assert_eq!(latest.stdout.trim_end(), program.display().to_string());
    assert!(latest.stderr.contains("is not on PATH"), "{}", latest.stderr);
    assert_eq!(version_of(&program), format!("tagship {VERSION}"));

    let folder = place.home.path().join("tools");
    for version in [VERSION.to_owned(), format!("v{VERSION}")] {
        let mut installer = place.installer();
        installer
            .env("TAGSHIP_INSTALL_VERSION", version)
            .env("TAGSHIP_INSTALL_DIR", &folder);
        finish(&mut installer).expect_code(0);
        assert_eq!(version_of(&folder.join("tagship")), format!("tagship {VERSION}"));
    }
    let names: Vec<_> = fs::read_dir(&folder).expect("it is there").collect();
    assert_eq!(names.len(), 1, "nothing is left beside the program: {names:?}");
}

#[test]
fn what_cannot_be_installed_is_an_error_with_a_way_out() {
    let place = Installation::new();
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_VERSION", "9.9.9"),
        "the checksums of 9.9.9 cannot be downloaded",
    );
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_VERSION", "../1.0.0"),
        "`../1.0.0` is no version",
    );
    place.assert_refused(
        place
            .installer()
            .env("TAGSHIP_INSTALL_URL", "http://releases.example"),
        "is not an address with `https`",
    );
    let changed = place.home.path().join("SHA256SUMS");
    let checksums = fs::read_to_string(
        Clone::of_this_repository()
            .folder
            .path()
            .join("dist/release/SHA256SUMS"),
    )
    .expect("`build` wrote it");
    // Each checksum with another first digit.
    let other = checksums.lines().map(|line| {
        let digit = if line.starts_with('0') { '1' } else { '0' };
        format!("{digit}{}\n", &line[1..])
    });
    fs::write(&changed, other.collect::<String>()).expect("a file can be written");
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_CHECKSUMS", &changed),
        "it is not what was released",
    );
    fs::write(&changed, "").expect("a file can be written");
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_CHECKSUMS", &changed),
        "the release has no archive for",
    );
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_DIR", "/dev/null/bin"),
        "the folder `/dev/null/bin` cannot be made",
    );
    let taken = place.home.path().join("taken");
    fs::create_dir_all(taken.join("tagship")).expect("a folder can be made");
    place.assert_refused(
        place.installer().env("TAGSHIP_INSTALL_DIR", &taken),
        "taken/tagship` is a folder",
    );
    let mut with_password = place.installer();
    let refused = finish(with_password.env("TAGSHIP_INSTALL_URL", "ftp://me:secret@example.com"));
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
}

#[test]
fn no_program_need_run_where_files_are_temporary() {
    let place = Installation::new();
    let temporary = place.home.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder can be made");
    let installer = place.installer();
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs -o noexec none \"$TMPDIR\" && exec \"$@\"",
            "sh",
        ])
        .arg(installer.get_program())
        .args(installer.get_args())
        .env_clear()
        .envs(
            installer
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TMPDIR", &temporary);
    finish(&mut command).expect_code(0);
    assert_eq!(
        version_of(&place.home.path().join(".local/bin/tagship")),
        format!("tagship {VERSION}")
    );
}

/// The value of a line `KEY = "VALUE"` in `Cargo.toml`, with its placeholders filled in as `cargo binstall` does.
/// Source: cargo-binstall, SUPPORT.md.
fn binstall(key: &str, place: &Installation) -> String {
    let manifest = fs::read_to_string(repository_root().join("Cargo.toml")).expect("it can be read");
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{key} = ")));
    let repository = place
        .github
        .releases_url()
        .trim_end_matches("/releases")
        .to_owned();
    [
        ("{ repo }", repository.as_str()),
        ("{ version }", VERSION),
        ("{ target }", "x86_64-unknown-linux-gnu"),
        ("{ bin }", "tagship"),
        ("{ binary-ext }", ""),
    ]
    .iter()
    .fold(
        line.expect("the key is there").trim_matches('"').to_owned(),
        |text, (name, value)| text.replace(name, value),
    )
}

#[test]
fn binstall_finds_the_binary_in_the_release() {
    let place = Installation::new();
    let archive = place.home.path().join("archive");
    let url = binstall("pkg-url", &place);
    output_of(
        Command::new("curl")
            .args(["--fail", "--silent", "--output"])
            .arg(&archive)
            .arg(url),
    );
    assert_eq!(binstall("pkg-fmt", &place), "tgz");
    let names = output_of(
        Command::new("tar")
            .args(["--list", "--gzip", "--file"])
            .arg(&archive),
    );
    let program = binstall("bin-dir", &place);
    assert!(
        names.lines().any(|name| name == program),
        "no `{program}` in\n{names}"
    );
}

/// Runs the one step of the composite action in a checkout of it, as the runner does.
/// Source: docs.github.com, "Workflow syntax", `jobs.<job_id>.steps[*].shell`.
fn set_up(action: &Path, place: &Installation) -> (Finished, String) {
    let text = fs::read_to_string(action.join("action.yml")).expect("`setup/action.yml` can be read");
    let definition: serde_yaml::Value = serde_yaml::from_str(&text).expect("it is YAML");
    let steps = definition["runs"]["steps"]
        .as_sequence()
        .expect("it is composite");
    let [step] = steps.as_slice() else {
        panic!("one step, not {}", steps.len());
    };
    assert_eq!(step["shell"].as_str(), Some("bash"));
    let script = place.home.path().join("step.sh");
    fs::write(&script, step["run"].as_str().expect("it is a script")).expect("a file can be written");
    let path_file = place.home.path().join("github_path");
    let mut command = scrubbed("bash", place.home.path());
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail"])
        .arg(script)
        .env("GITHUB_ACTION_PATH", action)
        .env("GITHUB_PATH", &path_file)
        .env("GITHUB_OUTPUT", place.home.path().join("github_output"))
        .env("RUNNER_TEMP", place.home.path().join("_temp"))
        .env("TAGSHIP_INSTALL_URL", place.github.releases_url());
    let finished = finish(&mut command);
    (finished, fs::read_to_string(path_file).unwrap_or_default())
}

#[test]
fn setup_puts_the_program_that_its_release_commit_names_on_the_path() {
    let place = Installation::new();
    let checkout = tempfile::tempdir().expect("a temporary folder can be made");
    output_of(
        scrubbed("git", checkout.path())
            .args(["-c", "safe.directory=*", "clone", "--quiet", "--branch"])
            .arg(format!(
                "v{}",
                VERSION.split('.').next().expect("a version has a major")
            ))
            .arg(place.github.repository())
            .arg(checkout.path()),
    );
    let action = checkout.path().join("setup");
    let (finished, path) = set_up(&action, &place);
    finished.expect_code(0);
    assert_eq!(
        version_of(&Path::new(path.trim_end()).join("tagship")),
        format!("tagship {VERSION}")
    );

    // Whatever the address serves, the release commit says what is right.
    let checksums = fs::read_to_string(action.join("SHA256SUMS")).expect("a release commit has them");
    let other = checksums
        .lines()
        .map(|line| format!("{}{}\n", "0".repeat(8), &line[8..]));
    fs::write(action.join("SHA256SUMS"), other.collect::<String>()).expect("a file can be written");
    fs::remove_file(place.home.path().join("github_path")).expect("it was written");
    let (refused, path) = set_up(&action, &place);
    refused.expect_code(1);
    assert!(
        refused.stderr.contains("it is not what was released"),
        "{}",
        refused.stderr
    );
    assert_eq!(path, "");
}
