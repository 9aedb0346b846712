//! Results that stay on this machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tagship::engine::BuildRunner;
use tagship::ports::{BuildError, BuiltImage};
use tagship_domain::build::{ArchiveKind, BuildOutput, BuildRequest};
use tagship_domain::content::Platform;
use test_support::unique;

use super::support::{Engine, NoLogins, RecordedEvents, engines, folder, request};

pub(super) fn runner(engine: &Engine) -> BuildRunner {
    let heard = Arc::new(RecordedEvents::default());
    let workspace = Path::new("/").to_owned();
    BuildRunner::new(
        buildkit_session::EnginePlace {
            address: Some(engine.address.clone()),
            tls: None,
        },
        Arc::new(NoLogins),
        heard,
        workspace,
        "test".to_owned(),
    )
}

async fn build(
    engine: &Engine,
    request: &BuildRequest,
    outputs: &[BuildOutput],
) -> Result<BuiltImage, BuildError> {
    runner(engine).build_outputs(request, outputs).await
}

fn names_of(file: &Path) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(std::fs::File::open(file).unwrap());
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect()
}

fn left_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_of_a_stage_come_into_a_folder_and_an_archive() {
    for engine in engines() {
        let dockerfile = "FROM busybox AS made\nRUN mkdir /out && echo x > /out/file && ln -s file /out/link && \
                          chmod 750 /out/file\nFROM scratch\nCOPY --from=made /out /\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let work = tempfile::tempdir().unwrap();
        let out = work.path().join("a/out");
        let archive = work.path().join("b/out.tar");
        let outputs = [
            BuildOutput::Folder(out.clone()),
            BuildOutput::File(ArchiveKind::Tar, archive.clone()),
        ];
        let built = build(&engine, &request(context.path()), &outputs).await.unwrap();
        assert_eq!(built, BuiltImage::default(), "{}", engine.name);
        assert_eq!(left_in(&out), ["file", "link"], "{}", engine.name);
        assert_eq!(std::fs::read_to_string(out.join("link")).unwrap(), "x\n");
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(out.join("file")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o750);
        assert_eq!(left_in(archive.parent().unwrap()), ["out.tar"]);
        let names = names_of(&archive);
        assert!(names.contains("file") && names.contains("link"), "{names:?}");
    }
}

/// A file system of one page, which is full at once. Whoever may not mount one tests nothing here.
#[tokio::test]
async fn a_full_disk_is_named_before_the_build() {
    let work = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let done = std::process::Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(work.path())
            .status();
        done.is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        return;
    }
    let engine = &engines()[0];
    let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let outputs = [BuildOutput::Folder(work.path().join("new/out"))];
    let checked = runner(engine).check(&request(context.path()), &outputs).await;
    assert!(mount(&["umount"]));
    let error = checked.unwrap_err();
    assert!(
        matches!(&error, BuildError::TooLittleSpace(space) if space.free <= 65536),
        "{error}"
    );
}

#[tokio::test]
async fn an_image_comes_into_the_engine_under_its_names() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM busybox\nRUN echo hello > /said\n")]);
        let names = ["a", "b"].map(|tag| format!("{}:{tag}", unique::name("tagship-load")));
        let output = BuildOutput::Store(names.to_vec());
        let built = build(&engine, &request(context.path()), &[output]).await.unwrap();
        assert_eq!(built.names, names);
        for name in &names {
            let said = engine.docker(&["run", "--rm", name, "cat", "/said"]).await;
            assert_eq!(said, b"hello\n", "{}", engine.name);
            let id = engine.docker(&["inspect", "--format", "{{.Id}}", name]).await;
            assert_eq!(
                String::from_utf8(id).unwrap().trim(),
                built.id.unwrap().to_string()
            );
            engine.docker(&["rmi", "--force", name]).await;
        }
    }
}

#[tokio::test]
async fn a_whole_image_comes_into_a_file_where_the_store_keeps_manifests() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let work = tempfile::tempdir().unwrap();
        let mut request = request(context.path());
        for (kind, expected) in [
            (ArchiveKind::Oci, "oci-layout"),
            (ArchiveKind::Docker, "manifest.json"),
        ] {
            let file = work.path().join(expected);
            let outputs = [BuildOutput::File(kind, file.clone())];
            let checked = runner(&engine).check(&request, &outputs).await;
            if !engine.is_containerd() {
                let error = checked.unwrap_err();
                let wish = format!("`outputs` with `type={},dest=…`", kind.as_str());
                assert!(error.to_string().contains(&wish), "{error}");
                continue;
            }
            checked.unwrap();
            build(&engine, &request, &outputs).await.unwrap();
            assert!(names_of(&file).contains(expected), "{:?}", names_of(&file));
        }
        if engine.is_containerd() {
            request.platforms = ["linux/amd64", "linux/arm64"]
                .map(|text| Platform::parse(text).unwrap())
                .to_vec();
            let file = work.path().join("both");
            build(
                &engine,
                &request,
                &[BuildOutput::File(ArchiveKind::Oci, file.clone())],
            )
            .await
            .unwrap();
            let manifests = names_of(&file)
                .iter()
                .filter(|name| name.starts_with("blobs/sha256/"))
                .count();
            assert!(manifests > 4, "an index, two manifests, two configs");
        }
    }
}

#[tokio::test]
async fn a_build_without_outputs_leaves_nothing_and_fails_as_others_do() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM busybox\nRUN echo fine\n")]);
        let built = build(&engine, &request(context.path()), &[]).await.unwrap();
        assert_eq!(built, BuiltImage::default());
        let context = folder(&[("Dockerfile", "FROM busybox\nRUN exit 3\n")]);
        let work = tempfile::tempdir().unwrap();
        let outputs = [BuildOutput::File(ArchiveKind::Tar, work.path().join("out.tar"))];
        let error = build(&engine, &request(context.path()), &outputs)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                BuildError::StepFailed {
                    exit_code: Some(3),
                    ..
                } | BuildError::StepFailed { .. }
            ),
            "{error:?}"
        );
        assert!(left_in(work.path()).is_empty(), "no half of a file is left");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_named() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        let work = folder(&[("file", "")]);
        let outputs = [BuildOutput::Folder(work.path().join("file/out"))];
        let error = build(&engine, &request(context.path()), &outputs)
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the result of the build cannot be written: `"),
            "{error}"
        );
    }
}
