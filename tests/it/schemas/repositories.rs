//! The schema of the key `repositories` of `tagship.yaml`.

use serde_json::{Value, json};

/// A mapping from names and patterns, or a list of repositories with their names.
pub(super) fn repositories() -> Value {
    json!({
        "description": "Repositories as code: what `tagship repo plan` compares with what is there, and `tagship repo apply` puts.",
        "anyOf": [
            {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/repository"}},
            {"type": "array", "items": {"anyOf": [
                {
                    "type": "object",
                    "properties": {"defaults": {"$ref": "#/$defs/repository"}},
                    "required": ["defaults"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": settings(true),
                    "required": ["name"],
                    "additionalProperties": false,
                },
            ]}},
        ],
    })
}

/// What the above refers to.
pub(super) fn definitions() -> Vec<(&'static str, Value)> {
    let flag = json!({"enum": [true, false, "true", "false"]});
    let count = json!({"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1});
    let texts = json!({"anyOf": [
        {"type": ["string", "number"]},
        {"type": "array", "minItems": 1, "items": {"type": ["string", "number"]}},
    ]});
    let file = json!({
        "type": "object",
        "properties": {"file": {"type": "string", "description": "A file in JSON with the whole policy."}},
        "required": ["file"],
        "additionalProperties": false,
    });
    let document = json!({"anyOf": [
        {"const": "none", "description": "There is none."},
        {"type": "string", "pattern": "^\\s*\\{", "description": "A policy in JSON."},
    ]});
    let encryption_type = json!({
        "enum": ["AES256", "KMS", "KMS_DSSE", "aes256", "kms", "kms_dsse", "kms-dsse"],
        "description": "By keys of ECR's own, or one of KMS, once or twice.",
    });
    let mut definitions = catalog();
    definitions.extend([
        (
            "repository",
            json!({"type": ["object", "null"], "properties": settings(false), "additionalProperties": false}),
        ),
        ("flag", flag.clone()),
        ("texts", texts),
        (
            "protected",
            json!({"anyOf": [{"type": ["string", "number"]}, file.clone()]}),
        ),
        (
            "encryption",
            json!({"anyOf": [
                encryption_type,
                {
                    "type": "object",
                    "properties": {
                        "type": encryption_type,
                        "key": {"type": "string", "description": "The key's resource name, id or alias."},
                    },
                    "required": ["type"],
                    "additionalProperties": false,
                },
            ]}),
        ),
        (
            "policy",
            json!({"anyOf": [
                document,
                file,
                {
                    "type": "object",
                    "properties": {"Version": {}, "Id": {}, "Statement": {}},
                    "required": ["Statement"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "minProperties": 1,
                    "properties": {
                        "pull-from": {"$ref": "#/$defs/texts", "description": "Accounts, users and roles that may pull."},
                        "push-from": {"$ref": "#/$defs/texts", "description": "Accounts, users and roles that may push and pull."},
                        "lambda": {"anyOf": [flag, {"$ref": "#/$defs/texts"}], "description": "Whether Lambda functions may be made of the images, or the accounts whose functions may."},
                        "organization": {"type": "string", "pattern": "^o-[a-z0-9]{10,32}$", "description": "The organization whose accounts may pull."},
                    },
                    "additionalProperties": false,
                },
            ]}),
        ),
        (
            "lifecycle",
            json!({"anyOf": [
                document,
                file,
                {"type": "object", "properties": {"rules": {"type": "array"}}, "required": ["rules"], "additionalProperties": false},
                {
                    "type": "object",
                    "minProperties": 1,
                    "properties": {
                        "keep": {"$ref": "#/$defs/texts", "description": "Images with a tag that matches one of these never expire."},
                        "untagged-days": count,
                        "keep-last": count,
                        "archive-after-days": count,
                    },
                    "additionalProperties": false,
                },
            ]}),
        ),
    ]);
    definitions
}

/// What the gallery of ECR Public shows.
fn catalog() -> Vec<(&'static str, Value)> {
    let file = json!({
        "type": "object",
        "properties": {"file": {"type": "string", "description": "A file with it."}},
        "required": ["file"],
        "additionalProperties": false,
    });
    vec![
        (
            "catalog",
            json!({
                "type": ["object", "null"],
                "properties": {
                    "description": {"type": "string", "maxLength": 1024, "description": "One sentence."},
                    "about": {"$ref": "#/$defs/catalog-text", "description": "What the images are, in Markdown."},
                    "usage": {"$ref": "#/$defs/catalog-text", "description": "How they are used, in Markdown."},
                    "architectures": {"$ref": "#/$defs/texts", "description": "`ARM`, `ARM 64`, `x86` and `x86-64`, or as images have them: `arm`, `arm64`, `386` and `amd64`."},
                    "operating-systems": {"$ref": "#/$defs/texts", "description": "`Linux` and `Windows`."},
                    "logo": {"anyOf": [{"type": "string"}, file], "description": "The path of a picture of at most 512000 bytes."},
                },
                "additionalProperties": false,
            }),
        ),
        (
            "catalog-text",
            json!({"anyOf": [{"type": "string", "maxLength": 25600}, file]}),
        ),
    ]
}

pub(super) fn settings(has_name: bool) -> Value {
    let mut settings = json!({
        "mutability": {
            "enum": [
                "mutable", "immutable", "mutable-with-exclusion", "immutable-with-exclusion",
                "MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION",
            ],
            "description": "`mutable` or `immutable`: whether tags may move.",
        },
        "exclusion-filters": {"$ref": "#/$defs/texts", "description": "Up to five tags for which the other holds; `*` stands for zero or more characters."},
        "encryption": {"$ref": "#/$defs/encryption", "description": "How images are encrypted. It cannot be changed later."},
        "scan-on-push": {"$ref": "#/$defs/flag", "description": "Whether images are scanned when they are pushed."},
        "tags": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean"]}, "description": "Tags of the repository itself."},
        "policy": {"$ref": "#/$defs/policy", "description": "Who else may use the repository."},
        "lifecycle": {"$ref": "#/$defs/lifecycle", "description": "Which images expire."},
        "catalog": {"$ref": "#/$defs/catalog", "description": "What the gallery of ECR Public shows; of a public repository alone."},
        "protect": {
            "anyOf": [
                {"$ref": "#/$defs/protected"},
                {"type": "array", "items": {"$ref": "#/$defs/protected"}},
            ],
            "description": "Images that no lifecycle policy may delete: tags, in which `*` stands for zero or more characters, digests, and files that name images.",
        },
        "prune": {"$ref": "#/$defs/flag", "description": "Whether tags and policies that are not declared are removed."},
    });
    if has_name {
        settings["name"] =
            json!({"type": "string", "description": "The repository's name, or a pattern with `*`."});
    }
    settings
}
