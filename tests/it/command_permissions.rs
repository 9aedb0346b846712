//! The policies that `tagship iam` prints for commands that need no engine, enforced: with all of one a command succeeds, and
//! each action in it counts. `ship` and `plan` are proved with engines, `scan` and `repo` beside their own tests.

use std::process::Command;

use serde_json::{Value, json};
use tagship_domain::iam::{CommandPermissions, Need, Permission};
use tagship_domain::immutability::{Mutability, TagFilter};
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{Finished, finish, output_of, path_behind, tagship};

/// One run: with all that a command is allowed, or with one action less. Each has repositories and a role of its own.
struct Case {
    name: String,
    missing: Option<&'static Permission>,
}

impl Case {
    fn all(command: &'static CommandPermissions) -> Vec<Self> {
        let whole = Self {
            name: format!("{}-all", command.name),
            missing: None,
        };
        let less = command.permissions.iter().map(|permission| Self {
            name: format!(
                "{}-{}",
                command.name,
                permission.action.replace(':', "-").to_lowercase()
            ),
            missing: Some(permission),
        });
        std::iter::once(whole).chain(less).collect()
    }

    /// Where images are.
    fn from(&self) -> String {
        format!("team/{}", self.name)
    }

    /// Where they go.
    fn to(&self) -> String {
        format!("prod/{}", self.name)
    }

    /// The role, which the account's key may assume; its policy is what is printed.
    fn role(&self, commands: &str) -> Value {
        let home = tempfile::tempdir().unwrap();
        let mut printed = tagship(home.path());
        printed.args([
            "iam",
            "--for",
            commands,
            "--account-id",
            ACCOUNT,
            "--aws-region",
            REGION,
        ]);
        printed.args(["--repository", &self.from(), "--targets", &self.to()]);
        let mut policy: Value = serde_json::from_str(&output_of(&mut printed)).unwrap();
        let statements = policy["Statement"].as_array_mut().unwrap();
        for statement in statements.iter_mut() {
            let actions = statement["Action"].as_array_mut().unwrap();
            actions.retain(|action| self.missing.is_none_or(|missing| action != missing.action));
        }
        statements.retain(|statement| statement["Action"] != json!([]));
        json!({
            "RoleName": self.name,
            "AssumeRolePolicyDocument": {"Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
            }]},
            "PolicyDocuments": [policy],
        })
    }

    /// Checks that the run noticed what it lacked: it failed and names it, or it says what it did not look at.
    #[track_caller]
    fn expect_noticed(&self, run: &Finished) {
        let action = self.missing.map(|missing| missing.action);
        let context = format!("without {action:?}:\n{}{}", run.stdout, run.stderr);
        match self.missing {
            None => {
                assert_eq!(run.code, Some(0), "{context}");
                assert!(!run.stderr.contains("the role lacks"), "{context}");
            }
            Some(missing) => {
                let code = if missing.need == Need::Required { 3 } else { 0 };
                assert_eq!(run.code, Some(code), "{context}");
                assert!(run.stderr.contains(&format!("`{}`", missing.action)), "{context}");
            }
        }
    }
}

/// Version 1.4.0 of a commit in a repository of each case.
struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl World {
    /// With a role for each case, which `tagship iam --for` prints for these commands.
    fn new(commands: &str, cases: &[Case]) -> Self {
        let mut roles: Vec<Value> = cases.iter().map(|case| case.role(commands)).collect();
        roles.push(json!({
            "RoleName": "tagship-example",
            "AssumeRolePolicyDocument": roles[0]["AssumeRolePolicyDocument"],
            "PolicyDocuments": [],
        }));
        // JSON is YAML.
        let ecr = Ecr::start_for_judges(&json!({ "Roles": roles }).to_string());
        let checkout = Checkout::with(&[("a", "a"), ("Dockerfile", "FROM scratch\nCOPY a /\n")]);
        let moving = Mutability::ImmutableWithExclusion(vec![TagFilter::parse("1").unwrap()]);
        for case in cases {
            ecr.create_repository(&case.from(), &Mutability::Mutable);
            ecr.create_repository(&case.to(), &moving);
            let pusher = Pusher::new(&ecr, &case.from());
            let labels = json!({
                "org.opencontainers.image.version": "1.4.0",
                "org.opencontainers.image.revision": checkout.head(),
            });
            let image = pusher.image("amd64", &case.name, &labels);
            pusher.tag("1.4.0", &image.digest);
        }
        Self {
            ecr,
            checkout,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, case: &Case, arguments: &[&str]) -> Finished {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", case.name);
        let mut command = self.ecr.command(self.home.path(), arguments);
        command
            .args(["--role-to-assume", &role])
            .current_dir(self.checkout.path());
        finish(&mut command)
    }
}

/// Runs `command` as the role of each case.
fn prove(name: &str, arguments: impl Fn(&Case) -> Vec<String>) {
    let command = CommandPermissions::of(name).unwrap();
    let cases = Case::all(command);
    let world = World::new(name, &cases);
    for case in &cases {
        let arguments = arguments(case);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        case.expect_noticed(&world.run(case, &arguments));
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_is_shown_needs_what_the_table_says() {
    prove("ls", |case| words(&format!("ls {}", case.from())));
    prove("inspect", |case| words(&format!("inspect {}:1.4.0", case.from())));
}

#[test]
fn what_is_promoted_needs_what_the_table_says() {
    prove("promote", |case| {
        let mut arguments = words(&format!(
            "promote {} --from 1.4.0 --to-repository {}",
            case.from(),
            case.to()
        ));
        arguments.extend(["--to".to_owned(), "type=semver,pattern={{major}}".to_owned()]);
        arguments
    });
}

#[test]
fn what_is_copied_needs_what_the_table_says() {
    prove("copy", |case| {
        words(&format!("copy {} {} --all-tags", case.from(), case.to()))
    });
}

#[test]
fn what_is_released_needs_what_the_table_says() {
    let command = CommandPermissions::of("release").unwrap();
    let cases = Case::all(command);
    let world = World::new(command.name, &cases);
    let github = Github::of(world.checkout.path());
    for case in &cases {
        let image = format!("{}:1.4.0", case.from());
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", case.name);
        let mut command = world
            .ecr
            .command(world.home.path(), &["release", &image, "--role-to-assume", &role]);
        command.current_dir(world.checkout.path()).envs(github.job());
        // The job is one without OIDC, whose key is meant to assume the role.
        command.env("TAGSHIP_ROLE_CHAINING", "true");
        case.expect_noticed(&finish(&mut command));
    }
}

#[test]
fn what_a_program_signs_needs_what_the_table_says() {
    let cases = Case::all(CommandPermissions::of("sign").unwrap());
    let world = World::new("ship,sign", &cases);
    let made = Command::new(client("cosign"))
        .args(["generate-key-pair"])
        .current_dir(world.home.path())
        .env("COSIGN_PASSWORD", "")
        .output();
    assert!(made.unwrap().status.success());
    let key = world.home.path().join("cosign.key").display().to_string();
    for case in &cases {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", case.name);
        // The role that may not read labels knows the commit by its tag.
        let pusher = Pusher::new(&world.ecr, &case.from());
        let labels = json!({"org.opencontainers.image.revision": world.checkout.head()});
        let image = pusher.image("amd64", "of the commit", &labels);
        pusher.tag(&format!("sha-{}", &world.checkout.head()[..12]), &image.digest);
        let (from, sign) = (case.from(), ["--sign", "cosign", "--sign-key", &key]);
        let ship = [
            "ship",
            "--version",
            "1.6.0",
            "--repository",
            &from,
            "--role-to-assume",
            &role,
        ];
        let mut command = world.ecr.command(world.home.path(), &[&ship[..], &sign].concat());
        command
            .current_dir(world.checkout.path())
            .env("PATH", path_behind(&[]))
            .env("COSIGN_PASSWORD", "");
        let run = finish(&mut command);
        // Of an image whose signatures may not be read cosign says that there are none.
        if case
            .missing
            .is_some_and(|missing| missing.action == "ecr:GetDownloadUrlForLayer")
        {
            run.expect_code(1);
            let hint = run.stderr.lines().find(|line| line.starts_with("hint: "));
            assert!(
                hint.unwrap().contains("`ecr:GetDownloadUrlForLayer`"),
                "{}",
                run.stderr
            );
            continue;
        }
        case.expect_noticed(&run);
    }
}

#[test]
fn what_ecr_signs_needs_what_the_table_says() {
    let cases = Case::all(CommandPermissions::of("sign-managed").unwrap());
    let world = World::new("ship,sign-managed", &cases);
    let profile = format!("arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/release");
    world.ecr.sign_with(&profile, "team/*");
    for case in &cases {
        let pusher = Pusher::new(&world.ecr, &case.from());
        let labels = json!({"org.opencontainers.image.revision": world.checkout.head()});
        let image = pusher.image("amd64", "pushed under the rule", &labels);
        pusher.tag(&format!("sha-{}", &world.checkout.head()[..12]), &image.digest);
    }
    world.ecr.set_clock_offset(60);
    for case in cases {
        // Who pushes a new image needs this one: `tests/engines/permissions.rs` builds it.
        if case
            .missing
            .is_some_and(|missing| missing.action == "signer:SignPayload")
        {
            continue;
        }
        let from = case.from();
        let ship = [
            "ship",
            "--version",
            "1.5.0",
            "--repository",
            &from,
            "--sign",
            "managed",
        ];
        case.expect_noticed(&world.run(&case, &ship));
    }
}
