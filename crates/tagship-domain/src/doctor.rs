//! What `tagship doctor` finds: one table of checks, and the permissions that are missing.

use serde::Serialize;

use crate::error::FailureKind;
use crate::iam::{Need, Permission, Target, permission_policy};

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was looked at.
    pub subject: Subject,
    /// What was found.
    pub state: CheckState,
    /// Why, as one clause.
    pub reason: String,
    /// What to do; where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// The kind of failure that a run would end with.
    #[serde(skip)]
    pub kind: Option<FailureKind>,
}

/// What a check looks at, in the order in which a run needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The inputs, from flags, variables and `tagship.yaml`.
    Inputs,
    /// The checkout, what is built, and what the event says of it.
    Checkout,
    /// The engine, and whether it can do what is asked.
    Engine,
    /// Whether there is room on the disks of this machine that a run writes to.
    Disk,
    /// Whether the registry answers.
    Registry,
    /// Whether this machine's clock is right.
    Clock,
    /// The way to AWS credentials, and to the registry's password.
    Credentials,
    /// What the role may do.
    Permissions,
    /// Whether the images are scanned that the scan gate waits for.
    Scanning,
    /// The repository, and the tags that are wanted.
    Repository,
    /// GitHub's API.
    Github,
}

impl Subject {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Checkout => "checkout",
            Self::Engine => "engine",
            Self::Disk => "disk",
            Self::Registry => "registry",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Permissions => "permissions",
            Self::Scanning => "scanning",
            Self::Repository => "repository",
            Self::Github => "github",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It is as a run needs it.
    Ok,
    /// A run works, and leaves something out.
    Warn,
    /// A run would fail.
    Fail,
    /// It could not be found out.
    Unknown,
}

impl CheckState {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a role has a permission, as a probe without effect found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// The service did what was asked, or refused it for a reason that comes after permissions.
    Allowed,
    /// The service said that the role may not.
    Denied,
    /// Neither.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// How a permission is found out without an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// By reading.
    Read,
    /// By a request that fails, if it is allowed, with one of these errors.
    Fails(&'static [&'static str]),
    /// Not at all: the request would have an effect.
    None,
}

/// Returns how the permission for an action is found out.
///
/// Source: ECR API reference, the errors of each operation; IAM user guide, "Policy evaluation logic": a request is
/// authorized before it is acted upon. `InitiateLayerUpload` has no argument that could be wrong: it begins an upload.
pub fn probe_for(action: &str) -> Probe {
    match action {
        "ecr:GetAuthorizationToken"
        | "ecr:BatchGetImage"
        | "ecr:BatchCheckLayerAvailability"
        | "ecr:DescribeRepositories"
        | "ecr:ListImages"
        | "ecr:BatchGetRepositoryScanningConfiguration"
        | "ecr:GetRegistryScanningConfiguration"
        | "ecr:DescribePullThroughCacheRules"
        | "ecr:DescribeRepositoryCreationTemplates"
        | "ecr:DescribeRegistry" => Probe::Read,
        "ecr:DescribeImageScanFindings" => Probe::Fails(&["ImageNotFoundException", "ScanNotFoundException"]),
        "ecr:StartImageScan"
        | "ecr:DescribeImages"
        | "ecr:DescribeImageReplicationStatus"
        | "ecr:DescribeImageSigningStatus" => Probe::Fails(&["ImageNotFoundException"]),
        "ecr:GetSigningConfiguration" => Probe::Fails(&["SigningConfigurationNotFoundException"]),
        "ecr:GetDownloadUrlForLayer" => Probe::Fails(&["LayersNotFoundException"]),
        "ecr:UploadLayerPart" | "ecr:CompleteLayerUpload" => Probe::Fails(&["UploadNotFoundException"]),
        "ecr:PutImage" => Probe::Fails(&["ImageDigestDoesNotMatchException", "LayersNotFoundException"]),
        _ => Probe::None,
    }
}

/// Returns the check of what the role may do, with everything that is missing as one statement.
pub fn permissions_check(probed: &[(Permission, Probed)], target: Option<&Target>) -> Check {
    let of = |wanted: fn(&Probed) -> bool| probed.iter().filter(move |(_, found)| wanted(found));
    let names = |permissions: &[Permission]| {
        let names: Vec<String> = permissions
            .iter()
            .map(|one| format!("`{}`", one.action))
            .collect();
        names.join(", ")
    };
    let missing: Vec<Permission> = of(|found| *found == Probed::Denied)
        .map(|(permission, _)| *permission)
        .collect();
    let unknown: Vec<Permission> = of(|found| matches!(found, Probed::Unknown { .. }))
        .map(|(permission, _)| *permission)
        .collect();
    // What can never be asked leaves nothing open.
    let is_open = unknown
        .iter()
        .any(|one| one.need == Need::Required && probe_for(one.action) != Probe::None);
    let is_required = missing.iter().any(|permission| permission.need == Need::Required);
    let mut reason = match (missing.is_empty(), is_required) {
        (true, _) => format!(
            "{} of {} actions are allowed",
            probed.len() - unknown.len(),
            probed.len()
        ),
        (false, true) => format!("the role lacks {}", names(&missing)),
        (false, false) => format!("the role lacks {}, which a run works without", names(&missing)),
    };
    if !unknown.is_empty() {
        reason.push_str(&format!("; unknown: {}", names(&unknown)));
    }
    let cure = (!missing.is_empty()).then(|| match target {
        Some(target) => format!(
            "add this to the role's permission policy:\n{}",
            permission_policy(&missing, std::slice::from_ref(target)).to_json()
        ),
        None => format!("allow {} in the role's permission policy", names(&missing)),
    });
    Check {
        subject: Subject::Permissions,
        state: match (missing.is_empty(), is_required) {
            (_, true) => CheckState::Fail,
            (false, false) => CheckState::Warn,
            (true, _) if is_open => CheckState::Unknown,
            (true, _) => CheckState::Ok,
        },
        reason,
        cure,
        kind: is_required.then_some(FailureKind::Credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{CommandPermissions, needed};

    fn probed(missing: &[&str]) -> Vec<(Permission, Probed)> {
        let permissions = needed(CommandPermissions::of("ship"));
        permissions
            .into_iter()
            .map(|permission| {
                let found = match probe_for(permission.action) {
                    _ if missing.contains(&permission.action) => Probed::Denied,
                    Probe::None => Probed::Unknown {
                        reason: "no probe".to_owned(),
                    },
                    Probe::Read | Probe::Fails(_) => Probed::Allowed,
                };
                (permission, found)
            })
            .collect()
    }

    #[test]
    fn what_is_missing_is_one_statement_and_what_is_unknown_is_never_ok() {
        let all = permissions_check(&probed(&[]), None);
        assert_eq!((all.state, all.cure), (CheckState::Ok, None));
        assert!(all.reason.contains("9 of 10"), "{}", all.reason);
        assert!(
            all.reason.contains("unknown: `ecr:InitiateLayerUpload`"),
            "{}",
            all.reason
        );
        let recommended = permissions_check(&probed(&["ecr:ListImages"]), None);
        assert_eq!((recommended.state, recommended.kind), (CheckState::Warn, None));
        let required = permissions_check(&probed(&["ecr:PutImage", "ecr:ListImages"]), None);
        assert_eq!(required.state, CheckState::Fail);
        assert_eq!(required.kind, Some(FailureKind::Credentials));
        let cure = required.cure.unwrap();
        assert!(cure.contains("`ecr:PutImage`, `ecr:ListImages`"), "{cure}");
        let nothing: Vec<_> = probed(&[])
            .into_iter()
            .map(|(permission, _)| {
                let reason = "no credentials".to_owned();
                (permission, Probed::Unknown { reason })
            })
            .collect();
        assert_eq!(permissions_check(&nothing, None).state, CheckState::Unknown);
    }
}
