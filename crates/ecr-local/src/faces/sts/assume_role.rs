//! `AssumeRole`: a role for those who have credentials already.

use std::collections::BTreeMap;

use super::error::{StsError, denied};
use super::parameters::{Checked, Parameters, Text};
use super::session::{SESSION_NAME, SessionExtras, SessionRequest};
use super::xml::Element;
use crate::state::EmulatorState;
use crate::state::iam::{Principal, Session};

const EXTERNAL_ID: Text = Text::new(2, 1224, r"[\w+=,.@:\/-]*", |character| {
    character.is_ascii_alphanumeric() || "_+=,.@:/-".contains(character)
});

const SERIAL_NUMBER: Text = Text::new(9, 256, r"[\w+=/:,.@-]*", |character| {
    character.is_ascii_alphanumeric() || "_+=/:,.@-".contains(character)
});

const TOKEN_CODE: Text = Text::new(6, 6, r"[\d]*", |character| character.is_ascii_digit());

const TAG_KEY: Text = Text::new(1, 128, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", is_tag_character);
const TAG_VALUE: Text = Text::new(0, 256, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", is_tag_character);

fn is_tag_character(character: char) -> bool {
    let separator = character.is_whitespace() && !character.is_control();
    character.is_alphanumeric() || separator || "_.:/=+-@".contains(character)
}

/// The parameters, checked. Source: STS API reference, `AssumeRole`.
#[derive(Debug)]
struct Request<'a> {
    session: SessionRequest<'a>,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    tags: Vec<(&'a str, &'a str)>,
    transitive: Vec<&'a str>,
}

/// `AssumeRole`.
pub(super) fn assume_role(
    state: &EmulatorState,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Element, StsError> {
    let request = Request::read(parameters)?;
    request.session.check_policies()?;
    let iam = &state.iam;
    let caller_session = match principal {
        Principal::Administrator => None,
        Principal::Session(session) => Some(session.as_ref()),
    };
    let passed = request.passed(caller_session)?;
    let arn = request.session.role_arn;
    if !arn.starts_with("arn:") {
        return Err(StsError::new("ValidationError", format!("{arn} is invalid")));
    }
    // A role that is missing looks like one that does not trust the caller.
    let role = iam.role(arn).ok_or_else(|| {
        denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            iam.arn(principal)
        ))
    })?;
    let conditions = request.conditions(state, principal, &passed);
    let mut actions = vec!["sts:AssumeRole"];
    if !passed.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if passed.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        iam.authorize_assuming(principal, role, action, &conditions)
            .map_err(denied)?;
    }
    let parts = request
        .session
        .open(state, role, passed, caller_session.is_some())?;
    Ok(Element::node("AssumeRoleResult", parts))
}

impl<'a> Request<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, StsError> {
        let mut checked = Checked::new(parameters);
        let session = SessionRequest::read(&mut checked);
        let tags = checked
            .members("Tags", 50)
            .iter()
            .map(|member| {
                let key = checked.required(&format!("{member}.Key"), &TAG_KEY);
                (key, checked.required(&format!("{member}.Value"), &TAG_VALUE))
            })
            .collect();
        let transitive = checked
            .members("TransitiveTagKeys", 50)
            .iter()
            .map(|member| checked.required(member, &TAG_KEY))
            .collect();
        let request = Self {
            session,
            external_id: checked.optional("ExternalId", &EXTERNAL_ID),
            source_identity: checked.optional("SourceIdentity", &SESSION_NAME),
            tags,
            transitive,
        };
        let device = checked.optional("SerialNumber", &SERIAL_NUMBER);
        let code = checked.optional("TokenCode", &TOKEN_CODE);
        checked.finish()?;
        // The emulator has no devices.
        if device.or(code).is_some() {
            return Err(denied(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
            ));
        }
        Ok(request)
    }

    /// Tags and source identity of the new session; those of the session that asks go on where they must.
    ///
    /// Source: IAM user guide, "Pass session tags in AWS STS", "Chaining roles with session tags".
    fn passed(&self, caller: Option<&Session>) -> Result<SessionExtras, StsError> {
        let invalid = |message: &str| StsError::new("InvalidParameterValue", message);
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let mut passed = SessionExtras::default();
        for (key, value) in &self.tags {
            if passed.tags.keys().any(|other| same(other, key)) {
                return Err(invalid(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                ));
            }
            if key.to_lowercase().starts_with("aws:") {
                return Err(invalid("Tag keys must not start with aws:"));
            }
            passed.tags.insert((*key).to_owned(), (*value).to_owned());
        }
        for key in &self.transitive {
            if !passed.tags.keys().any(|other| same(other, key)) {
                return Err(invalid(
                    "The specified transitive tag key must be included in the requested tags.",
                ));
            }
            passed.transitive_tag_keys.push((*key).to_owned());
        }
        let inherited = caller.into_iter().flat_map(|session| {
            let is_transitive =
                |key: &&String| session.transitive_tag_keys.iter().any(|other| same(other, key));
            session.tags.iter().filter(move |(key, _)| is_transitive(key))
        });
        for (key, value) in inherited {
            if passed.tags.keys().any(|other| same(other, key)) {
                return Err(invalid(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
                ));
            }
            passed.tags.insert(key.clone(), value.clone());
            passed.transitive_tag_keys.push(key.clone());
        }
        let inherited = caller.and_then(|session| session.source_identity.as_deref());
        if let (Some(inherited), Some(wanted)) = (inherited, self.source_identity)
            && inherited != wanted
        {
            return Err(denied(
                "You cannot set a SourceIdentity that differs from the one of the calling session.",
            ));
        }
        passed.source_identity = self.source_identity.or(inherited).map(str::to_owned);
        Ok(passed)
    }

    /// The condition keys of the request, in lower case.
    ///
    /// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS STS".
    fn conditions(
        &self,
        state: &EmulatorState,
        principal: &Principal,
        passed: &SessionExtras,
    ) -> BTreeMap<String, String> {
        let mut keys = state.iam.caller(principal).keys();
        keys.insert("sts:rolesessionname".to_owned(), self.session.name.to_owned());
        keys.extend(
            self.external_id
                .map(|id| ("sts:externalid".to_owned(), id.to_owned())),
        );
        keys.extend(
            passed
                .source_identity
                .clone()
                .map(|identity| ("sts:sourceidentity".to_owned(), identity)),
        );
        let requested = passed
            .tags
            .iter()
            .map(|(key, value)| (format!("aws:requesttag/{}", key.to_lowercase()), value.clone()));
        keys.extend(requested);
        keys
    }
}
