//! Which image of several, and how to run.

use crate::schema::{Faces, Input, InputKind, MaySet, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::text(
        Section::Images,
        "only",
        "NAME",
        "The image to take, of those that stand under `images` in `tagship.yaml`",
    )
    .default_note("the only one")
    .faces(Faces::NotFile),
    Input::entries(
        Section::Images,
        "paths",
        "PATTERN",
        "What the image is made from, one pattern a line as in a workflow's `paths`, relative to the repository's root. \
         `changed` and `version: auto` look at it",
    )
    .default_note("the context and the Dockerfile"),
    Input {
        faces: Faces::ShipAndPlan,
        ..Input::flag(
            Section::Images,
            "changed",
            "The images that the commit touches: `ship`, and the action with `all`, publish them; `plan`, and the action without, \
             list them as a matrix for `strategy`, and publish nothing",
        )
    },
    Input::flag(
        Section::Images,
        "all",
        "Publish the images of `tagship.yaml` in one run, each as a transaction of its own, or show what each would do; with `changed` \
         those that the commit touches",
    )
    .faces(Faces::ShipAndPlan),
    Input::new(
        Section::Images,
        "parallel",
        InputKind::Integer { least: 1, greatest: 16 },
        "COUNT",
        "How many images are published at a time",
    )
    .default("2")
    .faces(Faces::ShipAndPlan),
    Input::flag(
        Section::Images,
        "fail-fast",
        "Begin no further image after one has failed; those that have begun come to their end",
    )
    .default("true")
    .faces(Faces::ShipAndPlan),
    Input::text(
        Section::Images,
        "since",
        "REVISION",
        "What `changed` compares the commit with: a commit, branch or tag",
    )
    .default_note("the event's own base; in a push the commit before it, in a pull request where it branched off")
    .faces(Faces::ShipAndPlan),
    Input::new(
        Section::Run,
        "create-repository",
        InputKind::FlagOr("template"),
        "BOOL",
        "Make the repository where it is missing, before the build, with what `repositories` in `tagship.yaml` declares of it; \
         `template` has ECR make it, as the registry's creation template for pushes says",
    )
    .default("false")
    .may_set(MaySet::Workflow),
    Input::flag(
        Section::Run,
        "rebuild",
        "Build although the commit is published, and compare: no tag is put, and another image ends the run with 10 and says in what it differs. Needs `reproducible`; with `no-cache` every step runs anew",
    ),
    Input::text(
        Section::Run,
        "base-changed",
        "WHAT",
        "What becomes of a published commit whose base images changed since: `ignore`; or `rebuild`, which builds it again and publishes the new image under moving and dated tags alone",
    )
    .default("ignore"),
    Input::flag(
        Section::Run,
        "allow-dirty",
        "Publish a working tree with uncommitted changes, under tags that say so",
    ).may_set(MaySet::Workflow),
    Input::text(
        Section::Run,
        "revision",
        "COMMIT",
        "The commit of files that came without git, as its whole id (docs/other-ci.md)",
    )
    .may_set(MaySet::Workflow)
    .default_note("what the checkout says; without one, in AWS CodeBuild, the commit of the source"),
    Input::text(
        Section::Run,
        "revision-time",
        "TIME",
        "The time of that commit, as `2026-01-31T12:00:00Z` or in seconds since 1970",
    )
    .may_set(MaySet::Workflow),
    Input::flag(Section::Run, "dry-run", "Stop after the plan; write nothing"),
    Input {
        faces: Faces::Plan,
        ..Input::flag(
            Section::Run,
            "offline",
            "Plan by git alone; contact no server and write nothing",
        )
    },
    Input::text(
        Section::Run,
        "config",
        "PATH",
        "The file that inputs are read from",
    )
    .default_note("`tagship.yaml` here, or in a folder above within the git repository")
    .faces(Faces::NotFile),
    Input {
        action_default: Some("${{ github.token }}"),
        ..Input::new(
            Section::Run,
            "github-token",
            InputKind::Secret,
            "TOKEN",
            "A token for GitHub's API, to read the repository's description and licence for labels, and to `release`",
        )
        .faces(Faces::Secret)
    },
];
