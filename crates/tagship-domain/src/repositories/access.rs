//! The short forms of a repository policy.

use std::fmt;

use serde_json::{Value, json};

use super::RepositoryPolicy;
use crate::reference::AccountId;
use crate::untrusted::cleaned;

/// What a pull needs of a repository. Source: ECR user guide, "Private repository policy examples in Amazon ECR".
const PULL: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// What a push needs of a repository. Source: as above.
const PUSH: [&str; 7] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];

/// Who else may use a repository, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// Who may pull.
    pub pull_from: Vec<PolicyPrincipal>,
    /// Who may push and pull.
    pub push_from: Vec<PolicyPrincipal>,
    /// Whose Lambda functions may be made of the images.
    pub lambda: Option<LambdaAccess>,
    /// The organization whose accounts may pull.
    pub organization: Option<String>,
}

/// Whose Lambda functions may be made of a repository's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LambdaAccess {
    /// Those of whoever may pull.
    Any,
    /// Those of these accounts.
    Accounts(Vec<AccountId>),
}

/// Who a statement is about: an account, or a user or role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyPrincipal(String);

/// A text that names no account, user or role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither an account of 12 digits nor the resource name of a user or role", cleaned(.0))]
pub struct InvalidPrincipal(String);

impl PolicyPrincipal {
    /// Reads an account or a resource name such as `arn:aws:iam::123456789012:role/deploy`.
    pub fn parse(text: &str) -> Result<Self, InvalidPrincipal> {
        let invalid = || InvalidPrincipal(text.to_owned());
        if AccountId::parse(text).is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, "iam" | "sts", "", account, name] = parts.as_slice() else {
            return Err(invalid());
        };
        let kinds = ["user/", "role/", "assumed-role/", "root"];
        let legal = *arn == "arn"
            && partition.starts_with("aws")
            && AccountId::parse(account).is_ok()
            && kinds.iter().any(|kind| name.starts_with(kind))
            && !name.contains(char::is_whitespace);
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for PolicyPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AccessRules {
    /// Whether a text names an organization. Source: Organizations API reference, `Organization`, `Id`.
    pub fn is_organization(text: &str) -> bool {
        text.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
    }

    /// Returns the policy that says the same; `None` where nothing is allowed.
    pub fn policy(&self) -> Option<RepositoryPolicy> {
        let mut statements = Vec::new();
        let mut allow = |name: &str, principal: Value, actions: &[&str], condition: Option<Value>| {
            let mut statement = json!({
                "Sid": name,
                "Effect": "Allow",
                "Principal": principal,
                "Action": actions,
            });
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statements.push(statement);
        };
        let names = |principals: &[PolicyPrincipal]| -> Vec<String> {
            principals.iter().map(ToString::to_string).collect()
        };
        if !self.pull_from.is_empty() {
            allow("Pull", json!({"AWS": names(&self.pull_from)}), &PULL, None);
        }
        if !self.push_from.is_empty() {
            allow("Push", json!({"AWS": names(&self.push_from)}), &PUSH, None);
        }
        if let Some(organization) = &self.organization {
            let condition = json!({"StringEquals": {"aws:PrincipalOrgID": organization}});
            allow("PullOfOrganization", json!("*"), &PULL, Some(condition));
        }
        // Source: Lambda developer guide, "Create a Lambda function using a container image", "Amazon ECR permissions" and
        // "Amazon ECR cross-account permissions".
        if let Some(lambda) = &self.lambda {
            let condition = match lambda {
                LambdaAccess::Any => None,
                LambdaAccess::Accounts(accounts) => {
                    let function = |account: &AccountId| format!("arn:aws*:lambda:*:{account}:function:*");
                    let functions: Vec<String> = accounts.iter().map(function).collect();
                    Some(json!({"StringLike": {"aws:sourceArn": functions}}))
                }
            };
            let service = json!({"Service": "lambda.amazonaws.com"});
            allow("LambdaECRImageRetrievalPolicy", service, &PULL, condition);
        }
        (!statements.is_empty()).then(|| RepositoryPolicy::of_statements(&statements))
    }
}
