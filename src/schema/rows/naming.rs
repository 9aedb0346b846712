//! What to call the image, and what becomes of its version.

use crate::schema::{Input, MaySet, Section};

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
    Input::flag(
        Section::Release,
        "release-annotated",
        "With `release: true`, put the git tag as an annotated one whose message has the image's digest; `git-tag` always does",
    ),
    Input::flag(
        Section::Release,
        "release-pr",
        "Review versions before they are released: with `version: auto` a pull request adds the next one to the changelog, and it is          released when that is merged; needs `pull-requests: write` and that Actions may open pull requests",
    )
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Release,
        "changelog-file",
        "PATH",
        "With `release-pr`: the changelog",
    )
    .default("CHANGELOG.md")
    .may_set(MaySet::WithinCheckout),
    Input::entries(
        Section::Release,
        "release-moving-tags",
        "PART",
        "Git tags that move forward with the version: `major` for `v1`, `minor` for `v1.2`",
    ),
    Input::entries(
        Section::Release,
        "dispatch-workflow",
        "FILE",
        "Workflows that are started with `version`, `image` and `digest` when the release is published, such as `deploy.yml`: \
         what the job's own token makes starts none; needs `actions: write`",
    )
    .may_set(MaySet::Workflow),
];
