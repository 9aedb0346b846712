//! Actions that a registry's own settings need, on all resources: most of them know none.

use super::rows::row;
use super::{Need, Permission, Scope};

const fn of_registry(action: &'static str, reason: &'static str) -> Permission {
    Permission {
        scope: Scope::Registry,
        ..row(action, Need::Required, reason)
    }
}

const ACCOUNT: Permission = of_registry(
    "ecr:GetAccountSetting",
    "read settings of the account; needed where one is declared, as below",
);
const POLICY: Permission = of_registry("ecr:GetRegistryPolicy", "read the registry policy");
const SCANNING: Permission = of_registry(
    "ecr:GetRegistryScanningConfiguration",
    "read which images are scanned",
);
const SIGNING: Permission = of_registry("ecr:GetSigningConfiguration", "read which images ECR signs");
pub(super) const TEMPLATES: Permission = of_registry(
    "ecr:DescribeRepositoryCreationTemplates",
    "read the creation templates",
);
const CACHES: Permission = of_registry(
    "ecr:DescribePullThroughCacheRules",
    "read the rules of the pull-through cache",
);
const REPLICATION: Permission = of_registry(
    "ecr:DescribeRegistry",
    "read the replication rules and the account, also for `replicate-from`",
);
const EXCLUSIONS: Permission = of_registry(
    "ecr:ListPullTimeUpdateExclusions",
    "read whose pulls do not count",
);
const UPSTREAM: Permission = of_registry(
    "ecr:ValidatePullThroughCacheRule",
    "check whether the upstream of a cache can be used",
);

/// What comparing needs.
pub(super) const READ_SETTINGS: &[Permission] = &[
    ACCOUNT,
    POLICY,
    SCANNING,
    SIGNING,
    TEMPLATES,
    CACHES,
    REPLICATION,
    EXCLUSIONS,
    UPSTREAM,
];

/// What putting needs too.
pub(super) const PUT_SETTINGS: &[Permission] = &[
    ACCOUNT,
    POLICY,
    SCANNING,
    SIGNING,
    TEMPLATES,
    CACHES,
    REPLICATION,
    EXCLUSIONS,
    UPSTREAM,
    of_registry("ecr:PutAccountSetting", "change settings of the account"),
    of_registry("ecr:PutRegistryPolicy", "put the registry policy"),
    of_registry(
        "ecr:DeleteRegistryPolicy",
        "remove the registry policy; needed with `policy: none` or `prune: true` alone",
    ),
    of_registry(
        "ecr:PutRegistryScanningConfiguration",
        "change which images are scanned",
    ),
    of_registry("ecr:PutSigningConfiguration", "change which images ECR signs"),
    of_registry(
        "ecr:DeleteSigningConfiguration",
        "end signing; needed with `signing: none` or `prune: true` alone",
    ),
    of_registry("ecr:CreateRepositoryCreationTemplate", "make creation templates"),
    of_registry(
        "ecr:UpdateRepositoryCreationTemplate",
        "change creation templates",
    ),
    of_registry(
        "ecr:DeleteRepositoryCreationTemplate",
        "remove creation templates; needed with `prune: true` alone",
    ),
    of_registry(
        "ecr:CreateRepository",
        "make creation templates, by which ECR makes repositories whose names begin with theirs",
    ),
    of_registry(
        "ecr:SetRepositoryPolicy",
        "make creation templates that have a repository policy",
    ),
    of_registry(
        "ecr:PutLifecyclePolicy",
        "make creation templates that have a lifecycle policy",
    ),
    of_registry(
        "ecr:CreatePullThroughCacheRule",
        "make rules of the pull-through cache",
    ),
    of_registry(
        "ecr:UpdatePullThroughCacheRule",
        "change the login of a rule of the pull-through cache",
    ),
    of_registry(
        "ecr:DeletePullThroughCacheRule",
        "remove rules of the pull-through cache; needed with `prune: true` alone",
    ),
    of_registry("ecr:PutReplicationConfiguration", "change the replication rules"),
    of_registry(
        "ecr:RegisterPullTimeUpdateExclusion",
        "leave a principal's pulls out of recorded pull times",
    ),
    of_registry(
        "ecr:DeregisterPullTimeUpdateExclusion",
        "count a principal's pulls again; needed with `prune: true` alone",
    ),
    of_registry(
        "iam:PassRole",
        "give ECR the `role` of a creation template or a cache; needed where one is declared",
    ),
    Permission {
        need: Need::Recommended,
        ..of_registry(
            "iam:CreateServiceLinkedRole",
            "make the role by which ECR replicates and caches; needed once in an account",
        )
    },
];
