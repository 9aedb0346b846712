//! What the workflow wants of a role's session: its name, policies of its own, tags, an external id.

use crate::inputs::problem::Problems;
use crate::inputs::raw::InputText;
use crate::inputs::{Environment, RawInputs};
use crate::settings::SessionSettings;
use tagship_domain::untrusted::cleaned;

/// The most characters of a session policy, and of a role session's name; the most managed policies and tags.
/// Source: STS API reference, `AssumeRole`, request parameters.
const MOST_POLICY: usize = 2048;
const MOST_NAME: usize = 64;
const MOST_MANAGED: usize = 10;
const MOST_TAGS: usize = 50;

/// The session's name where none is given: AWS's log of calls then leads to the run.
pub(super) fn default_name(environment: &Environment) -> String {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(byte);
    let run: String = environment
        .run_id()
        .unwrap_or_default()
        .bytes()
        .filter(legal)
        .map(char::from)
        .take(MOST_NAME - "tagship-".len())
        .collect();
    if run.is_empty() {
        return "tagship".to_owned();
    }
    format!("tagship-{run}")
}

/// Reads the inputs about the session. With OIDC it takes neither tags nor an external id.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    by_oidc: bool,
    problems: &mut Problems,
) -> SessionSettings {
    for name in [
        "inline-session-policy",
        "managed-session-policies",
        "role-external-id",
        "session-tags",
        "role-chaining",
    ] {
        let is_alone = raw.text("role-to-assume", problems).is_none();
        let value = raw
            .list(name, problems)
            .filter(|value| is_alone && value.text != "false");
        if let Some(value) = value {
            let hint = "give `role-to-assume` too, or leave it out";
            problems.add::<()>(
                &value.origin,
                "is about the session of a role, and no role is assumed",
                hint.to_owned(),
            );
        }
    }
    if by_oidc {
        // Source: STS API reference, `AssumeRoleWithWebIdentity`: it has no such parameters.
        for (name, why) in [
            (
                "role-external-id",
                "AWS takes none beside a token; let the role's trust policy ask for the token's `sub`",
            ),
            ("session-tags", "AWS takes tags from the token's own claims alone"),
        ] {
            if let Some(value) = raw.list(name, problems) {
                let hint =
                    "leave it out; or assume the role with keys: `role-chaining`, or `aws-access-key-id`";
                let message = format!("does not go together with OIDC: {why}");
                problems.add::<()>(&value.origin, message, hint.to_owned());
            }
        }
    }
    let tags = tags(raw, environment, problems);
    SessionSettings {
        inline_policy: raw
            .list("inline-session-policy", problems)
            .and_then(|value| inline_policy(&value, problems)),
        managed_policies: managed_policies(raw, problems),
        external_id: raw
            .text("role-external-id", problems)
            .and_then(|value| external_id(value, problems)),
        transitive_tags: transitive_tags(raw, &tags, problems),
        tags,
    }
}

/// Returns the policy without the blanks between its parts, which count.
fn inline_policy(value: &InputText, problems: &mut Problems) -> Option<String> {
    let hint = "write it as IAM has it: `{\"Version\":\"2012-10-17\",\"Statement\":[…]}`".to_owned();
    let policy = match serde_json::from_str::<serde_json::Value>(&value.text) {
        Ok(policy) if policy.get("Statement").is_some() => policy.to_string(),
        Ok(_) => {
            return problems.add(
                &value.origin,
                "is JSON, but no policy: it has no `Statement`",
                hint,
            );
        }
        Err(error) => return problems.add(&value.origin, format!("is no JSON: {error}"), hint),
    };
    // Source: as above, `Policy`: the pattern ends with U+00FF.
    let is_legal = policy
        .chars()
        .all(|character| (' '..='\u{ff}').contains(&character));
    if policy.chars().count() > MOST_POLICY || !is_legal {
        let message = format!(
            "has {} characters without its blanks, or one that STS does not take; a session policy has at most {MOST_POLICY}",
            policy.chars().count()
        );
        let hint = "shorten it, or make a managed policy of it: `managed-session-policies`";
        return problems.add(&value.origin, message, hint.to_owned());
    }
    Some(policy)
}

/// Source: IAM user guide, "IAM ARNs": policies of AWS have `aws` in the account's place.
fn managed_policies(raw: &RawInputs, problems: &mut Problems) -> Vec<String> {
    let entries = raw.entries("managed-session-policies", problems);
    if let Some(entry) = entries.get(MOST_MANAGED) {
        let message = format!("names {} policies; a session takes {MOST_MANAGED}", entries.len());
        problems.add::<()>(&entry.origin, message, None);
    }
    let checked = entries.into_iter().filter_map(|entry| {
        let parts: Vec<&str> = entry.text.splitn(6, ':').collect();
        let is_policy = matches!(parts.as_slice(), ["arn", partition, "iam", "", owner, resource]
            if partition.starts_with("aws")
                && (*owner == "aws" || owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit()))
                && resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty()));
        if is_policy && entry.text.len() <= MOST_POLICY && entry.text.bytes().all(|b| b.is_ascii_graphic()) {
            return Some(entry.text);
        }
        let message = format!("`{}` is not the ARN of a managed policy", cleaned(&entry.text));
        let hint = "write it like `arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly`";
        problems.add(&entry.origin, message, hint.to_owned())
    });
    checked.collect()
}

/// Source: STS API reference, `AssumeRole`, `ExternalId`.
fn external_id(value: InputText, problems: &mut Problems) -> Option<String> {
    let is_legal = value
        .text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b));
    if is_legal && (2..=1224).contains(&value.text.len()) {
        return Some(value.text);
    }
    problems.add(
        &value.origin,
        "is not 2 to 1224 letters, digits or characters of `_+=,.@:/-`",
        None,
    )
}

/// Source: STS API reference, `Tag`; the keys of `auto` are those of `aws-actions/configure-aws-credentials`.
fn tags(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Vec<(String, String)> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for entry in raw.entries("session-tags", problems) {
        if entry.text == "auto" {
            if !environment.in_actions() {
                let hint = "name the tags: `KEY=VALUE`".to_owned();
                problems.add::<()>(&entry.origin, "`auto` is for jobs of GitHub Actions", hint);
            }
            tags.extend(of_job(environment));
            continue;
        }
        let Some((key, value)) = entry.text.split_once('=') else {
            let message = format!("`{}` is no tag", cleaned(&entry.text));
            problems.add::<()>(
                &entry.origin,
                message,
                "write it as `KEY=VALUE`, or `auto`".to_owned(),
            );
            continue;
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        let is_legal = |text: &str| text.chars().all(is_tag_character);
        if !is_legal(&key)
            || !is_legal(&value)
            || !(1..=128).contains(&key.chars().count())
            || value.chars().count() > 256
        {
            let message = format!(
                "tag `{}` is not a key of 1 to 128 and a value of at most 256 letters, digits, blanks or characters of `_.:/=+-@`",
                cleaned(&key)
            );
            problems.add::<()>(&entry.origin, message, None);
            continue;
        }
        let is_own = key.to_lowercase().starts_with("aws:");
        if is_own
            || tags
                .iter()
                .any(|(known, _)| known.to_lowercase() == key.to_lowercase())
        {
            let why = if is_own {
                "begins with `aws:`, which is AWS's own"
            } else {
                "is given twice"
            };
            problems.add::<()>(&entry.origin, format!("tag `{}` {why}", cleaned(&key)), None);
            continue;
        }
        if tags.len() == MOST_TAGS {
            let message = format!("has more than {MOST_TAGS} tags");
            problems.add::<()>(&entry.origin, message, None);
            break;
        }
        tags.push((key, value));
    }
    tags
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

/// What a job says of itself, in the characters of tags.
fn of_job(environment: &Environment) -> Vec<(String, String)> {
    let variables = [
        ("Repository", "GITHUB_REPOSITORY"),
        ("Workflow", "GITHUB_WORKFLOW"),
        ("Action", "GITHUB_ACTION"),
        ("Actor", "GITHUB_ACTOR"),
        ("Commit", "GITHUB_SHA"),
        ("Branch", "GITHUB_REF"),
    ];
    let legal = |character| {
        if is_tag_character(character) {
            character
        } else {
            '_'
        }
    };
    let known = variables.into_iter().filter_map(|(key, variable)| {
        let value: String = environment.get(variable)?.chars().map(legal).take(256).collect();
        Some((key.to_owned(), value))
    });
    [("GitHub".to_owned(), "Actions".to_owned())]
        .into_iter()
        .chain(known)
        .collect()
}

fn transitive_tags(raw: &RawInputs, tags: &[(String, String)], problems: &mut Problems) -> Vec<String> {
    let entries = raw.entries("transitive-tag-keys", problems);
    let known = entries.into_iter().filter_map(|entry| {
        if tags.iter().any(|(key, _)| *key == entry.text) {
            return Some(entry.text);
        }
        let message = format!("`{}` is no key of `session-tags`", cleaned(&entry.text));
        problems.add(
            &entry.origin,
            message,
            "name a tag that the session has".to_owned(),
        )
    });
    known.collect()
}
