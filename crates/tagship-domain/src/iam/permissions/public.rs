//! Actions of ECR Public.
//!
//! Source: ECR Public user guide, "Public repository policy examples" and "Registry authentication"; Service Authorization
//! Reference, "Actions, resources, and condition keys for Amazon ECR Public". Reading images needs none: everybody may.

use super::rows::row;
use super::{CommandPermissions, Need, Permission, Scope};

const fn everywhere(action: &'static str, need: Need, reason: &'static str) -> Permission {
    Permission {
        scope: Scope::Everything,
        ..row(action, need, reason)
    }
}

const fn required(action: &'static str, reason: &'static str) -> Permission {
    row(action, Need::Required, reason)
}

const fn command(name: &'static str, permissions: &'static [Permission]) -> CommandPermissions {
    CommandPermissions { name, permissions }
}

/// What each command needs whose registry is ECR Public, by the names of the commands.
pub const PUBLIC_COMMANDS: &[CommandPermissions] = &[
    command("ship", PUBLISHING),
    command("plan", LOGIN),
    command("push", PUBLISHING),
    command("promote", PUBLISHING),
    command("copy", PUBLISHING),
    command("create-repository", CREATING),
    command("repo-plan", COMPARING),
    command("repo", PUTTING),
    command("repo-delete", REMOVING),
];

impl CommandPermissions {
    /// Returns what the command needs where its registry is ECR Public; `None` of one that does nothing there.
    pub fn in_public(&self) -> Option<&'static Self> {
        PUBLIC_COMMANDS.iter().find(|command| command.name == self.name)
    }
}

const BY_TOKEN: Permission = everywhere(
    "ecr-public:GetAuthorizationToken",
    Need::Required,
    "log in to the registry",
);
const BY_BEARER: Permission = everywhere(
    "sts:GetServiceBearerToken",
    Need::Required,
    "log in to the registry",
);

/// What a login needs.
const LOGIN: &[Permission] = &[BY_TOKEN, BY_BEARER];

/// What putting an image and its tags needs.
const PUBLISHING: &[Permission] = &[
    BY_TOKEN,
    BY_BEARER,
    required(
        "ecr-public:BatchCheckLayerAvailability",
        "skip layers that are there",
    ),
    required("ecr-public:InitiateLayerUpload", "push layers"),
    required("ecr-public:UploadLayerPart", "push layers"),
    required("ecr-public:CompleteLayerUpload", "push layers"),
    required("ecr-public:PutImage", "push manifests, and put tags"),
];

/// What making the repository needs besides.
const CREATING: &[Permission] = &[
    required(
        "ecr-public:DescribeRepositories",
        "find out whether the repository is there",
    ),
    everywhere(
        "ecr-public:DescribeRegistries",
        Need::Required,
        "find out whether the alias is the account's",
    ),
    required("ecr-public:CreateRepository", "make the repository"),
    DECLARED_TAGS,
    required(
        "ecr-public:SetRepositoryPolicy",
        "put its repository policy; needed where one is declared",
    ),
];

const DECLARED_TAGS: Permission = required(
    "ecr-public:TagResource",
    "put tags, also on a repository that is made; needed where tags are declared",
);

const DESCRIBED: Permission = required(
    "ecr-public:DescribeRepositories",
    "read which repositories there are",
);
const TAGS: Permission = required(
    "ecr-public:ListTagsForResource",
    "read tags of repositories; needed where tags are declared",
);
const POLICY: Permission = required(
    "ecr-public:GetRepositoryPolicy",
    "read repository policies; needed where one is declared",
);
const CATALOG: Permission = required(
    "ecr-public:GetRepositoryCatalogData",
    "read what the gallery shows; needed where a catalog is declared",
);

/// What comparing repositories needs.
const COMPARING: &[Permission] = &[DESCRIBED, TAGS, POLICY, CATALOG];

/// What putting settings needs.
const PUTTING: &[Permission] = &[
    DESCRIBED,
    TAGS,
    POLICY,
    CATALOG,
    required("ecr-public:CreateRepository", "make repositories"),
    DECLARED_TAGS,
    required(
        "ecr-public:UntagResource",
        "remove tags; needed with `prune: true` alone",
    ),
    required("ecr-public:SetRepositoryPolicy", "put repository policies"),
    required(
        "ecr-public:DeleteRepositoryPolicy",
        "remove repository policies; needed with `policy: none` or `prune: true` alone",
    ),
    required(
        "ecr-public:PutRepositoryCatalogData",
        "change what the gallery shows",
    ),
    everywhere(
        "ecr-public:DescribeRegistries",
        Need::Recommended,
        "say under which alias images are found",
    ),
];

/// What removing a repository needs.
const REMOVING: &[Permission] = &[required("ecr-public:DeleteRepository", "remove the repository")];
