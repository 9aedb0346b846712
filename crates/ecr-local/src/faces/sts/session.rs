//! A role's session: what is asked for, and what is given.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;

use super::error::StsError;
use super::parameters::{Checked, Text};
use super::xml::Element;
use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::iam::{Policy, Principal, Role, Session};

/// What both ways of becoming a role take. Source: STS API reference.
#[derive(Debug)]
pub(super) struct SessionRequest<'a> {
    pub(super) role_arn: &'a str,
    pub(super) name: &'a str,
    /// Seconds.
    duration: u32,
    policy: Option<&'a str>,
    policy_arns: Vec<&'a str>,
}

/// What the session gets besides.
#[derive(Debug, Default)]
pub(super) struct SessionExtras {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) transitive_tag_keys: Vec<String>,
    pub(super) source_identity: Option<String>,
}

/// Seconds. Source: STS API reference, `DurationSeconds`.
const DEFAULT_DURATION: u32 = 3600;

/// The most characters of session policies.
const MAX_POLICY: usize = 2048;

/// The most managed session policies.
const MAX_POLICY_ARNS: usize = 10;

/// The bytes that are allotted to session tags and policies once they are packed. How STS packs is not
/// documented: nine tags of 252 bytes, all alike, are known to be 498 percent.
const ALLOTTED: usize = 455;

pub(super) const ARN: Text = Text::new(
    20,
    2048,
    r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+",
    |character| matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..),
);

pub(super) const SESSION_NAME: Text = Text::new(2, 64, r"[\w+=,.@-]*", |character| {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
});

const POLICY: Text = Text::new(
    1,
    MAX_POLICY,
    r"[\u0009\u000A\u000D\u0020-\u00FF]+",
    |character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}'),
);

impl<'a> SessionRequest<'a> {
    pub(super) fn read(checked: &mut Checked<'a>) -> Self {
        let role_arn = checked.required("RoleArn", &ARN);
        let name = checked.required("RoleSessionName", &SESSION_NAME);
        let duration = checked.number("DurationSeconds", &(900..=43_200));
        checked.number("MinimumSessionTokenSize", &(0..=4096));
        let policy = checked.optional("Policy", &POLICY);
        let policy_arns = checked
            .members("PolicyArns", MAX_POLICY_ARNS)
            .iter()
            .filter_map(|member| checked.optional(&format!("{member}.arn"), &ARN))
            .collect();
        Self {
            role_arn,
            name,
            duration: duration.unwrap_or(DEFAULT_DURATION),
            policy,
            policy_arns,
        }
    }

    /// Checks what can be checked without looking at the role.
    pub(super) fn check_policies(&self) -> Result<(), StsError> {
        let malformed = |message: String| Err(StsError::new("MalformedPolicyDocument", message));
        // Of managed policies there are those for ECR alone.
        let is_missing = |arn: &&&str| Policy::managed(arn).is_none();
        if let Some(arn) = self.policy_arns.iter().find(is_missing) {
            return malformed(format!("Policy {arn} does not exist or is not attachable."));
        }
        match self.policy.map(Policy::parse) {
            Some(Err(error)) => malformed(format!("The policy is not in the valid JSON format: {error}")),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Makes the session; gives the parts of the answer that both calls have.
    ///
    /// `chained` is whether a role's session asks for it.
    pub(super) fn open(
        &self,
        state: &EmulatorState,
        role: &Role,
        passed: SessionExtras,
        chained: bool,
    ) -> Result<Vec<Element>, StsError> {
        let too_long = |message: &str| Err(StsError::new("ValidationError", message));
        if self.duration > role.max_session_duration {
            return too_long(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            );
        }
        // Source: IAM user guide, "Roles terms and concepts", "Role chaining".
        if chained && self.duration > 3600 {
            return too_long(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            );
        }
        let packed = packed_percent(self.policy, &passed.tags)?;
        let iam = &state.iam;
        let expires = state
            .clock
            .now()
            .checked_add(SignedDuration::from_secs(i64::from(self.duration)))
            .unwrap_or(Timestamp::MAX);
        let (session, credentials) = iam
            .issue(Session {
                key_id: String::new(),
                account: role.account.clone(),
                role: role.name.clone(),
                name: self.name.to_owned(),
                expires,
                policy: self.policy.map(str::to_owned),
                policy_arns: self.policy_arns.iter().map(|arn| (*arn).to_owned()).collect(),
                tags: passed.tags,
                transitive_tag_keys: passed.transitive_tag_keys,
                source_identity: passed.source_identity.clone(),
            })
            .map_err(|error| StsError::internal(&error.into()))?;
        let principal = Principal::Session(Box::new(session));
        let mut parts = vec![
            Element::node(
                "Credentials",
                vec![
                    Element::text("AccessKeyId", credentials.key.id),
                    Element::text("SecretAccessKey", credentials.key.secret.expose_secret()),
                    Element::text("SessionToken", credentials.token.expose_secret()),
                    Element::text("Expiration", expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                ],
            ),
            Element::node(
                "AssumedRoleUser",
                vec![
                    Element::text("AssumedRoleId", iam.user_id(&principal)),
                    Element::text("Arn", iam.arn(&principal)),
                ],
            ),
        ];
        if let Some(percent) = packed {
            parts.push(Element::text("PackedPolicySize", percent.to_string()));
        }
        if let Some(source) = passed.source_identity {
            parts.push(Element::text("SourceIdentity", source));
        }
        Ok(parts)
    }
}

/// How much of the allotted space policy and tags take; `None` where there are none.
fn packed_percent(policy: Option<&str>, tags: &BTreeMap<String, String>) -> Result<Option<usize>, StsError> {
    if policy.is_none() && tags.is_empty() {
        return Ok(None);
    }
    let tags: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let policy_bytes = policy
        .map_or(Ok(0), deflated)
        .map_err(|error| StsError::internal(&error))?;
    let percent = (tags + policy_bytes) * 100 / ALLOTTED;
    if percent <= 100 {
        return Ok(Some(percent));
    }
    Err(StsError::new(
        "PackedPolicyTooLarge",
        if policy.is_some() {
            format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
        } else {
            format!("Packed size of session tags consumes {percent}% of allotted space.")
        },
    ))
}

fn deflated(text: &str) -> Result<usize, Refusal> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The command and its answer are in a public report: nine tags `T1` to `T9`, each of 250 times `a`.
    #[test]
    fn tags_that_are_too_large_are_refused_as_sts_does() {
        let tags = (1..=9).map(|n| (format!("T{n}"), "a".repeat(250))).collect();
        let refused = packed_percent(None, &tags).unwrap_err();
        assert_eq!(refused.code, "PackedPolicyTooLarge");
        assert_eq!(
            refused.message,
            "Packed size of session tags consumes 498% of allotted space."
        );
    }

    #[test]
    fn what_fits_is_told_in_percent() {
        assert_eq!(packed_percent(None, &BTreeMap::new()), Ok(None));
        let tags = [("Key".to_owned(), "v".repeat(452))].into_iter().collect();
        assert_eq!(packed_percent(None, &tags), Ok(Some(100)));
        let policy = r#"{"Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"#;
        assert!(matches!(
            packed_percent(Some(policy), &BTreeMap::new()),
            Ok(Some(1..=20))
        ));
    }
}
