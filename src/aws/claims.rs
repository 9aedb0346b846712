//! What an OIDC token says of itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

use tagship_domain::error::cleaned;

/// What an OIDC token says of itself. Not verified, and so for diagnosis alone.
///
/// Source: GitHub docs, "OpenID Connect reference".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// Who issued it, as a URL.
    #[serde(rename = "iss", default)]
    pub issuer: String,
    /// The subject, such as `repo:octo/app:ref:refs/heads/main`.
    #[serde(rename = "sub", default)]
    pub subject: String,
    /// The audience.
    #[serde(rename = "aud", default, deserialize_with = "one_or_many")]
    pub audience: String,
    /// When it ends, in seconds since 1970-01-01T00:00:00Z.
    #[serde(rename = "exp", default)]
    pub expires: Option<i64>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    repository_id: Option<String>,
    #[serde(default)]
    repository_owner_id: Option<String>,
}

/// How a token's subject names the repository.
///
/// Source: GitHub docs, "OpenID Connect reference", on immutable subject claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectForm {
    /// `repo:octo/app:…`
    Classic,
    /// `repo:octo@1/app@2:…`, of repositories created, renamed or transferred after 2026-07-15.
    Immutable,
    /// A form that the organisation made itself.
    Custom,
}

impl Claims {
    /// Reads the claims of a JSON web token without verifying it; `None` if it is none.
    ///
    /// Source: RFC 7519, section 3.1.
    pub fn of(token: &SecretString) -> Option<Self> {
        let payload = token.expose_secret().split('.').nth(1)?;
        let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// The form of the token's subject.
    pub fn form(&self) -> SubjectForm {
        match self.owner_and_name() {
            Some((owner, name, _)) if owner.contains('@') && name.contains('@') => SubjectForm::Immutable,
            Some((owner, name, _)) if !owner.contains('@') && !name.contains('@') => SubjectForm::Classic,
            _ => SubjectForm::Custom,
        }
    }

    /// The subject that the same job would have in the other of GitHub's two forms, where the claims have it.
    pub fn other_subject(&self) -> Option<String> {
        let (owner, name, rest) = self.owner_and_name()?;
        match self.form() {
            SubjectForm::Classic => {
                let (owner_id, id) = (self.repository_owner_id.as_ref()?, self.repository_id.as_ref()?);
                Some(format!("repo:{owner}@{owner_id}/{name}@{id}:{rest}"))
            }
            SubjectForm::Immutable => {
                let classic = match &self.repository {
                    Some(repository) => repository.clone(),
                    None => format!("{}/{}", owner.split('@').next()?, name.split('@').next()?),
                };
                Some(format!("repo:{classic}:{rest}"))
            }
            SubjectForm::Custom => None,
        }
    }

    fn owner_and_name(&self) -> Option<(&str, &str, &str)> {
        let (repository, rest) = self.subject.strip_prefix("repo:")?.split_once(':')?;
        let (owner, name) = repository.split_once('/')?;
        Some((owner, name, rest))
    }

    /// The part of a role's trust policy that matches this token's audience and `subject`, as JSON.
    ///
    /// Source: IAM user guide, "Create a role for OpenID Connect federation", on GitHub.
    pub fn trust_condition(&self, subject: &str) -> String {
        let issuer = cleaned(self.issuer.strip_prefix("https://").unwrap_or(&self.issuer));
        let condition = serde_json::json!({
            "Condition": {
                "StringEquals": {
                    format!("{issuer}:aud"): cleaned(&self.audience),
                    format!("{issuer}:sub"): cleaned(subject),
                }
            }
        });
        format!("{condition:#}")
    }
}

/// RFC 7519, section 4.1.3: the audience is one text or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(deserializer)? {
        Audience::One(audience) => audience,
        Audience::Many(audiences) => audiences.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_token_tells_its_claims() {
        // Header and signature are of no interest; the payload was made with `basenc --base64url`.
        let token = SecretString::from(
            "x.eyJpc3MiOiJodHRwczovL2kiLCJzdWIiOiJyZXBvOm8vcjpyZWY6cmVmcy9oZWFkcy_DpCIsImF1ZCI6WyJhIiwiYiJdLCJleHAiOjd9.y",
        );
        let claims = Claims::of(&token).unwrap();
        assert_eq!(claims.issuer, "https://i");
        assert_eq!(claims.subject, "repo:o/r:ref:refs/heads/ä");
        assert_eq!(claims.audience, "a, b");
        assert_eq!(claims.expires, Some(7));
        for garbage in ["", "a", "a.b", "a.!!.c", "..", "a.e30x.c"] {
            assert_eq!(Claims::of(&SecretString::from(garbage)), None, "{garbage}");
        }
    }

    #[test]
    fn a_subject_is_known_in_both_of_githubs_forms() {
        let ids = r#","repository":"octo/app","repository_id":"2","repository_owner_id":"1"}"#;
        let classic = claims(&format!(r#"{{"sub":"repo:octo/app:environment:prod%3Aeu"{ids}"#));
        assert_eq!(classic.form(), SubjectForm::Classic);
        assert_eq!(
            classic.other_subject().as_deref(),
            Some("repo:octo@1/app@2:environment:prod%3Aeu")
        );
        let immutable = claims(&format!(r#"{{"sub":"repo:octo@1/app@2:pull_request"{ids}"#));
        assert_eq!(immutable.form(), SubjectForm::Immutable);
        assert_eq!(
            immutable.other_subject().as_deref(),
            Some("repo:octo/app:pull_request")
        );
        let custom = claims(r#"{"sub":"repository_owner:octo"}"#);
        assert_eq!(
            (custom.form(), custom.other_subject()),
            (SubjectForm::Custom, None)
        );
        let without_ids = claims(r#"{"sub":"repo:octo/app:ref:refs/tags/v1"}"#);
        assert_eq!(without_ids.other_subject(), None);
    }
}
