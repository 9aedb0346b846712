//! What a build request comes to in the image.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use tagship::ports::{Builder as _, ImageStore};
use tagship_domain::build::{BuildArgs, BuildSecret, SecretSource};
use tagship_domain::content::Platform;

use super::image::Image;
use super::support::{Bench, Outcome, engines, folder, request, write};

#[tokio::test]
async fn an_engine_tells_what_it_is() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
        let bench = Bench::new(&engine).await;
        let summary = bench.builder.check(&request(context.path())).await.unwrap();
        let store = if engine.is_containerd() {
            ImageStore::Containerd
        } else {
            ImageStore::Classic
        };
        assert_eq!(summary.store, store, "{}", engine.name);
        let version = String::from_utf8(
            engine
                .docker(&["version", "--format", "{{.Server.Version}}"])
                .await,
        )
        .unwrap();
        assert_eq!(summary.version, version.trim());
        assert_eq!(summary.platform, "linux/amd64");
        let notes = bench.heard.log().notes;
        assert!(notes.is_empty(), "{}: {notes:?}", engine.name);
    }
}

#[tokio::test]
async fn everything_of_a_request_reaches_the_build() {
    let dockerfile = "\
FROM busybox AS base
ARG COLOUR=none
RUN echo $COLOUR > /colour
RUN --mount=type=secret,id=token cp /run/secrets/token /token-of-step
RUN --mount=type=secret,id=file cp /run/secrets/file /file-of-step
FROM base AS wanted
COPY src/file /copied
FROM base AS unwanted
RUN false
";
    for engine in engines() {
        // Outside of the context; its own ignore file counts, that of the context does not.
        let workspace = folder(&[
            ("docker/App.Dockerfile", dockerfile),
            ("docker/App.Dockerfile.dockerignore", "other\n"),
            ("app/.dockerignore", "src\n"),
            ("app/src/file", "from the context"),
            ("app/other", "ignored"),
            ("secret", "from a file\n"),
        ]);
        let secret = |id: &str, source| BuildSecret {
            id: id.to_owned(),
            source,
        };
        let mut request = request(&workspace.path().join("app"));
        request.dockerfile = workspace.path().join("docker/App.Dockerfile");
        request.target = Some("wanted".to_owned());
        request.build_args =
            BuildArgs::new(BTreeMap::from([("COLOUR".to_owned(), "blue = green".to_owned())]));
        request.secrets = vec![
            secret("token", SecretSource::Value("hush".into())),
            secret("file", SecretSource::File(workspace.path().join("secret"))),
        ];
        request.labels = BTreeMap::from([("org.example.a".to_owned(), "x=\"y\", z".to_owned())]);
        request.platforms = vec![Platform::parse("linux/amd64").unwrap()];
        request.no_cache = true;
        let bench = Bench::new(&engine).await;
        let digest = bench.publish(&request).await.unwrap();

        let image = Image::read(&bench.registry, digest);
        assert_eq!(
            image.media_type, "application/vnd.oci.image.manifest.v1+json",
            "{}",
            engine.name
        );
        assert_eq!(image.file("colour").unwrap(), "blue = green\n");
        assert_eq!(image.file("token-of-step").unwrap(), "hush");
        assert_eq!(image.file("file-of-step").unwrap(), "from a file\n");
        assert_eq!(image.file("copied").unwrap(), "from the context");
        assert_eq!(image.config["config"]["Labels"]["org.example.a"], "x=\"y\", z");
        assert_eq!(image.config["architecture"], "amd64");
        assert_eq!(image.config["created"], "2023-11-14T22:13:20Z", "{}", engine.name);
        assert!(bench.registry.state().tags.is_empty(), "nothing is tagged");

        let log = bench.heard.log();
        assert!(log.masked.contains(&"hush".to_owned()) && log.masked.contains(&"from a file".to_owned()));
        assert!(
            !log.steps
                .iter()
                .any(|step| step.outcome == Some(Outcome::Cached) && step.name.contains("RUN"))
        );
    }
}

#[tokio::test]
async fn the_contexts_own_ignore_file_counts() {
    for engine in engines() {
        let context = folder(&[
            ("Dockerfile", "FROM scratch\nCOPY . /\n"),
            (
                ".dockerignore",
                "# comment\n**/*.log\n!keep.log\nDockerfile\n.dockerignore\n",
            ),
            ("a/b.log", ""),
            ("a/c", ""),
            ("keep.log", ""),
        ]);
        let bench = Bench::new(&engine).await;
        let digest = bench.publish(&request(context.path())).await.unwrap();
        let image = Image::read(&bench.registry, digest);
        let mut paths: Vec<String> = tar::Archive::new(&image.layers[0][..])
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        paths.sort();
        assert_eq!(paths, ["a/", "a/c", "keep.log"], "{}", engine.name);
    }
}

#[tokio::test]
async fn steps_are_told_with_their_output_as_it_came() {
    for engine in engines() {
        let dockerfile =
            "FROM busybox AS Stage\nRUN printf '::error::\\033[31mred\\377\\n'; echo to stderr >&2\n";
        let context = folder(&[("Dockerfile", dockerfile)]);
        let mut request = request(context.path());
        request.no_cache = true;
        let bench = Bench::in_workspace(&engine, context.path().to_owned()).await;
        bench.publish(&request).await.unwrap();
        let log = bench.heard.log();
        let step = log
            .steps
            .iter()
            .find(|step| step.name.contains("RUN printf"))
            .unwrap();
        let output = [&b"::error::\x1b[31mred\xff\n"[..], b"to stderr\n"];
        assert!(
            step.output == output.concat() || step.output == [output[1], output[0]].concat(),
            "{:?}",
            step.output
        );
        assert!(matches!(step.outcome, Some(Outcome::Done(_))));
        assert!(
            log.steps.iter().all(|step| step.outcome.is_some()),
            "{:?}",
            log.steps
        );
        // Engines before 27 look for nothing of the kind.
        if !engine.is_20() {
            let warning = log
                .warnings
                .iter()
                .find(|warning| warning.message.starts_with("StageNameCasing"))
                .unwrap();
            assert_eq!(
                (warning.file.as_deref(), warning.line),
                (Some("Dockerfile"), Some(1))
            );
        }

        request.no_cache = false;
        let again = Bench::new(&engine).await;
        again.publish(&request).await.unwrap();
        let log = again.heard.log();
        let step = log
            .steps
            .iter()
            .find(|step| step.name.contains("RUN printf"))
            .unwrap();
        assert_eq!(step.outcome, Some(Outcome::Cached), "{}", engine.name);
    }
}

#[tokio::test]
async fn a_changed_file_of_the_same_size_is_sent_again() {
    for engine in engines() {
        let context = folder(&[
            ("Dockerfile", "FROM scratch\nCOPY file /\n"),
            ("file", "one"),
            ("other", "x"),
        ]);
        let bench = Bench::new(&engine).await;
        let first = bench.publish(&request(context.path())).await.unwrap();
        assert_eq!(Image::read(&bench.registry, first).file("file").unwrap(), "one");
        write(context.path(), &[("file", "two")]);
        let second = bench.publish(&request(context.path())).await.unwrap();
        assert_eq!(
            Image::read(&bench.registry, second).file("file").unwrap(),
            "two",
            "{}",
            engine.name
        );
    }
}

#[tokio::test]
async fn nothing_is_left_in_the_engine() {
    for engine in engines() {
        let context = folder(&[("Dockerfile", "FROM scratch\nCOPY unique /\n")]);
        let nonce = context.path().display().to_string();
        write(context.path(), &[("unique", &nonce)]);
        let mut request = request(context.path());
        let label = ("tagship.test".to_owned(), nonce.clone());
        request.labels = BTreeMap::from([label]);
        request.reproducible = true;
        let bench = Bench::new(&engine).await;
        bench.publish(&request).await.unwrap();
        let filter = format!("label=tagship.test={nonce}");
        let list = ["images", "--all", "--quiet", "--filter", &filter];
        assert_eq!(engine.docker(&list).await, b"", "{}", engine.name);

        // What was there before stays.
        if !engine.is_containerd() {
            let path = context.path().to_str().unwrap();
            let built = engine
                .docker(&[
                    "build",
                    "--quiet",
                    "--build-arg",
                    "SOURCE_DATE_EPOCH=315532800",
                    "--label",
                    &format!("tagship.test={nonce}"),
                    path,
                ])
                .await;
            let id = String::from_utf8(built).unwrap();
            bench.publish(&request).await.unwrap();
            let there = engine.docker(&list).await;
            assert!(!there.is_empty(), "{}", engine.name);
            engine.docker(&["rmi", id.trim()]).await;
        }
    }
}

/// Times are sent as they are: the engine fetches a file again only when its size, time or mode differ.
#[tokio::test]
async fn a_file_that_changes_and_keeps_its_length_is_built_anew() {
    for engine in engines() {
        for reproducible in [false, true] {
            // Of its own: a step that an engine did before keeps the time that the file had then.
            let (before, after) = (test_support::unique::hex64(), test_support::unique::hex64());
            let context = folder(&[("Dockerfile", "FROM scratch\nCOPY file /\n"), ("file", &before)]);
            let mut request = request(context.path());
            request.reproducible = reproducible;
            let bench = Bench::new(&engine).await;
            bench.publish(&request).await.unwrap();
            write(context.path(), &[("file", &after)]);
            let digest = bench.publish(&request).await.unwrap();
            let image = Image::read(&bench.registry, digest);
            assert_eq!(image.file("file").unwrap(), after, "{}", engine.name);
            if !reproducible {
                // A file keeps its own time.
                let written = context
                    .path()
                    .join("file")
                    .metadata()
                    .unwrap()
                    .modified()
                    .unwrap();
                let written = written.duration_since(UNIX_EPOCH).unwrap().as_secs();
                let mut layer = tar::Archive::new(&image.layers[0][..]);
                let mut entries = layer.entries().unwrap().map(Result::unwrap);
                let file = entries
                    .find(|entry| entry.path().unwrap().ends_with("file"))
                    .unwrap();
                assert_eq!(file.header().mtime().unwrap(), written, "{}", engine.name);
            }
        }
    }
}

/// Neither the time of a commit nor its labels are in what a step depends on.
#[tokio::test]
async fn another_commit_runs_no_step_again() {
    for engine in engines() {
        for reproducible in [false, true] {
            let nonce = format!("{reproducible} {}", engine.address);
            let dockerfile = format!("FROM busybox\nWORKDIR /work/deep\nRUN echo '{nonce}' > /made\n");
            let context = folder(&[("Dockerfile", &dockerfile)]);
            let mut request = request(context.path());
            request.reproducible = reproducible;
            Bench::new(&engine).await.publish(&request).await.unwrap();
            request.committed_at += 1000;
            let bench = Bench::new(&engine).await;
            bench.publish(&request).await.unwrap();
            let steps = bench.heard.log().steps;
            let ran: Vec<_> = steps
                .iter()
                .filter(|step| step.name.contains("RUN") || step.name.contains("WORKDIR"))
                .map(|step| step.outcome.clone())
                .collect();
            assert_eq!(
                ran,
                [Some(Outcome::Cached), Some(Outcome::Cached)],
                "{}",
                engine.name
            );
        }
    }
}
