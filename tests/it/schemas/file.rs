//! The schema of `tagship.yaml`, from the table of inputs.

use serde_json::{Map, Value, json};
use tagship::schema::{INPUTS, Input, InputKind};

use super::DRAFT;
use super::registry_settings::registry_settings;
use super::repositories::{definitions, repositories, settings};

/// `tagship.yaml`: every key is an input, and `images` holds several images.
pub(super) fn file_schema() -> Value {
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
    all.insert("repositories".to_owned(), repositories());
    all.insert(
        "registry-settings".to_owned(),
        registry_settings(&settings(false)),
    );
    let mut schema = json!({
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
            "records": {
                "anyOf": [
                    {"$ref": "#/$defs/text"},
                    {"$ref": "#/$defs/record"},
                    {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/record"}]}},
                ],
            },
            "record": {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
        },
    });
    for (name, definition) in definitions() {
        schema["$defs"][name] = definition;
    }
    schema
}

fn value_schema(input: &Input) -> Value {
    let mut schema = match input.kind {
        InputKind::Flag => json!({"enum": [true, false, "true", "false", null]}),
        InputKind::FlagOr(word) => json!({"enum": [true, false, "true", "false", word, null]}),
        InputKind::Integer { least, greatest } => {
            json!({"type": ["integer", "string", "null"], "minimum": least, "maximum": greatest})
        }
        InputKind::Records { .. } => json!({"$ref": "#/$defs/records"}),
        _ if input.is_list() => json!({"$ref": "#/$defs/entries"}),
        _ => json!({"$ref": "#/$defs/text"}),
    };
    schema["description"] = json!(format!("{}.", input.help));
    schema
}
