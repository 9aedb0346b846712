//! Actions that several commands need.

use super::{Need, Permission, Scope};

pub(super) const fn row(action: &'static str, need: Need, reason: &'static str) -> Permission {
    Permission {
        action,
        need,
        scope: Scope::Repository,
        reason,
    }
}

pub(super) const fn login(reason: &'static str) -> Permission {
    Permission {
        action: "ecr:GetAuthorizationToken",
        need: Need::Required,
        scope: Scope::Everything,
        reason,
    }
}

pub(super) const LOOK_UP: Permission = row(
    "ecr:BatchGetImage",
    Need::Required,
    "look up tags, and read manifests back",
);
pub(super) const SETTINGS: Permission = row(
    "ecr:DescribeRepositories",
    Need::Recommended,
    "find conflicts with the repository's tag mutability before the build",
);
pub(super) const LABELS: Permission = row(
    "ecr:GetDownloadUrlForLayer",
    Need::Recommended,
    "read the labels of published images, and verify configs by their bytes",
);
pub(super) const LIST: Permission = row(
    "ecr:ListImages",
    Need::Recommended,
    "find the greatest version for tags that move, beyond what git knows",
);

const FINDINGS: Permission = row(
    "ecr:DescribeImageScanFindings",
    Need::Required,
    "read what scans found",
);
const SCAN_FREQUENCY: Permission = row(
    "ecr:BatchGetRepositoryScanningConfiguration",
    Need::Recommended,
    "find before the build that the repository's images are never scanned",
);
const SCAN_TYPE: Permission = Permission {
    scope: Scope::Scanning,
    ..row(
        "ecr:GetRegistryScanningConfiguration",
        Need::Recommended,
        "find before the build that the repository's images are never scanned",
    )
};
const START_SCAN: Permission = row(
    "ecr:StartImageScan",
    Need::Required,
    "begin basic scans; needed with `scan: start` or `--start` alone",
);
const INSPECTOR: Permission = Permission {
    scope: Scope::Scanning,
    ..row(
        "inspector2:ListFindings",
        Need::Required,
        "read what enhanced scans found; not needed where scanning is basic",
    )
};

const RELEASED_BEFORE: Permission = row(
    "ecr:ListImages",
    Need::Recommended,
    "find the release before, with `only-new`",
);

/// What reading findings needs, and beginning scans.
pub(super) const SCANS: &[Permission] = &[
    login("log in to the registry"),
    LOOK_UP,
    FINDINGS,
    SCAN_FREQUENCY,
    SCAN_TYPE,
    START_SCAN,
    INSPECTOR,
    RELEASED_BEFORE,
];

/// The same where no scan is begun.
pub(super) const AWAITED_SCANS: &[Permission] = &[
    login("log in to the registry"),
    LOOK_UP,
    FINDINGS,
    SCAN_FREQUENCY,
    SCAN_TYPE,
    INSPECTOR,
    RELEASED_BEFORE,
];

pub(super) const DESCRIBED: Permission = row(
    "ecr:DescribeRepositories",
    Need::Required,
    "read which repositories there are, and their settings",
);
pub(super) const LOOK_UP_INDEXES: Permission = row(
    "ecr:BatchGetImage",
    Need::Required,
    "read which images indexes hold",
);
pub(super) const SHOWN_FINDINGS: Permission = row(
    "ecr:DescribeImageScanFindings",
    Need::Recommended,
    "show what the scan of the youngest image found",
);
/// What putting an image and its tags needs.
pub(super) const PUBLISHING: &[Permission] = &[
    login("log in to the registry"),
    LOOK_UP,
    row(
        "ecr:BatchCheckLayerAvailability",
        Need::Required,
        "skip layers that are there, and verify those that were pushed",
    ),
    row("ecr:InitiateLayerUpload", Need::Required, "push layers"),
    row("ecr:UploadLayerPart", Need::Required, "push layers"),
    row("ecr:CompleteLayerUpload", Need::Required, "push layers"),
    row("ecr:PutImage", Need::Required, "push manifests, and put tags"),
    SETTINGS,
    LABELS,
    LIST,
];

/// What `wait-for-replication` needs besides.
pub(super) const REPLICATION: &[Permission] = &[
    Permission {
        action: "ecr:DescribeRegistry",
        need: Need::Required,
        scope: Scope::Everything,
        reason: "find before the build where images are replicated to",
    },
    row(
        "ecr:DescribeImageReplicationStatus",
        Need::Required,
        "wait until an image is replicated",
    ),
];

/// What signing by a program needs: a signature is an image of its own, which is read back.
pub(super) const SIGNING: &[Permission] = &[
    login("log in to the registry"),
    row(
        "ecr:BatchGetImage",
        Need::Required,
        "find signatures, and verify that which was made",
    ),
    row(
        "ecr:GetDownloadUrlForLayer",
        Need::Required,
        "read signatures, to verify them",
    ),
    row(
        "ecr:BatchCheckLayerAvailability",
        Need::Required,
        "push the signature",
    ),
    row("ecr:InitiateLayerUpload", Need::Required, "push the signature"),
    row("ecr:UploadLayerPart", Need::Required, "push the signature"),
    row("ecr:CompleteLayerUpload", Need::Required, "push the signature"),
    row("ecr:PutImage", Need::Required, "push the signature"),
];

/// What the release of a published image needs.
pub(super) const RELEASES: &[Permission] = &[
    login("log in to the registry"),
    LOOK_UP,
    row(
        "ecr:GetDownloadUrlForLayer",
        Need::Required,
        "read which version and commit the image is of",
    ),
];

/// What notices in AWS need. Source: Service Authorization Reference, "Actions defined by Amazon SNS" and "by Amazon EventBridge".
pub(super) const NOTICES: &[Permission] = &[
    Permission {
        scope: Scope::Topics,
        ..row(
            "sns:Publish",
            Need::Recommended,
            "send notices to topics: `notify: sns=ARN`",
        )
    },
    Permission {
        scope: Scope::Buses,
        ..row(
            "events:PutEvents",
            Need::Recommended,
            "send events to buses: `notify: eventbridge=BUS`",
        )
    },
];

/// What waiting for ECR's own signature needs.
pub(super) const MANAGED_SIGNING: &[Permission] = &[
    Permission {
        scope: Scope::Profiles,
        ..row(
            "signer:SignPayload",
            Need::Required,
            "let ECR sign what is pushed, which it does with the rights of who pushes",
        )
    },
    row(
        "ecr:DescribeImageSigningStatus",
        Need::Required,
        "wait until the image is signed",
    ),
    Permission {
        scope: Scope::Everything,
        ..row(
            "ecr:GetSigningConfiguration",
            Need::Recommended,
            "find before the build that no rule has the repository's images signed",
        )
    },
];
pub(super) const SHOWN_LABELS: Permission = row(
    "ecr:GetDownloadUrlForLayer",
    Need::Recommended,
    "show what images say of themselves: version, commit, created, command",
);
pub(super) const SHOWN_DETAILS: Permission = row(
    "ecr:DescribeImages",
    Need::Recommended,
    "show an image's other tags, when it was pushed, and its scan",
);
pub(super) const READ_CONTENT: Permission = row(
    "ecr:GetDownloadUrlForLayer",
    Need::Required,
    "read configs and layers of images",
);

/// What of a push copying needs too.
pub(super) const PUT_LAYERS: [Permission; 4] = [
    row(
        "ecr:BatchCheckLayerAvailability",
        Need::Required,
        "skip layers that are there, and verify those that were copied",
    ),
    row("ecr:InitiateLayerUpload", Need::Required, "copy layers"),
    row("ecr:UploadLayerPart", Need::Required, "copy layers"),
    row("ecr:CompleteLayerUpload", Need::Required, "copy layers"),
];
pub(super) const PUT_IMAGES: Permission = row("ecr:PutImage", Need::Required, "put manifests and tags");
pub(super) const MOVED: Permission = row(
    "ecr:DescribeRepositories",
    Need::Recommended,
    "find conflicts with the repository's tag mutability before anything is written",
);

const fn of_caches(action: &'static str, need: Need, reason: &'static str) -> Permission {
    Permission {
        scope: Scope::Caches,
        ..row(action, need, reason)
    }
}

/// Source: ECR user guide, "IAM permissions required to sync an upstream registry with an Amazon ECR private registry".
pub(super) const FROM_CACHE: &[Permission] = &[
    Permission {
        scope: Scope::Registry,
        ..row(
            "ecr:DescribePullThroughCacheRules",
            Need::Required,
            "read which rule is about a base image",
        )
    },
    of_caches(
        "ecr:DescribeImages",
        Need::Recommended,
        "show in the plan which copy the cache has",
    ),
    Permission {
        scope: Scope::Registry,
        ..row(
            "ecr:ValidatePullThroughCacheRule",
            Need::Recommended,
            "find before the build that a rule cannot be used",
        )
    },
    of_caches("ecr:BatchGetImage", Need::Required, "pull base images"),
    of_caches("ecr:GetDownloadUrlForLayer", Need::Required, "pull base images"),
    of_caches(
        "ecr:BatchImportUpstreamImage",
        Need::Required,
        "import a base image that is not cached yet, or is a tag that upstream moved",
    ),
    of_caches(
        "ecr:CreateRepository",
        Need::Required,
        "make the repository of the first copy; needed where none is there",
    ),
];
