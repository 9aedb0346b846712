//! The settings of a whole registry against the embedded ECR, read back by boto3.

use serde_json::{Value, json};
use test_support::local::{ACCOUNT, REGION};

use super::Bench;

/// Everything that can be declared of a registry.
pub(super) const SETTINGS: &str = r#"
registry-settings:
  account-settings: {blob-mounting: enabled, basic-scan-type-version: AWS_NATIVE, registry-policy-scope: V2}
  policy: {replicate-from: ["111122223333", "444455556666"]}
  scanning: {type: basic, on-push: ["team/*", prod]}
  signing:
    - profile: arn:aws:signer:eu-central-1:123456789012:/signing-profiles/releases
      repositories: ["team/*"]
  creation-templates:
    ROOT:
      applied-for: [create-on-push]
      mutability: immutable
      exclusion-filters: [latest]
    mirror:
      applied-for: [pull-through-cache, replication]
      description: what comes from elsewhere
      encryption: KMS
      tags: {owner: platform}
      role: arn:aws:iam::123456789012:role/creator
      policy: {pull-from: ["111122223333"]}
      lifecycle: {untagged-days: 7}
  pull-through-cache:
    ecr-mirror: {upstream: 123456789012.dkr.ecr.us-east-1.amazonaws.com, upstream-prefix: base}
  replication:
    - {to: [eu-west-1, 111122223333/eu-central-1], prefixes: [team/, prod/], delete: true}
    - {to: us-east-1}
  pull-time-exclusions: ["arn:aws:iam::123456789012:role/scanner"]
"#;

/// What boto3 reads of all settings.
fn read_back(bench: &Bench) -> Vec<Value> {
    let setting = |name: &str| json!(["get_account_setting", {"name": name}]);
    bench.boto3(&json!([
        setting("BLOB_MOUNTING"),
        ["get_registry_policy", {}],
        ["get_registry_scanning_configuration", {}],
        ["get_signing_configuration", {}],
        ["describe_repository_creation_templates", {}],
        ["describe_pull_through_cache_rules", {}],
        ["describe_registry", {}],
        ["list_pull_time_update_exclusions", {}],
    ]))
}

fn changes(bench: &Bench) -> Vec<String> {
    let reads = ["Get", "Describe", "List", "Validate"];
    let all = bench.ecr.journal().into_iter().map(|entry| entry.operation);
    all.filter(|name| !reads.iter().any(|read| name.starts_with(read)))
        .filter(|name| name != "Ping")
        .collect()
}

#[test]
fn the_declared_settings_are_put_and_read_back_by_another_client() {
    let bench = Bench::new();
    bench.declare(SETTINGS);
    let planned = bench.repo(&["plan", "--exit-code"]);
    planned.expect_code(12);
    insta::assert_snapshot!(planned.stdout.replace(&bench.ecr.host(), "REGISTRY"));
    assert_eq!(changes(&bench), Vec::<String>::new(), "a plan writes nothing");
    bench.repo(&["apply"]).expect_code(0);

    let read = read_back(&bench);
    assert_eq!(read[0]["value"], "ENABLED");
    let policy: Value = serde_json::from_str(read[1]["policyText"].as_str().unwrap()).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(
        statement["Action"],
        json!(["ecr:CreateRepository", "ecr:ReplicateImage"])
    );
    assert_eq!(
        statement["Principal"]["AWS"],
        json!(["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"])
    );
    assert_eq!(
        statement["Resource"],
        json!([format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*")])
    );
    let scanned = ["prod", "team/*"].map(|filter| json!({"filter": filter, "filterType": "WILDCARD"}));
    assert_eq!(
        read[2]["scanningConfiguration"],
        json!({"scanType": "BASIC", "rules": [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": scanned}]})
    );
    assert_eq!(
        read[3]["signingConfiguration"]["rules"][0]["repositoryFilters"],
        json!([{"filter": "team/*", "filterType": "WILDCARD_MATCH"}])
    );
    let templates = read[4]["repositoryCreationTemplates"].as_array().unwrap();
    let of = |prefix: &str| templates.iter().find(|one| one["prefix"] == prefix).unwrap();
    assert_eq!(of("ROOT")["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    assert_eq!(of("ROOT")["appliedFor"], json!(["CREATE_ON_PUSH"]));
    let mirror = of("mirror");
    assert_eq!(mirror["encryptionConfiguration"]["encryptionType"], "KMS");
    assert_eq!(
        mirror["resourceTags"],
        json!([{"Key": "owner", "Value": "platform"}])
    );
    assert_eq!(mirror["customRoleArn"], "arn:aws:iam::123456789012:role/creator");
    assert!(mirror["lifecyclePolicy"].as_str().unwrap().contains("untagged"));
    let cache = &read[5]["pullThroughCacheRules"][0];
    assert_eq!(cache["ecrRepositoryPrefix"], "ecr-mirror");
    assert_eq!(cache["upstreamRepositoryPrefix"], "base");
    let rules = read[6]["replicationConfiguration"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[0]["deleteReplication"], json!({"enabled": true}));
    assert_eq!(
        rules[0]["destinations"],
        json!([
            {"region": "eu-central-1", "registryId": "111122223333"},
            {"region": "eu-west-1", "registryId": ACCOUNT},
        ])
    );
    assert_eq!(
        read[7]["pullTimeUpdateExclusions"],
        json!(["arn:aws:iam::123456789012:role/scanner"])
    );

    // A second run writes nothing, and no setting differs.
    bench.ecr.forget_journal();
    bench.repo(&["apply"]).expect_code(0);
    assert_eq!(changes(&bench), Vec::<String>::new());
    bench.repo(&["plan", "--exit-code"]).expect_code(0);

    // The declaration of what is there says the same.
    let imported = bench.repo(&["import", "--registry-settings"]);
    imported.expect_code(0);
    insta::assert_snapshot!(imported.stdout);
    bench.declare(&imported.stdout);
    let same = bench.repo(&["plan", "--exit-code"]);
    same.expect_code(0);
}

#[test]
fn what_is_changed_by_hand_is_found_and_only_that_is_repaired() {
    let bench = Bench::new();
    bench.declare(SETTINGS);
    bench.repo(&["apply"]).expect_code(0);
    let replication = json!({"rules": [{"destinations": [{"region": "us-west-2", "registryId": ACCOUNT}]}]});
    let changed = bench.boto3(&json!([
        ["put_account_setting", {"name": "BLOB_MOUNTING", "value": "DISABLED"}],
        ["delete_registry_policy", {}],
        ["put_registry_scanning_configuration", {"scanType": "ENHANCED", "rules": []}],
        ["update_repository_creation_template", {"prefix": "mirror", "description": "by hand", "lifecyclePolicy": ""}],
        ["delete_pull_through_cache_rule", {"ecrRepositoryPrefix": "ecr-mirror"}],
        ["put_replication_configuration", {"replicationConfiguration": replication}],
        ["register_pull_time_update_exclusion", {"principalArn": "arn:aws:iam::123456789012:role/other"}],
    ]));
    assert!(
        changed.iter().all(|answer| answer.get("error").is_none()),
        "{changed:?}"
    );
    let drift = bench.repo(&["plan", "--exit-code"]);
    drift.expect_code(12);
    insta::assert_snapshot!(format!(
        "{}{}",
        drift.stdout.replace(&bench.ecr.host(), "REGISTRY"),
        drift.stderr
    ));
    insta::assert_snapshot!(
        bench
            .repo(&["plan", "--markdown"])
            .stdout
            .replace(&bench.ecr.host(), "REGISTRY")
    );
    let planned = bench.json(&["plan"], 0);
    let planned = planned["registry-settings"]["changes"].as_array().unwrap();
    let shown: Vec<Value> = planned
        .iter()
        .map(|change| json!([change["setting"], change["name"], change["kind"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["account-settings", "blob-mounting", "change"]),
            json!(["policy", null, "add"]),
            json!(["scanning", null, "change"]),
            json!(["creation-templates", "mirror", "change"]),
            json!(["pull-through-cache", "ecr-mirror", "add"]),
            json!(["replication", null, "change"]),
        ]
    );
    // What was and what will be, in the words of `tagship.yaml`.
    assert_eq!(
        (&planned[0]["from"], &planned[0]["to"]),
        (&json!("DISABLED"), &json!("ENABLED"))
    );
    assert_eq!(planned[2]["from"], json!({"type": "enhanced"}));
    assert_eq!(
        planned[2]["to"],
        json!({"type": "basic", "on-push": ["prod", "team/*"]})
    );
    assert_eq!(planned[3]["from"]["description"], "by hand");
    assert_eq!(planned[4]["from"], Value::Null);
    assert_eq!(
        planned[4]["to"],
        json!({"upstream": "123456789012.dkr.ecr.us-east-1.amazonaws.com", "upstream-prefix": "base"})
    );
    assert_eq!(planned[5]["from"], json!([{"to": ["123456789012/us-west-2"]}]));
    bench.ecr.forget_journal();
    bench.repo(&["apply"]).expect_code(0);
    assert_eq!(
        changes(&bench),
        [
            "PutAccountSetting",
            "PutRegistryPolicy",
            "PutRegistryScanningConfiguration",
            "UpdateRepositoryCreationTemplate",
            "CreatePullThroughCacheRule",
            "PutReplicationConfiguration",
        ],
        "nothing else is touched, and no exclusion that is not declared"
    );
    bench.repo(&["plan", "--exit-code"]).expect_code(0);

    // With `prune` it goes, and so does all that is not declared.
    bench.declare("registry-settings: {prune: true}\n");
    bench.ecr.forget_journal();
    bench.repo(&["apply"]).expect_code(0);
    let read = read_back(&bench);
    assert_eq!(
        read[0]["value"], "ENABLED",
        "a setting of the account has always a value"
    );
    assert_eq!(read[1]["error"], "RegistryPolicyNotFoundException");
    assert_eq!(read[3]["error"], "SigningConfigurationNotFoundException");
    assert_eq!(read[4]["repositoryCreationTemplates"], json!([]));
    assert_eq!(read[5]["pullThroughCacheRules"], json!([]));
    assert_eq!(read[6]["replicationConfiguration"]["rules"], json!([]));
    assert_eq!(read[7]["pullTimeUpdateExclusions"], json!([]));
}

#[test]
fn every_wrong_setting_is_named_with_its_place_before_aws_is_asked() {
    let bench = Bench::new();
    bench.declare(include_str!("registry-wrong.yaml"));
    let refused = bench.repo(&["plan"]);
    refused.expect_code(2);
    insta::assert_snapshot!(refused.stderr);
    assert!(bench.ecr.journal().is_empty(), "AWS is not asked");
}

#[test]
fn what_cannot_be_changed_is_named_before_anything_is_put() {
    let bench = Bench::new();
    bench.boto3(&json!([[
        "create_pull_through_cache_rule",
        {"ecrRepositoryPrefix": "mirror", "upstreamRegistryUrl": "quay.io"},
    ]]));
    bench.declare(&format!(
        "registry-settings:\n  account-settings: {{blob-mounting: enabled}}\n  pull-through-cache: {{mirror: k8s}}\n  replication: {{to: {REGION}}}\n"
    ));
    bench.ecr.forget_journal();
    for command in ["plan", "apply"] {
        let refused = bench.repo(&[command]);
        refused.expect_code(12);
        for expected in [
            "cache rule `mirror` takes images from `quay.io`, and that cannot become `registry.k8s.io`",
            "a registry cannot replicate to itself",
            "delete-pull-through-cache-rule --ecr-repository-prefix mirror",
        ] {
            assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        }
    }
    assert_eq!(changes(&bench), Vec::<String>::new());
}

#[test]
fn an_upstream_that_cannot_be_used_is_named_and_the_rest_is_put() {
    let bench = Bench::new();
    bench.declare(
        "registry-settings:\n  pull-through-cache: {quay: quay}\n  scanning: {type: basic, on-push: \"*\"}\n",
    );
    let applied = bench.json(&["apply"], 1);
    let message = applied["registry-settings"]["errors"][0]["message"]
        .as_str()
        .unwrap();
    assert!(
        message.contains("upstream of cache rule `quay` cannot be used"),
        "{message}"
    );
    assert_eq!(
        applied["registry-settings"]["applied"].as_array().unwrap().len(),
        2
    );
    // The rule is as declared, and a plan says what is wrong with it.
    bench.repo(&["plan"]).expect_code(0);
    let planned = bench.repo(&["plan", "--exit-code"]);
    planned.expect_code(12);
    assert!(
        planned
            .stderr
            .contains("are as declared, and cannot be used: `quay`"),
        "{}",
        planned.stderr
    );
    assert!(
        planned.stdout.contains("cache rule `quay` cannot be used"),
        "{}",
        planned.stdout
    );
}

#[test]
fn an_upstream_of_another_account_needs_a_role_and_a_plan_says_so() {
    let bench = Bench::new();
    let upstream = |more: &str| {
        format!(
            "registry-settings:\n  account-settings: {{blob-mounting: enabled}}\n  pull-through-cache:\n    other: {{upstream: 111122223333.dkr.ecr.us-east-1.amazonaws.com{more}}}\n"
        )
    };
    bench.declare(&upstream(""));
    for command in ["plan", "apply"] {
        let refused = bench.repo(&[command]);
        refused.expect_code(12);
        let expected =
            "`111122223333.dkr.ecr.us-east-1.amazonaws.com`, which is of another account, and names no role";
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    assert_eq!(changes(&bench), Vec::<String>::new(), "nothing was put before");
    bench.declare(&upstream(", role: \"arn:aws:iam::123456789012:role/cache\""));
    bench.repo(&["plan"]).expect_code(0);
}

/// What the table of settings cannot have at once with the above: other values, and documents from files.
#[test]
fn other_values_and_documents_of_files_are_put_and_read_back_by_another_client() {
    let bench = Bench::new();
    let secret =
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ecr-pullthroughcache/docker-hub-AbCdEf";
    let pull = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Pull",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }]});
    let replicate = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Replicate",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["ecr:ReplicateImage"],
        "Resource": [format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*")],
    }]});
    let archive = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90},
        "action": {"type": "transition", "targetStorageClass": "archive"},
    }]});
    for (name, document) in [("pull", &pull), ("replicate", &replicate), ("archive", &archive)] {
        let path = bench.home.path().join(format!("{name}.json"));
        std::fs::write(path, document.to_string()).unwrap();
    }
    bench.declare(&format!(
        "registry-settings:
  account-settings: {{blob-mounting: disabled}}
  policy: {{file: replicate.json}}
  scanning: {{type: enhanced, on-push: [team/a], continuous: ['prod/*']}}
  pull-through-cache:
    docker-hub: {{upstream: docker-hub, credential: '{secret}'}}
  creation-templates:
    team:
      applied-for: create-on-push
      policy: {{file: pull.json}}
      lifecycle: {{file: archive.json}}
repositories:
  team/app:
    mutability: mutable
    exclusion-filters: ['v*']
    encryption: {{type: KMS_DSSE, key: alias/images}}
    policy: {{file: pull.json}}
    lifecycle: {{file: archive.json}}
"
    ));
    // The secret is not there: the rule is put, and its upstream cannot be used.
    bench.repo(&["apply"]).expect_code(1);
    let read = read_back(&bench);
    let data = |text: &Value| -> Value { serde_json::from_str(text.as_str().unwrap()).unwrap() };
    assert_eq!(read[0]["value"], "DISABLED");
    assert_eq!(data(&read[1]["policyText"]), replicate);
    let rule = |frequency: &str, filter: &str| {
        let filters = [json!({"filter": filter, "filterType": "WILDCARD"})];
        json!({"scanFrequency": frequency, "repositoryFilters": filters})
    };
    let scanning = &read[2]["scanningConfiguration"];
    assert_eq!(scanning["scanType"], "ENHANCED");
    let rules = scanning["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2);
    for expected in [rule("SCAN_ON_PUSH", "team/a"), rule("CONTINUOUS_SCAN", "prod/*")] {
        assert!(rules.contains(&expected), "{rules:?}");
    }
    let template = &read[4]["repositoryCreationTemplates"][0];
    assert_eq!(data(&template["repositoryPolicy"]), pull);
    assert_eq!(data(&template["lifecyclePolicy"]), archive);
    let cache = &read[5]["pullThroughCacheRules"][0];
    assert_eq!(cache["credentialArn"], secret);
    assert_eq!(cache["upstreamRegistryUrl"], "registry-1.docker.io");

    let app = json!({"repositoryName": "team/app"});
    let read = bench.boto3(&json!([
        ["describe_repositories", {"repositoryNames": ["team/app"]}],
        ["get_repository_policy", app],
        ["get_lifecycle_policy", app],
    ]));
    let described = &read[0]["repositories"][0];
    assert_eq!(described["imageTagMutability"], "MUTABLE_WITH_EXCLUSION");
    assert_eq!(described["encryptionConfiguration"]["encryptionType"], "KMS_DSSE");
    assert_eq!(data(&read[1]["policyText"]), pull);
    assert_eq!(data(&read[2]["lifecyclePolicyText"]), archive);
    bench.repo(&["plan"]).expect_code(0);
}

#[test]
fn two_runs_that_put_settings_at_once_both_end_well() {
    let bench = Bench::new();
    bench.declare(SETTINGS);
    let runs: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| bench.repo(&["apply"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for run in runs {
        run.expect_code(0);
    }
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}
