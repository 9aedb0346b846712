//! The schema of the key `registry-settings` of `tagship.yaml`.

use serde_json::{Value, json};

/// What `tagship repo plan` compares with the registry's own settings. Refers to definitions of repositories.
pub(super) fn registry_settings(template_settings: &Value) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let texts = |description: &str| json!({"$ref": "#/$defs/texts", "description": description});
    let object = |properties: Value, required: &[&str]| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    let list_or_one =
        |item: Value| json!({"anyOf": [{"const": "none"}, item.clone(), {"type": "array", "items": item}]});
    let upstream = json!({
        "anyOf": [
            {"enum": [
                "docker-hub", "ecr-public", "quay", "k8s", "github-container-registry", "gitlab-container-registry", "chainguard",
            ]},
            {"type": "string", "pattern": "\\."},
        ],
        "description": "The upstream registry, such as `quay`, or its host.",
    });
    let mut template = template_settings.clone();
    for name in ["scan-on-push", "catalog", "protect", "prune"] {
        template.as_object_mut().unwrap().remove(name);
    }
    template["applied-for"] = json!({
        "anyOf": [
            {"enum": ["replication", "pull-through-cache", "create-on-push"]},
            {"type": "array", "minItems": 1, "items": {"enum": ["replication", "pull-through-cache", "create-on-push"]}},
        ],
        "description": "Why ECR makes these repositories.",
    });
    template["description"] = text("What the template is for.");
    template["role"] = text("The resource name of the role by which ECR puts tags and uses keys.");
    json!({
        "description": "The settings of the whole registry: what `tagship repo plan` compares with what is there, and `tagship repo apply` puts.",
        "type": ["object", "null"],
        "properties": {
            "account-settings": {
                "type": "object",
                "properties": {
                    "blob-mounting": {"enum": ["enabled", "disabled", "ENABLED", "DISABLED"], "description": "Whether layers may be mounted across repositories."},
                    "basic-scan-type-version": {"enum": ["AWS_NATIVE"], "description": "What basic scanning scans with."},
                    "registry-policy-scope": {"enum": ["V2"], "description": "Which actions the registry policy may be about."},
                },
                "additionalProperties": false,
                "description": "Settings of the account in the region.",
            },
            "policy": {"description": "Who else may use the registry.", "anyOf": [
                {"const": "none", "description": "There is none."},
                {"type": "string", "pattern": "^\\s*\\{", "description": "A policy in JSON."},
                object(json!({"file": text("A file in JSON with the whole policy.")}), &["file"]),
                object(json!({"replicate-from": texts("Accounts that may copy images here.")}), &["replicate-from"]),
                object(json!({"Version": {}, "Id": {}, "Statement": {}}), &["Statement"]),
            ]},
            "scanning": object(json!({
                "type": {"enum": ["basic", "enhanced"], "description": "By what images are scanned: ECR itself, or Amazon Inspector."},
                "on-push": texts("Repositories whose images are scanned when they are pushed; `*` stands for zero or more characters."),
                "continuous": texts("Repositories whose images are scanned again when a vulnerability becomes known; enhanced scanning alone."),
                "manual": texts("Repositories whose images are scanned by hand; basic scanning alone."),
            }), &["type"]),
            "signing": list_or_one(object(json!({
                "profile": text("The resource name of the signing profile."),
                "repositories": texts("Repositories whose images are signed; `*` stands for zero or more characters."),
            }), &["profile"])),
            "creation-templates": {
                "type": "object",
                "additionalProperties": object(template, &["applied-for"]),
                "description": "What repositories are made as that ECR makes by itself, by the beginnings of their names; `ROOT` for all.",
            },
            "pull-through-cache": {
                "type": "object",
                "additionalProperties": {"anyOf": [upstream, object(json!({
                    "upstream": upstream,
                    "credential": text("The resource name of the secret with the login."),
                    "role": text("The resource name of the role that reads in another account's ECR."),
                    "upstream-prefix": text("The beginning of the upstream's names."),
                }), &["upstream"])]},
                "description": "Upstream registries that are cached, by the beginnings of the copies' names.",
            },
            "replication": list_or_one(object(json!({
                "to": texts("Regions, or `ACCOUNT/REGION`."),
                "prefixes": texts("Beginnings of the repositories' names; all repositories when absent."),
                "delete": {"$ref": "#/$defs/flag", "description": "Whether an image that is deleted here is deleted there."},
            }), &["to"])),
            "pull-time-exclusions": texts("Roles and users whose pulls do not count as the last pull."),
            "prune": {"$ref": "#/$defs/flag", "description": "Whether what is not declared is removed."},
        },
        "additionalProperties": false,
    })
}
