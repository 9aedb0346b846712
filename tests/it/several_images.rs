//! `tagship ship --all` and `--changed` against the embedded ECR, with images that are published already: no engine is needed.

use std::fs;

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::local::{Ecr, is_tag_put};
use test_support::process::{Finished, finish};
use test_support::schema::problems;

const CONFIG: &str = "\
images:
  api:
    repository: shop/api
    context: api
  web:
    repository: shop/web
    context: web
  jobs:
    repository: shop/jobs
    context: jobs
";

struct Shop {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl Shop {
    /// Of the images all are published, but those of `taken` for another commit under this commit's tag.
    fn new(taken: &[&str]) -> Self {
        let ecr = Ecr::start();
        let mut checkout = Checkout::with(&[
            ("tagship.yaml", CONFIG),
            ("api/Dockerfile", "FROM scratch\nCOPY . /\n"),
            ("web/Dockerfile", "FROM scratch\nCOPY . /\n"),
            ("jobs/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ]);
        checkout.commit(&[("web/index.html", "new\n")]);
        for name in ["api", "web", "jobs"] {
            let repository = format!("shop/{name}");
            ecr.create_repository(&repository, &Mutability::Immutable);
            let pusher = Pusher::new(&ecr, &repository);
            let revision = if taken.contains(&name) {
                "0".repeat(40)
            } else {
                checkout.head()
            };
            let labels = json!({"org.opencontainers.image.revision": revision});
            let image = pusher.image("amd64", name, &labels);
            pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &image.digest);
        }
        ecr.forget_journal();
        Self {
            ecr,
            checkout,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = self.ecr.command(self.home.path(), arguments);
        finish(command.current_dir(self.checkout.path()))
    }
}

/// The names of images with what became of each.
fn statuses(run: &Finished) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = report["images"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["name"]), text(&row["status"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = expected
        .iter()
        .map(|(name, status)| ((*name).to_owned(), (*status).to_owned()));
    owned.collect()
}

/// No writer is there; one conflict hides none of the others.
#[test]
fn all_images_are_planned_in_one_run_and_nothing_is_put() {
    let shop = Shop::new(&[]);
    let run = shop.run(&["plan", "--all", "--version", "1.0.0", "--json"]);
    run.expect_code(0);
    let planned = "dry-run";
    assert_eq!(
        statuses(&run),
        pairs(&[("api", planned), ("web", planned), ("jobs", planned)])
    );
    assert!(!shop.ecr.journal().iter().any(is_tag_put));
    let moving = ["plan", "--all", "--tags", "type=raw,value=new", "--json"];
    let run = shop.run(&moving);
    run.expect_code(10);
    let failed = "failed";
    assert_eq!(
        statuses(&run),
        pairs(&[("api", failed), ("web", failed), ("jobs", failed)])
    );
    let offline = shop.run(&["plan", "--all", "--offline"]);
    offline.expect_code(2);
    assert!(
        offline.stderr.contains("is for the plan of one image"),
        "{}",
        offline.stderr
    );
}

#[test]
fn all_images_are_published_in_one_run_with_a_row_for_each() {
    let shop = Shop::new(&[]);
    let run = shop.run(&["ship", "--all", "--json"]);
    run.expect_code(0);
    let published = "already-published";
    assert_eq!(
        statuses(&run),
        pairs(&[("api", published), ("web", published), ("jobs", published)])
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    for row in report["images"].as_array().unwrap() {
        let mut of_row = row["report"].clone();
        of_row["exit-code"] = json!(0);
        of_row["error"] = Value::Null;
        assert_eq!(problems("docs/schemas/report.json", &of_row), "");
        let repository = format!("{}/shop/{}", shop.ecr.host(), row["name"].as_str().unwrap());
        assert!(
            row["image"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{repository}@sha256:"))
        );
    }
    let changed = shop.run(&["ship", "--changed", "--json"]);
    changed.expect_code(0);
    assert_eq!(statuses(&changed), pairs(&[("web", published)]));
    let none = shop.run(&["ship", "--changed", "--since", "HEAD", "--json"]);
    none.expect_code(0);
    assert_eq!(statuses(&none), []);
    assert!(
        none.stderr.contains("the commit touches no image"),
        "{}",
        none.stderr
    );
    assert!(!shop.ecr.journal().iter().any(is_tag_put));
    // One login for all images, in each of the two runs that published.
    let journal = shop.ecr.journal();
    let logins = journal
        .iter()
        .filter(|entry| entry.operation == "GetAuthorizationToken");
    assert_eq!(logins.count(), 2, "{journal:?}");
}

#[test]
fn several_images_change_their_parts_of_one_file() {
    let shop = Shop::new(&[]);
    let with = |entry: &str| {
        let lines = |name: &str| {
            let entry = entry.replace("NAME", name);
            format!("    context: {name}\n    deploy-files: [{{{entry}}}]\n")
        };
        let names = ["api", "web", "jobs"].into_iter();
        let config = names.fold(CONFIG.to_owned(), |config, name| {
            config.replace(&format!("    context: {name}\n"), &lines(name))
        });
        shop.checkout.write("tagship.yaml", config);
    };
    shop.checkout.write(
        "deploy/kustomization.yaml",
        "images:\n- name: other\n  newTag: x\n",
    );
    shop.checkout.write("deploy/task.json", "{}");
    with("type: kustomize, name: NAME, path: deploy/kustomization.yaml");
    shop.run(&["ship", "--all"]).expect_code(0);
    let text = fs::read_to_string(shop.checkout.path().join("deploy/kustomization.yaml")).unwrap();
    for name in ["api", "web", "jobs"] {
        let own = format!("newName: {}/shop/{name}\n", shop.ecr.host());
        assert_eq!(text.matches(&own).count(), 1, "{text}");
    }
    assert!(text.ends_with("- name: other\n  newTag: x\n"), "{text}");
    // What one makes whole the other would lose.
    for entry in [
        "type: lambda, function: NAME, path: deploy/lambda.json",
        "type: task-definition, container: NAME, from: deploy/task.json, path: deploy/rendered.json",
    ] {
        with(entry);
        let refused = shop.run(&["ship", "--all"]);
        refused.expect_code(2);
        assert!(refused.stderr.contains("both write"), "{}", refused.stderr);
    }
}

#[test]
fn one_that_fails_stops_none_that_has_begun_and_its_exit_code_counts() {
    let shop = Shop::new(&["api"]);
    let published = "already-published";
    let run = shop.run(&["ship", "--all", "--fail-fast=false", "--json"]);
    run.expect_code(10);
    assert_eq!(
        statuses(&run),
        pairs(&[("api", "failed"), ("web", published), ("jobs", published)])
    );
    assert!(run.stderr.contains("1 of 3 images failed"), "{}", run.stderr);
    assert!(run.stderr.contains("`api`: tag `sha-"), "{}", run.stderr);
    let first = shop.run(&["ship", "--all", "--parallel", "1", "--json"]);
    first.expect_code(10);
    assert_eq!(
        statuses(&first),
        pairs(&[("api", "failed"), ("web", "not-begun"), ("jobs", "not-begun")])
    );
    assert!(
        first.stderr.contains("not begun: `web`, `jobs`"),
        "{}",
        first.stderr
    );
}

#[test]
fn what_cannot_be_is_found_before_anything_begins() {
    let shop = Shop::new(&[]);
    for (arguments, said) in [
        (&["--all", "--only", "api"][..], "names one image"),
        (&["--all", "--digest-file", "digest"], "both write"),
        (&["--all", "--push=false"], "image `api` is not published"),
        (
            &["--all", "--since", "HEAD"],
            "goes together with `changed` alone",
        ),
        (&["--all", "--parallel", "0"], "not a whole number"),
        (&["--all", "--platforms", "nonsense"], "image `web`: "),
    ] {
        let run = shop.run(&[&["ship"], arguments].concat());
        run.expect_code(2);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
    }
    assert!(shop.ecr.journal().is_empty());
}

#[test]
fn the_action_has_an_output_with_a_row_for_each_image() {
    let shop = Shop::new(&["jobs"]);
    let file = |name: &str| {
        let path = shop.home.path().join(name);
        fs::write(&path, "").unwrap();
        path
    };
    let (outputs, summary) = (file("outputs"), file("summary"));
    let mut command = shop.ecr.command(shop.home.path(), &["action"]);
    let command = command
        .env("INPUT_ALL", "true")
        .env("INPUT_FAIL-FAST", "false")
        .env("GITHUB_OUTPUT", &outputs)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .current_dir(shop.checkout.path());
    finish(command).expect_code(10);
    let mut exporting = shop.ecr.command(shop.home.path(), &["action"]);
    let exporting = exporting
        .env("INPUT_ALL", "true")
        .env("INPUT_EXPORT-DOCKER-LOGIN", "true")
        .current_dir(shop.checkout.path());
    let exporting = finish(exporting);
    exporting.expect_code(2);
    assert!(
        exporting.stderr.contains("which only a run of one image does"),
        "{}",
        exporting.stderr
    );
    let outputs = fs::read_to_string(outputs).unwrap();
    let rows = outputs.split("images<<").nth(1).unwrap().lines().nth(1).unwrap();
    let rows: Value = serde_json::from_str(rows).unwrap();
    assert_eq!(rows[0]["name"], "api");
    let digest = rows[0]["digest"].as_str().unwrap();
    Digest::parse(digest).unwrap();
    let tag = format!("sha-{}", &shop.checkout.head()[..12]);
    assert_eq!(rows[0]["tags"], json!([tag]));
    assert_eq!(
        (&rows[2]["status"], &rows[2]["exit-code"]),
        (&json!("failed"), &json!(10))
    );
    let summary = fs::read_to_string(summary).unwrap();
    assert!(
        summary.contains("shop/api") && summary.contains("shop/jobs"),
        "{summary}"
    );
}

#[test]
fn a_job_whose_commit_touches_no_image_is_green_and_says_so() {
    let shop = Shop::new(&[]);
    let outputs = shop.home.path().join("outputs");
    fs::write(&outputs, "").unwrap();
    let mut command = shop.ecr.command(shop.home.path(), &["action"]);
    let command = command
        .env("INPUT_ALL", "true")
        .env("INPUT_CHANGED", "true")
        .env("INPUT_SINCE", "HEAD")
        .env("GITHUB_OUTPUT", &outputs)
        .current_dir(shop.checkout.path());
    let run = finish(command);
    run.expect_code(0);
    assert!(run.stdout.contains("touches no image") || run.stderr.contains("touches no image"));
    let outputs = fs::read_to_string(outputs).unwrap();
    let value = |name: &str| {
        let begin = outputs.split(&format!("\n{name}<<")).nth(1);
        begin
            .or_else(|| outputs.strip_prefix(&format!("{name}<<")))
            .and_then(|rest| rest.lines().nth(1))
            .map(str::to_owned)
    };
    assert_eq!(value("status").as_deref(), Some("unchanged"), "{outputs}");
    assert_eq!(value("images").as_deref(), Some("[]"), "{outputs}");
    assert!(shop.ecr.journal().is_empty());
}

#[test]
fn what_happens_to_each_image_stands_under_its_name() {
    let shop = Shop::new(&[]);
    let run = shop.run(&["ship", "--all", "--parallel", "3"]);
    run.expect_code(0);
    for name in ["api", "web", "jobs"] {
        assert!(run.stderr.contains(&format!("{name}: read")), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("{name}:\n")), "{}", run.stderr);
        assert!(
            run.stderr.contains(&format!("{name:4}  already-published")),
            "{}",
            run.stderr
        );
    }
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
    let config = CONFIG.replace("  api:", "  \"api\\e[2K\\nerror: no\":");
    fs::write(shop.checkout.path().join("tagship.yaml"), config).unwrap();
    let hostile = shop.run(&["ship", "--all"]);
    hostile.expect_code(2);
    assert!(
        hostile.stderr.contains("is not a name for an image"),
        "{}",
        hostile.stderr
    );
    assert!(!hostile.stderr.contains('\u{1b}'), "{}", hostile.stderr);
}

/// The image whose repository or name is given, and what the file says of it.
#[test]
fn a_command_about_one_repository_takes_the_image_that_is_named() {
    let shop = Shop::new(&[]);
    let commit = format!("sha-{}", &shop.checkout.head()[..12]);
    let is_about = |arguments: &[&str], repository: &str| {
        let run = shop.run(&[arguments, &["--json"]].concat());
        run.expect_code(0);
        assert!(run.stdout.contains(repository), "{arguments:?}: {}", run.stdout);
    };
    for arguments in [
        &["ls", "shop/web"][..],
        &["ls", "web"],
        &["ls", "--repository", "web"],
        &["ls", "--only", "web"],
        &["inspect", &format!("web:{commit}")],
        &["inspect", &format!("shop/web:{commit}")],
        &["inspect", &commit, "--only", "web"],
    ] {
        is_about(arguments, "shop/web");
    }
    // A repository of no image, and a whole reference, stand for themselves.
    shop.ecr.create_repository("shop/other", &Mutability::Immutable);
    is_about(&["ls", "shop/other"], "shop/other");
    is_about(&["ls", &format!("{}/shop/other", shop.ecr.host())], "shop/other");

    let promoted = shop.run(&["promote", "jobs", "--from", &commit, "--to", "9.9.9"]);
    promoted.expect_code(0);
    assert!(shop.ecr.tags("shop/jobs").contains_key("9.9.9"));
    let copied = shop.run(&["copy", &format!("api:{commit}"), "shop/other:copied"]);
    copied.expect_code(0);
    assert_eq!(
        shop.ecr.tags("shop/other")["copied"],
        shop.ecr.tags("shop/api")[&commit]
    );

    for arguments in [
        &["ls"][..],
        &["inspect", &commit],
        &["promote", "--from", &commit, "--to", "x"],
    ] {
        let run = shop.run(arguments);
        run.expect_code(2);
        for words in [
            "`tagship.yaml` holds several images: `api`, `web`, `jobs`",
            "hint: give a repository, or one of `--only api`, `--only web`, `--only jobs`",
        ] {
            assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
        }
    }
}

/// A step that ends before any image has outputs too.
#[test]
fn the_action_has_outputs_where_an_input_of_several_images_is_wrong() {
    let shop = Shop::new(&[]);
    let files = tempfile::tempdir().unwrap();
    let (output, summary) = (files.path().join("output"), files.path().join("summary"));
    for file in [&output, &summary] {
        fs::write(file, "").unwrap();
    }
    let mut action = shop.ecr.command(shop.home.path(), &["action"]);
    action
        .current_dir(shop.checkout.path())
        .env("GITHUB_WORKSPACE", shop.checkout.path())
        .env("GITHUB_OUTPUT", &output)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("INPUT_ALL", "true")
        .env("INPUT_TAGS", "type=semvr");
    finish(&mut action).expect_code(2);
    let outputs = fs::read_to_string(&output).unwrap();
    let status = outputs.split("status<<").nth(1).unwrap_or_default();
    assert_eq!(status.lines().nth(1), Some("failed"), "{outputs}");
    assert!(
        outputs.contains("\njson<<") && outputs.contains("semvr"),
        "{outputs}"
    );
    assert!(fs::read_to_string(&summary).unwrap().contains("semvr"));
}

/// The slower of two would take the tag from the other, in every run anew.
#[test]
fn one_tag_is_made_by_one_image_of_a_run() {
    let shop = Shop::new(&[]);
    let run = shop.run(&["ship", "--all", "--repository", "shop/all", "--dry-run"]);
    run.expect_code(2);
    let said = "images `api` and `web` go to one repository with the same tag rules";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(shop.ecr.journal().is_empty(), "nothing was asked");

    let image = |name: &str| {
        let tags = format!("[latest, \"type=sha,suffix=-{name}\"]");
        format!("  {name}:\n    repository: shop/moving\n    context: {name}\n    tags: {tags}\n")
    };
    let config = format!("images:\n{}{}", image("api"), image("web"));
    let mut shop = shop;
    shop.ecr.create_repository("shop/moving", &Mutability::Mutable);
    shop.checkout.commit(&[("tagship.yaml", &config)]);
    let run = shop.run(&["ship", "--all", "--dry-run", "--parallel", "1", "--json"]);
    run.expect_code(2);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let errors: Vec<&Value> = report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["error"])
        .collect();
    assert_eq!(errors[0], &Value::Null, "{report:#}");
    assert!(
        errors[1]
            .to_string()
            .contains("another image of this run makes tag `latest`"),
        "{report:#}"
    );
}
