//! Several images in one repository: which of them a commit touches, and how one is taken.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::page::examples;

const PAGE: &str = include_str!("../../docs/monorepo.md");
const ZEROS: &str = "0000000000000000000000000000000000000000";

/// The repository that the page describes, before its last commit.
fn shop() -> Checkout {
    let config = PAGE.split("```yaml\n").nth(1).unwrap();
    let config = config.split("```").next().unwrap();
    Checkout::with(&[
        ("tagship.yaml", config),
        ("services/api/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("services/api/README.md", "api\n"),
        ("services/web/index.html", "web\n"),
        ("docker/web.Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("services/jobs/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("libs/money.py", "1\n"),
    ])
}

/// Runs a line of shell in the checkout as if outside of GitHub; gives stdout and stderr.
fn printed(command: &str, checkout: &Checkout, variables: &[(&str, &str)]) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tagship"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("({command}) 2>&1")])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("PATH", path)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Ada")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@example.com")))
        .envs(variables.iter().copied())
        .current_dir(checkout.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_prints_what_the_page_says() {
    let mut checkout = shop();
    checkout.tag("v9.0.0");
    checkout.tag("api/v1.2.3");
    checkout.commit(&[("services/web/index.html", "new\n")]);
    let examples = examples(PAGE);
    assert!(examples.len() >= 9, "{} examples", examples.len());
    for (command, expected) in examples {
        assert_eq!(printed(command, &checkout, &[]), expected, "$ {command}");
    }
}

/// The names in the matrix, with commas, of a job whose event is `payload`; and the note, if there is one.
fn touched(checkout: &Checkout, event: &str, git_ref: &str, payload: &Value) -> (String, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), payload.to_string()).unwrap();
    let variables = [
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_REF", git_ref),
        ("GITHUB_EVENT_PATH", file.path().to_str().unwrap()),
    ];
    names(&printed("tagship plan --changed", checkout, &variables))
}

fn names(printed: &str) -> (String, String) {
    let (notes, json): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| !line.starts_with('{'));
    let [json] = json.as_slice() else {
        panic!("{printed}")
    };
    let matrix: Value = serde_json::from_str(json).unwrap();
    let names = matrix["include"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|image| image["name"].as_str().unwrap()).collect();
    (names.join(","), notes.join(" "))
}

fn push(checkout: &Checkout, before: &str) -> (String, String) {
    touched(
        checkout,
        "push",
        "refs/heads/main",
        &serde_json::json!({ "before": before }),
    )
}

#[test]
fn a_push_is_compared_with_what_was_there_before_it() {
    let mut checkout = shop();
    let before = checkout.head();
    checkout.commit(&[("services/jobs/run.py", "1\n")]);
    checkout.commit(&[("services/api/README.md", "more\n")]);
    assert_eq!(
        push(&checkout, &before).0,
        "jobs",
        "`!**/*.md` takes the page out"
    );
    fs::remove_file(checkout.path().join("services/jobs/run.py")).unwrap();
    checkout.commit(&[("docker/web.Dockerfile.dockerignore", "*.md\n")]);
    assert_eq!(
        push(&checkout, &before).0,
        "web",
        "what came and went is as before"
    );
    let before = checkout.head();
    checkout.commit(&[("docs/page.md", "1\n")]);
    assert_eq!(push(&checkout, &before), (String::new(), String::new()));
    let config = fs::read_to_string(checkout.path().join("tagship.yaml")).unwrap();
    checkout.commit(&[("tagship.yaml", &format!("{config}# more\n"))]);
    assert_eq!(push(&checkout, &before).0, "api,web,jobs");
}

#[test]
fn an_image_that_no_change_can_touch_is_named() {
    let mut checkout = shop();
    let before = checkout.head();
    let config = fs::read_to_string(checkout.path().join("tagship.yaml")).unwrap();
    checkout.commit(&[(
        "tagship.yaml",
        &config.replace("context: services/web", "context: servces/web"),
    )]);
    assert_eq!(push(&checkout, &before).1, "");
    let config = config.replace("context: services/jobs", "context: servces/jobs");
    checkout.commit(&[("tagship.yaml", &config)]);
    let (names, notes) = push(&checkout, &before);
    assert_eq!(names, "api,web,jobs", "the file itself touches all");
    assert!(notes.contains("no change touches image `jobs`"), "{notes}");
}

#[test]
fn what_is_unknown_touches_everything_and_says_so() {
    let mut checkout = shop();
    let before = checkout.head();
    checkout.commit(&[("services/jobs/run.py", "1\n")]);
    let missing = "1".repeat(40);
    for (found, reason) in [
        (push(&checkout, ZEROS), "the event `push` names no commit"),
        (
            push(&checkout, &missing),
            "this checkout does not hold commit `1111",
        ),
        (
            push(&checkout.shallow_clone(), &before),
            "this checkout does not hold commit",
        ),
        (
            touched(&checkout, "schedule", "refs/heads/main", &Value::Null),
            "the event `schedule` names no commit",
        ),
        (
            names(&printed("tagship plan --changed", &checkout.shallow_clone(), &[])),
            "this checkout does not hold commit",
        ),
        (
            names(&printed(
                &format!("tagship plan --changed --since {ZEROS}"),
                &checkout,
                &[],
            )),
            "this checkout does not hold commit",
        ),
    ] {
        assert_eq!(found.0, "api,web,jobs", "{reason}");
        assert!(found.1.contains(reason), "{reason}: {}", found.1);
    }
}

#[test]
fn a_pull_request_is_compared_with_where_it_branched_off() {
    let mut checkout = shop();
    checkout.git(&["checkout", "--quiet", "-b", "feature"]);
    checkout.commit(&[("services/jobs/run.py", "1\n")]);
    checkout.git(&["checkout", "--quiet", "main"]);
    let base = checkout.commit(&[("services/web/index.html", "new\n")]);
    checkout.git(&["checkout", "--quiet", "--detach", "feature"]);
    let payload = serde_json::json!({
        "number": 7,
        // What the branch was at before this event is another question.
        "before": ZEROS,
        "pull_request": {"base": {"ref": "main", "sha": base}, "head": {"sha": checkout.head()}},
    });
    let of = |checkout: &Checkout| touched(checkout, "pull_request", "refs/pull/7/merge", &payload);
    assert_eq!(of(&checkout).0, "jobs", "at the branch's own last commit");
    checkout.git(&["checkout", "--quiet", "--detach", "main"]);
    checkout.git(&["merge", "--quiet", "--no-edit", "feature"]);
    assert_eq!(of(&checkout).0, "jobs", "at the merge that GitHub makes");
    checkout.git(&["checkout", "--quiet", "main"]);
    let (names, note) = of(&checkout);
    assert_eq!(
        names, "api,web,jobs",
        "the base itself says nothing of the pull request"
    );
    assert!(note.contains("what the pull request goes to"), "{note}");
    let queue = serde_json::json!({"merge_group": {"base_sha": base}});
    checkout.commit(&[("libs/money.py", "2\n")]);
    assert_eq!(touched(&checkout, "merge_group", "refs/heads/q", &queue).0, "api");
}

#[test]
fn a_git_tag_is_about_the_images_that_it_is_a_version_of() {
    let checkout = shop();
    let of = |git_ref| {
        touched(
            &checkout,
            "push",
            git_ref,
            &serde_json::json!({ "before": ZEROS }),
        )
        .0
    };
    assert_eq!(of("refs/tags/api/v1.2.3"), "api");
    assert_eq!(of("refs/tags/v1.2.3"), "web,jobs");
    assert_eq!(of("refs/tags/nightly"), "api,web,jobs");
}

#[test]
fn the_action_tells_its_answer_as_output() {
    let mut checkout = shop();
    let before = checkout.head();
    checkout.commit(&[("services/jobs/run.py", "1\n")]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let event = file("event", &serde_json::json!({ "before": before }).to_string());
    let output = file("output", "");
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_EVENT_PATH", event.as_str()),
        ("GITHUB_OUTPUT", output.as_str()),
        ("INPUT_CHANGED", "true"),
    ];
    printed("tagship action", &checkout, &variables);
    let written = fs::read_to_string(&output).unwrap();
    let matrix = written.lines().find(|line| line.starts_with('{')).unwrap();
    assert_eq!(names(matrix).0, "jobs", "{written}");
}

/// No server answers at the endpoint, so that the plan says what it can without a registry.
#[test]
fn only_takes_one_image_with_what_the_file_says_for_all() {
    let checkout = shop();
    checkout.tag("v9.0.0");
    checkout.tag("api/v1.2.3");
    let variables = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let json = |only: &str| -> Value {
        let command = format!("tagship plan --json --endpoint-url http://127.0.0.1:9 --only {only}");
        let printed = printed(&command, &checkout, &variables);
        let line = printed.lines().find(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap_or_else(|| panic!("{printed}"))).unwrap()
    };
    let api = json("api");
    assert_eq!(api["version"], "1.2.3");
    assert_eq!(
        api["tags"][0]["tag"].as_str().unwrap().len(),
        "sha-860c1904a1ce".len()
    );
    assert_eq!(api["image"]["repository"], "shop/api");
    let web = json("web");
    assert_eq!(web["version"], "9.0.0");
    assert!(
        web["content"].to_string().contains("docker/web.Dockerfile"),
        "{web}"
    );
    assert_eq!(
        printed("tagship ship --only other", &checkout, &[]),
        "error: `--only`: there is no image `other` in `tagship.yaml`\n\nhint: there are `api`, `web`, `jobs`\n"
    );
}
