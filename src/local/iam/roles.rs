use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::policy::{Conditions, Effect, OneOrMany, Policy, Verdict, verdict};
use crate::domain::reference::AccountId;
use crate::local::error::LocalError;

/// The roles' file in the data folder.
const FILE: &str = "roles.yaml";

/// The role that the file has at first.
pub(crate) const EXAMPLE_ROLE: &str = "tagship-example";

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The roles of the account, by name.
#[derive(Debug, Default)]
pub(crate) struct Roles(BTreeMap<String, Role>);

/// A role: who may assume it, and what it may do. The words are those of IAM's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Role {
    #[serde(rename = "RoleName")]
    name: String,
    /// Seconds.
    #[serde(default = "default_session_duration")]
    pub(crate) max_session_duration: u32,
    assume_role_policy_document: TrustPolicy,
    #[serde(default)]
    policy_documents: Vec<Policy>,
}

/// Source: IAM API reference, `CreateRole`, `MaxSessionDuration`.
const fn default_session_duration() -> u32 {
    3600
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TrustPolicy {
    #[serde(rename = "Version", default)]
    _version: Option<String>,
    statement: OneOrMany<TrustStatement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TrustStatement {
    #[serde(rename = "Sid", default)]
    _sid: Option<String>,
    effect: Effect,
    principal: TrustPrincipal,
    action: OneOrMany<String>,
    #[serde(default)]
    condition: Conditions,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TrustPrincipal {
    federated: OneOrMany<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RolesFile {
    roles: Vec<Role>,
}

impl Role {
    /// Whether the role trusts a token of `provider` (its resource name) with these claims.
    ///
    /// The keys of `claims` are `<issuer without https://>:<claim>`, in lower case.
    pub(crate) fn trusts(&self, provider: &str, claims: &BTreeMap<String, String>) -> bool {
        let effects = self
            .assume_role_policy_document
            .statement
            .iter()
            .filter(|statement| {
                statement
                    .principal
                    .federated
                    .iter()
                    .any(|federated| federated == provider)
                    && statement
                        .action
                        .iter()
                        .any(|action| action.eq_ignore_ascii_case(ACTION))
                    && statement.condition.hold(claims)
            })
            .map(|statement| statement.effect);
        verdict(effects) == Verdict::Allowed
    }

    /// What the role's policies say to `action` on `resource`.
    pub(crate) fn permissions(&self, action: &str, resource: &str) -> Verdict {
        let verdicts: Vec<Verdict> = self
            .policy_documents
            .iter()
            .map(|policy| policy.verdict(action, resource))
            .collect();
        [Verdict::Denied, Verdict::Allowed]
            .into_iter()
            .find(|verdict| verdicts.contains(verdict))
            .unwrap_or(Verdict::Silent)
    }
}

impl Roles {
    /// Reads the roles in `data`, after writing an example where there are none. Blocks.
    pub(crate) fn load(data: &Path, account: &AccountId, partition: &str) -> Result<Self, LocalError> {
        let path = data.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let example = example(account, partition);
                fs::write(&path, &example).map_err(LocalError::data(&path))?;
                example
            }
            text => text.map_err(LocalError::data(&path))?,
        };
        Self::parse(&text).map_err(|problem| LocalError::Roles { path, problem })
    }

    /// Reads a roles file.
    fn parse(text: &str) -> Result<Self, String> {
        let file: RolesFile = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let mut roles = BTreeMap::new();
        for role in file.roles {
            if !(3600..=43_200).contains(&role.max_session_duration) {
                return Err(format!(
                    "`MaxSessionDuration` of role `{}` is not 3600 to 43200 seconds",
                    role.name.escape_debug()
                ));
            }
            let name = role.name.clone();
            if roles.insert(name.clone(), role).is_some() {
                return Err(format!("role `{}` is there twice", name.escape_debug()));
            }
        }
        Ok(Self(roles))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Role> {
        self.0.get(name)
    }
}

fn example(account: &AccountId, partition: &str) -> String {
    format!(
        r#"# The roles of the embedded ECR, in the words of IAM's API. Read when the server starts.
#
# A trust policy takes `StringEquals` and `StringLike` on claims of the token; a permission policy takes
# `Allow` and `Deny` of actions on resources, with `*` and `?`. Anything else is refused when the file is read.
Roles:
  - RoleName: {EXAMPLE_ROLE}
    MaxSessionDuration: 3600
    AssumeRolePolicyDocument:
      Statement:
        - Effect: Allow
          Principal:
            Federated: arn:{partition}:iam::{account}:oidc-provider/token.actions.githubusercontent.com
          Action: sts:AssumeRoleWithWebIdentity
          Condition:
            StringEquals:
              token.actions.githubusercontent.com:aud: sts.amazonaws.com
            StringLike:
              token.actions.githubusercontent.com:sub: "repo:*"
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: "ecr:*"
            Resource: "*"
"#
    )
}
