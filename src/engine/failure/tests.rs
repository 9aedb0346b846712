//! Failures in the words of engines old and new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard_buildkit_proto::google::protobuf::Any;
use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};
use prost::Message as _;
use secrecy::SecretString;
use tonic::{Code, Status};

use super::{classify, on_one_line, refused_again};
use crate::ports::{BuildError, RegistryError};
use buildkit_session::{BuildEvent, DockerfileName, Progress, ProgressSink};
use tagship_domain::build::{BuildArgs, BuildRequest};
use tagship_domain::error::{Diagnose as _, FailureKind};
use tagship_domain::reference::{ImageName, RegistryHost, RepositoryName};

struct NoCredentials;

impl ProgressSink for NoCredentials {
    fn mask(&self, _: &SecretString) {}

    fn event(&self, _: BuildEvent<'_>) {}
}

fn image() -> ImageName {
    ImageName {
        registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    }
}

fn request() -> BuildRequest {
    BuildRequest {
        context: PathBuf::from("/w/app"),
        dockerfile: PathBuf::from("/w/app/Dockerfile"),
        target: Some("release".to_owned()),
        ..BuildRequest::default()
    }
}

/// A build whose one step failed.
fn progress(step: &str, output: &str, error: &str) -> Progress {
    let dockerfile = DockerfileName::new(Path::new("/w/app/Dockerfile"), Path::new("/w"));
    let mut progress = Progress::new(Arc::new(NoCredentials), dockerfile, BuildArgs::default());
    if !step.is_empty() {
        progress.take(StatusResponse {
            vertexes: vec![Vertex {
                digest: "sha256:1".to_owned(),
                name: step.to_owned(),
                started: Some(prost_time()),
                completed: Some(prost_time()),
                error: error.to_owned(),
                ..Vertex::default()
            }],
            logs: vec![VertexLog {
                vertex: "sha256:1".to_owned(),
                msg: output.into(),
                ..VertexLog::default()
            }],
            ..StatusResponse::default()
        });
    }
    progress
}

fn prost_time() -> bollard_buildkit_proto::google::protobuf::Timestamp {
    bollard_buildkit_proto::google::protobuf::Timestamp { seconds: 1, nanos: 0 }
}

fn error(message: &str, step: &str) -> BuildError {
    classify(
        &Status::unknown(message),
        &progress(step, "", message),
        &request(),
        Some(&image()),
    )
}

/// The words of both engines, as they were heard; the errors that they come to.
#[test]
fn failures_are_told_in_our_words() {
    for (message, step, expected) in [
        (
            "executor failed running [/bin/sh -c exit 7]: exit code: 7",
            "[2/2] RUN exit 7",
            "build step `[2/2] RUN exit 7` failed with exit code 7",
        ),
        (
            "process \"/bin/sh -c exit 7\" did not complete successfully: exit code: 7",
            "[2/2] RUN exit 7",
            "build step `[2/2] RUN exit 7` failed with exit code 7",
        ),
        (
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: FOO",
            "",
            "app/Dockerfile:2: the Dockerfile cannot be built: unknown instruction: FOO",
        ),
        (
            "dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)",
            "",
            "app/Dockerfile:2: the Dockerfile cannot be built: unknown instruction: FOO (did you mean FROM?)",
        ),
        (
            "the Dockerfile cannot be empty",
            "",
            "the Dockerfile cannot be built: the Dockerfile cannot be empty",
        ),
        (
            "failed to compute cache key: \"/missing\" not found: not found",
            "[2/2] COPY missing /",
            "`/missing`, which is to be copied, does not exist",
        ),
        (
            "failed to compute cache key: failed to calculate checksum of ref d1c88ab6::4cyw4: \"/missing\": not found",
            "[2/2] COPY missing /",
            "`/missing`, which is to be copied, does not exist",
        ),
        (
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: docker.io/library/nope:1: not found",
            "[internal] load metadata for docker.io/library/nope:1",
            "base image `docker.io/library/nope:1` cannot be pulled: docker.io/library/nope:1: not found",
        ),
        (
            "nope:1: failed to resolve source metadata for docker.io/library/nope:1: docker.io/library/nope:1: not found",
            "",
            "base image `docker.io/library/nope:1` cannot be pulled: docker.io/library/nope:1: not found",
        ),
        (
            "target stage \"release\" could not be found",
            "",
            "the Dockerfile has no stage `release`",
        ),
        (
            "failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to reach build target release in Dockerfile",
            "",
            "the Dockerfile has no stage `release`",
        ),
        (
            "secret token not found: not found",
            "[2/2] RUN x",
            "secret `token` is required by a build step, but not given",
        ),
        (
            "secret token: not found",
            "[2/2] RUN x",
            "secret `token` is required by a build step, but not given",
        ),
        (
            "failed to copy: write /var/lib/docker/x: no space left on device",
            "[2/2] COPY a b",
            "the engine has no space left on its disk",
        ),
        (
            "something\nunheard of",
            "",
            "the build failed: something unheard of",
        ),
        (
            "something unheard of",
            "[2/3] ADD a b",
            "build step `[2/3] ADD a b` failed: something unheard of",
        ),
    ] {
        let error = error(message, step);
        assert_eq!(error.to_string(), expected, "{message}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_failed_step_keeps_its_last_lines_and_place() {
    let message = "process \"/bin/sh -c make\" did not complete successfully: exit code: 2";
    let output: String = (1..=1000)
        .flat_map(|line| [format!("line {line}"), "\n".to_owned()])
        .collect();
    let detail = |name: &str, json: &str| Any {
        type_url: format!("github.com/moby/buildkit/{name}+json"),
        value: json.as_bytes().to_vec(),
    };
    let details = rpc::Status {
        details: vec![
            detail("errdefs.Vertex", r#"{"digest":"sha256:1"}"#),
            detail("gatewayapi.ExitMessage", r#"{"Code":2}"#),
            detail(
                "errdefs.Source",
                r#"{"info":{"filename":"Dockerfile","data":"RlJPTSB4"},"ranges":[{"start":{"line":4},"end":{"line":5}}]}"#,
            ),
            detail("errdefs.Source", "not json"),
        ],
        ..rpc::Status::default()
    };
    let status = Status::with_details(Code::Unknown, message, details.encode_to_vec().into());
    let error = classify(
        &status,
        &progress("[3/3] RUN make", &output, message),
        &request(),
        Some(&image()),
    );
    assert_eq!(
        error.to_string(),
        "app/Dockerfile:4: build step `[3/3] RUN make` failed with exit code 2"
    );
    let BuildError::StepFailed { tail, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(tail.len(), 50);
    assert_eq!((tail[0].as_str(), tail[49].as_str()), ("line 951", "line 1000"));
}

/// An engine of 20.10 gives no details.
#[test]
fn the_place_of_a_failed_step_is_found_where_the_engine_does_not_say_it() {
    let workspace = tempfile::tempdir().unwrap();
    let path = workspace.path().join("Dockerfile");
    let request = BuildRequest {
        dockerfile: path.clone(),
        build_args: BuildArgs::new(BTreeMap::from([("TOKEN".to_owned(), "hunter2".to_owned())])),
        ..BuildRequest::default()
    };
    let failed = |dockerfile: &str, step: &str, message: &str| {
        std::fs::write(&path, dockerfile).unwrap();
        let name = DockerfileName::new(&path, workspace.path());
        let mut progress = Progress::new(Arc::new(NoCredentials), name, request.build_args.clone());
        progress.take(StatusResponse {
            vertexes: vec![Vertex {
                digest: "sha256:1".to_owned(),
                name: step.to_owned(),
                started: Some(prost_time()),
                completed: Some(prost_time()),
                error: message.to_owned(),
                ..Vertex::default()
            }],
            ..StatusResponse::default()
        });
        let error = classify(&Status::unknown(message), &progress, &request, None);
        let lines = error
            .location()
            .map(|location| location.excerpt)
            .unwrap_or_default();
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        (error.to_string(), lines)
    };
    let exit = "executor failed running [/bin/sh -c x]: exit code: 7";
    let (message, lines) = failed("FROM a\nARG TOKEN=hunter2\nRUN x\n", "[2/2] RUN x", exit);
    assert_eq!(
        message,
        "Dockerfile:3: build step `[2/2] RUN x` failed with exit code 7"
    );
    assert_eq!(
        lines,
        [
            "   1 |     FROM a",
            "   2 |     ARG TOKEN=***",
            "   3 | >>> RUN x"
        ]
    );
    let pull = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: docker.io/library/nope:1: not found";
    let (message, _) = failed(
        "# one\nFROM nope:1\n",
        "[internal] load metadata for docker.io/library/nope:1",
        pull,
    );
    assert!(
        message.starts_with("Dockerfile:2: base image `docker.io/library/nope:1`"),
        "{message}"
    );
    // The same text twice in a stage with `ONBUILD` instructions: no place is better than a wrong one.
    let (message, lines) = failed("FROM a\nRUN x\nRUN x\n", "[4/4] RUN x", exit);
    assert_eq!(message, "build step `[4/4] RUN x` failed with exit code 7");
    assert!(lines.is_empty());
}

#[test]
fn failed_pushes_are_errors_of_the_registry() {
    let url = format!("https://{}/v2/team/app/blobs/uploads/", image().registry);
    for (message, kind, expected) in [
        (
            format!(
                "failed to push {}: unexpected status from HEAD request to {url}: 401 Unauthorized",
                image()
            ),
            FailureKind::Credentials,
            "refuses the credential",
        ),
        (
            format!("failed to authorize: no basic auth credentials for {url}"),
            FailureKind::Credentials,
            "refuses the credential",
        ),
        (
            format!(
                "failed to push {}: unexpected status from POST request to {url}: 403 Forbidden",
                image()
            ),
            FailureKind::Credentials,
            "refuses the credential",
        ),
        (
            format!(
                "failed to push {}: denied: User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: ecr:InitiateLayerUpload on resource: r",
                image()
            ),
            FailureKind::Credentials,
            "may not do `ecr:InitiateLayerUpload`",
        ),
        (
            format!(
                "failed to push {}: name unknown: The repository with name 'team/app' does not exist in the registry with id '123456789012'",
                image()
            ),
            FailureKind::Operation,
            "repository `team/app` does not exist",
        ),
        (
            format!(
                "failed to push {}: unexpected status from PUT request to {url}: 400 Bad Request",
                image()
            ),
            FailureKind::Operation,
            "refuses the push",
        ),
        (
            format!(
                "failed to push {}: failed to do request: Put \"{url}\": EOF",
                image()
            ),
            FailureKind::Operation,
            "the push with registry",
        ),
    ] {
        let error = error(&message, "exporting to image");
        assert!(matches!(error, BuildError::Push(_)), "{message}");
        assert_eq!(error.kind(), kind, "{message}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn foreign_words_stay_on_one_line_and_short() {
    assert_eq!(on_one_line(" a\r\n\tb\u{1b}[31mc\n"), "a b\u{fffd}c");
    let long = on_one_line(&"x".repeat(100_000));
    assert_eq!(long.chars().count(), 2001);
    assert!(long.ends_with('…'));
}

#[test]
fn values_of_build_arguments_are_not_shown() {
    let request = BuildRequest {
        build_args: BuildArgs::new(BTreeMap::from([
            ("TOKEN".to_owned(), "hunter2".to_owned()),
            ("LONGER".to_owned(), "hunter2-and-more".to_owned()),
            ("DEBUG".to_owned(), "true".to_owned()),
        ])),
        ..request()
    };
    let message = "process \"curl hunter2 hunter2-and-more true\" did not complete";
    let dockerfile = DockerfileName::new(Path::new("/w/app/Dockerfile"), Path::new("/w"));
    let mut progress = Progress::new(Arc::new(NoCredentials), dockerfile, request.build_args.clone());
    progress.take(StatusResponse {
        vertexes: vec![Vertex {
            digest: "sha256:1".to_owned(),
            name: "[2/2] RUN curl hunter2".to_owned(),
            error: message.to_owned(),
            started: Some(prost_time()),
            completed: Some(prost_time()),
            ..Vertex::default()
        }],
        logs: vec![VertexLog {
            vertex: "sha256:1".to_owned(),
            msg: b"sent hunter2-and-more".to_vec(),
            ..VertexLog::default()
        }],
        ..StatusResponse::default()
    });
    let error = super::classify(&Status::unknown(message), &progress, &request, Some(&image()));
    assert_eq!(
        error.to_string(),
        "build step `[2/2] RUN curl ***` failed: process \"curl *** *** true\" did not complete"
    );
    assert_eq!(error.output(), ["sent ***"]);
}

#[test]
fn an_upload_that_the_registry_has_forgotten_may_be_begun_anew() {
    let pushing = |request: &str, status: &str| {
        let url = format!("http://{}/v2/team/app/{request}", image().registry);
        let method = if request.contains('?') { "PUT" } else { "POST" };
        let message = format!(
            "failed to push {}: failed to copy: unexpected status from {method} request to {url}: {status}",
            image()
        );
        let BuildError::Push(error) = error(&message, "exporting to image") else {
            panic!("{message}")
        };
        error.is_transient()
    };
    assert!(pushing("blobs/uploads/0?digest=sha256%3A0", "404 Not Found"));
    assert!(!pushing("blobs/uploads/0?digest=sha256%3A0", "400 Bad Request"));
    assert!(!pushing("blobs/uploads/", "404 Not Found"));
}

#[test]
fn a_role_that_may_only_read_is_told_so_when_a_new_password_does_not_help() {
    let refused = |request: &str, status: &str| {
        let url = format!("https://{}/v2/team/app/", image().registry);
        let (method, request) = request.split_once(' ').unwrap();
        let url = format!("{url}{request}");
        let message = format!(
            "failed to push {}: unexpected status from {method} request to {url}: {status}",
            image()
        );
        let BuildError::Push(error) = error(&message, "exporting to image") else {
            panic!("{message}")
        };
        refused_again(error, &image())
    };
    for (request, action) in [
        ("HEAD manifests/sha256:0", "ecr:BatchGetImage"),
        ("HEAD blobs/sha256:0", "ecr:BatchCheckLayerAvailability"),
        ("POST blobs/uploads/", "ecr:InitiateLayerUpload"),
        ("PUT blobs/uploads/0", "ecr:UploadLayerPart"),
        ("PUT manifests/sha256:0", "ecr:PutImage"),
    ] {
        let error = refused(request, "403 Forbidden");
        assert!(error.to_string().contains(action), "{error}");
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("`ecr:PutImage`") && hint.contains("`ecr:UploadLayerPart`"),
            "{hint}"
        );
    }
    assert!(matches!(
        refused("POST blobs/uploads/", "401 Unauthorized"),
        RegistryError::Unauthorized { .. }
    ));
}

#[test]
fn an_image_that_reads_the_dockerfile_is_no_base_image() {
    for step in [
        "resolve image config for docker-image://docker.io/docker/dockerfile:9",
        "resolve image config for docker.io/docker/dockerfile:9",
    ] {
        let message = "docker.io/docker/dockerfile:9: not found";
        let progress = progress(step, "", message);
        let error = super::classify(&Status::unknown(message), &progress, &request(), Some(&image()));
        assert_eq!(
            error.to_string(),
            "`# syntax` image `docker.io/docker/dockerfile:9`, which reads the Dockerfile, cannot be pulled: docker.io/docker/dockerfile:9: not found"
        );
    }
}
