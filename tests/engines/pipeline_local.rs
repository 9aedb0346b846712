//! The whole pipeline without an AWS account: `--local` runs on the embedded ECR, whose state outlives a run.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::clients::{Registry, crane, docker_pulls, skopeo_pulls};
use test_support::engines;
use test_support::process::{Process, Signal, Stream, finish, tagship};
use test_support::shipping::{DOCKERFILE, NO_ENGINE, REPOSITORY, Shipped};
use test_support::unique;

/// `tagship ship --local` in a checkout, with the registry's state in `data`.
fn ship(checkout: &Checkout, data: &Path, docker_host: &str) -> Shipped {
    let mut command = tagship(data);
    command
        .current_dir(checkout.path())
        .args(["ship", "--local", "--json", "--repository", REPOSITORY])
        .args(["--docker-host", docker_host])
        .arg("--local-data")
        .arg(data);
    Shipped(finish(&mut command))
}

/// A server of `data`, and how to use it.
fn serve(data: &Path) -> (Process, Registry) {
    let mut command: Command = tagship(data);
    command
        .args(["local", "serve", "--json", "--port", "0", "--data"])
        .arg(data);
    let mut server = Process::start(&mut command);
    let said = server.wait_for_line(|line| line.stream == Stream::Out);
    let said: Value = serde_json::from_str(&said.text).expect("it is JSON");
    let text = |name: &str| said[name].as_str().expect("it is text").to_owned();
    let registry = Registry {
        host: text("registry"),
        token: STANDARD.encode(format!("AWS:{}", text("registry-password"))),
    };
    (server, registry)
}

#[test]
fn what_is_shipped_locally_stays_and_is_pulled_from_a_server_of_the_same_data() {
    for engine in engines::all() {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let mut checkout = Checkout::empty();
        checkout.write("hello", unique::hex64());
        checkout.commit(&[("Dockerfile", DOCKERFILE)]);
        checkout.tag("v1.0.0");
        let first = ship(&checkout, data.path(), &engine.host()).code(0);
        assert_eq!(first.status(), "published", "{}", engine.name);
        let again = ship(&checkout, data.path(), NO_ENGINE).code(0);
        assert_eq!(again.status(), "already-published", "{}", engine.name);
        assert_eq!(again.digest(), first.digest());

        let (server, registry) = serve(data.path());
        let image = format!("{}/{REPOSITORY}", registry.host);
        for tag in ["1.0.0", &format!("sha-{}", &checkout.head()[..12])] {
            let reference = format!("{image}:{tag}");
            assert_eq!(docker_pulls(engine, &registry, &reference), first.digest());
            assert_eq!(skopeo_pulls(&registry, &reference), first.digest());
        }
        checkout.write("hello", unique::hex64());
        checkout.commit(&[]);
        checkout.tag("v1.1.0");
        let second = ship(&checkout, data.path(), &engine.host()).code(0);
        let seen = crane(&registry, &["digest", &format!("{image}:1.1.0")]);
        assert_eq!(seen, second.digest(), "{}: a running server is used", engine.name);
        server.signal(Signal::Int);
        assert_eq!(server.wait().signal, None, "it ends by itself");
    }
}

/// `tagship ship --local` on a network of its own, as in a container: its loopback is not the engine's.
fn ship_apart(checkout: &Checkout, data: &Path, docker_host: &str) -> Shipped {
    let mut tagship = tagship(data);
    tagship
        .args(["ship", "--local", "--json", "--repository", REPOSITORY])
        .args(["--docker-host", docker_host, "--reproducible"])
        .arg("--local-data")
        .arg(data);
    let mut command = Command::new("unshare");
    command
        .args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(tagship.get_program())
        .args(tagship.get_args())
        .env_clear()
        .envs(
            tagship
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(checkout.path());
    Shipped(finish(&mut command))
}

#[test]
fn an_engine_with_another_loopback_builds_the_same_image_and_its_client_pushes_it() {
    for engine in engines::all() {
        let mut checkout = Checkout::empty();
        checkout.write("hello", unique::hex64());
        checkout.write("large", unique::hex64().repeat(40_000));
        checkout.commit(&[("Dockerfile", "FROM scratch\nCOPY . /a/\nCOPY hello /b/\n")]);
        checkout.tag("v1.0.0");
        let (apart, near) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = ship_apart(&checkout, apart.path(), &engine.host()).code(0);
        assert_eq!(first.status(), "published", "{}", engine.name);
        let mut command = tagship(near.path());
        command
            .current_dir(checkout.path())
            .args([
                "ship",
                "--local",
                "--json",
                "--repository",
                REPOSITORY,
                "--reproducible",
            ])
            .args(["--docker-host", &engine.host(), "--local-data"])
            .arg(near.path());
        let near = Shipped(finish(&mut command)).code(0);
        assert_eq!(near.digest(), first.digest(), "{}", engine.name);
        let again = ship_apart(&checkout, apart.path(), NO_ENGINE).code(0);
        assert_eq!(again.status(), "already-published", "{}", engine.name);
    }
}

#[test]
fn a_large_layer_is_pushed_where_there_is_no_folder_for_temporary_files() {
    for engine in engines::all() {
        let data = tempfile::tempdir().unwrap();
        let mut checkout = Checkout::empty();
        // Hexadecimal digits are compressed to more than half, and what is larger than 4 MiB does not wait in memory.
        let lines: Vec<String> = (0..200_000).map(|_| unique::hex64()).collect();
        checkout.write("large", lines.concat());
        checkout.commit(&[("Dockerfile", "FROM scratch\nCOPY large /\n")]);
        let mut command = tagship(data.path());
        command
            .current_dir(checkout.path())
            .env("TMPDIR", data.path().join("is/missing"))
            .args(["ship", "--local", "--json", "--repository", REPOSITORY])
            .args(["--docker-host", &engine.host(), "--local-data"])
            .arg(data.path());
        let shipped = Shipped(finish(&mut command)).code(0);
        assert_eq!(shipped.status(), "published", "{}", engine.name);
    }
}
