//! ECR Public: its repositories as code, and images that go there, by its own name.

use serde_json::{Value, json};
use test_support::clients::client;
use test_support::images::Pusher;
use test_support::local::ACCOUNT;
use test_support::page::{REGISTRY, check, run_as};
use test_support::process::{Finished, finish, output_of, tagship};
use test_support::public::{ALIAS, PublicEcr};

use super::boto3;
use tagship_domain::iam::{Need, PUBLIC_COMMANDS};
use tagship_domain::immutability::Mutability;

/// An embedded ECR that is found as `public.ecr.aws`, and a folder with a `tagship.yaml`.
struct Bench {
    public: PublicEcr,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::at(PublicEcr::start())
    }

    fn at(public: PublicEcr) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { public, home }
    }

    fn declare(&self, yaml: &str) {
        std::fs::write(self.home.path().join("tagship.yaml"), yaml).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.public.command(self.home.path(), arguments))
    }

    fn boto3(&self, calls: &Value) -> Vec<Value> {
        boto3(&self.public.ecr, "ecr-public", calls)
    }

    /// What was asked of ECR Public that changes anything.
    fn writes(&self) -> Vec<String> {
        let reads = ["Get", "Describe", "List", "Head", "Ping", "BatchCheck"];
        let all = self.public.ecr.journal().into_iter().map(|entry| entry.operation);
        all.filter(|name| !reads.iter().any(|read| name.starts_with(read)))
            .collect()
    }
}

const DECLARED: &str = r#"
repositories:
  defaults:
    tags: {managed-by: tagship}
  team/app:
    catalog:
      description: An example
      about: {file: README.md}
      usage: "Run it with `docker run`"
      architectures: [amd64, ARM 64]
      operating-systems: linux
      logo: logo.png
    policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: "111122223333"}, Action: "ecr-public:PutImage"}
  team/bare: {}
"#;

fn declared() -> Bench {
    let bench = Bench::new();
    bench.declare(DECLARED);
    write_files(&bench);
    bench
}

fn write_files(bench: &Bench) {
    std::fs::write(
        bench.home.path().join("README.md"),
        "# An example\n\nAll of it.\n",
    )
    .unwrap();
    std::fs::write(bench.home.path().join("logo.png"), b"\x89PNG\r\n\x1a\n").unwrap();
}

#[test]
fn what_is_declared_of_a_public_repository_is_put_and_read_back_by_another_client() {
    let bench = declared();
    let planned = bench.run(&["repo", "plan", "--exit-code"]);
    planned.expect_code(12);
    insta::assert_snapshot!(planned.stdout);
    assert!(
        planned.stderr.contains("ECR Public lets every tag move"),
        "{}",
        planned.stderr
    );
    assert_eq!(bench.writes(), Vec::<String>::new(), "a plan writes nothing");
    let applied = bench.run(&["repo", "apply"]);
    applied.expect_code(0);
    let address = format!("public.ecr.aws/{ALIAS}/team/app");
    assert!(applied.stderr.contains(&address), "{}", applied.stderr);

    let app = json!({"repositoryName": "team/app"});
    let arn = format!("arn:aws:ecr-public::{ACCOUNT}:repository/team/app");
    let read = bench.boto3(&json!([
        ["describe_repositories", {"repositoryNames": ["team/app", "team/bare"]}],
        ["get_repository_catalog_data", app],
        ["list_tags_for_resource", {"resourceArn": arn}],
        ["get_repository_policy", app],
        ["get_repository_catalog_data", {"repositoryName": "team/bare"}],
    ]));
    assert_eq!(read[0]["repositories"].as_array().unwrap().len(), 2);
    assert_eq!(
        read[1]["catalogData"],
        json!({
            "description": "An example",
            "aboutText": "# An example\n\nAll of it.",
            "usageText": "Run it with `docker run`",
            "architectures": ["ARM 64", "x86-64"],
            "operatingSystems": ["Linux"],
        })
    );
    assert_eq!(
        read[2]["tags"],
        json!([{"Key": "managed-by", "Value": "tagship"}])
    );
    let policy: Value = serde_json::from_str(read[3]["policyText"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"]["Action"], "ecr-public:PutImage");
    assert_eq!(read[4]["error"], "RepositoryCatalogDataNotFoundException");
    // What is declared comes back by `import`, but for the logo, which the registry keeps to itself.
    let imported = bench.run(&["repo", "import", "team/app"]);
    imported.expect_code(0);
    insta::assert_snapshot!(imported.stdout);

    bench.public.ecr.forget_journal();
    bench.run(&["repo", "apply"]).expect_code(0);
    assert_eq!(
        bench.writes(),
        Vec::<String>::new(),
        "a second run writes nothing"
    );
    bench.run(&["repo", "plan", "--exit-code"]).expect_code(0);
}

#[test]
fn what_is_changed_by_hand_in_the_gallery_is_found_and_only_that_is_repaired() {
    let bench = declared();
    bench.run(&["repo", "apply"]).expect_code(0);
    bench.boto3(&json!([
        ["put_repository_catalog_data", {
            "repositoryName": "team/app",
            "catalogData": {"description": "Another", "architectures": ["x86"]},
        }],
        ["delete_repository_policy", {"repositoryName": "team/app"}],
    ]));
    let drift = bench.run(&["repo", "plan", "--exit-code"]);
    drift.expect_code(12);
    insta::assert_snapshot!(drift.stdout);
    bench.public.ecr.forget_journal();
    bench.run(&["repo", "apply"]).expect_code(0);
    assert_eq!(
        bench.writes(),
        ["SetRepositoryPolicy", "PutRepositoryCatalogData"]
    );
    let shown = bench.boto3(&json!([["get_repository_catalog_data", {"repositoryName": "team/app"}]]));
    assert_eq!(shown[0]["catalogData"]["description"], "An example");
}

#[test]
fn a_public_repository_that_holds_images_goes_with_its_name_typed_alone() {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    push(&bench, "1.0.0", "one", &[]).expect_code(0);
    let held = bench.run(&["repo", "delete", "team/app"]);
    held.expect_code(1);
    assert!(held.stderr.contains("holds images"), "{}", held.stderr);
    bench
        .run(&["repo", "delete", "team/app", "--force", "--confirm", "team/app"])
        .expect_code(0);
    let gone = bench.boto3(&json!([["describe_repositories", {}]]));
    assert_eq!(gone[0]["repositories"], json!([]));
}

#[test]
fn what_ecr_public_does_not_have_is_named_when_it_is_planned() {
    let bench = Bench::new();
    bench.declare(
        r#"
repositories:
  team/app:
    mutability: immutable
    encryption: KMS
    scan-on-push: true
    lifecycle: {keep-last: 3}
    policy: {pull-from: ["111122223333"]}
  my__app: {}
registry-settings:
  scanning: {type: basic, on-push: "*"}
"#,
    );
    let planned = bench.run(&["repo", "plan"]);
    planned.expect_code(12);
    insta::assert_snapshot!(planned.stdout);
    assert!(
        planned
            .stderr
            .contains("`registry-settings` are those of a private registry")
    );
    bench.run(&["repo", "apply"]).expect_code(12);
    assert_eq!(bench.writes(), Vec::<String>::new());
    for arguments in [
        &["repo", "cost"][..],
        &["lifecycle", "preview", "team/app"],
        &["prune", "team/app", "--keep-last", "1"],
    ] {
        let refused = bench.run(arguments);
        refused.expect_code(2);
        assert!(refused.stderr.contains("is ECR Public"), "{}", refused.stderr);
    }
}

#[test]
fn a_catalog_is_no_matter_of_a_private_registry_and_wrong_ones_are_named_in_their_place() {
    let bench = Bench::new();
    bench.declare("repositories:\n  team/app: {catalog: {description: x}}\n");
    let host = bench.public.ecr.host();
    let private = bench.run(&["repo", "plan", "--registry", &host]);
    private.expect_code(12);
    assert!(
        private.stdout.contains("a private registry has no `catalog`"),
        "{}",
        private.stdout
    );
    bench.declare(
        "repositories:\n  team/app:\n    catalog:\n      summary: x\n      architectures: [riscv64]\n      operating-systems: [beos]\n      about: {file: none.md}\n      logo: none.png\n",
    );
    let wrong = bench.run(&["repo", "plan"]);
    wrong.expect_code(2);
    insta::assert_snapshot!(wrong.stderr);
}

/// The gallery shows it to everybody, and a job's machine has files that are not for it.
#[test]
fn a_catalog_has_no_file_from_outside_of_the_workspace() {
    let bench = Bench::new();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "hunter2").unwrap();
    for key in ["about: {file: FILE}", "usage: {file: FILE}", "logo: FILE"] {
        for file in ["/proc/self/environ", &outside.path().display().to_string()] {
            let catalog = key.replace("FILE", file);
            bench.declare(&format!(
                "repositories:\n  team/app:\n    catalog:\n      {catalog}\n"
            ));
            let run = bench.run(&["repo", "plan"]);
            run.expect_code(2);
            let said = "lies outside of the workspace";
            assert!(run.stderr.contains(said), "{catalog}: {}", run.stderr);
            assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        }
    }
}

/// Pushes an image with a layer of this text, by way of a private repository, to `team/app`.
fn push(bench: &Bench, from: &str, text: &str, more: &[&str]) -> Finished {
    let ecr = &bench.public.ecr;
    if !ecr.has_repository("team/source") {
        ecr.create_repository("team/source", &Mutability::Mutable);
    }
    let pusher = Pusher::new(ecr, "team/source");
    let image = pusher.image("amd64", text, &json!({}));
    pusher.tag(from, &image.digest);
    let layout = bench.home.path().join(format!("layout-{text}"));
    let layout = format!("oci:{}", layout.display());
    let source = format!("{}/team/source:{from}", ecr.host());
    bench.run(&["copy", &source, &layout]).expect_code(0);
    let target = format!("public.ecr.aws/{ALIAS}/team/app");
    bench.run(&[&["push", &format!("{layout}:{from}"), &target], more].concat())
}

#[test]
fn an_image_is_pushed_to_a_repository_that_is_made_and_its_version_stays() {
    let bench = Bench::new();
    let first = push(&bench, "1.0.0", "one", &["--create-repository"]);
    first.expect_code(0);
    let again = push(&bench, "1.0.0", "one", &["--create-repository"]);
    again.expect_code(0);
    assert!(again.stdout.contains("pushed already"), "{}", again.stdout);
    let other = push(&bench, "1.0.0", "two", &[]);
    other.expect_code(10);
    let images = bench.boto3(&json!([["describe_images", {"repositoryName": "team/app"}]]));
    let images = images[0]["imageDetails"].as_array().unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0]["imageTags"], json!(["1.0.0"]));
}

#[test]
fn images_are_copied_to_the_public_registry_and_by_anybody_from_it() {
    let bench = Bench::new();
    push(&bench, "1.0.0", "one", &["--create-repository"]).expect_code(0);
    let ecr = &bench.public.ecr;
    ecr.create_repository("team/back", &Mutability::Mutable);
    let public = format!("public.ecr.aws/{ALIAS}/team/app");
    ecr.forget_journal();
    let back = format!("{}/team/back", ecr.host());
    bench.run(&["copy", &public, &back, "--all-tags"]).expect_code(0);
    let logins = ecr.journal().into_iter();
    let logins = logins.filter(|entry| entry.operation == "GetAuthorizationToken");
    assert_eq!(
        logins.count(),
        1,
        "the private registry's alone: everybody may pull"
    );
    // And there under another name.
    bench.boto3(&json!([["create_repository", {"repositoryName": "other"}]]));
    let other = format!("public.ecr.aws/{ALIAS}/other");
    bench
        .run(&["copy", &format!("{back}:1.0.0"), &other])
        .expect_code(0);
    let tags = bench.boto3(&json!([["describe_image_tags", {"repositoryName": "other"}]]));
    assert_eq!(tags[0]["imageTagDetails"][0]["imageTag"], "1.0.0");
    // Another client pulls it without a login.
    let mut crane = test_support::process::scrubbed(client("crane"), bench.home.path());
    bench.public.lead(&mut crane);
    let digest = output_of(crane.args(["digest", &format!("{other}:1.0.0")]));
    assert_eq!(
        digest,
        tags[0]["imageTagDetails"][0]["imageDetail"]["imageDigest"]
            .as_str()
            .unwrap()
    );
}

#[test]
fn a_repository_is_not_made_where_nothing_would_be_pushed_to_it() {
    let bench = Bench::new();
    let ecr = &bench.public.ecr;
    ecr.create_repository("team/source", &Mutability::Mutable);
    let pusher = Pusher::new(ecr, "team/source");
    let image = pusher.image("amd64", "x", &json!({}));
    pusher.tag("1.0.0", &image.digest);
    let source = format!("{}/team/source:1.0.0", ecr.host());
    let foreign = bench.run(&[
        "copy",
        &source,
        "public.ecr.aws/b2c3d4/team/app",
        "--create-repository",
    ]);
    foreign.expect_code(1);
    assert!(
        foreign
            .stderr
            .contains("`b2c3d4` is no alias of the account's registry"),
        "{}",
        foreign.stderr
    );
    // Without `--create-repository` the registry says so, and the hint how it is made.
    let missing = bench.run(&["copy", &source, &format!("public.ecr.aws/{ALIAS}/team/app")]);
    missing.expect_code(1);
    let hint = "aws --region us-east-1 ecr-public create-repository --repository-name team/app";
    assert!(missing.stderr.contains(hint), "{}", missing.stderr);
    let bare = bench.run(&["copy", &source, "public.ecr.aws/app"]);
    bare.expect_code(2);
    assert!(bare.stderr.contains("`ALIAS/NAME`"), "{}", bare.stderr);
    let all = bench.boto3(&json!([["describe_repositories", {}]]));
    assert_eq!(all[0]["repositories"], json!([]));
}

/// Roles with what `tagship iam` prints for commands of ECR Public: one for each action that it lacks, and `all`.
fn roles(folder: &std::path::Path, command: &str, repository: &[&str]) -> String {
    let mut printed = tagship(folder);
    printed.args([
        "iam",
        "--for",
        command,
        "--registry",
        "public.ecr.aws",
        "--account-id",
        ACCOUNT,
    ]);
    let policy: Value = serde_json::from_str(&output_of(printed.args(repository))).unwrap();
    let trust = json!({"Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
    }]});
    let role = |name: &str, lacking: Option<&str>| {
        let mut policy = policy.clone();
        let statements = policy["Statement"].as_array_mut().unwrap();
        for statement in statements.iter_mut() {
            let actions = statement["Action"].as_array_mut().unwrap();
            actions.retain(|action| Some(action.as_str().unwrap()) != lacking);
        }
        statements.retain(|statement| statement["Action"] != json!([]));
        json!({"RoleName": name, "AssumeRolePolicyDocument": trust, "PolicyDocuments": [policy]})
    };
    let permissions = permissions(command);
    let less = permissions
        .iter()
        .map(|(action, _)| role(name_of(action), Some(action)));
    let all: Vec<Value> = std::iter::once(role("all", None))
        .chain(less)
        .chain([role("tagship-example", None)])
        .collect();
    json!({ "Roles": all }).to_string()
}

fn permissions(command: &str) -> Vec<(&'static str, Need)> {
    let names: Vec<&str> = command.split(',').collect();
    let commands = PUBLIC_COMMANDS.iter().filter(|known| names.contains(&known.name));
    commands
        .flat_map(|command| command.permissions)
        .map(|permission| (permission.action, permission.need))
        .collect()
}

fn name_of(action: &str) -> &str {
    action.rsplit(':').next().unwrap()
}

impl Bench {
    fn run_as(&self, role: &str, arguments: &[&str]) -> Finished {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let arguments = [arguments, &["--role-to-assume", &role]].concat();
        finish(
            self.public
                .command(self.home.path(), &arguments)
                .env("TAGSHIP_ROLE_CHAINING", "true"),
        )
    }

    /// Runs a command as each role; `before` makes that it has all to do.
    #[track_caller]
    fn prove(&self, command: &str, arguments: &[&str], before: impl Fn(&Self)) {
        for (action, need) in permissions(command) {
            before(self);
            let run = self.run_as(name_of(action), arguments);
            let context = format!("without {action}:\n{}{}", run.stdout, run.stderr);
            match need {
                Need::Required => {
                    assert_eq!(run.code, Some(3), "{context}");
                    assert!(run.stderr.contains(&format!("`{action}`")), "{context}");
                }
                Need::Recommended => assert_eq!(run.code, Some(0), "{context}"),
            }
        }
        before(self);
        self.run_as("all", arguments).expect_code(0);
    }
}

#[test]
fn a_push_needs_what_the_table_says_and_each_action_less_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let repository = format!("{ALIAS}/team/app");
    let roles = roles(
        folder.path(),
        "push,create-repository",
        &["--repository", &repository],
    );
    let bench = Bench::at(PublicEcr::start_with_roles(&roles));
    let layout = bench.home.path().join("layout-one");
    push(&bench, "1.0.0", "one", &["--create-repository"]).expect_code(0);
    let layout = format!("oci:{}:1.0.0", layout.display());
    let target = format!("public.ecr.aws/{repository}");
    let removed = json!([["delete_repository", {"repositoryName": "team/app", "force": true}]]);
    // Nothing that the policies of a repository that is made need is declared for `push`.
    let undeclared = ["ecr-public:TagResource", "ecr-public:SetRepositoryPolicy"];
    for (action, _) in permissions("push,create-repository") {
        if undeclared.contains(&action) {
            continue;
        }
        bench.boto3(&removed);
        let run = bench.run_as(
            name_of(action),
            &["push", &layout, &target, "--create-repository"],
        );
        let context = format!("without {action}:\n{}{}", run.stdout, run.stderr);
        // Whether layers are there everybody may ask of the embedded ECR's registry, as of any public one.
        if action == "ecr-public:BatchCheckLayerAvailability" {
            continue;
        }
        assert_eq!(run.code, Some(3), "{context}");
        assert!(run.stderr.contains(&format!("`{action}`")), "{context}");
    }
    bench.boto3(&removed);
    let whole = bench.run_as("all", &["push", &layout, &target, "--create-repository"]);
    whole.expect_code(0);
}

#[test]
fn repositories_as_code_need_what_the_table_says_and_each_action_less_is_named() {
    let declared = format!("{DECLARED}  team/pruned: {{prune: true}}\n");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tagship.yaml"), &declared).unwrap();
    for (name, content) in [("README.md", &b"x"[..]), ("logo.png", b"\x89PNG\r\n\x1a\n")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let roles = roles(folder.path(), "repo", &[]);
    let bench = Bench::at(PublicEcr::start_with_roles(&roles));
    bench.declare(&declared);
    write_files(&bench);
    let arn = |name: &str| format!("arn:aws:ecr-public::{ACCOUNT}:repository/{name}");
    bench.prove("repo", &["repo", "apply"], |bench| {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "ecr-public:PutImage"},
        ]});
        bench.boto3(&json!([
            ["delete_repository", {"repositoryName": "team/bare"}],
            ["create_repository", {"repositoryName": "team/app"}],
            ["put_repository_catalog_data", {"repositoryName": "team/app", "catalogData": {}}],
            ["delete_repository_policy", {"repositoryName": "team/app"}],
            ["create_repository", {"repositoryName": "team/pruned"}],
            ["tag_resource", {"resourceArn": arn("team/pruned"), "tags": [{"Key": "x", "Value": "y"}]}],
            ["set_repository_policy", {"repositoryName": "team/pruned", "policyText": policy.to_string()}],
        ]));
    });
}

const PAGE: &str = include_str!("../../../docs/ecr-public.md");

#[test]
fn every_example_prints_what_the_page_says() {
    let bench = Bench::new();
    let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
    bench.declare(rest.split_once("```").unwrap().0);
    std::fs::write(
        bench.home.path().join("README.md"),
        "# Example\n\nServes one page.\n",
    )
    .unwrap();
    let ecr = &bench.public.ecr;
    ecr.create_repository("example", &Mutability::Mutable);
    let pusher = Pusher::new(ecr, "example");
    let image = pusher.image("amd64", "x", &json!({}));
    pusher.tag("1.0.0", &image.digest);
    check(PAGE, 6, |command| {
        let command = command.replace(REGISTRY, &ecr.host()).replace("a1b2c3d4", ALIAS);
        let reader = bench.public.command(bench.home.path(), &[]);
        let printed = run_as(&reader, bench.home.path(), &command);
        printed.replace(&ecr.host(), REGISTRY).replace(ALIAS, "a1b2c3d4")
    });
}

#[test]
fn what_ecr_public_does_not_have_is_refused_before_it_is_asked_for() {
    let bench = Bench::new();
    push(&bench, "1.0.0", "one", &["--create-repository"]).expect_code(0);
    bench
        .public
        .ecr
        .create_repository("team/private", &Mutability::Mutable);
    let public = format!("public.ecr.aws/{ALIAS}/team/app");
    let image = format!("{public}:1.0.0");
    let private = format!("{}/team/private", bench.public.ecr.host());
    for (arguments, said) in [
        (vec!["scan", &image], "scans no images"),
        (
            vec![
                "promote",
                &public,
                "--from",
                "1.0.0",
                "--to",
                "2.0.0",
                "--require-scan",
            ],
            "scans no images",
        ),
        (
            vec![
                "promote",
                &public,
                "--from",
                "1.0.0",
                "--to",
                "2.0.0",
                "--require-signed",
                "managed",
            ],
            "signs no images",
        ),
        (
            vec![
                "copy",
                &private,
                &public,
                "--all-tags",
                "--create-repository=template",
            ],
            "",
        ),
    ] {
        let refused = bench.run(&arguments);
        if said.is_empty() {
            // The repository is there: nothing has to make it.
            assert_ne!(refused.code, Some(2), "{}", refused.stderr);
            continue;
        }
        refused.expect_code(2);
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }
    let missing = format!("public.ecr.aws/{ALIAS}/team/none:1.0.0");
    let refused = bench.run(&["copy", &image, &missing, "--create-repository=template"]);
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("ECR Public has no creation templates"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_public_repository_is_declared_without_the_alias_of_its_registry() {
    let bench = Bench::new();
    push(&bench, "1.0.0", "one", &["--create-repository"]).expect_code(0);
    bench.declare(&format!("repositories:\n  {ALIAS}/team/other: {{}}\n"));
    for command in ["plan", "apply"] {
        let refused = bench.run(&["repo", command]);
        refused.expect_code(2);
        assert!(
            refused.stderr.contains("declare it as `team/other`"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn the_credentials_are_of_the_account_that_is_named() {
    let bench = Bench::new();
    push(&bench, "1.0.0", "one", &["--create-repository"]).expect_code(0);
    let public = format!("{ALIAS}/team/app");
    let promote = |account: &str| {
        bench.run(&[
            "promote",
            "--registry",
            "public.ecr.aws",
            "--repository",
            &public,
            "--account-id",
            account,
            "--from",
            "1.0.0",
            "--to",
            "prod",
            "--dry-run",
        ])
    };
    promote(ACCOUNT).expect_code(0);
    let other = promote("999999999999");
    assert_ne!(other.code, Some(0));
    assert!(other.stderr.contains(ACCOUNT), "{}", other.stderr);
}

#[test]
fn a_setup_says_that_it_is_for_private_repositories_before_it_asks_for_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let public = [
        "init",
        "--registry",
        "public.ecr.aws",
        "--repository",
        "a1b2c3d4/team/app",
    ];
    let refused = finish(tagship(folder.path()).args(public).current_dir(folder.path()));
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("a setup is for private repositories"),
        "{}",
        refused.stderr
    );
}
