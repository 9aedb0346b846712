//! JSON schemas of `tagship.yaml` and of what `tagship ship --json` prints; a stale one fails here, and so does one that
//! does not fit real files and outputs. `cargo xtask generate` writes them anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use tagship::schema::{INPUTS, Input, InputKind};
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::process::{finish, repository_root, tagship};

use crate::inputs_generated::is_fresh;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const FILE: &str = "docs/schemas/tagship-yaml.json";
const REPORT: &str = "docs/schemas/report.json";

#[test]
fn the_schemas_are_what_the_tables_say() {
    is_fresh(FILE, &pretty(&file_schema()));
    is_fresh(REPORT, &pretty(&report_schema()));
}

#[test]
fn the_schema_takes_what_the_file_may_say() {
    for text in [
        "",
        "repository: team/app\nregistry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com\naccount-id: 123456789012\n",
        "tags:\n  - type=sha\nbuild-args:\n  DEBUG: 1\nno-cache: true\n",
        "images:\n  api:\n    file: api/Dockerfile\n  web:\n",
        "images:\n  - name: api\n    repository: shop/api\n",
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
    ] {
        let problems = problems_of_file(text);
        assert!(problems.contains(part), "{text}: {problems}");
    }
}

#[test]
fn the_schema_fits_what_runs_print() {
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    checkout.commit(&[]);
    for arguments in [
        "ship --json --dry-run --local --local-data data --repository team/app --allow-dirty",
        "ship --json",
        "ship --json --local --local-data data --repository team/app --file Missing --docker-host unix:///none",
    ] {
        let finished = finish(tagship(checkout.path()).args(arguments.split(' ')));
        let printed: Value = serde_json::from_str(&finished.stdout).expect(arguments);
        let path = checkout.write("report.json", printed.to_string());
        assert_eq!(problems(REPORT, &path), "", "{arguments}: {printed}");
    }
}

/// What another program than ours finds wrong.
fn problems(schema: &str, path: &Path) -> String {
    let checked = Command::new(client("check-jsonschema"))
        .arg("--schemafile")
        .arg(repository_root().join(schema))
        .arg(path)
        .output()
        .unwrap();
    if checked.status.success() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        text.contains("Schema validation errors"),
        "{text}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    text
}

fn problems_of_file(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagship.yaml");
    fs::write(&path, text).unwrap();
    problems(FILE, &path)
}

fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

/// `tagship.yaml`: every key is an input, and `images` holds several images.
fn file_schema() -> Value {
    let inputs: Map<String, Value> = INPUTS
        .iter()
        .filter(|input| input.faces.has_file_key() && input.name != "images")
        .map(|input| (input.name.to_owned(), value_schema(input)))
        .collect();
    let mut named = inputs.clone();
    named.insert("name".to_owned(), json!({"$ref": "#/$defs/image-name"}));
    let image = |properties: &Map<String, Value>| json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false});
    let mut listed = image(&named);
    listed["type"] = json!("object");
    listed["required"] = json!(["name"]);
    let mut all = inputs.clone();
    all.insert(
        "images".to_owned(),
        json!({
            "description": "Several images, as a list or by their names. Each holds what it does not share with the others.",
            "anyOf": [
                {"type": "array", "items": listed},
                {"type": ["object", "null"], "propertyNames": {"$ref": "#/$defs/image-name"}, "additionalProperties": image(&inputs)},
            ],
        }),
    );
    json!({
        "$schema": DRAFT,
        "title": "tagship.yaml",
        "type": ["object", "null"],
        "properties": all,
        "additionalProperties": false,
        "$defs": {
            "image-name": {"type": ["string", "number"], "pattern": "^[A-Za-z0-9._-]{1,100}$"},
            "text": {"type": ["string", "number", "boolean", "null"]},
            "entries": {
                "anyOf": [
                    {"$ref": "#/$defs/text"},
                    {"type": "array", "items": {"$ref": "#/$defs/text"}},
                    {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
                ],
            },
        },
    })
}

fn value_schema(input: &Input) -> Value {
    let mut schema = match input.kind {
        InputKind::Flag => json!({"enum": [true, false, "true", "false", null]}),
        InputKind::Integer { least, greatest } => {
            json!({"type": ["integer", "string", "null"], "minimum": least, "maximum": greatest})
        }
        _ if input.is_list() => json!({"$ref": "#/$defs/entries"}),
        _ => json!({"$ref": "#/$defs/text"}),
    };
    schema["description"] = json!(format!("{}.", input.help));
    schema
}

/// What `tagship ship --json` prints, and the output `json` of the action: with every key, whatever became of the run.
fn report_schema() -> Value {
    let object = |properties: Value, optional: &[&str]| {
        let keys = properties.as_object().unwrap().keys();
        let required: Vec<&String> = keys.filter(|key| !optional.contains(&key.as_str())).collect();
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
    };
    let digest = json!({"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"});
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let nullable = |schema: &Value| json!({"anyOf": [schema, {"type": "null"}]});
    let image = object(json!({"registry": text, "repository": text}), &[]);
    let engine = object(json!({"version": text, "store": text, "platform": text}), &[]);
    let stage = object(
        json!({
            "stage": {"enum": ["read", "plan", "build", "verify", "tag", "report"]},
            "milliseconds": {"type": "integer", "minimum": 0},
        }),
        &[],
    );
    let error = object(
        json!({"message": text, "causes": texts, "hint": text, "output": texts}),
        &["causes", "hint", "output"],
    );
    // A tag that is held has a reason besides, whose members depend on its code.
    let tag = json!({
        "type": "object",
        "required": ["tag", "class", "outcome", "digest"],
        "properties": {
            "tag": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"},
            "class": {"enum": ["commit", "release", "moving"]},
            "outcome": {"enum": ["pending", "created", "kept", "moved", "held"]},
            "digest": digest,
        },
    });
    let manifest = object(json!({"platform": text, "digest": digest}), &[]);
    let mut report = object(
        json!({
            "status": {"enum": ["published", "already-published", "dry-run", "failed"]},
            "image": nullable(&image),
            "revision": {"type": ["string", "null"], "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?$"},
            "version": {"type": ["string", "null"]},
            "digest": digest,
            "tags": {"type": "array", "items": tag},
            "manifests": {"type": "array", "items": manifest},
            "size": {"type": ["integer", "null"], "minimum": 0},
            "engine": nullable(&engine),
            "stages": {"type": "array", "items": stage},
            "notes": {"type": "array", "items": {"type": "object", "required": ["code"]}},
            "exit-code": {"type": "integer", "minimum": 0, "maximum": 255},
            "error": nullable(&error),
            "plan": {"type": "object", "description": "The plan; of a dry run alone."},
        }),
        &["plan"],
    );
    report["$schema"] = json!(DRAFT);
    report["title"] = json!("The report of a run of Tagship");
    report
}
