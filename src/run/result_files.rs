//! The files that a run leaves: the digest, the image's id, and what is known of both.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::ports::NewAsset;
use crate::regular_file;
use crate::report::Report;
use crate::settings::ResultFiles;
use tagship_domain::content::{Content, Descriptor, Manifest};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::Digest;
use tagship_domain::release::MAX_DOCUMENT_BYTES;

/// A file that the run is to leave cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}`{}`, which `{input}` names, cannot be written: {source}", published(report.as_deref()), path.display())]
pub struct ResultFileError {
    input: &'static str,
    path: PathBuf,
    /// What is true by then; absent before anything was built.
    report: Option<Box<Report>>,
    #[source]
    source: io::Error,
}

/// Says first what is published: the file is missing, and the image is not.
fn published(report: Option<&Report>) -> String {
    let image = report.and_then(|report| Some(report.image.as_ref()?.at(report.digest?)));
    let (Some(image), Some(report)) = (image, report) else {
        return String::new();
    };
    let tags: Vec<String> = report.own_tags().map(|tag| format!("`{}`", tag.tag)).collect();
    let tags = if tags.is_empty() {
        " by its digest".to_owned()
    } else {
        format!(" under {}", tags.join(", "))
    };
    format!("`{image}` is published{tags}, but ")
}

impl Diagnose for ResultFileError {
    fn kind(&self) -> FailureKind {
        match self.report {
            Some(_) => FailureKind::Operation,
            None => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self.report {
            Some(_) => "make room there, or name another file, and run again".into(),
            None => "name a file in a folder that can be written to, such as `RUNNER_TEMP` in a job".into(),
        })
    }
}

/// Finds out, without an effect, whether a file is in the way that no earlier run left.
pub(super) fn check_files(files: &ResultFiles) -> Result<(), ResultFileError> {
    named(files).try_for_each(|(input, path)| {
        let checked = has_earlier(path).map(drop);
        checked.map_err(|source| ResultFileError::before(input, path, source))
    })
}

impl ResultFileError {
    fn before(input: &'static str, path: &Path, source: io::Error) -> Self {
        let (path, report) = (path.to_owned(), None);
        Self {
            input,
            path,
            report,
            source,
        }
    }
}

/// Finds out whether the files can be written, makes their folders, and removes what an earlier run left: after a
/// failure no file says anything.
pub(super) fn prepare_files(files: &ResultFiles) -> Result<(), ResultFileError> {
    for (input, path) in named(files) {
        prepare(path).map_err(|source| ResultFileError::before(input, path, source))?;
    }
    Ok(())
}

/// Writes the files, each whole or not at all. A build that left no image leaves no file.
pub(super) fn write_files(
    files: &ResultFiles,
    report: &Report,
    manifest: Option<&Manifest>,
) -> Result<(), ResultFileError> {
    let config = manifest.and_then(config_of);
    let id = config.or(report.image_id).or(report.digest);
    for (input, path) in named(files) {
        let text = match input {
            // It is in the registry, and no part of the report.
            "sbom-file" => continue,
            "digest-file" => report.digest.map(|digest| digest.to_string()),
            "iidfile" => id.map(|id| id.to_string()),
            _ => id.map(|_| format!("{:#}\n", metadata(report, manifest, config))),
        };
        let Some(text) = text else { continue };
        regular_file::replace(path, text.as_bytes()).map_err(|source| ResultFileError {
            input,
            path: path.clone(),
            report: Some(Box::new(report.clone())),
            source,
        })?;
    }
    Ok(())
}

/// Writes bills of materials that the registry has: one to the file that `sbom-file` names, several to files beside it.
pub(super) fn write_bills(
    files: &ResultFiles,
    report: &Report,
    bills: &[NewAsset],
) -> Result<(), ResultFileError> {
    let Some(named) = &files.sbom else { return Ok(()) };
    for bill in bills {
        let path = if bills.len() == 1 {
            named.clone()
        } else {
            beside(named, &bill.name)
        };
        let written = has_earlier(&path).and_then(|_| regular_file::replace(&path, &bill.content));
        written.map_err(|source| ResultFileError {
            input: "sbom-file",
            path: path.clone(),
            report: Some(Box::new(report.clone())),
            source,
        })?;
    }
    Ok(())
}

/// The file of one of several bills: `out/sbom.json` and `sbom-linux-amd64.spdx.json` make `out/sbom-linux-amd64.json`.
fn beside(named: &Path, bill: &str) -> PathBuf {
    let about = bill.split('.').next().unwrap_or_default();
    let about = about.strip_prefix("sbom").unwrap_or(about);
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let (stem, end) = match name.split_once('.') {
        Some((stem, end)) if !stem.is_empty() => (stem, format!(".{end}")),
        _ => (&*name, String::new()),
    };
    named.with_file_name(format!("{stem}{about}{end}"))
}

fn named(files: &ResultFiles) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    let all = [
        ("digest-file", &files.digest),
        ("metadata-file", &files.metadata),
        ("iidfile", &files.image_id),
        ("sbom-file", &files.sbom),
    ];
    all.into_iter()
        .filter_map(|(input, path)| Some((input, path.as_ref()?)))
}

/// The digest of the config of a single image.
fn config_of(manifest: &Manifest) -> Option<Digest> {
    match manifest.content() {
        Ok(Content::Image(image)) => Some(image.config.digest),
        _ => None,
    }
}

/// Source: docker CLI reference, `docker buildx build --metadata-file`.
fn metadata(report: &Report, manifest: Option<&Manifest>, config: Option<Digest>) -> Value {
    let mut data = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    set("containerimage.config.digest", config.map(|digest| json!(digest)));
    set(
        "containerimage.descriptor",
        manifest.map(|manifest| {
            let size = manifest.bytes().len() as u64;
            json!(Descriptor::new(manifest.media_type(), manifest.digest(), size))
        }),
    );
    set(
        "containerimage.digest",
        report.digest.or(report.image_id).map(|digest| json!(digest)),
    );
    let tags = report.image.iter().flat_map(|image| {
        let own = report.own_tags();
        own.map(move |tag| image.at(tag.tag.clone()).to_string())
    });
    let names: Vec<String> = tags.chain(report.names.iter().cloned()).collect();
    set("image.name", (!names.is_empty()).then(|| json!(names.join(","))));
    Value::Object(data)
}

fn prepare(path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder(path))?;
    if has_earlier(path)? {
        fs::remove_file(path)?;
    }
    regular_file::check_replace(path)
}

/// Whether an earlier run left its file there; an error where something else is in the way.
fn has_earlier(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() && is_earlier_result(path)? => Ok(true),
        Ok(there) if there.is_file() => {
            Err(io::Error::other("it holds something else than an earlier result"))
        }
        Ok(there) if there.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a file is empty or what a run or one of its peers writes there: a digest, or JSON with `containerimage.…`,
/// `image.name`, or what SPDX and `CycloneDX` call their versions and forms. A file of the checkout that is named by mistake is left alone.
fn is_earlier_result(path: &Path) -> io::Result<bool> {
    const MAX_RESULT: u64 = MAX_DOCUMENT_BYTES + 1;
    let mut text = Vec::new();
    regular_file::open(path)?
        .take(MAX_RESULT)
        .read_to_end(&mut text)?;
    let text = text.trim_ascii();
    let is_digest = || std::str::from_utf8(text).is_ok_and(|text| Digest::parse(text).is_ok());
    let is_metadata = || {
        serde_json::from_slice::<Map<String, Value>>(text).is_ok_and(|fields| {
            let mut names = fields.keys();
            let is_own = |name: &String| {
                name.starts_with("containerimage.")
                    || ["image.name", "spdxVersion", "bomFormat"].contains(&name.as_str())
            };
            fields.is_empty() || names.any(is_own)
        })
    };
    Ok(text.is_empty() || is_digest() || is_metadata())
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};

    fn files(folder: &Path) -> ResultFiles {
        ResultFiles {
            digest: Some(folder.join("new/digest")),
            metadata: Some(folder.join("metadata.json")),
            image_id: Some(folder.join("iid")),
            sbom: None,
        }
    }

    fn report(digest: Digest) -> Report {
        Report {
            digest: Some(digest),
            ..Report::default()
        }
    }

    #[test]
    fn a_single_image_is_known_by_its_config_and_an_index_by_itself() {
        let work = tempfile::tempdir().unwrap();
        let files = files(work.path());
        let read = |name: &str| fs::read_to_string(work.path().join(name)).unwrap();
        let config = Digest::of(b"config");
        let config = Descriptor::new(OCI_CONFIG, config, 6);
        let image = json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string();
        let image = Manifest::new(OCI_MANIFEST, image);
        prepare_files(&files).unwrap();
        write_files(&files, &report(image.digest()), Some(&image)).unwrap();
        assert_eq!(read("new/digest"), image.digest().to_string());
        assert_eq!(read("iid"), config.digest.to_string());
        let data: Value = serde_json::from_str(&read("metadata.json")).unwrap();
        assert_eq!(data["containerimage.config.digest"], json!(config.digest));
        assert_eq!(
            data["containerimage.descriptor"],
            json!({ "mediaType": OCI_MANIFEST, "digest": image.digest(), "size": image.bytes().len() })
        );
        let mode = fs::metadata(work.path().join("iid"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o444, 0o444, "{mode:o}");

        let index = Manifest::new(OCI_INDEX, r#"{"schemaVersion":2,"manifests":[]}"#);
        write_files(&files, &report(index.digest()), Some(&index)).unwrap();
        assert_eq!(read("iid"), index.digest().to_string());
        let left: Vec<_> = fs::read_dir(work.path()).unwrap().collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }

    #[test]
    fn what_an_earlier_run_left_is_gone_before_the_build_and_a_build_without_image_leaves_none() {
        let work = tempfile::tempdir().unwrap();
        let files = files(work.path());
        fs::write(work.path().join("iid"), Digest::of(b"old").to_string()).unwrap();
        prepare_files(&files).unwrap();
        write_files(&files, &Report::default(), None).unwrap();
        let left: Vec<_> = fs::read_dir(work.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["new"]);
    }

    #[test]
    fn one_bill_of_materials_has_the_name_and_several_have_their_platforms() {
        let work = tempfile::tempdir().unwrap();
        let files = ResultFiles {
            sbom: Some(work.path().join("sbom.spdx.json")),
            ..ResultFiles::default()
        };
        let bill = |name: &str| NewAsset {
            name: name.to_owned(),
            media_type: "application/spdx+json",
            content: br#"{"spdxVersion":"SPDX-2.3"}"#.to_vec(),
        };
        let names = || {
            let entries = fs::read_dir(work.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let report = report(Digest::of(b"image"));
        write_bills(&files, &report, &[bill("sbom-linux-amd64.spdx.json")]).unwrap();
        assert_eq!(names(), ["sbom.spdx.json"]);
        // What an earlier run left goes, as all such files do.
        prepare_files(&files).unwrap();
        let several = ["amd64", "arm64"].map(|one| bill(&format!("sbom-linux-{one}.spdx.json")));
        write_bills(&files, &report, &several).unwrap();
        write_bills(&files, &report, &several).unwrap();
        let expected = ["sbom-linux-amd64.spdx.json", "sbom-linux-arm64.spdx.json"];
        assert_eq!(names(), expected);
        fs::write(work.path().join(expected[0]), "FROM busybox\n").unwrap();
        let error = write_bills(&files, &report, &several).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Operation);
        assert!(error.to_string().contains("holds something else"), "{error}");
    }

    #[test]
    fn a_file_that_no_run_left_stays_as_it_is() {
        let work = tempfile::tempdir().unwrap();
        let files = files(work.path());
        for (name, text) in [
            ("iid", "FROM busybox\n"),
            ("iid", "ref: refs/heads/main\n"),
            ("metadata.json", r#"{"name": "app", "version": "1.0.0"}"#),
        ] {
            let path = work.path().join(name);
            fs::write(&path, text).unwrap();
            let error = prepare_files(&files).unwrap_err().to_string();
            assert!(
                error.ends_with("it holds something else than an earlier result"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            fs::remove_file(path).unwrap();
        }
        for (name, text) in [
            ("iid", String::new()),
            ("iid", format!("{}\n", Digest::of(b"old"))),
            (
                "metadata.json",
                r#"{"containerimage.digest": "sha256:00"}"#.to_owned(),
            ),
        ] {
            fs::write(work.path().join(name), text).unwrap();
            prepare_files(&files).unwrap();
            assert!(!work.path().join(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_plan_finds_what_is_in_the_way_and_leaves_everything_as_it_is() {
        let work = tempfile::tempdir().unwrap();
        let files = files(work.path());
        let old = Digest::of(b"old").to_string();
        fs::write(work.path().join("iid"), &old).unwrap();
        check_files(&files).unwrap();
        assert_eq!(fs::read_to_string(work.path().join("iid")).unwrap(), old);
        assert!(!work.path().join("new").exists());
        fs::write(work.path().join("metadata.json"), "FROM busybox\n").unwrap();
        let error = check_files(&files).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Usage);
        assert!(error.to_string().contains("`metadata-file`"), "{error}");
    }

    #[test]
    fn what_cannot_be_written_is_found_before_the_build_with_its_input() {
        let work = tempfile::tempdir().unwrap();
        fs::write(work.path().join("file"), "").unwrap();
        let path = |name: &str| Some(work.path().join(name));
        let folder = ResultFiles {
            image_id: path(""),
            ..ResultFiles::default()
        };
        let below_a_file = ResultFiles {
            digest: path("file/digest"),
            ..ResultFiles::default()
        };
        let device = ResultFiles {
            metadata: Some(PathBuf::from("/dev/null")),
            ..ResultFiles::default()
        };
        for (files, input) in [
            (folder, "iidfile"),
            (below_a_file, "digest-file"),
            (device, "metadata-file"),
        ] {
            let error = prepare_files(&files).unwrap_err();
            assert!(error.to_string().contains(&format!("`{input}`")), "{error}");
            assert_eq!(error.kind(), FailureKind::Usage);
        }
        assert!(Path::new("/dev/null").exists());
    }
}
