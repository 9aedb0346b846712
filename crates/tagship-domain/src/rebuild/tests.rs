//! Tests of how two builds of a commit are compared.

use serde_json::json;

use super::*;

fn image(layers: &[&str], config: Value) -> BuiltImage {
    BuiltImage {
        platform: None,
        layers: layers.iter().map(|layer| Digest::of(layer.as_bytes())).collect(),
        config,
    }
}

fn config(diff_ids: &[&str], labels: &Value, step: &str) -> Value {
    json!({
        "architecture": "amd64", "os": "linux", "created": "2026-01-02T03:04:05Z",
        "config": {"Env": ["PATH=/bin"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created_by": "COPY base /"},
            {"created_by": "ENV A=b", "empty_layer": true},
            {"created_by": step},
        ],
    })
}

fn compared(before: &[BuiltImage], after: &[BuiltImage]) -> RebuildMismatch {
    RebuildMismatch::new((Digest::of(b"before"), before), (Digest::of(b"after"), after))
}

#[test]
fn the_first_layer_that_differs_is_named_with_its_step() {
    let before = image(&["one", "two"], config(&["1", "2"], &json!({}), "RUN date >/x"));
    let after = image(&["one", "TWO"], config(&["1", "9"], &json!({}), "RUN date >/x"));
    let found = compared(&[before], &[after]);
    let (published, built) = (Digest::of(b"two"), Digest::of(b"TWO"));
    assert_eq!(
        found.to_string(),
        format!(
            "the build gave {}, and published is {}: layer 2 (`RUN date >/x`) is {built}, published {published}",
            Digest::of(b"after"),
            Digest::of(b"before")
        )
    );
    assert_eq!(found.kind().exit_code(), 10);
}

#[test]
fn a_layer_of_the_same_content_is_called_so() {
    let before = image(&["one", "two"], config(&["1", "2"], &json!({}), "RUN x"));
    let after = image(&["one", "TWO"], config(&["1", "2"], &json!({}), "RUN x"));
    let text = compared(&[before], &[after]).to_string();
    assert!(
        text.contains("layer 2 (`RUN x`) has the same content, compressed otherwise"),
        "{text}"
    );
}

#[test]
fn a_layer_of_one_build_alone_is_called_so() {
    let before = image(&["one"], config(&["1"], &json!({}), "RUN x"));
    let after = image(&["one", "two"], config(&["1", "2"], &json!({}), "RUN x"));
    let text = compared(std::slice::from_ref(&before), std::slice::from_ref(&after)).to_string();
    assert!(
        text.ends_with("layer 2 (`RUN x`) is in the build alone"),
        "{text}"
    );
    let text = compared(&[after], &[before]).to_string();
    assert!(
        text.ends_with("layer 2 (`RUN x`) is in the published image alone"),
        "{text}"
    );
}

#[test]
fn fields_of_the_config_are_named_and_their_values_are_not() {
    let before = image(
        &["one"],
        config(&["1"], &json!({"a": "secret", "b": "1"}), "RUN x"),
    );
    let after = image(
        &["one"],
        config(&["1"], &json!({"a": "other", "c": "1"}), "RUN y"),
    );
    let found = compared(&[before], &[after]);
    let text = found.to_string();
    assert!(
        text.ends_with("in the config `config.Labels.a`, `config.Labels.b`, `config.Labels.c`, `history.3.created_by` differ"),
        "{text}"
    );
    assert!(found.hint().unwrap().contains("the same labels"));
}

#[test]
fn hostile_names_stay_on_one_line_and_few() {
    let many: serde_json::Map<String, Value> = (0..20)
        .map(|number| (format!("a\n::{number}"), json!(1)))
        .collect();
    let before = image(&["one"], config(&["1"], &Value::Object(many), "RUN \u{1b}[2J\nx"));
    let after = image(&["two"], config(&["2"], &json!({}), "RUN \u{1b}[2J\nx"));
    let text = compared(&[before], &[after]).to_string();
    assert!(!text.contains('\n') && !text.contains('\u{1b}'), "{text:?}");
    assert!(text.ends_with(" and 12 more differ"), "{text}");
}

#[test]
fn images_are_compared_by_their_platform() {
    let on = |architecture: &str, layer: &str| BuiltImage {
        platform: Some(Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: None,
        }),
        ..image(&[layer], config(&[layer], &json!({}), "RUN x"))
    };
    let before = [on("amd64", "a"), on("arm64", "b")];
    let text = compared(&before, &[on("arm64", "c"), on("amd64", "a")]).to_string();
    assert!(text.contains("for linux/arm64, layer 1 is"), "{text}");
    let text = compared(&before, &[on("amd64", "a")]).to_string();
    assert!(
        text.ends_with("for linux/arm64, only one of them has an image"),
        "{text}"
    );
    let text = compared(&before[..1], &before).to_string();
    assert!(
        text.ends_with("for linux/arm64, only one of them has an image"),
        "{text}"
    );
}

#[test]
fn the_same_images_differ_in_what_is_about_them() {
    let one = [image(&["one"], config(&["1"], &json!({}), "RUN x"))];
    let found = compared(&one, &one);
    assert!(found.image.is_none());
    assert!(found.hint().unwrap().contains("`provenance`"));
}

#[test]
fn a_base_without_a_history_is_before_all_steps() {
    let of = |layers: &[&str]| {
        let contents = layers.to_vec();
        image(layers, config(&contents, &json!({}), "RUN x"))
    };
    // Three layers, and a history of two steps with a layer each.
    let before = of(&["base", "copied", "run"]);
    let text = compared(std::slice::from_ref(&before), &[of(&["BASE", "copied", "run"])]).to_string();
    assert!(text.contains(": layer 1 is sha256:"), "{text}");
    let text = compared(&[before], &[of(&["base", "copied", "RUN"])]).to_string();
    assert!(text.contains(": layer 3 (`RUN x`) is sha256:"), "{text}");
}
