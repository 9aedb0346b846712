//! Where the image goes, and the identity towards AWS.

use crate::schema::{Faces, Input, InputKind, MaySet, NeedsSetup, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::text(
        Section::Destination,
        "repository",
        "NAME",
        "The ECR repository, such as `team/app`. Required",
    ),
    Input::text(
        Section::Destination,
        "registry",
        "HOST",
        "The registry's host, such as `123456789012.dkr.ecr.eu-central-1.amazonaws.com`. Not needed where \
         `account-id` and `aws-region` are given",
    ).may_set(MaySet::OwnAccount),
    Input::entries(
        Section::Destination,
        "images",
        "HOST/NAME",
        "The image as one name, as `docker/metadata-action` takes it, in place of `registry` and `repository`",
    )
    .faces(Faces::NotFile),
    Input::text(
        Section::Destination,
        "account-id",
        "ID",
        "The account that the registry belongs to, 12 digits",
    ).may_set(MaySet::OwnAccount)
    .default_note("the account in `registry`"),
    Input::text(
        Section::Destination,
        "aws-region",
        "REGION",
        "The registry's region, such as `eu-central-1`",
    )
    .default_note("the region in `registry`, else `AWS_REGION`, else `AWS_DEFAULT_REGION`")
    .standard_variables(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
    Input::text(
        Section::Destination,
        "endpoint-url",
        "URL",
        "The address of all AWS APIs, in place of AWS's own: for emulators",
    ).may_set(MaySet::Workflow),
    Input::entries(
        Section::Destination,
        "targets",
        "TARGET",
        "A further repository that the same image goes to, as `[HOST/]NAME[,role-to-assume=ARN]`, one a line: another region, \
         account or registry. No tag is put anywhere before every target has the whole image",
    ).may_set(MaySet::Workflow),
    Input::flag(
        Section::Destination,
        "local",
        "Publish to the embedded ECR on this machine. No AWS account is needed",
    ),
    Input::text(
        Section::Destination,
        "local-data",
        "DIR",
        "The folder where the embedded ECR keeps its state",
    ).may_set(MaySet::WithinCheckout).needs_setup(NeedsSetup::HostFile)
    .default_note("`tagship/local` in `XDG_STATE_HOME`, `~/.local/state` or `RUNNER_TEMP`"),
    Input::text(
        Section::Destination,
        "local-mutability",
        "WHAT",
        "What the tags of a repository in the embedded ECR are: `immutable`, but for those of trees with changes, or \
         `mutable`. Given, it also changes a repository that is there",
    )
    .default_note("`immutable`, for a repository that is made"),
    Input::text(
        Section::Identity,
        "role-to-assume",
        "ARN",
        "The role to assume: its ARN, or its name alone where the account is known. Without it the ordinary \
         AWS credential chain is used",
    ).may_set(MaySet::Workflow),
    Input::text(
        Section::Identity,
        "role-session-name",
        "NAME",
        "The name of the role's session, 2 to 64 characters",
    ).may_set(MaySet::Workflow)
    .default("Tagship"),
    Input::text(
        Section::Identity,
        "audience",
        "TEXT",
        "The audience of GitHub's OIDC token",
    ).may_set(MaySet::Workflow)
    .default("sts.amazonaws.com"),
    Input::text(
        Section::Identity,
        "session-policy",
        "WHEN",
        "Narrow the role's session to reading, and to pushing to the repositories of the run: `auto` or `none`",
    ).may_set(MaySet::Workflow)
    .default("auto"),
    Input::new(
        Section::Identity,
        "id-token",
        InputKind::Secret,
        "TOKEN",
        "An OIDC token (JWT) of the job, to assume the role with",
    )
    .default_note("in a GitHub job one is asked for; CircleCI and Bitbucket leave one in the job's variables")
    .faces(Faces::Secret),
    Input::new(
        Section::Identity,
        "role-duration-seconds",
        InputKind::Integer {
            least: 900,
            greatest: 43_200,
        },
        "SECONDS",
        "The length of the role's session, 900 to 43200 seconds",
    ).may_set(MaySet::Workflow)
    .default("3600"),
    Input::entries(
        Section::Identity,
        "allowed-account-ids",
        "ID",
        "The accounts that may be published to, one a line or separated by commas. Any when empty",
    ).may_set(MaySet::Workflow),
];
