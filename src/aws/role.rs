//! The name of an IAM role.

use std::fmt;

use crate::aws::IdentityError;
use tagship_domain::reference::AccountId;

/// The name of an IAM role: `arn:<partition>:iam::<account>:role/<path and name>`.
///
/// Source: IAM user guide, "IAM identifiers"; STS API reference, `RoleArn` (20 to 2,048 characters).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

impl RoleArn {
    /// Reads a role's ARN.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let invalid = |problem| IdentityError::InvalidRole {
            role: tagship_domain::error::cleaned(text),
            problem,
        };
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (scheme, partition, service, region, account, resource) =
            (part(), part(), part(), part(), part(), part());
        if scheme != "arn" || !partition.starts_with("aws") || service != "iam" || !region.is_empty() {
            return Err(invalid(
                "is not of the form `arn:aws:iam::123456789012:role/name`",
            ));
        }
        let account = AccountId::parse(account)
            .ok()
            .ok_or_else(|| invalid("has no account of 12 digits"))?;
        let name = resource
            .strip_prefix("role/")
            .ok_or_else(|| invalid("names no role: `role/` does not follow the account"))?;
        let legal = |b: u8| b.is_ascii_graphic() && b != b':';
        if name.is_empty() || name.ends_with('/') || !name.bytes().all(legal) || text.len() > 2048 {
            return Err(invalid("has an illegal role name"));
        }
        Ok(Self {
            text: text.to_owned(),
            account,
        })
    }

    /// The account that the role belongs to.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_every_partition_tell_their_account() {
        for text in [
            "arn:aws:iam::012345678901:role/x",
            "arn:aws-cn:iam::012345678901:role/ci/deploy",
            "arn:aws-us-gov:iam::012345678901:role/a+b=c,d.e@f-g",
        ] {
            let role = RoleArn::parse(text).unwrap();
            assert_eq!(role.account().as_str(), "012345678901");
            assert_eq!(role.as_str(), text);
        }
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for text in [
            "",
            "deploy",
            "arn:aws:iam::12345:role/x",
            "arn:aws:iam::012345678901:user/x",
            "arn:aws:sts::012345678901:assumed-role/x/y",
            "arn:aws:iam::012345678901:role/",
            "arn:aws:iam::012345678901:role/a b",
            "arn:aws:iam::012345678901:role/a\n::set-output",
            "arn:aws:iam:eu-west-1:012345678901:role/x",
            "https://arn:aws:iam::012345678901:role/x",
        ] {
            let error = RoleArn::parse(text).unwrap_err();
            assert!(matches!(error, IdentityError::InvalidRole { .. }), "{text}");
            assert!(!error.to_string().contains('\n'));
        }
    }
}
