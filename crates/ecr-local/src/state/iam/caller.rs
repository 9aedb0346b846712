//! Who calls, as policies name it.

use std::collections::BTreeMap;

use super::grammar::PrincipalMatch;
use tagship_domain::reference::AccountId;

/// Who makes a request, in the forms that policies name a caller in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// The resource name of the user, or of the role that a session is of.
    pub(crate) identity: String,
    /// The resource name of the role's session.
    pub(crate) session: Option<String>,
    /// The session's tags.
    pub(crate) tags: BTreeMap<String, String>,
}

/// What stands before a tag's key in a condition.
pub(super) const PRINCIPAL_TAG: &str = "aws:principaltag/";

impl Caller {
    /// The condition keys that tell of the caller, in lower case.
    ///
    /// Source: IAM user guide, "AWS global condition context keys", "Properties of the principal".
    pub(crate) fn keys(&self) -> BTreeMap<String, String> {
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| (format!("{PRINCIPAL_TAG}{}", key.to_lowercase()), value.clone()));
        [
            ("aws:principalarn".to_owned(), self.identity.clone()),
            ("aws:principalaccount".to_owned(), self.account.to_string()),
        ]
        .into_iter()
        .chain(tags)
        .collect()
    }

    /// How `name`, from the `AWS` principals of a policy, names the caller, if it does.
    ///
    /// Source: IAM user guide, "AWS JSON policy elements: Principal".
    pub(crate) fn principal_match(&self, name: &str) -> Option<PrincipalMatch> {
        if name == "*" || name == self.identity {
            return Some(PrincipalMatch::Identity);
        }
        if self.session.as_deref() == Some(name) {
            return Some(PrincipalMatch::Session);
        }
        let account = name
            .strip_prefix("arn:")
            .and_then(|rest| rest.split_once(":iam::"))
            .and_then(|(_partition, rest)| rest.strip_suffix(":root"))
            .unwrap_or(name);
        (account == self.account.as_str()).then_some(PrincipalMatch::Account)
    }
}
