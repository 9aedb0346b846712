//! The policies that `tagship iam` prints, enforced: with all of one a command succeeds, and each action in it counts.

use serde_json::{Value, json};
use tagship_domain::iam::CommandPermissions;
use tagship_domain::immutability::{Mutability, TagFilter};
use test_support::engines;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{finish, output_of, tagship};
use test_support::shipping::{DOCKERFILE, NO_ENGINE, Shipped, Shipyard};

/// One run: with all that a command is allowed, or with one action less.
struct Case {
    name: String,
    missing: Option<(String, String)>,
}

impl Case {
    fn repository(&self) -> String {
        format!("team/{}", self.name)
    }

    fn role_arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role/{}", self.name)
    }

    fn is_without(&self, action: &str) -> bool {
        self.missing
            .as_ref()
            .is_some_and(|(missing, _)| missing == action)
    }
}

/// What `tagship iam` prints about a repository.
fn printed(arguments: &[&str], repository: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut command = tagship(home.path());
    command.args(["iam", "--json", "--account-id", ACCOUNT, "--aws-region", REGION]);
    command.args(["--repository", repository]).args(arguments);
    serde_json::from_str(&output_of(&mut command)).unwrap()
}

/// All that a command needs, and one case for each of its actions; the roles of the cases, by IAM's words.
fn cases(command: &str) -> (Vec<Case>, String) {
    let all = printed(&["--for", command], "team/all");
    let mut cases = vec![Case {
        name: "all".to_owned(),
        missing: None,
    }];
    for permission in all["permissions"].as_array().unwrap() {
        let text = |key: &str| permission[key].as_str().unwrap().to_owned();
        let action = text("action");
        let name = action.replace(':', "-").to_ascii_lowercase();
        let name = name.trim_start_matches("ecr-").to_owned();
        cases.push(Case {
            name,
            missing: Some((action, text("need"))),
        });
    }
    let mut roles: Vec<Value> = cases.iter().map(|case| role(command, case)).collect();
    roles.push(json!({
        "RoleName": "tagship-example",
        "AssumeRolePolicyDocument": roles[0]["AssumeRolePolicyDocument"],
        "PolicyDocuments": [{"Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}],
    }));
    // JSON is YAML.
    (cases, json!({ "Roles": roles }).to_string())
}

fn role(command: &str, case: &Case) -> Value {
    let mut policy = printed(&["--for", command], &case.repository())["policy"].clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        actions.retain(|action| case.missing.as_ref().is_none_or(|(missing, _)| action != missing));
    }
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] != json!([]));
    // The subject of the embedded issuer's tokens is `repo:example/app:ref:refs/heads/main`.
    let jobs = ["trust", "--github-repository", "example/app", "--branch", "main"];
    json!({
        "RoleName": case.name,
        "AssumeRolePolicyDocument": printed(&jobs, "team/app")["policy"],
        "PolicyDocuments": [policy],
    })
}

fn yard(roles: &str) -> Shipyard {
    Shipyard::with(Ecr::start_for_judges(roles), &[("Dockerfile", DOCKERFILE)])
}

/// `latest` may move.
fn mutability() -> Mutability {
    Mutability::ImmutableWithExclusion(vec![TagFilter::parse("latest").unwrap()])
}

const TAGS: [&str; 6] = [
    "--tags",
    "type=semver,pattern={{version}}",
    "--tags",
    "type=sha",
    "--flavor",
    "latest=auto",
];

/// Runs a command as the role of a case.
fn run_as(yard: &Shipyard, case: &Case, command: &str, docker_host: &str) -> Shipped {
    let role = case.role_arn();
    let arguments: Vec<&str> = ["--json", "--role-to-assume", &role]
        .into_iter()
        .chain(TAGS)
        .collect();
    Shipped(finish(&mut yard.command(command, docker_host, &arguments)))
}

/// Checks that the run noticed what it lacked: it failed and names what it needs, or it says what it did not check.
#[track_caller]
fn expect_noticed(case: &Case, run: &Shipped, engine: &str) {
    let context = format!("{engine}, {:?}:\n{}", case.missing, run.0.stderr);
    let report = run.report();
    match &case.missing {
        None => {
            assert_eq!(run.0.code, Some(0), "{context}");
            assert_eq!(report["notes"], json!([]), "{context}");
        }
        Some((action, need)) if need == "required" => {
            assert_eq!(run.0.code, Some(3), "{context}");
            let error = &report["error"];
            let said = format!("{} {}", error["message"], error["hint"]);
            assert!(said.contains(&format!("`{action}`")), "{context}");
        }
        Some((action, _)) => {
            assert_eq!(run.0.code, Some(0), "{context}");
            assert!(
                report["notes"].to_string().contains(&format!("`{action}`")),
                "{context}"
            );
        }
    }
}

#[test]
fn a_role_with_the_printed_policy_ships_and_each_action_less_is_noticed() {
    let (cases, roles) = cases("ship");
    for engine in engines::all() {
        let mut yard = yard(&roles);
        for case in &cases {
            yard.turn_to(&case.repository(), &mutability());
            let run = run_as(&yard, case, "ship", &engine.host());
            // What a classic store holds is pushed by the run itself, which knows the config that it has sent.
            let reads_no_config = engine.name.ends_with("classic");
            if reads_no_config && case.is_without("ecr:GetDownloadUrlForLayer") {
                assert_eq!(run.report()["notes"], json!([]), "{}", run.0.stderr);
                continue;
            }
            expect_noticed(case, &run, &engine.name);
        }
    }
}

/// What is declared of every repository of the cases.
const DECLARED: &str = "\
repositories:
  team/*:
    mutability: immutable
    tags: {owner: web}
    policy: {pull-from: \"111122223333\"}
    lifecycle: {untagged-days: 7}
";

#[test]
fn a_role_with_the_printed_policy_makes_the_repository_and_each_action_less_is_noticed() {
    let (cases, roles) = cases("ship,create-repository");
    let files = [("Dockerfile", DOCKERFILE), ("tagship.yaml", DECLARED)];
    let yard = Shipyard::with(Ecr::start_for_judges(&roles), &files);
    let host = engines::named("docker28-containerd").host();
    let makes = [
        "ecr:DescribeRepositories",
        "ecr:CreateRepository",
        "ecr:TagResource",
        "ecr:SetRepositoryPolicy",
        "ecr:PutLifecyclePolicy",
    ];
    for case in cases {
        if !case
            .missing
            .as_ref()
            .is_none_or(|(action, _)| makes.contains(&action.as_str()))
        {
            continue;
        }
        let (role, repository) = (case.role_arn(), case.repository());
        let arguments = ["--json", "--role-to-assume", &role, "--repository", &repository];
        let arguments = [&arguments[..], &["--create-repository", "--tags", "type=sha"]].concat();
        let run = Shipped(finish(&mut yard.command("ship", &host, &arguments)));
        expect_noticed(&case, &run, "docker28-containerd");
    }
}

#[test]
fn a_role_with_the_printed_policy_reads_from_the_cache_and_each_action_less_is_noticed() {
    let (cases, roles) = cases("ship,from-cache");
    let caches = CommandPermissions::of("from-cache").unwrap().permissions;
    let is_of_caches = |action: &str| caches.iter().any(|row| row.action == action);
    // Those of the image itself are proved where it is shipped.
    let of_image = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let cases = cases.into_iter().filter(|case| {
        let missing = case.missing.as_ref().map(|(action, _)| action.as_str());
        missing.is_none_or(|action| is_of_caches(action) && !of_image.contains(&action))
    });
    let mut yard = crate::from_cache::yard(Ecr::start_for_judges(&roles));
    let host = engines::named("docker28-containerd").host();
    for case in cases {
        // A cache of its own for each, because what one imported is there for all.
        yard.ecr.forget_cached("ecr-base/upstream/base");
        yard.ecr.forget_cached("ecr-base/upstream/tools");
        yard.turn_to(&case.repository(), &mutability());
        let role = case.role_arn();
        let arguments = [
            "--json",
            "--role-to-assume",
            &role,
            "--from-cache",
            "--no-cache",
            "--tags",
            "type=sha",
        ];
        let run = Shipped(finish(&mut yard.command("ship", &host, &arguments)));
        match &case.missing {
            // The builder pulls, and gives the registry's own words.
            Some((action, need)) if need == "required" && action != "ecr:DescribePullThroughCacheRules" => {
                assert_ne!(run.0.code, Some(0), "{action}");
                let error = run.report()["error"].to_string();
                assert!(error.contains(action), "{action}: {error}");
            }
            _ => expect_noticed(&case, &run, "docker28-containerd"),
        }
    }
}

#[test]
fn a_role_with_the_printed_policy_plans_and_each_action_less_is_noticed() {
    let (cases, roles) = cases("plan");
    let mut yard = yard(&roles);
    for case in &cases {
        yard.turn_to(&case.repository(), &mutability());
        // An earlier run that left out tags, so that there are labels to read, and a question about greater versions.
        yard.ship(engines::named("docker28-containerd"), &["--tags", "type=sha"])
            .code(0);
        let run = run_as(&yard, case, "plan", NO_ENGINE);
        match &case.missing {
            // What the labels say stands in the manifest too, unless another tool made the image.
            Some((action, _)) if action == "ecr:GetDownloadUrlForLayer" => {
                run.code(0);
            }
            _ => expect_noticed(case, &run, "no engine"),
        }
    }
}

#[test]
fn an_image_that_the_role_may_not_have_signed_gets_no_tag() {
    let (cases, roles) = cases("ship,sign-managed");
    let mut yard = yard(&roles);
    yard.ecr.sign_with(
        &format!("arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/release"),
        "team/*",
    );
    let host = engines::named("docker28-containerd").host();
    for case in cases {
        let is_less = case.is_without("signer:SignPayload");
        if case.missing.is_some() && !is_less {
            continue;
        }
        yard.turn_to(&case.repository(), &mutability());
        let role = case.role_arn();
        let arguments = [
            "--json",
            "--role-to-assume",
            &role,
            "--tags",
            "type=sha",
            "--sign",
            "managed",
        ];
        let run = Shipped(finish(&mut yard.command("ship", &host, &arguments)));
        let report = run.report();
        if is_less {
            assert_eq!(run.0.code, Some(1), "{}", run.0.stderr);
            assert!(
                report["error"].to_string().contains("`signer:SignPayload`"),
                "{report}"
            );
            assert!(yard.tags().is_empty(), "{:?}", yard.tags());
        } else {
            assert_eq!(run.0.code, Some(0), "{}", run.0.stderr);
            assert_eq!(
                report["signature"],
                json!({"by": "managed", "outcome": "created"})
            );
        }
    }
}
