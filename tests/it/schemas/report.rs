//! The schemas of what runs print.

use serde_json::{Map, Value, json};

use super::DRAFT;

/// What `tagship ship --json` and `tagship build --json` print, and the output `json` of the action: with every key,
/// whatever became of the run. `tagship plan --json` prints it where there is no plan.
pub(super) fn report_schema() -> Value {
    let stage = object(
        &json!({
            "stage": {"enum": ["read", "plan", "ensure", "build", "merge", "verify", "test", "copy", "gate", "sign", "tag", "release", "report"]},
            "milliseconds": {"type": "integer", "minimum": 0},
        }),
        &[],
    );
    let tag = one_of(&[
        (
            json!({
                "outcome": {"enum": ["pending", "created", "kept", "moved"]},
                "digest": nullable(&digest()),
            }),
            &[],
        ),
        (
            json!({
                "outcome": {"const": "held"},
                "digest": nullable(&digest()),
                "reason": code(), "message": text(), "hint": text(),
            }),
            &["hint"],
        ),
    ]);
    let tags = json!({"type": "array", "items": with(&tag, &json!({"tag": tag_name(), "class": class()}))});
    let target = object(
        &json!({
            "image": image(),
            "status": {"enum": ["pending", "verified", "published", "already-published"]},
            "bytes": {"type": "integer", "minimum": 0},
            "tags": tags,
        }),
        &[],
    );
    let report = object(
        &json!({
            "status": {"enum": ["published", "already-published", "pushed", "built", "dry-run", "failed"]},
            "image": nullable(&image()),
            "revision": nullable(&revision()),
            "version": nullable(&text()),
            "digest": nullable(&digest()),
            "image-id": digest(),
            "names": {"type": "array", "items": text()},
            "tags": tags,
            "targets": {"type": "array", "items": target},
            "release": release_report(),
            "proposal": object(
                &json!({"version": text(), "outcome": {"enum": ["opened", "updated", "kept"]}, "url": text()}),
                &[],
            ),
            "deploy-files": {"type": "array", "items": object(&json!({"type": code(), "path": text()}), &[])},
            "manifests": {"type": "array", "items": object(&json!({"platform": platform(), "digest": digest()}), &[])},
            "size": {"type": ["integer", "null"], "minimum": 0},
            "engine": nullable(&engine()),
            "gate": gate(),
            "comparison": comparison(),
            "signature": object(&json!({"by": signer(), "outcome": {"enum": ["created", "kept"]}}), &[]),
            "stages": {"type": "array", "items": stage},
            "notes": {"type": "array", "items": note()},
            "exit-code": exit_code(),
            "error": nullable(&error()),
            "plan": plan(),
        }),
        &[
            "image-id",
            "names",
            "plan",
            "gate",
            "comparison",
            "signature",
            "release",
            "proposal",
            "targets",
            "deploy-files",
        ],
    );
    titled(report, "The report of a run of Tagship")
}

/// What `tagship plan --json` prints.
pub(super) fn plan_schema() -> Value {
    let plan = with(
        &plan(),
        &json!({"exit-code": exit_code(), "error": nullable(&error())}),
    );
    titled(plan, "The plan of a run of Tagship")
}

/// What `tagship push --json` prints.
pub(super) fn push_schema() -> Value {
    let tag = object(
        &json!({
            "tag": tag_name(),
            "outcome": {"enum": ["create", "keep", "move", "hold", "created", "kept", "moved", "held"]},
            "rollback": {"type": "boolean"},
            "from": nullable(&digest()),
        }),
        &[],
    );
    let push = object(
        &json!({
            "source": text(),
            "kind": {"enum": ["engine-image", "archive", "layout", "helm-chart", "wasm"]},
            "image": image(),
            "status": {"enum": ["planned", "pushed", "already-pushed"]},
            "digest": nullable(&digest()),
            "revision": nullable(&text()),
            "version": nullable(&text()),
            "dry-run": {"type": "boolean"},
            "repository": planned_repository(),
            "bytes": {"type": ["integer", "null"], "minimum": 0},
            "tags": {"type": "array", "items": tag},
            "exit-code": exit_code(),
            "error": nullable(&error()),
        }),
        &["repository"],
    );
    titled(push, "The report of a push with Tagship")
}

fn plan() -> Value {
    let content = one_of(&[
        (
            json!({"from": {"const": "build"}, "request": build_request()}),
            &[],
        ),
        (
            json!({
                "from": {"const": "merge"},
                "digest": digest(),
                "platforms": {"type": "array", "items": platform()},
                "parts": {"type": "array", "items": digest()},
            }),
            &[],
        ),
        (
            json!({
                "from": {"const": "published"},
                "digest": digest(),
                "tag": tag_name(),
                "basis": {"enum": ["label", "assumed"]},
            }),
            &[],
        ),
    ]);
    let tag = one_of(&[
        (json!({"action": {"enum": ["create", "unchecked"]}}), &[]),
        (json!({"action": {"const": "keep"}, "digest": digest()}), &[]),
        (json!({"action": {"const": "move"}, "from": digest()}), &[]),
        (
            json!({"action": {"const": "hold"}, "at": digest(), "reason": code(), "message": text(), "hint": text()}),
            &["at", "hint"],
        ),
        (
            json!({
                "action": {"const": "conflict"},
                "obstacle": {"enum": ["taken", "repository-is-immutable"]},
                "existing": digest(),
                "existing-revision": text(),
                "ours": digest(),
                "our-revision": revision(),
                "differences": {"type": "array", "items": code()},
            }),
            &[
                "existing",
                "existing-revision",
                "ours",
                "our-revision",
                "differences",
            ],
        ),
    ]);
    let mutability = mutability();
    let tags = json!({
        "type": "array",
        "items": with(&tag, &json!({"tag": tag_name(), "class": class(), "rule": text()})),
    });
    let target = object(
        &json!({"image": image(), "tags": tags, "mutability": nullable(&mutability)}),
        &[],
    );
    object(
        &json!({
            "image": image(),
            "revision": revision(),
            "version": nullable(&text()),
            "request": {"type": "string", "pattern": "^v1:"},
            "repository": planned_repository(),
            "content": content,
            "by-digest": {"const": true},
            "base-changed": base_changed(),
            "max-size": object(
                &json!({"bytes": {"type": "integer", "minimum": 1}, "source": {"enum": ["max-size", "lambda"]}}),
                &[],
            ),
            "test": text(),
            "tags": tags,
            "mutability": nullable(&mutability),
            "targets": {"type": "array", "items": target},
            "gate": planned_gate(),
            "sign": signer(),
            "release": release_plan(),
            "notes": {"type": "array", "items": note()},
        }),
        &[
            "by-digest",
            "base-changed",
            "max-size",
            "test",
            "gate",
            "sign",
            "release",
            "targets",
            "repository",
        ],
    )
}

/// The image that another one replaces, and the base images that changed.
fn base_changed() -> Value {
    let change = object(
        &json!({"image": text(), "before": digest(), "now": digest()}),
        &["before"],
    );
    object(
        &json!({"replaces": digest(), "changes": {"type": "array", "items": change}}),
        &[],
    )
}

/// Whether tags of a repository may move.
fn mutability() -> Value {
    one_of(&[
        (json!({"setting": {"enum": ["MUTABLE", "IMMUTABLE"]}}), &[]),
        (
            json!({
                "setting": {"enum": ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]},
                "filters": {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-zA-Z._*-]{1,128}$"}},
            }),
            &[],
        ),
    ])
}

/// The repository that a run makes: the settings that it is given.
fn planned_repository() -> Value {
    object(
        &json!({
            "repository": {"type": "string"},
            "action": {"enum": ["create", "change"]},
            "template": {"type": "string"},
            "changes": {"type": "array", "items": {
                "type": "object",
                "properties": {"setting": {"enum": ["mutability", "encryption", "scan-on-push", "tags", "policy", "lifecycle", "catalog"]}},
                "required": ["setting", "to"],
            }},
            "obstacles": {"type": "array"},
        }),
        &["template"],
    )
}

/// Who signs an image.
fn signer() -> Value {
    json!({"enum": ["cosign", "notation", "managed"]})
}

/// The gate of a plan: what is asked of the registry, and what lets an image pass.
fn planned_gate() -> Value {
    let setting = object(
        &json!({
            "kind": {"enum": ["basic", "enhanced"]},
            "frequency": {"enum": ["on-push", "continuous", "manual"]},
        }),
        &[],
    );
    object(
        &json!({
            "scan": {"enum": ["wait", "start"]},
            "timeout-seconds": {"type": "integer", "minimum": 1},
            "setting": nullable(&setting),
            "fail-on": text(),
            "only-fixed": {"type": "boolean"},
            "exploitable": {"enum": ["fail", "warn"]},
            "grace-days": {"type": "integer", "minimum": 0},
            "unscannable": {"enum": ["fail", "warn"]},
            "stale-ignores": {"enum": ["fail", "warn"]},
            "ignore-findings": {"type": "array", "items": text()},
            "fail-on-epss": nullable(&json!({"type": "number", "minimum": 0, "maximum": 1})),
            "baseline": baseline(),
        }),
        &["baseline"],
    )
}

/// What findings are compared with, where only new ones count.
fn baseline() -> Value {
    one_of(&[
        (json!({"tag": text(), "digest": digest()}), &[]),
        (json!({"code": {"enum": ["no-release", "unchecked"]}}), &[]),
        (json!({"code": {"const": "unread"}, "message": text()}), &[]),
        (
            json!({"code": {"const": "not-scanned"}, "tag": text(), "status": text()}),
            &[],
        ),
    ])
}

const SEVERITIES: [&str; 6] = ["critical", "high", "medium", "low", "informational", "undefined"];

/// One vulnerability in one package.
fn finding() -> Value {
    let package = object(
        &json!({"name": text(), "version": text(), "path": text(), "manager": text()}),
        &["path", "manager"],
    );
    object(
        &json!({
            "vulnerability": text(),
            "severity": {"enum": SEVERITIES},
            "package": package,
            "fix": {"enum": ["unknown", "none", "available"]},
            "fixed-in": text(),
            "exploitable": {"type": "boolean"},
            "epss": {"type": "number", "minimum": 0, "maximum": 1},
            "score": {"type": "number", "minimum": 0, "maximum": 10},
            "description": text(),
            "uri": text(),
            "known-since": text(),
        }),
        &["fixed-in", "epss", "score", "description", "uri", "known-since"],
    )
}

/// What is different in the image of a pull request.
fn comparison() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let findings = json!({"type": "array", "items": finding()});
    let change =
        json!({"added-total": count, "removed-total": count, "added": findings, "removed": findings});
    object(
        &json!({
            "base": object(&json!({"tag": text(), "digest": digest(), "revision": nullable(&text())}), &[]),
            "size-before": count,
            "size-after": count,
            "layers-kept": count,
            "layers-added": count,
            "bytes-added": count,
            "layers-removed": count,
            "findings": object(&change, &[]),
        }),
        &["findings"],
    )
}

/// What the scan gate says, where there is one and something is to be tagged.
fn gate() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let counts: Map<String, Value> = SEVERITIES
        .iter()
        .map(|severity| ((*severity).to_owned(), count.clone()))
        .collect();
    let reason = one_of(&[
        (
            json!({
                "code": {"const": "too-many-findings"},
                "severity": {"enum": SEVERITIES},
                "allowed": count,
                "found": count,
            }),
            &[],
        ),
        (
            json!({"code": {"enum": ["unscannable-image", "no-findings"]}, "digest": digest(), "status": text()}),
            &[],
        ),
        (
            json!({"code": {"enum": ["stale-ignores", "exploitable-findings"]}, "count": count}),
            &[],
        ),
        (
            json!({
                "code": {"const": "likely-exploited"},
                "count": count,
                "epss": {"type": "number", "minimum": 0, "maximum": 1},
            }),
            &[],
        ),
    ]);
    let finding = finding();
    let findings = json!({"type": "array", "items": finding});
    let ignored = object(
        &json!({"finding": finding, "reason": text(), "until": nullable(&text())}),
        &[],
    );
    let stale = object(
        &json!({"ignore": text(), "staleness": {"enum": ["expired", "unused"]}}),
        &[],
    );
    let scanned = one_of(&[
        (
            json!({
                "result": {"const": "found"},
                "kind": {"enum": ["basic", "enhanced"]},
                "completed-at": nullable(&text()),
                "platform": platform(),
            }),
            &["platform"],
        ),
        (
            json!({"result": {"enum": ["unscannable", "nothing"]}, "status": text(), "platform": platform()}),
            &["platform"],
        ),
    ]);
    object(
        &json!({
            "verdict": {"enum": ["passed", "failed"]},
            "fail-on": text(),
            "total": count,
            "unfixed-total": count,
            "known-total": count,
            "ignored-total": count,
            "reasons": {"type": "array", "items": reason},
            "counts": {"type": "object", "properties": counts, "additionalProperties": false},
            "findings": findings,
            "unfixed": findings,
            "known": findings,
            "ignored": {"type": "array", "items": ignored},
            "stale-ignores": {"type": "array", "items": stale},
            "images": {"type": "array", "items": with(&scanned, &json!({"digest": digest()}))},
            "baseline": baseline(),
        }),
        &["baseline"],
    )
}

/// What becomes of the release: the git tag of the version comes first, then those that move.
fn release_report() -> Value {
    let outcome = json!({"enum": ["pending", "created", "kept", "moved", "held"]});
    let git_tag = object(&json!({"tag": text(), "outcome": outcome}), &[]);
    object(
        &json!({
            "commit": revision(),
            "git-tags": {"type": "array", "items": git_tag, "minItems": 1},
            "outcome": {"enum": ["pending", "published", "kept"]},
            "url": text(),
            "is-latest": {"type": "boolean"},
            "files": {"type": "array", "items": text()},
            "workflows": {"type": "array", "items": text()},
        }),
        &["outcome", "url", "files", "workflows"],
    )
}

/// What will become of the release.
fn release_plan() -> Value {
    let git_tag = one_of(&[
        (json!({"action": {"enum": ["create", "keep", "unchecked"]}}), &[]),
        (json!({"action": {"const": "move"}, "from": revision()}), &[]),
        (json!({"action": {"const": "hold"}, "greater": text()}), &[]),
        (
            json!({"action": {"const": "conflict"}, "git-tag": text(), "existing": revision(), "commit": revision()}),
            &[],
        ),
    ]);
    let entry = object(
        &json!({"commit": revision(), "type": text(), "scope": text(), "description": text(), "breaking": text()}),
        &["scope", "breaking"],
    );
    let group = object(
        &json!({
            "title": text(),
            "entries": {"type": "array", "items": entry},
            "more": {"type": "integer", "minimum": 1},
        }),
        &["more"],
    );
    object(
        &json!({
            "kind": {"enum": ["git-tag", "github"]},
            "tag": text(),
            "version": text(),
            "commit": revision(),
            "git-tag": git_tag,
            "release": {"enum": ["create", "complete", "keep", "unchecked"]},
            "url": text(),
            "is-latest": {"type": "boolean"},
            "is-prerelease": {"type": "boolean"},
            "is-annotated": {"type": "boolean"},
            "moving": {"type": "array", "items": with(&git_tag, &json!({"tag": text()}))},
            "workflows": {"type": "array", "items": text()},
            "previous-tag": text(),
            "changelog": {"type": "array", "items": group},
        }),
        &[
            "release",
            "url",
            "moving",
            "workflows",
            "previous-tag",
            "changelog",
        ],
    )
}

/// What is built: what was not asked for is left out, but for the keys that each build has.
fn build_request() -> Value {
    let texts = json!({"type": "array", "items": text()});
    let by_name = json!({"type": "object", "additionalProperties": text()});
    let base_image = json!({
        "image": text(),
        "line": {"type": "integer", "minimum": 1},
        "from": {"enum": ["cache", "same-registry", "no-rule", "variable", "not-asked"]},
        "address": text(),
        "rule": text(),
        "digest": text(),
    });
    let given = json!({
        "base-images": {"type": "array", "items": object(&base_image, &["address", "rule", "digest"])},
        "contexts": {"type": "object"},
        "add-hosts": {"type": "array", "items": object(&json!({"host": text(), "address": text()}), &[])},
        "network": {"enum": ["none", "host"]},
        "shm-size": {"type": "integer", "minimum": 0},
        "ulimits": texts,
        "cgroup-parent": text(),
        "allow": texts,
        "compression": object(&json!({"form": {"enum": ["gzip", "zstd", "uncompressed"]}, "level": {"type": "integer"}}), &["level"]),
        "pull": {"const": true},
        "no-cache-filters": texts,
        "annotations": {"type": "array", "items": object(&json!({"option": text(), "value": text()}), &[])},
        "attestations": by_name,
        "cache-from": texts,
        "cache-to": texts,
        "agents": by_name,
        "volatile-args": texts,
        "is-cache-optional": {"const": true},
    });
    let optional: Vec<&str> = given.as_object().unwrap().keys().map(String::as_str).collect();
    let always = json!({
        "context": text(),
        "dockerfile": text(),
        "target": nullable(&text()),
        "build-args": texts,
        "secrets": {"type": "array", "items": object(&json!({"id": text()}), &[])},
        "labels": by_name,
        "platforms": {"type": "array", "items": platform()},
        "no-cache": {"type": "boolean"},
        "committed-at": {"type": "integer", "description": "Seconds since 1970, UTC."},
        "reproducible": {"type": "boolean"},
    });
    object(&merged(&always, &given), &optional)
}

fn titled(mut schema: Value, title: &str) -> Value {
    schema["$schema"] = json!(DRAFT);
    schema["title"] = json!(title);
    schema
}

/// An object of just these properties; those of `optional` may be absent.
fn object(properties: &Value, optional: &[&str]) -> Value {
    let keys = properties.as_object().unwrap().keys();
    let required: Vec<&String> = keys.filter(|key| !optional.contains(&key.as_str())).collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

/// One of several objects, each with the properties that may be absent.
fn one_of(variants: &[(Value, &[&str])]) -> Value {
    let variants: Vec<Value> = variants
        .iter()
        .map(|(properties, optional)| object(properties, optional))
        .collect();
    json!({"oneOf": variants})
}

/// An object, or each of several, with more properties, which it always has.
fn with(schema: &Value, more: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(variants) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        for variant in variants {
            *variant = with(variant, more);
        }
        return schema;
    }
    schema["properties"] = merged(&schema["properties"], more);
    let required = schema["required"].as_array_mut().unwrap();
    required.extend(more.as_object().unwrap().keys().map(|key| json!(key)));
    schema
}

fn merged(one: &Value, other: &Value) -> Value {
    let members = |value: &Value| value.as_object().unwrap().clone();
    let all: Map<String, Value> = members(one).into_iter().chain(members(other)).collect();
    all.into()
}

fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn text() -> Value {
    json!({"type": "string"})
}

/// A stable code.
fn code() -> Value {
    json!({"type": "string", "pattern": "^[a-z][a-z0-9-]*$"})
}

fn digest() -> Value {
    json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"})
}

fn revision() -> Value {
    json!({"type": "string", "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?$"})
}

/// Source: OCI distribution specification, "Pulling manifests", `<reference>` as a tag.
fn tag_name() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"})
}

/// Such as `linux/arm64/v8`.
fn platform() -> Value {
    json!({"type": "string", "pattern": "^[^/]+/[^/]+(/[^/]+)?$"})
}

fn class() -> Value {
    json!({"enum": ["commit", "release", "moving"]})
}

/// What builds, and each of several builders.
fn engine() -> Value {
    let store = json!({"enum": ["classic", "containerd", "none"]});
    let platforms = json!({"type": "array", "items": platform()});
    let builder = object(
        &json!({"name": text(), "platforms": platforms, "version": text(), "store": store}),
        &[],
    );
    let builders = json!({"type": "array", "items": builder});
    object(
        &json!({"version": text(), "store": store, "platform": platform(), "builders": builders}),
        &["builders"],
    )
}

fn image() -> Value {
    object(&json!({"registry": text(), "repository": text()}), &[])
}

fn note() -> Value {
    object(&json!({"code": code(), "message": text()}), &[])
}

fn exit_code() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": 255})
}

/// A line of a file that is to be corrected, with those around it where they are known.
fn location() -> Value {
    let number = json!({"type": "integer", "minimum": 1});
    let line = object(
        &json!({"line": number, "text": text(), "marked": {"type": "boolean"}}),
        &[],
    );
    object(
        &json!({"file": text(), "line": number, "excerpt": {"type": "array", "items": line}}),
        &["excerpt"],
    )
}

fn error() -> Value {
    let texts = json!({"type": "array", "items": text()});
    object(
        &json!({"message": text(), "causes": texts, "hint": text(), "output": texts, "location": location()}),
        &["causes", "hint", "output", "location"],
    )
}
