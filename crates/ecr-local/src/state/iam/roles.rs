//! Roles, and the file that they stand in.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

use super::caller::Caller;
use super::grammar::{PolicyDecision, Verdict};
use super::policy::{Policy, TrustPolicy};
use crate::error::LocalError;
use crate::state::private_files;
use tagship_domain::reference::AccountId;

/// The roles' file in the data folder.
const FILE: &str = "roles.yaml";

/// The role that the file has at first.
pub(crate) const EXAMPLE_ROLE: &str = "tagship-example";

/// The roles, by account and name.
#[derive(Debug, Default)]
pub(crate) struct Roles(BTreeMap<(AccountId, String), Role>);

/// A role: who may assume it, and what it may do.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    /// Seconds.
    pub(crate) max_session_duration: u32,
    trust: TrustPolicy,
    policies: Vec<Policy>,
}

/// A role in the file. The words are those of IAM's API, but for the account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RoleEntry {
    /// The emulator's own where it is missing.
    #[serde(default)]
    account: Option<AccountId>,
    role_name: String,
    /// Seconds.
    #[serde(default = "default_session_duration")]
    max_session_duration: u32,
    assume_role_policy_document: TrustPolicy,
    #[serde(default)]
    policy_documents: Vec<Policy>,
    /// AWS's managed policies, by their resource names.
    #[serde(default)]
    managed_policy_arns: Vec<String>,
}

/// Source: IAM API reference, `CreateRole`, `MaxSessionDuration`.
const fn default_session_duration() -> u32 {
    3600
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RolesFile {
    roles: Vec<RoleEntry>,
}

impl Role {
    /// Whether the role trusts a token of `provider` (its resource name) in this request.
    ///
    /// The keys of `request` are condition keys, in lower case.
    pub(crate) fn trusts_token(&self, provider: &str, request: &BTreeMap<String, String>) -> bool {
        self.trust
            .trusts_token("sts:AssumeRoleWithWebIdentity", provider, request)
    }

    /// How the role trusts `caller` to do `action` to it, if it does.
    pub(crate) fn trust(
        &self,
        action: &str,
        caller: &Caller,
        request: &BTreeMap<String, String>,
    ) -> PolicyDecision {
        self.trust.trusts(action, caller, request)
    }

    /// What the role's policies say to `action` on `resource`.
    pub(crate) fn permissions(
        &self,
        action: &str,
        resource: &str,
        keys: &BTreeMap<String, String>,
    ) -> Verdict {
        self.policies
            .iter()
            .map(|policy| policy.verdict(action, resource, keys))
            .max()
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
                private_files::write(&path, example.as_bytes()).map_err(LocalError::data(&path))?;
                example
            }
            text => text.map_err(LocalError::data(&path))?,
        };
        Self::parse(&text, account).map_err(|problem| LocalError::Roles { path, problem })
    }

    /// Reads a roles file; roles are of `own` account unless they say otherwise.
    fn parse(text: &str, own: &AccountId) -> Result<Self, String> {
        let file: RolesFile = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let mut roles = BTreeMap::new();
        for entry in file.roles {
            let (account, name) = (entry.account.unwrap_or_else(|| own.clone()), entry.role_name);
            if !(3600..=43_200).contains(&entry.max_session_duration) {
                return Err(format!(
                    "`MaxSessionDuration` of role `{}` is not 3600 to 43200 seconds",
                    name.escape_debug()
                ));
            }
            let mut policies = entry.policy_documents;
            for arn in entry.managed_policy_arns {
                let unknown = || format!("there is no managed policy `{}` here", arn.escape_debug());
                policies.push(Policy::managed(&arn).ok_or_else(unknown)?);
            }
            let role = Role {
                account: account.clone(),
                name: name.clone(),
                max_session_duration: entry.max_session_duration,
                trust: entry.assume_role_policy_document,
                policies,
            };
            if roles.insert((account, name.clone()), role).is_some() {
                return Err(format!("role `{}` is there twice", name.escape_debug()));
            }
        }
        Ok(Self(roles))
    }

    pub(crate) fn get(&self, account: &AccountId, name: &str) -> Option<&Role> {
        self.0.get(&(account.clone(), name.to_owned()))
    }
}

fn example(account: &AccountId, partition: &str) -> String {
    format!(
        r#"# The roles of the embedded ECR, in the words of IAM's API. Read when the server starts.
#
# A trust policy names GitHub's identity provider (`Federated`), or accounts, roles and sessions (`AWS`). Its
# conditions are `StringEquals` and `StringLike`, on claims of the token or on keys such as `sts:ExternalId`.
# A permission policy has `Allow` and `Deny` of actions on resources, with `*` and `?`, and conditions on
# `aws:SourceIp`. Anything else is refused when the file is read. A role of another account has `Account: "210987654321"` beside its name.
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
