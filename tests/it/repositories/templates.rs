//! `create-repository: template`: ECR makes a missing repository when it is pushed to, as a creation template says.

use serde_json::{Value, json};
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::process::{Finished, finish};

use super::Bench;
use super::permissions::{as_role, printed, roles};
use tagship_domain::immutability::Mutability;
use test_support::local::Ecr;

const TAGS_MOVE_BY_NAME: &str = r"
registry-settings:
  creation-templates:
    team:
      applied-for: [create-on-push]
      mutability: immutable
      exclusion-filters: [latest]
      lifecycle: {untagged-days: 7}
    team/copies: {applied-for: [replication]}
    team/tagged: {applied-for: [create-on-push], tags: {owner: web}}
";

/// A registry with templates, and a checkout.
struct Templates {
    bench: Bench,
    checkout: Checkout,
}

impl Templates {
    fn new() -> Self {
        Self::at(Bench::new())
    }

    fn at(bench: Bench) -> Self {
        bench.declare(TAGS_MOVE_BY_NAME);
        bench.repo(&["apply"]).expect_code(0);
        bench.ecr.forget_journal();
        let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
        checkout.commit(&[]);
        Self { bench, checkout }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = self.bench.ecr.command(self.bench.home.path(), arguments);
        finish(command.current_dir(self.checkout.path()))
    }

    /// `ship` or `plan` of a repository, with no engine that answers.
    fn of(&self, command: &str, repository: &str, more: &[&str]) -> Finished {
        let always = [
            command,
            "--create-repository=template",
            "--repository",
            repository,
            "--docker-host",
            "unix:///none",
        ];
        self.run(&[&always[..], more].concat())
    }

    fn described(&self, repository: &str) -> Value {
        let calls = json!([["describe_repositories", {"repositoryNames": [repository]}]]);
        self.bench.boto3(&calls).remove(0)
    }

    fn makes_none_itself(&self) {
        let writes = self.bench.writes();
        assert!(!writes.contains(&"CreateRepository".to_owned()), "{writes:?}");
    }
}

#[test]
fn a_push_makes_the_repository_as_the_plan_shows_it() {
    let world = Templates::new();
    let planned = world.of("plan", "team/app", &["--tags", "type=sha", "--json"]);
    planned.expect_code(0);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    let repository = &plan["repository"];
    assert_eq!(repository["template"], "team");
    assert_eq!(repository["action"], "create");
    let changes = repository["changes"].as_array().unwrap();
    let settings: Vec<&Value> = changes.iter().map(|change| &change["setting"]).collect();
    assert!(settings.contains(&&json!("mutability")), "{settings:?}");
    assert!(settings.contains(&&json!("lifecycle")), "{settings:?}");
    assert_eq!(plan["mutability"]["setting"], "IMMUTABLE_WITH_EXCLUSION");
    // Which tags may move is the template's matter.
    let moving = world.of("plan", "team/app", &["--tags", "type=raw,value=edge", "--json"]);
    let plan: Value = serde_json::from_str(&moving.stdout).unwrap();
    assert_eq!(plan["tags"][0]["action"], "conflict", "{plan}");
    let dry = world.of("ship", "team/app", &["--tags", "type=sha", "--dry-run"]);
    assert!(
        dry.stdout.contains("by its creation template `team`"),
        "{}{}",
        dry.stdout,
        dry.stderr
    );
    assert_eq!(
        world.bench.writes(),
        Vec::<String>::new(),
        "a dry run makes nothing"
    );

    // No engine answers, but the repository comes before the build.
    world
        .of("ship", "team/app", &["--tags", "type=sha"])
        .expect_code(1);
    let described = &world.described("team/app")["repositories"][0];
    assert_eq!(described["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    let lifecycle = json!([["get_lifecycle_policy", {"repositoryName": "team/app"}]]);
    let policy = world.bench.boto3(&lifecycle).remove(0)["lifecyclePolicyText"].take();
    assert!(policy.as_str().unwrap().contains("untagged"), "{policy}");
    world.makes_none_itself();
    // What is there is no matter of templates.
    let again = world.of("plan", "team/app", &["--tags", "type=sha", "--json"]);
    let plan: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(plan.get("repository"), None);
}

#[test]
fn without_a_template_for_pushes_nothing_begins() {
    let world = Templates::new();
    for (repository, said, hint) in [
        (
            "other/app",
            "no creation template is for its name",
            "create-on-push",
        ),
        (
            "team/copies/app",
            "`team/copies` does not make it: it is applied for replication",
            "add `create-on-push`",
        ),
        (
            "team/tagged/app",
            "no role",
            "give template `team/tagged` a `role`",
        ),
    ] {
        for command in ["plan", "ship"] {
            let refused = world.of(command, repository, &["--tags", "type=sha"]);
            refused.expect_code(2);
            for part in [said, hint] {
                assert!(
                    refused.stderr.contains(part),
                    "{command} {repository}: {}",
                    refused.stderr
                );
            }
        }
        assert_eq!(
            world.described(repository)["error"],
            "RepositoryNotFoundException"
        );
    }
    assert_eq!(world.bench.writes(), Vec::<String>::new());
    let unknown = world.run(&[
        "plan",
        "--create-repository=templates",
        "--repository",
        "team/app",
    ]);
    unknown.expect_code(2);
    assert!(
        unknown.stderr.contains("`true`, `false` and `template`"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn copies_and_pushes_have_it_made_too() {
    let world = Templates::new();
    world.bench.ecr.create_repository("source", &Mutability::Mutable);
    let pusher = Pusher::new(&world.bench.ecr, "source");
    let image = pusher.image("amd64", "x", &json!({}));
    pusher.tag("1.0.0", &image.digest);
    world.bench.ecr.forget_journal();
    let copy = |to: &str, more: &[&str]| {
        let always = [
            "copy",
            "source:1.0.0",
            to,
            "--create-repository=template",
            "--json",
        ];
        world.run(&[&always[..], more].concat())
    };
    let planned = copy("team/copied:1.0.0", &["--dry-run"]);
    planned.expect_code(0);
    let said: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(said["copies"][0]["repository"]["template"], "team");
    assert_eq!(world.bench.writes(), Vec::<String>::new());
    copy("team/copied:1.0.0", &[]).expect_code(0);
    assert_eq!(world.bench.ecr.tags("team/copied").len(), 1);
    copy("other/copied:1.0.0", &[]).expect_code(2);

    world
        .run(&["copy", "source:1.0.0", "oci:layout:1.0.0"])
        .expect_code(0);
    let push = |to: &str, more: &[&str]| {
        let always = ["push", "oci:layout:1.0.0", to, "--create-repository=template"];
        world.run(&[&always[..], more].concat())
    };
    let planned = push("team/pushed:1.0.0", &["--dry-run"]);
    planned.expect_code(0);
    assert!(
        planned.stdout.contains("by its creation template `team`"),
        "{}",
        planned.stdout
    );
    push("other/pushed:1.0.0", &["--dry-run"]).expect_code(2);
    push("team/pushed:1.0.0", &[]).expect_code(0);
    assert_eq!(world.bench.ecr.tags("team/pushed").len(), 1);
    world.makes_none_itself();
    let made = &world.described("team/pushed")["repositories"][0];
    assert_eq!(made["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
}

#[test]
fn a_role_with_the_printed_policy_has_it_made_and_each_action_less_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let about = ["--for", "ship,create-by-template", "--repository", "team/app"];
    let policy = printed(empty.path(), &about)["policy"].clone();
    assert!(
        !policy.to_string().contains("\"ecr:CreateRepository\""),
        "{policy}"
    );
    let jobs = [
        "trust",
        "--github-repository",
        "example/app",
        "--branch",
        "main",
        "--repository",
        "x1",
    ];
    let trust = printed(empty.path(), &jobs)["policy"].clone();
    let actions = [
        "ecr:DescribeRepositories",
        "ecr:DescribeRepositoryCreationTemplates",
    ]
    .map(str::to_owned);
    let world = Templates::at(Bench::at(Ecr::start_for_judges(&roles(
        &policy, &trust, &actions,
    ))));
    let run = |role: &str| {
        let arguments = [
            "ship",
            "--create-repository=template",
            "--repository",
            "team/app",
            "--tags",
            "type=sha",
            "--docker-host",
            "unix:///none",
        ];
        let mut command = as_role(&world.bench, role, &arguments);
        finish(command.current_dir(world.checkout.path()))
    };
    for action in &actions {
        let refused = run(action.trim_start_matches("ecr:"));
        refused.expect_code(3);
        assert!(
            refused.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            refused.stderr
        );
    }
    let begun = run("all");
    begun.expect_code(1);
    assert!(world.bench.ecr.has_repository("team/app"), "{}", begun.stderr);
    world.makes_none_itself();
}
