//! What to call the image, and how to run.

use crate::schema::{Faces, Input, InputKind, MaySet, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::text(
        Section::Tags,
        "version",
        "VERSION",
        "The version that the release tag carries, such as `1.2.3`; `auto` makes the next one (docs/versions.md)",
    )
    .default_note("the git tag of the commit"),
    Input::flag(
        Section::Tags,
        "version-required",
        "Fail before the build where the run makes no tag of a version, as at git tag `v1.16`, which names none",
    ),
    Input::text(
        Section::Tags,
        "tag-prefix",
        "TEXT",
        "What git tags of versions begin with, such as `api/v`",
    )
    .default_note("`v` or nothing"),
    Input::entries(
        Section::Tags,
        "tags",
        "RULE",
        "The tags that are wanted, one rule a line, such as `type=semver,pattern={{version}}`, `type=sha` or \
         `type=raw,value=TAG` (all rules: docs/tags.md), or tags alone, separated by commas",
    )
    .default_note("`type=semver,pattern={{version}}` and `type=sha`"),
    Input::entries(
        Section::Tags,
        "flavor",
        "LINE",
        "What holds for all tags, one a line: `latest=auto|true|false`, `prefix=TEXT`, `suffix=TEXT`",
    )
    .default_note("`latest=false`"),
    Input::entries(
        Section::Tags,
        "labels",
        "NAME=VALUE",
        "Labels of the image, one a line, in place of those that Tagship sets or beside them. Variables are filled in",
    ),
    Input::text(
        Section::Tags,
        "compat",
        "TOOL",
        "Read `images`, `tags`, `flavor` and `labels` as another tool does: `metadata-action`",
    ),
    Input::text(
        Section::Release,
        "release",
        "KIND",
        "What follows on GitHub when a version's image has all its tags: `true` for a git tag and a release, `git-tag` for \
         an annotated git tag alone, `false` for nothing (docs/github-release.md)",
    )
    .default("false"),
    Input::text(
        Section::Release,
        "release-notes",
        "PATH",
        "A file with Markdown that stands above the changes in the release's text",
    )
    .may_set(MaySet::WithinCheckout),
    Input::entries(
        Section::Release,
        "release-moving-tags",
        "PART",
        "Git tags that move forward with the version: `major` for `v1`, `minor` for `v1.2`",
    ),
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
        faces: Faces::Plan,
        ..Input::flag(
            Section::Images,
            "changed",
            "Publish nothing, and list the images that the commit touches as a matrix for `strategy`",
        )
    },
    Input::text(
        Section::Images,
        "since",
        "REVISION",
        "What `changed` compares the commit with: a commit, branch or tag",
    )
    .default_note("the event's own base; in a push the commit before it, in a pull request where it branched off")
    .faces(Faces::Plan),
    Input::flag(
        Section::Run,
        "rebuild",
        "Build although the commit is published, and compare the digests",
    ),
    Input::flag(
        Section::Run,
        "allow-dirty",
        "Publish a working tree with uncommitted changes, under tags that say so",
    ).may_set(MaySet::Workflow),
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
    .default_note("`tagship.yaml`, if there is one")
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
