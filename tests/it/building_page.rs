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

/// The blocks of the page about moving, in pairs of before and after.
fn pairs() -> Vec<[(String, serde_yaml::Value); 2]> {
    let page = include_str!("../../docs/from-build-push-action.md");
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let parsed = |block: &str| (block.to_owned(), serde_yaml::from_str(block).expect("it is YAML"));
    let pairs = blocks.chunks(2);
    pairs.map(|pair| [parsed(pair[0]), parsed(pair[1])]).collect()
}

/// The inputs of the step that uses an action whose name begins so.
fn inputs(workflow: &serde_yaml::Value, action: &str) -> std::collections::BTreeMap<String, Vec<String>> {
    let jobs = workflow["jobs"].as_mapping().expect("it has jobs");
    let steps = jobs
        .values()
        .flat_map(|job| job["steps"].as_sequence().expect("it has steps"));
    let step = steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with(action)));
    let step: Vec<&serde_yaml::Value> = step.collect();
    assert_eq!(step.len(), 1, "one step uses {action}");
    let with = step[0]["with"].as_mapping().expect("it has inputs");
    with.iter()
        .map(|(name, value)| {
            let text = match value {
                serde_yaml::Value::String(text) => text.clone(),
                other => serde_yaml::to_string(other).expect("it is a scalar"),
            };
            let lines = text.lines().map(|line| line.trim().to_owned());
            let name = name.as_str().expect("a name is text");
            (name.to_owned(), lines.filter(|line| !line.is_empty()).collect())
        })
        .collect()
}

/// What stands before is `docker/build-push-action`'s, and nothing of it is lost after: each input is there with the same lines, by
/// the page and by `tagship init --from` where that moves the workflow; or it is one that the page says goes elsewhere.
#[test]
fn nothing_of_a_block_before_is_lost_after() {
    // Source: docker/build-push-action, `action.yml`.
    const PEERS: [&str; 32] = [
        "add-hosts",
        "allow",
        "annotations",
        "attests",
        "build-args",
        "build-contexts",
        "builder",
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
        "push",
        "sbom",
        "secrets",
        "secret-envs",
        "secret-files",
        "shm-size",
        "ssh",
        "tags",
        "target",
        "ulimit",
    ];
    // The version, the tags and their labels are Tagship's matter; one word stands for both caches.
    const ELSEWHERE: [&str; 5] = ["push", "tags", "labels", "cache-from", "cache-to"];
    let pairs = pairs();
    assert_eq!(pairs.len(), 6);
    let mut moved = 0;
    for [(text, before), (_, after)] in pairs {
        let (before, after) = (
            inputs(&before, "docker/build-push-action@"),
            inputs(&after, "tagship/"),
        );
        let mut all = vec![after.clone()];
        if let Ok(migration) = tagship::migration::migrate(&text) {
            moved += 1;
            let workflow = serde_yaml::from_str(&migration.workflow).expect("it is YAML");
            all.push(inputs(&workflow, "tagship/"));
        }
        for (name, lines) in &before {
            assert!(PEERS.contains(&name.as_str()), "{name}");
            let is_default = name == "provenance" && lines == &["false"];
            if ELSEWHERE.contains(&name.as_str()) || is_default {
                continue;
            }
            for after in &all {
                assert_eq!(after.get(name), Some(lines), "`{name}` of\n{text}");
            }
        }
        let has_cache = before.keys().any(|name| name.starts_with("cache-"));
        assert_eq!(has_cache, after.contains_key("cache"), "{text}");
        let publishes = before.get("push").is_some_and(|push| push == &["true"]);
        let is_built_only = after.get("push").is_some_and(|push| push == &["false"]);
        assert_eq!(publishes, !is_built_only, "{text}");
    }
    assert_eq!(
        moved, 3,
        "the blocks that publish to ECR are moved by the tool too"
    );
}
