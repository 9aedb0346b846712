//! JSON schemas of `tagship.yaml` and of what `tagship ship --json` prints; a stale one fails here, and so does one that
//! does not fit real files and outputs. `cargo xtask generate` writes them anew.

mod file;
mod registry_settings;
mod report;
mod repositories;

use std::fs;

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::process::{finish, repository_root, tagship};
use test_support::schema::{problems, problems_of};

use crate::inputs_generated::is_fresh;
use file::file_schema;
use report::{plan_schema, push_schema, report_schema};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const FILE: &str = "docs/schemas/tagship-yaml.json";
const REPORT: &str = "docs/schemas/report.json";
const PLAN: &str = "docs/schemas/plan.json";
const PUSH: &str = "docs/schemas/push.json";

#[test]
fn the_schemas_are_what_the_tables_say() {
    is_fresh(FILE, &pretty(&file_schema()));
    is_fresh(REPORT, &pretty(&report_schema()));
    is_fresh(PLAN, &pretty(&plan_schema()));
    is_fresh(PUSH, &pretty(&push_schema()));
}

#[test]
fn the_schema_takes_what_the_file_may_say() {
    for text in [
        "",
        "repository: team/app\nregistry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com\naccount-id: 123456789012\n",
        "tags:\n  - type=sha\nbuild-args:\n  DEBUG: 1\nno-cache: true\n",
        "ignore-findings:\n  - id: CVE-1\n    until: 2026-12-31\n    reason: x\n  - id=CVE-2,until=2026-12-31,reason=x\n",
        "fail-on:\n  critical: 0\n  high: 5\nscan: wait\n",
        "images:\n  api:\n    file: api/Dockerfile\n  web:\n",
        "images:\n  - name: api\n    repository: shop/api\n",
        "repositories:\n  defaults: {mutability: immutable, exclusion-filters: latest}\n  team/*: {prune: true}\n  team/app:\n",
        "repositories:\n  - defaults: {scan-on-push: true}\n  - name: team/app\n    policy: none\n    lifecycle: {file: x.json}\n",
        "repositories:\n  a/b: {policy: {pull-from: [111122223333], lambda: true}, lifecycle: {keep: 'v*', keep-last: 3}}\n",
        "repositories:\n  a/b: {policy: {Version: 2012-10-17, Statement: []}, lifecycle: {rules: []}, encryption: {type: KMS}}\n",
        "repositories:\n  app: {catalog: {description: x, about: {file: README.md}, architectures: [amd64, 386], logo: l.png}}\n",
        "registry-settings:\n  scanning: {type: basic, on-push: '*'}\n  replication: {to: eu-west-1}\n  pull-through-cache: {quay: quay}\n",
        "registry-settings:\n  creation-templates: {ROOT: {applied-for: replication, mutability: immutable}}\n  replication: none\n",
    ] {
        assert_eq!(problems_of_file(text), "", "{text}");
    }
    let own = fs::read_to_string(repository_root().join("tagship.yaml")).unwrap();
    assert_eq!(problems_of_file(&own), "");
}

#[test]
fn the_schema_refuses_what_the_file_may_not_say() {
    for (text, part) in [
        ("repo: team/app\n", "repo"),
        ("github-token: x\n", "github-token"),
        ("images:\n  - repository: shop/api\n", "name"),
        ("repository: [a, b]\n", "repository"),
        ("no-cache: perhaps\n", "no-cache"),
        ("repositories:\n  a/b: {mutable: true}\n", "mutable"),
        ("repositories:\n  a/b: {mutability: sometimes}\n", "repositories"),
        ("repositories:\n  a/b: {encryption: DES}\n", "repositories"),
        ("repositories:\n  a/b: {lifecycle: nothing}\n", "repositories"),
        (
            "registry-settings:\n  pull-through-cache: {x: dockerhub}\n",
            "pull-through-cache",
        ),
        ("repositories:\n  - mutability: mutable\n", "repositories"),
        ("registry-settings:\n  scanning: {on-push: '*'}\n", "type"),
        (
            "repositories:\n  a/b: {lifecycle: {keep-last: many}}\n",
            "repositories",
        ),
    ] {
        let problems = problems_of_file(text);
        assert!(problems.contains(part), "{text}: {problems}");
    }
}

#[test]
fn the_schemas_fit_what_runs_without_an_engine_print() {
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    checkout.commit(&[("clean/file", ""), ("Based", "FROM busybox:1\n")]);
    checkout.write("untracked", "");
    let local = "--json --local --local-data data --repository team/app";
    for (schema, arguments) in [
        (REPORT, format!("ship {local} --dry-run --allow-dirty")),
        (REPORT, "ship --json".to_owned()),
        (REPORT, format!("ship {local} --file Missing --docker-host unix:///none")),
        (REPORT, format!("plan {local} --file Missing")),
        (PLAN, format!("plan {local} --allow-dirty --tags type=sha --tags type=raw,value=edge")),
        (PLAN, format!("plan {local} --allow-dirty --platforms linux/arm64 --add-hosts a:10.0.0.1 --no-cache-filters x")),
        (PLAN, format!("plan {local} --allow-dirty --version 1.0.0 --release git-tag")),
        (PLAN, format!("plan {local} --allow-dirty --create-repository")),
        (PLAN, format!("plan {local} --allow-dirty --from-cache --file Based")),
        (PLAN, "plan --json --offline --registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com --repository team/app --context clean --file Dockerfile --version 1.0.0 --release true --release-moving-tags major,minor".to_owned()),
        (PLAN, "plan --json --offline --registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com --repository team/app --allow-dirty".to_owned()),
    ] {
        let finished = finish(tagship(checkout.path()).args(arguments.split(' ')));
        let printed: Value = serde_json::from_str(&finished.stdout).expect(&arguments);
        assert_eq!(problems(schema, &printed), "", "{arguments}: {printed}");
    }
}

#[test]
fn the_schemas_refuse_what_no_run_prints() {
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    checkout.commit(&[]);
    let arguments = "plan --json --offline --registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com --repository team/app";
    let finished = finish(tagship(checkout.path()).args(arguments.split(' ')));
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(problems(PLAN, &plan), "", "{plan}");
    for (pointer, wrong) in [
        ("/revision", "HEAD"),
        ("/tags/0/action", "overwrite"),
        ("/tags/0/tag", "a b"),
        ("/content/from", "nowhere"),
        ("/exit-code", "0"),
    ] {
        let mut plan = plan.clone();
        *plan.pointer_mut(pointer).expect(pointer) = wrong.into();
        assert_ne!(problems(PLAN, &plan), "", "{pointer}");
    }
}

fn problems_of_file(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagship.yaml");
    fs::write(&path, text).unwrap();
    problems_of(FILE, &path)
}

fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}
