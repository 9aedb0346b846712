//! The identity towards AWS.
//!
//! The workflow alone says nearly all of this: it decides which credentials there are, and where they go.

use crate::schema::{Faces, Input, InputKind, MaySet, NeedsSetup, Section};

/// A text that the workflow alone gives.
const fn text(name: &'static str, placeholder: &'static str, help: &'static str) -> Input {
    Input::text(Section::Identity, name, placeholder, help).may_set(MaySet::Workflow)
}

/// A choice that the workflow alone makes.
const fn flag(name: &'static str, help: &'static str) -> Input {
    Input::flag(Section::Identity, name, help).may_set(MaySet::Workflow)
}

/// A list that the workflow alone gives.
const fn entries(name: &'static str, placeholder: &'static str, help: &'static str) -> Input {
    Input::entries(Section::Identity, name, placeholder, help).may_set(MaySet::Workflow)
}

/// A secret, which has no flag and stands in no file.
const fn secret(name: &'static str, placeholder: &'static str, help: &'static str) -> Input {
    Input::new(Section::Identity, name, InputKind::Secret, placeholder, help).faces(Faces::Secret)
}

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    text(
        "role-to-assume",
        "ARN",
        "The role to assume: its ARN, or its name alone where the account is known. Without it the ordinary \
         AWS credential chain is used",
    ),
    text(
        "role-session-name",
        "NAME",
        "The name of the role's session, 2 to 64 characters",
    )
    .default_note("`tagship-` and the id of the run, which CloudTrail then shows; `tagship` outside of a job"),
    text("audience", "TEXT", "The audience of GitHub's OIDC token")
        .default_note("`sts.amazonaws.com`, in China `sts.amazonaws.com.cn`"),
    text(
        "session-policy",
        "WHEN",
        "Narrow the role's session to reading, and to pushing to the repositories of the run: `auto` or `none`. A policy of \
         your own takes its place",
    )
    .default("auto"),
    entries(
        "inline-session-policy",
        "JSON",
        "A policy that the role's session is narrowed by, as JSON of at most 2048 characters",
    ),
    entries(
        "managed-session-policies",
        "ARN",
        "Managed policies that the role's session is narrowed by, one a line, at most 10",
    ),
    secret(
        "id-token",
        "TOKEN",
        "An OIDC token (JWT) of the job, to assume the role with",
    )
    .default_note("in a GitHub job one is asked for; CircleCI and Bitbucket leave one in the job's variables"),
    text(
        "web-identity-token-file",
        "PATH",
        "A file with such a token, which is read anew each time",
    )
    .needs_setup(NeedsSetup::HostFile),
    secret(
        "aws-access-key-id",
        "ID",
        "The id of an access key, in place of OIDC and of the ordinary chain: for a role to assume with it, or for ECR itself",
    ),
    secret("aws-secret-access-key", "SECRET", "The access key's secret"),
    secret("aws-session-token", "TOKEN", "The access key's session token, if it has one"),
    flag(
        "role-chaining",
        "Assume the role with the credentials of the ordinary chain, such as those that an earlier step has exported",
    ),
    flag(
        "force-skip-oidc",
        "Ask for no OIDC token, although the job may: the ordinary chain is used",
    ),
    flag(
        "use-existing-credentials",
        "Use the credentials of the ordinary chain as they are, where AWS takes them; assume the role only where there are none",
    ),
    text(
        "role-external-id",
        "TEXT",
        "The external id that the role's trust policy asks for; not with OIDC",
    ),
    entries(
        "session-tags",
        "KEY=VALUE",
        "Tags of the role's session, one a line; `auto` stands for those that say repository, workflow, commit, branch and \
         actor. Not with OIDC",
    ),
    entries(
        "transitive-tag-keys",
        "KEY",
        "Those of `session-tags` that stay when a further role is assumed from the session, one a line",
    ),
    Input::new(
        Section::Identity,
        "role-duration-seconds",
        InputKind::Integer {
            least: 900,
            greatest: 43_200,
        },
        "SECONDS",
        "The length of the role's session, 900 to 43200 seconds",
    )
    .may_set(MaySet::Workflow)
    .default("3600"),
    entries(
        "allowed-account-ids",
        "ID",
        "The accounts that may be published to, one a line or separated by commas. Any when empty",
    ),
    flag(
        "mask-aws-account-id",
        "Hide the ids of the registry's and the role's account in the log. The runner then drops every job output that \
         holds one, such as `image`",
    ),
    flag(
        "export-credentials",
        "Give later steps of the job what the role allows, as `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, \
         `AWS_SESSION_TOKEN`, `AWS_REGION` and `AWS_DEFAULT_REGION`; masked. A run that fails gives nothing",
    ),
    flag(
        "export-docker-login",
        "Give later steps the registry's login as the outputs `docker-username` and `docker-password`; masked. A run that \
         fails gives nothing",
    ),
];
