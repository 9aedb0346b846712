//! What a run hands on once the image is published.

use crate::schema::{Input, InputKind, MaySet, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[Input::new(
    Section::Deploy,
    "deploy-files",
    InputKind::Records { last: "path" },
    "FIELDS",
    "Files in the checkout that deployments read, written with the image's digest once it is published, one entry a line: \
     `type=task-definition,container=web,from=task.json,path=rendered.json`; `type` is `image-definitions`, \
     `task-definition`, `kustomize`, `helm-values`, `lambda` or `env` (docs/deploy.md)",
)
.may_set(MaySet::Workflow)];
