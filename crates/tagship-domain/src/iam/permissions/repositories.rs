//! What the commands about repositories as code need.

use super::rows::{DESCRIBED, LOOK_UP_INDEXES, SHOWN_FINDINGS, row};
use super::{Need, Permission, Scope};

/// What comparing repositories needs.
pub(super) const PLAN: &[Permission] = &[
    DESCRIBED,
    DECLARED_TAGS,
    DECLARED_POLICY,
    DECLARED_LIFECYCLE,
    LIFECYCLE_IMAGES,
    LIFECYCLE_INDEXES,
];

/// What putting settings needs.
pub(super) const APPLY: &[Permission] = &[
    DESCRIBED,
    DECLARED_TAGS,
    DECLARED_POLICY,
    DECLARED_LIFECYCLE,
    LIFECYCLE_IMAGES,
    LIFECYCLE_INDEXES,
    row("ecr:CreateRepository", Need::Required, "make repositories"),
    row(
        "ecr:TagResource",
        Need::Required,
        "put tags, also on a repository that is made; needed where tags are declared",
    ),
    row(
        "ecr:UntagResource",
        Need::Required,
        "remove tags; needed with `prune: true` alone",
    ),
    row(
        "ecr:PutImageTagMutability",
        Need::Required,
        "change which tags may move",
    ),
    row(
        "ecr:PutImageScanningConfiguration",
        Need::Required,
        "change whether images are scanned on push",
    ),
    row(
        "ecr:SetRepositoryPolicy",
        Need::Required,
        "put repository policies",
    ),
    row(
        "ecr:DeleteRepositoryPolicy",
        Need::Required,
        "remove repository policies; needed with `policy: none` or `prune: true` alone",
    ),
    row("ecr:PutLifecyclePolicy", Need::Required, "put lifecycle policies"),
    row(
        "ecr:DeleteLifecyclePolicy",
        Need::Required,
        "remove lifecycle policies; needed with `lifecycle: none` or `prune: true` alone",
    ),
];

/// What writing down what is there needs.
pub(super) const IMPORT: &[Permission] = &[
    DESCRIBED,
    row(
        "ecr:ListTagsForResource",
        Need::Required,
        "read tags of repositories",
    ),
    row(
        "ecr:GetRepositoryPolicy",
        Need::Required,
        "read repository policies",
    ),
    row(
        "ecr:GetLifecyclePolicy",
        Need::Required,
        "read lifecycle policies",
    ),
];

/// What judging a lifecycle policy by the images that are there needs.
pub(super) const PREVIEW: &[Permission] = &[
    row(
        "ecr:GetLifecyclePolicy",
        Need::Required,
        "read the policy that stands; needed where none is declared",
    ),
    row(
        "ecr:DescribeImages",
        Need::Required,
        "list the images that a policy is about",
    ),
    row(
        "ecr:BatchGetImage",
        Need::Required,
        "read which images indexes list; needed where there are indexes",
    ),
];

/// The same where ECR judges it.
pub(super) const PREVIEW_BY_ECR: &[Permission] = &[
    PREVIEW[0],
    row(
        "ecr:StartLifecyclePolicyPreview",
        Need::Required,
        "begin a preview in ECR",
    ),
    row(
        "ecr:GetLifecyclePolicyPreview",
        Need::Required,
        "read what it comes to",
    ),
    PREVIEW[1],
    PREVIEW[2],
];

/// What listing repositories needs.
pub(super) const LISTING: &[Permission] = &[
    DESCRIBED,
    row("ecr:DescribeImages", Need::Required, "count images and bytes"),
    LOOK_UP_INDEXES,
    SHOWN_FINDINGS,
];

/// What making a repository needs.
pub(super) const CREATE: &[Permission] = &[
    DESCRIBED,
    row("ecr:CreateRepository", Need::Required, "make the repository"),
    row(
        "ecr:TagResource",
        Need::Required,
        "make it with its tags; needed where tags are declared",
    ),
    row(
        "ecr:SetRepositoryPolicy",
        Need::Required,
        "put its policy; needed where one is declared",
    ),
    row(
        "ecr:PutLifecyclePolicy",
        Need::Required,
        "put its lifecycle policy; needed where one is declared",
    ),
];

/// What pricing needs.
pub(super) const COST: &[Permission] = &[
    DESCRIBED,
    row(
        "ecr:GetLifecyclePolicy",
        Need::Required,
        "read lifecycle policies; needed where none is declared",
    ),
    row(
        "ecr:DescribeImages",
        Need::Required,
        "list images and their sizes",
    ),
    row(
        "ecr:BatchGetImage",
        Need::Required,
        "read which layers images share; not needed with `--layers never` where there are no indexes",
    ),
];

/// What deleting images by rules needs.
pub(super) const PRUNE: &[Permission] = &[
    row("ecr:DescribeImages", Need::Required, "list images"),
    row(
        "ecr:BatchGetImage",
        Need::Required,
        "read which images indexes list",
    ),
    row(
        "ecr:BatchDeleteImage",
        Need::Required,
        "delete images; needed with `--apply` alone",
    ),
];

const DECLARED_TAGS: Permission = row(
    "ecr:ListTagsForResource",
    Need::Required,
    "read tags of repositories; needed where tags are declared",
);
const DECLARED_POLICY: Permission = row(
    "ecr:GetRepositoryPolicy",
    Need::Required,
    "read repository policies; needed where one is declared",
);
const LIFECYCLE_IMAGES: Permission = row(
    "ecr:DescribeImages",
    Need::Required,
    "find out what a lifecycle policy would delete, before it is put, and whether the one that stands is going to delete what \
     `protect` names",
);
const LIFECYCLE_INDEXES: Permission = row(
    "ecr:BatchGetImage",
    Need::Required,
    "read which images indexes hold, for the same",
);
const DECLARED_LIFECYCLE: Permission = row(
    "ecr:GetLifecyclePolicy",
    Need::Required,
    "read lifecycle policies; needed where one or `protect` is declared",
);

const fn of_all(action: &'static str, reason: &'static str) -> Permission {
    Permission {
        scope: Scope::Caches,
        ..row(action, Need::Required, reason)
    }
}

/// What removing repositories that nothing declares needs besides.
pub(super) const REMOVE_UNDECLARED: &[Permission] = &[
    of_all("ecr:DescribeRepositories", "list all repositories"),
    of_all("ecr:DescribeImages", "find out which hold images"),
    of_all("ecr:DeleteRepository", "remove those that hold none"),
];
