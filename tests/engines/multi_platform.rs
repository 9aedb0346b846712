//! Images of several platforms that jobs on engines of their own push by digest, and one job merges.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use test_support::clients::{crane, docker_runs, skopeo_pulls};
use test_support::engines;
use test_support::local::{Ecr, REGION, ROLE_ARN};
use test_support::process::{Finished, finish, tagship};
use test_support::shipping::{NO_ENGINE, REPOSITORY, Shipyard};

/// What is built of it needs no emulation.
const DOCKERFILE: &str = "FROM scratch\nCOPY hello /hello\nENTRYPOINT [\"/hello\"]\n";

fn yard() -> Shipyard {
    Shipyard::with(Ecr::start(), &[("Dockerfile", DOCKERFILE)])
}

/// Ships one platform by digest on an engine; its digest is in `file` then.
fn ship_part(yard: &Shipyard, engine: &str, platform: &str, file: &Path) -> String {
    let file = file.display().to_string();
    let flags = ["--by-digest", "--platforms", platform, "--digest-file", &file];
    let shipped = yard.ship(engines::named(engine), &flags).code(0);
    assert_eq!(shipped.status(), "pushed", "{engine}");
    assert_eq!(fs::read_to_string(&file).unwrap(), shipped.digest());
    shipped.digest()
}

fn data(yard: &Shipyard, what: &str, reference: &str) -> Value {
    serde_json::from_str(&crane(&yard.ecr.login(), &[what, reference])).expect("it is JSON")
}

#[test]
fn what_two_engines_pushed_becomes_one_image_that_clients_pull() {
    let yard = yard();
    let work = tempfile::tempdir().unwrap();
    let digests = work.path().join("digests");
    // As artifacts lie: each in a folder of its own.
    let amd = ship_part(
        &yard,
        "docker28-classic",
        "linux/amd64",
        &digests.join("digest-0/digest"),
    );
    let arm = ship_part(
        &yard,
        "docker28-containerd",
        "linux/arm64",
        &digests.join("digest-1/digest"),
    );
    assert_eq!(yard.tags(), BTreeMap::new(), "a part has no tag");

    let folder = digests.display().to_string();
    let iid = work.path().join("iid").display().to_string();
    let metadata = work.path().join("metadata.json").display().to_string();
    let merge = ["--merge-from", &folder, "--platforms", "linux/arm64,linux/amd64"];
    let files = ["--iidfile", &iid, "--metadata-file", &metadata];
    let merged = yard.ship_on(NO_ENGINE, &[&merge[..], &files].concat()).code(0);
    assert_eq!(merged.status(), "published");
    let digest = merged.digest();
    let both = ["1.0.0".to_owned(), yard.commit_tag()].map(|tag| (tag, digest.clone()));
    assert_eq!(yard.tags(), BTreeMap::from(both));
    assert_eq!(fs::read_to_string(&iid).unwrap(), digest);
    let metadata: Value = serde_json::from_str(&fs::read_to_string(&metadata).unwrap()).unwrap();
    assert_eq!(metadata["containerimage.digest"], digest);
    let name = yard.image();
    assert_eq!(
        metadata["image.name"],
        format!("{name}:{},{name}:1.0.0", yard.commit_tag())
    );

    let index = data(&yard, "manifest", &format!("{name}:1.0.0"));
    let entries: Vec<[String; 2]> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            [&entry["digest"], &entry["platform"]["architecture"]]
                .map(|text| text.as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        entries,
        [[amd.clone(), "amd64".to_owned()], [arm, "arm64".to_owned()]]
    );
    assert_eq!(skopeo_pulls(&yard.ecr.login(), &format!("{name}:1.0.0")), digest);
    for platform in ["linux/amd64", "linux/arm64"] {
        let config = crane(
            &yard.ecr.login(),
            &["config", "--platform", platform, &format!("{name}:1.0.0")],
        );
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(
            format!("linux/{}", config["architecture"].as_str().unwrap()),
            platform
        );
    }

    // The whole run once more: nothing is built, pushed or tagged, and every job has the digest that it had.
    yard.ecr.forget_journal();
    let part = yard
        .ship_on(NO_ENGINE, &["--by-digest", "--platforms", "linux/amd64"])
        .code(0);
    assert_eq!(
        (part.status(), part.digest()),
        ("already-published".to_owned(), amd)
    );
    let again = yard.ship_on(NO_ENGINE, &merge).code(0);
    assert_eq!(
        (again.status(), again.digest()),
        ("already-published".to_owned(), digest)
    );
    assert_eq!(yard.ecr.writes(), []);
}

#[test]
fn a_part_that_names_no_platform_is_of_the_engines_own() {
    let yard = Shipyard::with(
        Ecr::start(),
        &[("Dockerfile", "FROM busybox:1\nCOPY hello /hello\n")],
    );
    let engine = engines::named("docker28-containerd");
    let part = yard.ship(engine, &["--by-digest"]).code(0).digest();
    let merged = yard.ship_on(NO_ENGINE, &["--merge-from", &part]).code(0);
    let run = [&format!("{}@{}", yard.image(), merged.digest()), "cat", "/hello"];
    let said = docker_runs(engine, &yard.ecr.login(), &run);
    assert_eq!(
        said,
        fs::read_to_string(yard.checkout.path().join("hello")).unwrap()
    );
    // Which image is meant is not known before it is built again.
    let again = yard.ship(engine, &["--by-digest"]).code(0);
    let merged_again = yard
        .ship_on(NO_ENGINE, &["--merge-from", &again.digest()])
        .code(0);
    assert_eq!(merged_again.status(), "already-published");
    assert_eq!(merged_again.digest(), merged.digest());
}

#[test]
fn parts_of_another_commit_or_request_and_parts_that_are_not_there_get_no_tag() {
    let mut yard = yard();
    let engine = engines::named("docker28-classic");
    let part = |yard: &Shipyard, platform: &str, more: &[&str]| {
        let flags = [&["--by-digest", "--platforms", platform][..], more].concat();
        yard.ship(engine, &flags).code(0).digest()
    };
    let old = part(&yard, "linux/amd64", &[]);
    yard.commit_more();
    yard.checkout.tag("v1.1.0");
    let amd = part(&yard, "linux/amd64", &[]);
    let arm = part(&yard, "linux/arm64", &[]);
    let other = part(&yard, "linux/amd64", &["--build-args", "DEBUG=1"]);
    let missing = format!("sha256:{}", "a".repeat(64));
    let cases: [(&[&str], &str); 5] = [
        (&["--merge-from", &old, "--merge-from", &arm], "and not of commit"),
        (
            &["--merge-from", &other, "--merge-from", &arm],
            "was built with other `build-args`",
        ),
        (
            &["--merge-from", &missing, "--merge-from", &arm],
            "is not in the repository",
        ),
        (
            &["--merge-from", &amd, "--platforms", "linux/amd64,linux/arm64"],
            "linux/arm64 is missing",
        ),
        (&["--merge-from", &arm, "--by-digest"], "`by-digest` is given too"),
    ];
    for (flags, expected) in cases {
        let refused = yard.ship_on(NO_ENGINE, flags).code(2);
        assert!(refused.0.stderr.contains(expected), "{}", refused.0.stderr);
    }
    assert_eq!(yard.tags(), BTreeMap::new());
    // The plan says it too, and writes nothing.
    let plan = finish(&mut yard.command("plan", NO_ENGINE, &["--merge-from", &arm, "--merge-from", &amd]));
    plan.expect_code(0);
    assert!(plan.stdout.contains("merge 2 images"), "{}", plan.stdout);
    assert_eq!(yard.tags(), BTreeMap::new());
    // A version of another commit is taken: found before anything is built.
    yard.ship_on(NO_ENGINE, &["--merge-from", &arm, "--merge-from", &amd])
        .code(0);
    yard.commit_more();
    let late = yard
        .ship_on(NO_ENGINE, &["--by-digest", "--version", "1.1.0"])
        .code(10);
    assert!(late.0.stderr.contains("1.1.0"), "{}", late.0.stderr);
}

/// The variable of an input.
fn variable(name: &str) -> String {
    format!("TAGSHIP_{}", name.to_uppercase().replace('-', "_"))
}

/// A job's step of the page, its inputs as variables: the action takes one engine alone. With what stands for the runner's expressions.
fn run_step(yard: &Shipyard, with: &Value, temp: &Path, platform: &str, docker_host: &str) -> Finished {
    let mut command = tagship(yard.home());
    let (url, token) = yard.ecr.oidc_request();
    command
        .arg("ship")
        .current_dir(yard.checkout.path())
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
        .env("TAGSHIP_DOCKER_HOST", docker_host);
    for (name, value) in with.as_object().expect("a step has inputs") {
        let value = match (name.as_str(), value) {
            ("registry", _) => yard.ecr.host(),
            ("role-to-assume", _) => ROLE_ARN.to_owned(),
            (_, Value::String(text)) => text.clone(),
            (_, other) => other.to_string(),
        };
        let value = value
            .replace("${{ runner.temp }}", &temp.display().to_string())
            .replace("${{ matrix.platform }}", platform);
        assert!(!value.contains("${{"), "{value}");
        command.env(variable(name), value);
    }
    command
        .env("TAGSHIP_ENDPOINT_URL", format!("http://{}", yard.ecr.host()))
        .env("TAGSHIP_AWS_REGION", REGION);
    finish(&mut command)
}

#[test]
fn the_pages_workflow_publishes_one_image_of_both_platforms() {
    let page = include_str!("../../docs/multi-platform.md");
    let block = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let workflow: Value = serde_yaml::from_str(block.expect("the page has a workflow")).unwrap();
    let steps = |job: &str| workflow["jobs"][job]["steps"].as_array().unwrap().clone();
    let step = |job: &str, uses: &str| {
        let mut all = steps(job).into_iter();
        let found = all.find(|step| step["uses"].as_str().is_some_and(|text| text.starts_with(uses)));
        found.unwrap_or_else(|| panic!("job {job} has {uses}"))["with"].clone()
    };
    let yard = yard();
    assert_eq!(step("build", "tagship/")["repository"], REPOSITORY);
    let artifacts = tempfile::tempdir().unwrap();
    let matrix = workflow["jobs"]["build"]["strategy"]["matrix"]["include"]
        .as_array()
        .unwrap();
    let engines = ["docker28-classic", "docker28-containerd"];
    for (index, (entry, engine)) in matrix.iter().zip(engines).enumerate() {
        let temp = tempfile::tempdir().unwrap();
        let platform = entry["platform"].as_str().unwrap();
        let host = engines::named(engine).host();
        let built = run_step(&yard, &step("build", "tagship/"), temp.path(), platform, &host);
        built.expect_code(0);
        // What the actions of artifacts do with a file and with several artifacts.
        let upload = step("build", "actions/upload-artifact");
        let expand = |name: &str| {
            let text = upload[name].as_str().unwrap();
            text.replace("${{ strategy.job-index }}", &index.to_string())
                .replace("${{ runner.temp }}", &temp.path().display().to_string())
        };
        let artifact = artifacts.path().join(expand("name"));
        fs::create_dir(&artifact).unwrap();
        fs::copy(expand("path"), artifact.join("digest")).expect("the file is there");
    }
    assert_eq!(yard.tags(), BTreeMap::new());
    let temp = tempfile::tempdir().unwrap();
    let download = step("publish", "actions/download-artifact");
    assert_eq!(download["pattern"], "digest-*");
    let folder = download["path"].as_str().unwrap();
    let folder = folder.replace("${{ runner.temp }}", &temp.path().display().to_string());
    fs::rename(artifacts.path(), folder).unwrap();
    let published = run_step(&yard, &step("publish", "tagship/"), temp.path(), "", NO_ENGINE);
    published.expect_code(0);
    let index = data(&yard, "manifest", &format!("{}:1.0.0", yard.image()));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(yard.tags().len(), 2);
}
