//! Configs of the tests' own, before and after.

use serde_json::json;

use super::*;

fn epoch() -> Epoch {
    Epoch::new(1_700_000_000)
}

fn bytes(config: &Value) -> Bytes {
    Bytes::from(config.to_string())
}

#[test]
fn late_times_and_diff_ids_change_and_nothing_else() {
    let theirs = [Digest::of(b"first"), Digest::of(b"second")];
    let ours = [Digest::of(b"first"), Digest::of(b"with other times")];
    let engines = |last: &str, step: &str, diff_ids: &[Digest; 2]| {
        json!({
            "architecture": "amd64",
            "os": "linux",
            "created": last,
            "config": {"Env": ["A=2030-01-01T00:00:00Z"], "Healthcheck": {"Interval": i64::MAX}, "created": "2030-01-01T00:00:00Z"},
            "history": [
                {"created": "2020-01-01T00:00:00.5Z", "created_by": "base"},
                {"created": step, "created_by": "RUN", "empty_layer": true},
                {"created_by": "no time"},
                {"created": null},
                {"created": "no time"},
                {"created": "0001-01-01T00:00:00Z"},
            ],
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        })
    };
    let from_engine = engines(
        "2026-11-21T04:11:54.127734367Z",
        "2026-11-21T05:11:54+02:00",
        &theirs,
    );
    let expected = engines("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z", &ours);
    let rewritten = rewritten(&bytes(&from_engine), &ours, epoch()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&rewritten).unwrap(), expected);
}

#[test]
fn one_that_is_right_keeps_its_bytes() {
    let diff_ids = [Digest::of(b"layer")];
    let text = format!(
        r#"{{ "rootfs" : {{"diff_ids":["{}"], "type":"layers"}}, "created":"2023-11-14T22:13:20Z" }}"#,
        diff_ids[0]
    );
    let config = Bytes::from(text);
    assert_eq!(rewritten(&config, &diff_ids, epoch()).unwrap(), config);
    for empty in [
        json!({"rootfs": {"diff_ids": null}}),
        json!({"rootfs": {}}),
        json!([]),
    ] {
        assert_eq!(rewritten(&bytes(&empty), &[], epoch()).unwrap(), bytes(&empty));
    }
}
