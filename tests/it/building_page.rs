//! The page about building: its table of engines is made from the code, and its lines are read as their reader would.

use std::fmt::Write as _;
use std::path::Path;

use test_support::checkout::Checkout;
use test_support::process::{finish, tagship};

use tagship_domain::capability::{Feature, ImageStore};

use crate::inputs_generated::is_fresh;

const BEGIN: &str = "<!-- Made from the code: cargo xtask generate -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_table_of_engines_is_what_the_code_says() {
    let name = "docs/building.md";
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (_, after) = rest.split_once(END).expect("the table ends");
    is_fresh(name, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

fn table() -> String {
    let mut table =
        "| input | classic store | containerd store | BuildKit daemon |\n|---|---|---|---|\n".to_owned();
    for feature in Feature::ALL {
        let [classic, containerd, daemon] = [ImageStore::Classic, ImageStore::Containerd, ImageStore::None]
            .map(|store| feature.support(store));
        writeln!(table, "| {feature} | {classic} | {containerd} | {daemon} |").unwrap();
    }
    let [classic, containerd, daemon] =
        [ImageStore::Classic, ImageStore::Containerd, ImageStore::None].map(|store| {
            let same = Feature::Provenance.support(store);
            assert_eq!(same, Feature::Sbom.support(store));
            same
        });
    let attests = Feature::ATTESTS;
    writeln!(table, "| `{attests}` | {classic} | {containerd} | {daemon} |").unwrap();
    let load = Feature::LOAD;
    writeln!(table, "| `{load}` | yes | yes | no: a daemon keeps no images |").unwrap();
    for input in Feature::EVERYWHERE {
        writeln!(table, "| `{input}` | yes | yes | yes |").unwrap();
    }
    table
}

/// What `docker/build-push-action` has, and what a build has beside it.
#[test]
fn the_table_has_every_input_of_a_build() {
    let rows: Vec<&str> = Feature::EVERYWHERE
        .into_iter()
        .chain(Feature::ALL.map(Feature::input))
        .chain([Feature::ATTESTS, Feature::LOAD])
        .collect();
    for input in [
        "add-hosts",
        "allow",
        "annotations",
        "attests",
        "build-args",
        "build-contexts",
        "cache-from",
        "cache-to",
        "call",
        "cgroup-parent",
        "context",
        "file",
        "labels",
        "load",
        "network",
        "no-cache",
        "no-cache-filters",
        "outputs",
        "platforms",
        "provenance",
        "pull",
        "sbom",
        "secrets",
        "secret-envs",
        "secret-files",
        "shm-size",
        "ssh",
        "target",
        "ulimit",
        "test",
        "digest-file",
        "metadata-file",
        "iidfile",
        "max-size",
        "timeout",
        "stall-timeout",
    ] {
        assert!(rows.contains(&input), "{input}");
        assert!(tagship::schema::find(input).is_some(), "{input}");
    }
    for row in rows {
        assert!(tagship::schema::find(row).is_some(), "{row}");
    }
}

/// The inputs of every step that uses the action, in the pages about moving and about builders, with its variables.
fn shown_steps() -> Vec<(serde_yaml::Value, serde_yaml::Value)> {
    let pages = [
        include_str!("../../docs/from-build-push-action.md"),
        include_str!("../../docs/builders.md"),
    ];
    let blocks = pages
        .into_iter()
        .flat_map(|page| page.split("```yaml\n").skip(1))
        .filter_map(|rest| rest.split("```").next());
    let steps = blocks.flat_map(|block| {
        let workflow: serde_yaml::Value = serde_yaml::from_str(block).expect("it is YAML");
        let jobs = workflow["jobs"].as_mapping().expect("it has jobs").clone();
        jobs.into_iter()
            .flat_map(|(_, job)| job["steps"].as_sequence().expect("it has steps").clone())
            .collect::<Vec<_>>()
    });
    steps
        .filter(|step| {
            step["uses"]
                .as_str()
                .is_some_and(|uses| uses.starts_with("tagship/"))
        })
        .map(|step| (step["with"].clone(), step["env"].clone()))
        .collect()
}

/// A secret or the like is something.
fn filled(value: &serde_yaml::Value) -> String {
    let text = match value {
        serde_yaml::Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other)
            .expect("it is a scalar")
            .trim()
            .to_owned(),
    };
    match (text.find("${{"), text.rfind("}}")) {
        (Some(begin), Some(end)) => format!("{}filled{}", &text[..begin], &text[end + 2..]),
        _ => text,
    }
}

#[test]
fn every_step_of_these_pages_is_one_that_the_action_takes() {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
        ("app/Dockerfile", "FROM scratch AS test\nCOPY Dockerfile /\n"),
        ("shared/file", ""),
    ]);
    checkout.tag("v1.2.3");
    let home = tempfile::tempdir().unwrap();
    let steps = shown_steps();
    assert!(steps.len() >= 6, "{}", steps.len());
    for (with, env) in steps {
        let mut command = tagship(home.path());
        command
            .arg("action")
            .current_dir(checkout.path())
            .env("GITHUB_WORKSPACE", checkout.path())
            .env("GITHUB_ACTIONS", "true")
            .env("ACTIONS_RUNTIME_TOKEN", "job-token")
            .env("ACTIONS_RESULTS_URL", "https://results.example/")
            .env("INPUT_DOCKER-HOST", "tcp://127.0.0.1:9")
            // The plan by git alone shows that every input is taken; what is only built asks the engine, which is not there.
            .env("INPUT_OFFLINE", "true")
            .env("INPUT_DRY-RUN", "true");
        for (name, value) in env.as_mapping().into_iter().flatten() {
            command.env(name.as_str().unwrap(), filled(value));
        }
        for (name, value) in with.as_mapping().expect("it has inputs") {
            let name = name.as_str().unwrap().to_uppercase();
            command.env(format!("INPUT_{name}"), filled(value));
        }
        let run = finish(&mut command);
        let is_published = with["push"].as_bool() != Some(false);
        let expected = i32::from(!is_published);
        assert_eq!(run.code, Some(expected), "{with:?}: {}", run.stderr);
        assert!(
            is_published || run.stderr.contains("no Docker Engine answers"),
            "{}",
            run.stderr
        );
    }
}
