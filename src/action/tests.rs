//! The runner's files as the runner reads them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::report::OUTPUTS;
use tagship_domain::reference::{RegistryHost, RepositoryName};

/// Reads a file of outputs as the runner does.
///
/// Source: actions/runner, `FileCommandManager`, `EnvFileKeyValuePairs`: `NAME=VALUE` where the `=` stands before any
/// `<<`, else `NAME<<DELIMITER`, lines, and the delimiter alone on a line; LF ends a line; no newline at the value's end.
fn read_as_runner(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some((line, behind)) = rest.split_once('\n') {
        rest = behind;
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=');
        let heredoc = line.find("<<");
        match (equals, heredoc) {
            (Some(at), heredoc) if heredoc.is_none_or(|other| at < other) => {
                pairs.push((line[..at].to_owned(), line[at + 1..].to_owned()));
            }
            (_, Some(at)) => {
                let delimiter = &line[at + 2..];
                let mut lines: Vec<&str> = Vec::new();
                loop {
                    let (next, behind) = rest
                        .split_once('\n')
                        .ok_or_else(|| format!("the delimiter {delimiter} is missing"))?;
                    rest = behind;
                    if next == delimiter {
                        break;
                    }
                    lines.push(next);
                }
                pairs.push((line[..at].to_owned(), lines.join("\n")));
            }
            _ => return Err(format!("line {line:?} is illegal")),
        }
    }
    if rest.is_empty() {
        Ok(pairs)
    } else {
        Err("the last line has no end".to_owned())
    }
}

fn environment(folder: &Path, names: &[(&str, &str)]) -> Environment {
    let variables = names
        .iter()
        .map(|(variable, name)| (OsString::from(variable), folder.join(name).into_os_string()));
    Environment::new(variables, folder.to_owned())
}

fn files(folder: &Path) -> ActionFiles {
    let names = [
        ("GITHUB_OUTPUT", "output"),
        ("GITHUB_STEP_SUMMARY", "summary"),
        ("GITHUB_ARTIFACTS", "artifacts"),
    ];
    ActionFiles::of(&environment(folder, &names))
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a<=\n\r]{0,40}",
        "(ghadelimiter_[0-9a-f]{0,32}\n?){1,3}",
        Just("x<<EOF\nEOF\nname=value".to_owned()),
    ]
}

proptest! {
    #[test]
    fn whatever_the_values_the_runner_reads_them_back(values in prop::collection::vec(any_value(), OUTPUTS.len())) {
        let folder = tempfile::tempdir().unwrap();
        let given: BTreeMap<&str, String> = OUTPUTS.iter().map(|output| output.name).zip(values).collect();
        fs::write(folder.path().join("output"), "before=1\n").unwrap();
        files(folder.path()).write_outputs(&given).unwrap();
        let written = fs::read_to_string(folder.path().join("output")).unwrap();
        let mut expected = vec![("before".to_owned(), "1".to_owned())];
        expected.extend(OUTPUTS.iter().map(|output| (output.name.to_owned(), given[output.name].clone())));
        prop_assert_eq!(read_as_runner(&written).unwrap(), expected);
    }

    #[test]
    fn the_summary_never_passes_its_limit(present in 0_u64..2_000_000, length in 0_usize..1_200_000) {
        let cut = formats::summary(&"é".repeat(length / 2), present);
        let room = formats::MAX_SUMMARY_BYTES.saturating_sub(usize::try_from(present).unwrap());
        prop_assert!(cut.len() <= room);
        prop_assert!(cut.is_empty() || cut.ends_with('\n'));
    }
}

#[test]
fn every_declared_output_is_written_even_when_there_is_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path()).write_outputs(&BTreeMap::new()).unwrap();
    let written = fs::read_to_string(folder.path().join("output")).unwrap();
    let expected: Vec<_> = OUTPUTS
        .iter()
        .map(|output| (output.name.to_owned(), String::new()))
        .collect();
    assert_eq!(read_as_runner(&written).unwrap(), expected);
}

#[test]
fn delimiters_are_drawn_anew() {
    let first = formats::outputs(&BTreeMap::new()).unwrap();
    assert_ne!(first, formats::outputs(&BTreeMap::new()).unwrap());
}

#[test]
fn a_long_summary_is_cut_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    files.append_summary("# short").unwrap();
    files.append_summary(&"line\n".repeat(400_000)).unwrap();
    let written = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(written.starts_with("# short\nline\n"));
    assert!(written.ends_with("GitHub shows no summary over 1 MiB\n"));
    assert!(written.len() <= 900 * 1024);
}

#[test]
fn the_subject_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageName {
        registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    };
    // SHA-256 of nothing. Source: FIPS 180-4 example vectors.
    let digest = Digest::of(b"");
    files(folder.path()).append_subject(&image, &digest).unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("artifacts")).unwrap(),
        "oci://123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
    );
}

#[test]
fn outside_of_a_job_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let files = ActionFiles::of(&environment(folder.path(), &[]));
    files.check().unwrap();
    files.write_outputs(&BTreeMap::new()).unwrap();
    files.append_summary("text").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unwritable_file_is_named_with_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("output")).unwrap();
    let error = files(folder.path()).check().unwrap_err();
    assert_eq!(error.kind().exit_code(), 1);
    let text = error.to_string();
    assert!(
        text.contains("`GITHUB_OUTPUT`") && text.contains("/output`"),
        "{text}"
    );
    let missing = environment(folder.path(), &[("GITHUB_STEP_SUMMARY", "no/such/folder")]);
    assert!(ActionFiles::of(&missing).check().is_err());
}

/// What is made must not be root's in a folder of another user; only root can tell.
#[test]
fn a_file_that_is_made_belongs_to_the_owner_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let owner = if folder.path().metadata().unwrap().uid() == 0 {
        std::os::unix::fs::chown(folder.path(), Some(1001), Some(127)).unwrap();
        (1001, 127)
    } else {
        let metadata = folder.path().metadata().unwrap();
        (metadata.uid(), metadata.gid())
    };
    files(folder.path()).write_outputs(&BTreeMap::new()).unwrap();
    let made = folder.path().join("output").metadata().unwrap();
    assert_eq!((made.uid(), made.gid()), owner);
}
