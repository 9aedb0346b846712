//! The table of commands and the IAM actions that each needs.

mod public;
mod repositories;
mod rows;
mod settings;

use serde::Serialize;

use self::repositories::{
    APPLY, COST, CREATE, IMPORT, LISTING, PLAN, PREVIEW, PREVIEW_BY_ECR, PRUNE, REMOVE_UNDECLARED,
};
use self::rows::{
    AWAITED_SCANS, DESCRIBED, FROM_CACHE, LABELS, LIST, LOOK_UP, MANAGED_SIGNING, MOVED, NOTICES, PUBLISHING,
    PUT_IMAGES, PUT_LAYERS, READ_CONTENT, RELEASES, REPLICATION, SCANS, SETTINGS, SHOWN_DETAILS,
    SHOWN_LABELS, SIGNING, login, row,
};
use self::settings::{PUT_SETTINGS, READ_SETTINGS, TEMPLATES};

pub use self::public::PUBLIC_COMMANDS;

/// A command and what it asks of AWS.
#[derive(Debug, Clone, Copy)]
pub struct CommandPermissions {
    /// The command, as it is typed.
    pub name: &'static str,
    /// What it asks, in the order in which it does.
    pub permissions: &'static [Permission],
}

/// One IAM action, and what becomes of a command without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// The action, such as `ecr:PutImage`.
    pub action: &'static str,
    /// Whether the command works without it.
    pub need: Need,
    /// What it is allowed on.
    #[serde(skip)]
    pub scope: Scope,
    /// What it is for.
    pub reason: &'static str,
}

/// Whether a command works without a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It works, and says what it could not check.
    Recommended,
    /// It fails.
    Required,
}

/// What an action is allowed on. Source: Service Authorization Reference, "Actions defined by Amazon ECR" and by
/// AWS Signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The repositories that are published to.
    Repository,
    /// All repositories: those that a pull-through cache makes have names that its rules give, and those that nothing declares have any.
    Caches,
    /// The signing profiles of the registry's account and region.
    Profiles,
    /// The topics of SNS in the registry's account and region.
    Topics,
    /// The event buses there.
    Buses,
    /// All resources, for what is read of scans of the whole registry.
    Scanning,
    /// All resources, for the registry's own settings.
    Registry,
    /// All resources: the action knows none.
    Everything,
}

/// What each command needs. A new command is a new row.
///
/// Source: ECR user guide, "Required IAM permissions for pushing an image" and "Private registry authentication".
pub const COMMANDS: &[CommandPermissions] = &[
    CommandPermissions {
        name: "ship",
        permissions: PUBLISHING,
    },
    CommandPermissions {
        name: "plan",
        permissions: &[login("log in to the registry"), LOOK_UP, SETTINGS, LABELS, LIST],
    },
    CommandPermissions {
        name: "wait-for-replication",
        permissions: REPLICATION,
    },
    CommandPermissions {
        name: "sign",
        permissions: SIGNING,
    },
    CommandPermissions {
        name: "sign-managed",
        permissions: MANAGED_SIGNING,
    },
    CommandPermissions {
        name: "notify",
        permissions: NOTICES,
    },
    CommandPermissions {
        name: "push",
        permissions: PUBLISHING,
    },
    CommandPermissions {
        name: "scan",
        permissions: SCANS,
    },
    CommandPermissions {
        name: "scan-wait",
        permissions: AWAITED_SCANS,
    },
    CommandPermissions {
        name: "repo-plan",
        permissions: PLAN,
    },
    CommandPermissions {
        name: "repo",
        permissions: APPLY,
    },
    CommandPermissions {
        name: "repo-prune",
        permissions: REMOVE_UNDECLARED,
    },
    CommandPermissions {
        name: "repo-import",
        permissions: IMPORT,
    },
    CommandPermissions {
        name: "lifecycle-preview",
        permissions: PREVIEW,
    },
    CommandPermissions {
        name: "lifecycle-preview-by-ecr",
        permissions: PREVIEW_BY_ECR,
    },
    CommandPermissions {
        name: "repo-list",
        permissions: LISTING,
    },
    CommandPermissions {
        name: "repo-settings-plan",
        permissions: READ_SETTINGS,
    },
    CommandPermissions {
        name: "repo-settings",
        permissions: PUT_SETTINGS,
    },
    CommandPermissions {
        name: "create-repository",
        permissions: CREATE,
    },
    CommandPermissions {
        name: "create-by-template",
        permissions: &[DESCRIBED, TEMPLATES],
    },
    CommandPermissions {
        name: "from-cache",
        permissions: FROM_CACHE,
    },
    CommandPermissions {
        name: "repo-cost",
        permissions: COST,
    },
    CommandPermissions {
        name: "prune",
        permissions: PRUNE,
    },
    CommandPermissions {
        name: "repo-delete",
        permissions: &[row(
            "ecr:DeleteRepository",
            Need::Required,
            "remove the repository",
        )],
    },
    CommandPermissions {
        name: "ls",
        permissions: &[
            login("log in to the registry"),
            row("ecr:DescribeImages", Need::Required, "list images"),
            LOOK_UP,
            SHOWN_LABELS,
        ],
    },
    CommandPermissions {
        name: "inspect",
        permissions: &[
            login("log in to the registry"),
            LOOK_UP,
            SHOWN_LABELS,
            SHOWN_DETAILS,
        ],
    },
    CommandPermissions {
        name: "promote",
        permissions: &[
            login("log in to the registry"),
            LOOK_UP,
            READ_CONTENT,
            PUT_LAYERS[0],
            PUT_LAYERS[1],
            PUT_LAYERS[2],
            PUT_LAYERS[3],
            PUT_IMAGES,
            MOVED,
            LIST,
        ],
    },
    CommandPermissions {
        name: "copy",
        permissions: &[
            login("log in to the registry"),
            row(
                "ecr:ListImages",
                Need::Required,
                "list the tags, where all or a pattern are copied",
            ),
            LOOK_UP,
            READ_CONTENT,
            PUT_LAYERS[0],
            PUT_LAYERS[1],
            PUT_LAYERS[2],
            PUT_LAYERS[3],
            PUT_IMAGES,
            MOVED,
        ],
    },
    CommandPermissions {
        name: "release",
        permissions: RELEASES,
    },
];

/// Returns what several commands need together: each action once, in the order of the table. What one of them requires is
/// required, on whatever it needs it on.
pub fn needed<'a>(commands: impl IntoIterator<Item = &'a CommandPermissions>) -> Vec<Permission> {
    let mut needed: Vec<Permission> = Vec::new();
    for permission in commands.into_iter().flat_map(|command| command.permissions) {
        match needed.iter_mut().find(|known| known.action == permission.action) {
            Some(known) => {
                known.need = known.need.max(permission.need);
                known.scope = known.scope.max(permission.scope);
            }
            None => needed.push(*permission),
        }
    }
    needed
}

impl CommandPermissions {
    /// Returns the row of a command.
    pub fn of(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_command_names_each_action_once_and_with_a_reason() {
        for command in COMMANDS.iter().chain(PUBLIC_COMMANDS) {
            let actions: BTreeSet<&str> = command.permissions.iter().map(|row| row.action).collect();
            assert_eq!(actions.len(), command.permissions.len(), "{}", command.name);
            for permission in command.permissions {
                assert!(!permission.reason.is_empty(), "{}", permission.action);
                // Source: Service Authorization Reference: the actions of the table without a resource.
                let knows_none = [
                    "ecr-public:DescribeRegistries",
                    "ecr-public:GetAuthorizationToken",
                    "sts:GetServiceBearerToken",
                    "ecr:DescribeRegistry",
                    "ecr:GetAuthorizationToken",
                    "ecr:GetRegistryScanningConfiguration",
                    "ecr:GetSigningConfiguration",
                    "inspector2:ListFindings",
                ];
                // What the registry itself has is named for all resources, whatever the table says of it.
                if permission.scope == Scope::Registry {
                    let is_of_registry = command.name.starts_with("repo-settings");
                    let reads_it = ["from-cache", "create-by-template"].contains(&command.name);
                    assert!(is_of_registry || reads_it, "{}", command.name);
                    continue;
                }
                if permission.scope == Scope::Caches {
                    assert!(["from-cache", "repo-prune"].contains(&command.name));
                    continue;
                }
                if matches!(permission.scope, Scope::Topics | Scope::Buses) {
                    assert_eq!(command.name, "notify");
                    continue;
                }
                let is_of_signer = permission.action.starts_with("signer:");
                assert_eq!(permission.scope == Scope::Profiles, is_of_signer);
                assert_eq!(
                    !matches!(permission.scope, Scope::Repository | Scope::Profiles),
                    knows_none.contains(&permission.action),
                    "{} {}",
                    command.name,
                    permission.action
                );
            }
        }
    }

    #[test]
    fn what_one_command_requires_is_required_of_all() {
        const REQUIRES: CommandPermissions = CommandPermissions {
            name: "requires",
            permissions: &[row("ecr:ListImages", Need::Required, "list")],
        };
        let plan = CommandPermissions::of("plan").unwrap();
        for commands in [[plan, &REQUIRES], [&REQUIRES, plan]] {
            let needed = needed(commands);
            assert_eq!(needed.len(), plan.permissions.len());
            let list = needed.iter().find(|row| row.action == "ecr:ListImages");
            assert_eq!(list.unwrap().need, Need::Required);
        }
    }
}
