//! Programs that hang, flood or fail, in place of those that sign.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

struct Case {
    folder: tempfile::TempDir,
    scratch: Scratch,
}

impl Case {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            scratch: Scratch::new(Signer::Cosign).unwrap(),
        }
    }

    /// A program that a shell runs.
    fn program(&self, script: &str, limit: Duration) -> Program {
        let path: PathBuf = self.folder.path().join("cosign");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let variables = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".into())]);
        Program::new(Signer::Cosign, variables).stand_in(&path, limit)
    }

    async fn failure(&self, script: &str, limit: Duration) -> String {
        let program = self.program(script, limit);
        let failed = program
            .expect(&[OsStr::new("sign")], &self.scratch, "signing")
            .await;
        failed.unwrap_err().to_string()
    }
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended() {
    let began = Instant::now();
    let error = Case::new()
        .failure("exec sleep 600", Duration::from_secs(1))
        .await;
    assert_eq!(error, "`cosign` did not end within 1 s: signing");
    assert!(began.elapsed() < LIMIT);
}

#[tokio::test]
async fn a_program_that_floods_is_read_to_its_end_and_kept_in_bounds() {
    let case = Case::new();
    let program = case.program("head -c 4000000 /dev/zero; head -c 4000000 /dev/zero >&2", LIMIT);
    let ran = program.run(&[], &case.scratch, "signing").await.unwrap();
    assert!(ran.has_succeeded);
    assert_eq!(ran.output.len(), 64 * 1024);
    assert!(ran.words.chars().count() <= 400);
}

#[tokio::test]
async fn the_last_words_of_a_program_are_shown_cleaned() {
    let script = r"printf 'WARNING: noise\nfirst\nError: no key\033[31m ::error::x\nerror during command execution: no key\n' >&2; exit 3";
    let error = Case::new().failure(script, LIMIT).await;
    assert!(
        error.starts_with("`cosign` fails, signing: first Error: no key"),
        "{error}"
    );
    assert!(!error.contains('\u{1b}') && !error.contains("noise"), "{error}");
    let script = r"printf 'first\n%02000d\nError: no key\n' 0 >&2; exit 3";
    let error = Case::new().failure(script, LIMIT).await;
    assert!(
        error.contains("first 000") && error.contains("… Error: no key"),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_has_no_variables_but_its_own_and_reads_nothing() {
    let case = Case::new();
    let program = case.program("env | cut -d = -f 1 | sort; cat", LIMIT);
    let printed = program.expect(&[], &case.scratch, "signing").await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let names: Vec<&str> = printed
        .lines()
        .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        .collect();
    assert_eq!(names, ["DOCKER_CONFIG", "PATH", "TUF_ROOT"]);
}
