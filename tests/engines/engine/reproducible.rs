//! Builds whose layers depend on their content alone.

use std::fs::File;
use std::time::Duration;

use super::image::Image;
use super::support::{Bench, engines, folder, request};

/// 1980-01-01T00:00:00Z, in seconds since 1970-01-01T00:00:00Z.
const CONSTANT: u64 = 315_532_800;

/// Steps that leave everything behind that a layer can hold: files, folders, links of both kinds, long names, what is
/// deleted, folders of the base that change.
const DOCKERFILE: &str = "FROM busybox:1\n\
    COPY copied /first\n\
    RUN mkdir -p /made/deep && echo made > /made/deep/file && ln /made/deep/file /made/hard \\\n\
     && ln -s deep/file /made/soft && mkfifo /made/pipe && chmod 4711 /made/hard && chown 12:34 /made/pipe \\\n\
     && long=$(yes a-folder-with-a-long-name | head -n 12 | tr '\\n' /) && mkdir -p /$long && echo long > /$long/file \\\n\
     && touch -d '2001-02-03 04:05:06' /made/old && head -c 3000000 /dev/zero > /made/large && echo gone > /gone\n\
    RUN rm /gone && mv /made/deep /made/moved\n\
    WORKDIR /work\n\
    COPY copied folder /\n\
    CMD [\"true\"]\n";

#[tokio::test]
async fn two_reproducible_builds_have_one_digest_whatever_the_commit() {
    for engine in engines() {
        let files = [
            ("Dockerfile", DOCKERFILE),
            ("copied", "copied"),
            ("folder/inner", "inner"),
        ];
        let context = folder(&files);
        let mut request = request(context.path());
        request.no_cache = true;
        request.reproducible = true;
        let bench = Bench::new(&engine).await;
        let first = bench.publish(&request).await.unwrap();
        // Another checkout of the same commit: its files are younger. So no layer is one that the engine has, which
        // would let a classic store choose how to list the next.
        let again = folder(&files);
        let copied = File::options().append(true).open(again.path().join("copied"));
        let copied = copied.unwrap();
        let written = copied.metadata().unwrap().modified().unwrap();
        copied.set_modified(written + Duration::from_hours(1)).unwrap();
        request.committed_at += 1000;
        request.context = again.path().to_owned();
        request.dockerfile = again.path().join("Dockerfile");
        let second = bench.publish(&request).await.unwrap();
        assert_eq!(first, second, "{}", engine.name);

        let image = Image::read(&bench.registry, first);
        let mut times = Vec::new();
        for layer in &image.layers {
            let mut archive = tar::Archive::new(&layer[..]);
            times.extend(
                archive
                    .entries()
                    .unwrap()
                    .map(|entry| entry.unwrap().header().mtime().unwrap()),
            );
        }
        assert!(
            times.contains(&CONSTANT) && times.iter().all(|time| *time <= CONSTANT),
            "{}: {times:?}",
            engine.name
        );
        let created: Vec<&str> = image.config["history"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|step| step["created"].as_str())
            .chain(image.config["created"].as_str())
            .collect();
        assert!(
            created.iter().all(|time| *time <= "1980-01-01T00:00:00Z"),
            "{created:?}"
        );
    }
}

/// A build without cache is what a fresh engine does.
#[tokio::test]
async fn an_engine_that_built_the_parent_makes_what_a_fresh_one_makes() {
    let dockerfile = "FROM busybox:1\nCOPY copied /first\nRUN mkdir /made && echo made > /made/file\nWORKDIR /work\nCOPY app /app\n";
    for engine in engines() {
        let files = |app: &'static str| [("Dockerfile", dockerfile), ("copied", "copied"), ("app", app)];
        let context = folder(&files("parent"));
        let mut request = request(context.path());
        request.reproducible = true;
        let bench = Bench::new(&engine).await;
        let parent = bench.publish(&request).await.unwrap();
        std::fs::write(context.path().join("app"), "child!").unwrap();
        request.committed_at += 1000;
        let warm = bench.publish(&request).await.unwrap();
        assert_ne!(warm, parent);

        let again = folder(&files("child!"));
        // Its times are others, as those of another checkout are.
        for name in ["copied", "app"] {
            let file = File::options()
                .append(true)
                .open(again.path().join(name))
                .unwrap();
            let written = file.metadata().unwrap().modified().unwrap();
            file.set_modified(written + Duration::from_hours(1)).unwrap();
        }
        request.no_cache = true;
        request.context = again.path().to_owned();
        request.dockerfile = again.path().join("Dockerfile");
        let blobs = bench.registry.state().blobs.len();
        let fresh = bench.publish(&request).await.unwrap();
        assert_eq!(fresh, warm, "{}", engine.name);
        assert_eq!(bench.registry.state().blobs.len(), blobs, "{}", engine.name);
    }
}
