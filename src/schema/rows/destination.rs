//! Where the image goes.

use crate::schema::{Faces, Input, MaySet, NeedsSetup, Section};

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
        "The image by its whole name, as `docker/metadata-action` takes it, in place of `registry` and `repository`. \
         Further names are `targets`",
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
        "wait-for-replication",
        "Wait until ECR itself has copied the image to where the registry's replication rules say, after the tags are put; an \
         error where no rule is for the repository, or where a copy fails",
    ),
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
];
