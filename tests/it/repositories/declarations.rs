//! The differences of twenty declarations from one state, as a person reads them.

use serde_json::json;

use super::Bench;

/// What is declared of repositories, in the words of `tagship.yaml`.
const DECLARATIONS: [&str; 22] = [
    "team/api: {}",
    "team/api: {mutability: mutable, scan-on-push: false, tags: {owner: web}}",
    "team/api: {mutability: immutable}",
    "team/api: {mutability: immutable, exclusion-filters: [latest, \"1.*\"]}",
    "team/api: {mutability: mutable, exclusion-filters: [\"v*\"], scan-on-push: true}",
    "team/web: {mutability: immutable, exclusion-filters: [edge, latest]}",
    "team/web: {mutability: IMMUTABLE_WITH_EXCLUSION, exclusion-filters: [latest]}",
    "team/api: {encryption: KMS}",
    "team/web: {encryption: {type: KMS_DSSE, key: alias/images}, mutability: mutable}",
    "team/web: {encryption: {type: kms, key: alias/images}}",
    "team/api: {tags: {owner: api, cost-center: \"7\"}}",
    "team/api: {tags: {owner: web}, prune: true}",
    "team/api: {policy: none}",
    "team/api: {policy: {pull-from: [\"111122223333\"]}}",
    "team/api: {policy: {pull-from: [\"111122223333\", \"arn:aws:iam::444455556666:role/deploy\"], push-from: \"444455556666\"}}",
    "team/api: {policy: {lambda: [\"111122223333\"], organization: o-a1b2c3d4e5}}",
    "team/api: {policy: {Version: \"2012-10-17\", Statement: {Effect: Deny, Principal: \"*\", NotAction: \"ecr:Batch*\", Condition: {IpAddress: {\"aws:SourceIp\": [10.0.0.0/8]}}}}}",
    "team/api: {lifecycle: none}",
    "team/api: {lifecycle: {keep-last: 30}}",
    "team/api: {lifecycle: {keep: [\"v*\", prod], untagged-days: 7, keep-last: 30}}",
    "team/web: {lifecycle: {archive-after-days: 90}}",
    "team/new: {mutability: immutable, encryption: {type: KMS, key: alias/images}, scan-on-push: true, tags: {owner: web}, policy: {lambda: true}, lifecycle: {untagged-days: 1}}",
];

#[test]
fn each_declaration_differs_as_it_should() {
    let bench = Bench::new();
    let pull = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Pull",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
    }]});
    let keep = json!({"rules": [{
        "rulePriority": 1,
        "description": "keep the last 30",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30},
        "action": {"type": "expire"},
    }]});
    let made = bench.boto3(&json!([
        ["create_repository", {"repositoryName": "team/api", "tags": [
            {"Key": "owner", "Value": "web"}, {"Key": "stage", "Value": "prod"},
        ]}],
        ["set_repository_policy", {"repositoryName": "team/api", "policyText": pull.to_string()}],
        ["put_lifecycle_policy", {"repositoryName": "team/api", "lifecyclePolicyText": keep.to_string()}],
        ["create_repository", {
            "repositoryName": "team/web",
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [
                {"filterType": "WILDCARD", "filter": "latest"}, {"filterType": "WILDCARD", "filter": "edge"},
            ],
            "imageScanningConfiguration": {"scanOnPush": true},
            "encryptionConfiguration": {
                "encryptionType": "KMS",
                "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            },
        }],
    ]));
    assert!(
        made.iter().all(|answer| answer.get("error").is_none()),
        "{made:?}"
    );
    let mut all = String::new();
    for declared in DECLARATIONS {
        bench.declare(&format!("repositories:\n  {declared}\n"));
        let planned = bench.repo(&["plan", "--exit-code"]);
        let code = planned.code.unwrap();
        let text = planned.stdout.replace(&bench.ecr.host(), "REGISTRY");
        all += &format!(
            "{declared}\nexit code {code}\n{text}{}\n",
            if code == 2 { &planned.stderr } else { "" }
        );
    }
    insta::assert_snapshot!(all);
}
