//! A warm engine with a classic store, which hands over the layers that are new.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use buildkit_session::random_id;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::image::Image;
use super::support::{Bench, Engine, engines, folder, request};
use tagship_domain::reference::Digest;

/// How long an event may take to come.
const LONG: Duration = Duration::from_secs(20);

/// How long is waited for one that should not come.
const SHORT: Duration = Duration::from_millis(500);

/// A context with a layer that is large enough for an export to be worth avoiding, and that hardly compresses. The step
/// makes another layer for each app, however soon after the last it runs.
fn context() -> tempfile::TempDir {
    let context = folder(&[
        (
            "Dockerfile",
            "FROM busybox:1\nCOPY large /large\nCOPY app /app\nRUN cp /app /made\n",
        ),
        ("app", "app 1"),
    ]);
    let mut large = vec![0; 20_000_000];
    aws_lc_rs::rand::fill(&mut large).unwrap();
    fs::write(context.path().join("large"), large).unwrap();
    context
}

/// What an engine says of exports of images with a label, from now on. It keeps few events, and other tests make many.
struct Exports {
    _listening: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Exports {
    fn of(engine: &Engine, label: &str) -> Self {
        let mut listening = Command::new("docker")
            .args(["--host", &engine.address, "events", "--format", "{{.ID}}"])
            .args(["--since", "0s"])
            .args(["--filter", "event=save", "--filter", &format!("label={label}")])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(listening.stdout.take().unwrap()).lines();
        Self {
            _listening: listening,
            lines,
        }
    }

    /// The image that is exported next; `None` where none is for so long.
    async fn next(&mut self, wait: Duration) -> Option<String> {
        let line = timeout(wait, self.lines.next_line()).await.ok()?;
        line.unwrap()
    }
}

/// The images of an engine under names of a handover.
async fn left(engine: &Engine) -> Vec<String> {
    let listed = engine
        .docker(&["image", "ls", "--all", "--format", "{{.Repository}}:{{.Tag}}"])
        .await;
    let listed = String::from_utf8(listed).unwrap();
    let left = listed.lines().filter(|name| name.starts_with("127.0.0.1:282"));
    left.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_warm_engine_sends_what_is_new_and_the_digest_is_that_of_an_export() {
    for engine in engines().into_iter().filter(|engine| !engine.is_containerd()) {
        let state = tempfile::tempdir().unwrap();
        let cache = state.path().join("layers");
        let context = context();
        let mut request = request(context.path());
        let name = random_id().unwrap();
        let label = format!("handover-test={name}");
        request.labels.insert("handover-test".to_owned(), name);
        let bench = Bench::new(&engine).await.with_layer_cache(&cache);
        let mut exports = Exports::of(&engine, &label);
        let mut digests: Vec<Digest> = vec![bench.publish(&request).await.unwrap()];
        let first = exports.next(LONG).await;
        assert!(first.is_some(), "{}", engine.name);
        for version in 2..=3 {
            fs::write(context.path().join("app"), format!("app {version}")).unwrap();
            bench.registry.journal();
            let digest = bench.publish(&request).await.unwrap();
            let sent = bench.registry.journal();
            let uploads = sent.iter().filter(|entry| entry.starts_with("POST ")).count();
            // The app, the step above it, and the config.
            assert_eq!(uploads, 3, "{}: {sent:?}", engine.name);
            let image = Image::read(&bench.registry, digest);
            assert_eq!(image.file("app"), Some(format!("app {version}")));
            let listed: Vec<Digest> =
                serde_json::from_value(image.config["rootfs"]["diff_ids"].clone()).unwrap();
            let found: Vec<Digest> = image.layers.iter().map(|layer| Digest::of(layer)).collect();
            assert_eq!(found, listed, "{}", engine.name);
            digests.push(digest);
        }
        assert_eq!(left(&engine).await, [""; 0], "{}", engine.name);

        // Without a cache all of it is exported: the first export since that of the first push.
        assert_eq!(exports.next(SHORT).await, None, "{}: no handover", engine.name);
        let exported = Bench::new(&engine).await.publish(&request).await.unwrap();
        assert_eq!(digests.last(), Some(&exported), "{}", engine.name);
        let last = exports.next(LONG).await;
        assert!(last.is_some() && last != first, "{}: {last:?}", engine.name);
    }
}

#[tokio::test]
async fn an_image_with_a_name_of_its_users_keeps_it() {
    for engine in engines().into_iter().filter(|engine| !engine.is_containerd()) {
        let state = tempfile::tempdir().unwrap();
        let cache = state.path().join("layers");
        let context = context();
        let request = request(context.path());
        let bench = Bench::new(&engine).await.with_layer_cache(&cache);
        bench.publish(&request).await.unwrap();
        fs::write(context.path().join("app"), "app 2").unwrap();
        let name = format!("handover-test:{}", engine.name);
        let built = [
            "build",
            "--quiet",
            "--tag",
            &name,
            context.path().to_str().unwrap(),
        ];
        let id = engine.docker(&built).await;
        bench.publish(&request).await.unwrap();
        let found = engine
            .docker(&["image", "inspect", "--format", "{{.Id}} {{.RepoTags}}", &name])
            .await;
        let expected = format!("{} [{name}]\n", String::from_utf8(id).unwrap().trim());
        let found = String::from_utf8(found).unwrap();
        engine.docker(&["image", "rm", &name]).await;
        // The two builders give steps other times, so that only the name counts where they made two images.
        assert!(found.ends_with(&format!("[{name}]\n")), "{found} {expected}");
    }
}
