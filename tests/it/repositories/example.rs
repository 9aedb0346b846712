//! `examples/registry`: its script runs as it is, by a role that may do what `tagship iam` prints and no more.

use std::path::PathBuf;

use serde_json::{Value, json};
use test_support::clients::python;
use test_support::local::{ACCOUNT, Ecr};
use test_support::process::{finish, output_of, repository_root, scrubbed, tagship, tagship_program};

use super::Bench;

/// The role's name.
const ROLE: &str = "registry";

/// What the commands of the script need in one region, and who may assume the role.
fn printed(folder: &std::path::Path, region: &str, arguments: &[&str]) -> Value {
    let mut command = tagship(folder);
    command
        .args(["iam", "--json", "--account-id", ACCOUNT, "--aws-region", region])
        .args(arguments)
        .current_dir(folder);
    serde_json::from_str::<Value>(&output_of(&mut command)).unwrap()["policy"].clone()
}

/// A text whose dates are others each day.
fn without_dates(text: &str) -> String {
    let is_date = |word: &&str| {
        let is_digit = |(index, byte): (usize, u8)| (byte == b'-') == matches!(index, 4 | 7);
        word.len() == 10 && word.starts_with("20") && word.bytes().enumerate().all(is_digit)
    };
    let dates: Vec<&str> = text.split_whitespace().filter(is_date).collect();
    let replaced = |text: String, date: &&str| text.replace(*date, "YYYY-MM-DD");
    dates.iter().fold(text.to_owned(), replaced)
}

/// What stays the same from run to run: a scan may have ended, and the columns are as wide as what stands in them.
fn steady(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let cells: Vec<&str> = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        cells.join("  ").replace("in progress", "clean")
    });
    without_dates(&lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_example_is_declared_found_repaired_previewed_listed_and_removed() {
    let example = repository_root().join("examples/registry");
    let commands = [
        "--for",
        "repo,repo-settings,repo-list,repo-cost,repo-delete,lifecycle-preview-by-ecr",
    ];
    let of = |file: &str, region: &str, more: &[&str]| {
        printed(&example, region, &[&["--config", file], more].concat())
    };
    let copy = ["--for", "copy,repo-delete", "--repository", "shop/api"];
    let policies = [
        of("tagship.yaml", "eu-central-1", &commands),
        of("tagship.yaml", "eu-central-1", &copy),
        of("replica.yaml", "eu-west-1", &["--for", "repo-settings"]),
        // The repository that replication makes stands in no file.
        of(
            "replica.yaml",
            "eu-west-1",
            &[&commands[..], &["--repository", "shop/api"]].concat(),
        ),
        // What is listed is all of a registry.
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"},
        ]}),
    ];
    let trust = [
        "trust",
        "--github-repository",
        "example/app",
        "--branch",
        "main",
        "--repository",
        "x1",
    ];
    let trust = printed(tempfile::tempdir().unwrap().path(), "eu-central-1", &trust);
    let role = json!({"RoleName": ROLE, "AssumeRolePolicyDocument": trust, "PolicyDocuments": policies});
    let bench = Bench::at(Ecr::start_with_roles(&json!({"Roles": [role]}).to_string()));
    let (url, token) = bench.ecr.oidc_request();
    let (id, secret) = bench.ecr.admin_key();
    let programs = [PathBuf::from(python()), tagship_program()]
        .map(|program| program.parent().unwrap().display().to_string())
        .join(":");
    let mut script = scrubbed("/bin/bash", bench.home.path());
    script
        .arg(example.join("run.sh"))
        .env("PATH", format!("{programs}:/usr/bin:/bin"))
        .env("TAGSHIP_REGISTRY", bench.ecr.host())
        .env("TAGSHIP_ENDPOINT_URL", bench.ecr.url())
        .env(
            "TAGSHIP_ROLE_TO_ASSUME",
            format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}"),
        )
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
        .env("AWS_ENDPOINT_URL", bench.ecr.url())
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    let run = finish(&mut script);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let sections: Vec<&str> = run.stdout.split("\n== ").skip(1).collect();
    let section = |title: &str| {
        let found = sections.iter().find(|section| section.starts_with(title));
        found.unwrap_or_else(|| panic!("{title}: {}", run.stdout))
    };
    let drift = section("find the drift").replace(&bench.ecr.host(), "REGISTRY");
    insta::assert_snapshot!(steady(&drift));
    let price = section("price");
    assert!(price.contains('$') && price.contains("shop/api"), "{price}");
    let lists = section("list both");
    assert_eq!(
        lists.matches("shop/api").count(),
        2,
        "the images are replicated: {lists}"
    );
    let preview = section("preview");
    assert!(preview.contains("ECR says the same"), "{preview}");
    let refused = section("refuse");
    assert!(
        refused.contains("1.0.0") && refused.contains("must not go"),
        "{refused}"
    );
    let left = section("remove").lines().last().unwrap().to_owned();
    let left: Value = serde_json::from_str(&left).unwrap();
    let found = left["registries"][0]["repositories"].as_array().unwrap();
    assert!(found.iter().all(|one| one["drift"] == "missing"), "{left}");
    assert_eq!(found.len(), 3);
}
