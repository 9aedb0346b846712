//! The page about releases on GitHub: every example prints what the page says.

use std::cell::Cell;
use std::path::Path;

use serde_json::json;
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::page::check;
use test_support::process::{finish, scrubbed};

const PAGE_REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
    published: Cell<bool>,
}

impl World {
    /// Publishes version 0.1.0 of the commit at HEAD, once.
    fn publish(&self) {
        if self.published.replace(true) {
            return;
        }
        let labels = json!({
            "org.opencontainers.image.version": "0.1.0",
            "org.opencontainers.image.revision": self.checkout.head(),
        });
        let pusher = Pusher::new(&self.ecr, "team/app");
        pusher.tag("0.1.0", &pusher.image("amd64", "content", &labels).digest);
    }
}

/// A command of the page as its reader runs it, with the registry's name as on the page.
fn printed(command: &str, world: &World) -> String {
    if command.starts_with("tagship release") {
        world.publish();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_tagship"));
    let folder = program.parent().expect("a program lies in a folder");
    let settings = world.ecr.command(world.home.path(), &[]);
    let settings = settings
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut shell = scrubbed("/bin/sh", world.home.path());
    shell
        .envs(settings.filter(|(name, _)| *name != "PATH"))
        .envs(world.github.job())
        .envs(world.checkout.identity())
        .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
        .current_dir(world.checkout.path())
        .env("PROGRAMS", folder);
    let said = finish(&mut shell).stdout;
    world.github.push_from(world.checkout.path());
    let took = regex::Regex::new(r"\b[\d.]+ m?s\b").unwrap();
    took.replace_all(&said, "90 ms")
        .replace(&world.ecr.host(), PAGE_REGISTRY)
        .replace(
            "https://github.example/releases/1",
            "https://github.com/octo/app/releases/tag/v0.1.0",
        )
        .replace(&world.checkout.path().display().to_string(), "/home/ada/app")
}

#[test]
fn every_example_prints_what_the_page_says() {
    let ecr = Ecr::start();
    ecr.create_repository("team/app", &Mutability::Immutable);
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
        (
            "tagship.yaml",
            "repository: team/app\nversion: auto\nrelease: true\n",
        ),
    ]);
    let world = World {
        github: Github::of(checkout.path()),
        ecr,
        checkout,
        published: Cell::new(false),
        home: tempfile::tempdir().expect("a temporary folder can be made"),
    };
    check(include_str!("../../docs/github-release.md"), 4, |command| {
        printed(command, &world)
    });
}
