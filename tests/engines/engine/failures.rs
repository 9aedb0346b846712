//! Builds that fail, and what the user sees.

use tagship::ports::BuildError;
use tagship::ports::Builder as _;
use tagship_domain::error::{Diagnose as _, FailureKind};

use super::support::{Bench, Outcome, engines, folder, request};

/// The Dockerfile, the error on an engine of 20.10, and that on a later one.
const FAILURES: [(&str, &str, &str); 8] = [
    (
        "FROM busybox\nRUN echo heard; exit 7\n",
        "app/Dockerfile:2: build step `[2/2] RUN echo heard; exit 7` failed with exit code 7",
        "app/Dockerfile:2: build step `[2/2] RUN echo heard; exit 7` failed with exit code 7",
    ),
    (
        "FROM busybox\nCOPY missing /\n",
        "app/Dockerfile:2: `/missing`, which is to be copied, does not exist",
        "app/Dockerfile:2: `/missing`, which is to be copied, does not exist",
    ),
    (
        "FROM busybox\n\nFOO bar\n",
        "app/Dockerfile:3: the Dockerfile cannot be built: unknown instruction: FOO",
        "app/Dockerfile:3: the Dockerfile cannot be built: unknown instruction: FOO (did you mean FROM?)",
    ),
    (
        "",
        "the Dockerfile cannot be built: the Dockerfile cannot be empty",
        "the Dockerfile cannot be built: the Dockerfile cannot be empty",
    ),
    (
        "FROM busybox\nRUN --mount=type=secret,id=token,required true\n",
        "secret `token` is required by a build step, but not given",
        "secret `token` is required by a build step, but not given",
    ),
    (
        "FROM 127.0.0.1:1/nothing/here:1\n",
        "app/Dockerfile:1: base image `127.0.0.1:1/nothing/here:1` cannot be pulled: failed to do request: Head \"http://127.0.0.1:1/v2/nothing/here/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
        "app/Dockerfile:1: base image `127.0.0.1:1/nothing/here:1` cannot be pulled: failed to do request: Head \"https://127.0.0.1:1/v2/nothing/here/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
    ),
    (
        "FROM busybox\nCOPY --from=127.0.0.1:1/other:1 /a /b\n",
        "app/Dockerfile:2: base image `127.0.0.1:1/other:1` cannot be pulled: failed to do request: Head \"http://127.0.0.1:1/v2/other/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
        "app/Dockerfile:2: base image `127.0.0.1:1/other:1` cannot be pulled: failed to do request: Head \"https://127.0.0.1:1/v2/other/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
    ),
    (
        "FROM busybox\nRUN cp /bin/busybox /b && printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' | dd of=/b conv=notrunc bs=1 && sh -c 'exec /b'\n",
        "app/Dockerfile:2: build step `[2/2] RUN cp /bin/busybox /b && printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' | dd of=/b conv=notrunc bs=1 && sh -c 'exec /b'` failed with exit code 2",
        "app/Dockerfile:2: build step `[2/2] RUN cp /bin/busybox /b && printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' | dd of=/b conv=notrunc bs=1 && sh -c 'exec /b'` failed with exit code 2",
    ),
];

#[tokio::test]
async fn each_failure_is_told_in_one_sentence() {
    for engine in engines() {
        for (dockerfile, on_20, later) in FAILURES {
            let workspace = folder(&[("app/Dockerfile", dockerfile)]);
            let bench = Bench::in_workspace(&engine, workspace.path().to_owned()).await;
            let error = bench
                .publish(&request(&workspace.path().join("app")))
                .await
                .unwrap_err();
            let expected = if engine.is_20() { on_20 } else { later };
            assert_eq!(error.to_string(), expected, "{} {dockerfile}", engine.name);
            assert!(error.hint().is_some());
            let place = error.location();
            assert_eq!(
                place.is_some(),
                expected.starts_with("app/Dockerfile:"),
                "{dockerfile}"
            );
            if let Some(location) = place {
                let lines = location.excerpt.iter();
                let marked: Vec<&str> = lines
                    .filter(|line| line.is_marked)
                    .map(|line| &*line.text)
                    .collect();
                let line = dockerfile.lines().nth(location.line as usize - 1).unwrap();
                let start: String = line.chars().take(40).collect();
                assert!(marked.len() == 1 && marked[0].starts_with(&start), "{marked:?}");
            }
            assert!(bench.registry.journal().is_empty(), "nothing is pushed");
        }
    }
}

#[tokio::test]
async fn a_failed_step_shows_its_last_lines() {
    for engine in engines() {
        let dockerfile = "FROM busybox\nRUN seq 1000; echo the end; exit 1\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let bench = Bench::new(&engine).await;
        let error = bench.publish(&request(context.path())).await.unwrap_err();
        let BuildError::StepFailed { tail, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(tail.last().unwrap(), "the end", "{}", engine.name);
        assert_eq!(tail.len(), 50);
        let log = bench.heard.log();
        let step = log
            .steps
            .iter()
            .find(|step| step.name.contains("RUN seq"))
            .unwrap();
        assert!(matches!(&step.outcome, Some(Outcome::Failed(_))));
        assert!(bench.heard.output().contains("\n999\n1000\nthe end\n"));
    }
}

#[tokio::test]
async fn a_stage_that_is_not_there_is_named() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM busybox AS a\n")]);
        let mut request = request(context.path());
        request.target = Some("release".to_owned());
        let bench = Bench::new(&engine).await;
        let error = bench.publish(&request).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Dockerfile has no stage `release`",
            "{}",
            engine.name
        );
        assert_eq!(error.kind(), FailureKind::Usage);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_is_named() {
    use std::os::unix::ffi::OsStrExt as _;
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
        std::fs::write(context.path().join(name), "").unwrap();
        let bench = Bench::new(&engine).await;
        let error = bench.publish(&request(context.path())).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the build context cannot be sent: `caf\u{fffd}`: its name or target is not UTF-8",
            "{}",
            engine.name
        );
        std::fs::remove_file(context.path().join(name)).unwrap();
        bench.publish(&request(context.path())).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_is_told_before_the_build() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\n")]);
        let bench = Bench::new(&engine).await;
        let mut missing = request(context.path());
        missing.dockerfile = context.path().join("Dockerfile.release");
        let error = bench.builder.check(&missing).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("Dockerfile.release` cannot be used: it does not exist"),
            "{error}"
        );
        let mut missing = request(context.path());
        missing.context = context.path().join("nowhere");
        let error = bench.builder.check(&missing).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("nowhere` cannot be used: it does not exist"),
            "{error}"
        );
        assert_eq!(error.kind(), FailureKind::Usage);
    }
}

#[tokio::test]
async fn an_image_without_a_layer_is_refused_before_the_build() {
    for engine in engines() {
        let context = folder(&[(
            "Dockerfile",
            "FROM busybox AS made\nRUN true\nFROM scratch\nLABEL a=b\n",
        )]);
        let bench = Bench::new(&engine).await;
        let error = bench.builder.check(&request(context.path())).await.unwrap_err();
        assert!(
            matches!(&error, BuildError::NoLayer { location } if location.line == 3),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("COPY"), "{}", engine.name);
    }
}

/// Source: Docker Engine release notes, 23.0: the frontend of BuildKit 0.10.
#[tokio::test]
async fn an_engine_that_does_not_know_here_documents_says_so() {
    for engine in engines() {
        let dockerfile = "FROM busybox\nRUN <<EOF\necho heard\nEOF\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let bench = Bench::new(&engine).await;
        let built = bench.publish(&request(context.path())).await;
        if engine.name.starts_with("docker20") {
            let error = built.unwrap_err();
            assert!(
                matches!(&error, BuildError::HereDocument { location } if location.line == 3),
                "{error}"
            );
            assert!(error.hint().unwrap().contains("# syntax=docker/dockerfile:1"));
        } else {
            built.unwrap();
        }
    }
}
