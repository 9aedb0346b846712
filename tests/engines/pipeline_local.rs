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
