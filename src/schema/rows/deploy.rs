//! What a run hands on once the image is published.

use crate::schema::{Faces, Input, InputKind, MaySet, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::new(
    Section::Deploy,
    "deploy-files",
    InputKind::Records { last: "path" },
    "FIELDS",
    "Files in the checkout that deployments read, written with the image's digest once it is published, one entry a line: \
     `type=task-definition,container=web,from=task.json,path=rendered.json`; `type` is `image-definitions`, \
     `task-definition`, `kustomize`, `helm-values`, `lambda`, `app-runner` or `env` (docs/deploy.md)",
)
.may_set(MaySet::Workflow),
    Input::entries(
        Section::Notify,
        "notify",
        "RECEIVER",
        "Who hears how the run ended, one a line: `slack=URL` for an incoming webhook of Slack, `webhook=URL` for a program \
         that takes JSON, `sns=ARN` for a topic and `eventbridge=BUS` for an event bus in AWS, `commit-status` for a status of the commit on GitHub, `deployment=ENVIRONMENT` for a deployment there \
         (docs/notifications.md)",
    )
    .faces(Faces::Secret),
    Input::new(
        Section::Notify,
        "notify-key",
        InputKind::Secret,
        "KEY",
        "What each `webhook` is signed with: `whsec_` and the Base64 of 24 to 64 random bytes",
    )
    .faces(Faces::Secret),
    Input::entries(
        Section::Notify,
        "notify-on",
        "END",
        "Which runs `slack`, `webhook`, `sns` and `eventbridge` hear of, one a line or separated by commas: `success`, `unchanged` (published before), \
         `gate` (stopped by the scan gate), `failure` (any other)",
    )
    .default("success,gate,failure")
    .may_set(MaySet::Workflow),
    Input::flag(
        Section::Notify,
        "pr-comment",
        "Comment on the pull request: what was published, its size, layers and findings beside those of the branch that it goes \
         to; the comment is brought up to date by every run, and needs `pull-requests: write` (docs/pull-requests.md)",
    )
    .may_set(MaySet::Workflow),
];
