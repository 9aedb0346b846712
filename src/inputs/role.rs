//! The role's ARN, from the forms that users write.

use tagship_domain::reference::{AccountId, Region};
use tagship_domain::untrusted::cleaned;

/// Why a text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidRole {
    /// It is another kind of ARN.
    #[error("`{shown}` is not the ARN of a role")]
    OtherArn { shown: String, hint: String },
    /// It is a name, but no account is known.
    #[error("`{shown}` is a role's name alone, and its account is not known")]
    AccountUnknown { shown: String },
    /// It is neither.
    #[error("`{shown}` is neither a role's ARN nor its name")]
    Illegal { shown: String },
}

impl InvalidRole {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::OtherArn { hint, .. } => hint.clone(),
            Self::AccountUnknown { .. } => {
                "give the whole ARN, such as `arn:aws:iam::123456789012:role/publish`, or `account-id`"
                    .to_owned()
            }
            Self::Illegal { .. } => "write it like `arn:aws:iam::123456789012:role/publish`".to_owned(),
        }
    }
}

/// The full ARN of a role that is given as ARN, `path/name` or `name`.
///
/// Source: IAM user guide, "IAM ARNs"; IAM API reference, `CreateRole`, `RoleName` and `Path`.
pub(super) fn arn(
    text: &str,
    account: Option<&AccountId>,
    region: Option<&Region>,
) -> Result<String, InvalidRole> {
    let shown = || cleaned(text);
    let illegal = || InvalidRole::Illegal { shown: shown() };
    if text.starts_with("arn:") {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, partition, "iam", "", owner, resource] = parts.as_slice() else {
            return Err(other_arn(text, shown()));
        };
        let Some(name) = resource.strip_prefix("role/") else {
            return Err(other_arn(text, shown()));
        };
        let partition_is_legal = *partition == "aws"
            || (partition.starts_with("aws-")
                && partition.len() <= 32
                && partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        if partition_is_legal && AccountId::parse(owner).is_ok() && is_path_and_name(name) {
            return Ok(text.to_owned());
        }
        return Err(illegal());
    }
    let name = text.strip_prefix("role/").unwrap_or(text);
    let name = name.strip_prefix('/').unwrap_or(name);
    if !is_path_and_name(name) {
        return Err(illegal());
    }
    let account = account.ok_or_else(|| InvalidRole::AccountUnknown { shown: shown() })?;
    Ok(format!(
        "arn:{}:iam::{account}:role/{name}",
        region.map_or("aws", Region::partition)
    ))
}

fn other_arn(text: &str, shown: String) -> InvalidRole {
    let hint = if text.contains(":assumed-role/") {
        "this is a session of a role; give the role itself, `arn:aws:iam::…:role/…`"
    } else if text.contains(":oidc-provider/") {
        "this is the identity provider; give the role that trusts it, `arn:aws:iam::…:role/…`"
    } else {
        "write it like `arn:aws:iam::123456789012:role/publish`"
    };
    InvalidRole::OtherArn {
        shown,
        hint: hint.to_owned(),
    }
}

/// `path/name`: the name has 1 to 64 characters of `[\w+=,.@-]`, the path printable ASCII, 512 characters in all.
fn is_path_and_name(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
        && path.len() <= 510
        && path.bytes().all(|b| (0x21..=0x7e).contains(&b))
}
