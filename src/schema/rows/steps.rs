//! What build steps are given, and what is kept of their results.

use crate::schema::{Input, MaySet, NeedsSetup, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::entries(
        Section::Steps,
        "secrets",
        "id=ID,SOURCE",
        "Secrets for build steps, one a line: `id=npm,env=NPM_TOKEN` takes a variable, `id=npm,src=.npmrc` a file. \
         As action input or variable also `ID=value`; as flag or in a file never",
    ).may_set(MaySet::Workflow).needs_setup(NeedsSetup::HostFile),
    Input::entries(
        Section::Steps,
        "secret-envs",
        "ID=VARIABLE",
        "Secrets for build steps that are in variables, one a line",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Steps,
        "secret-files",
        "ID=PATH",
        "Secrets for build steps that are in files, one a line",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFileOfEntry),
    Input::entries(
        Section::Steps,
        "ssh",
        "ID[=SOCKET]",
        "Ssh agents that `RUN --mount=type=ssh` may sign with, one a line: `default` is the one of `SSH_AUTH_SOCK`",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFileOfEntry),
    Input::entries(
        Section::Steps,
        "add-hosts",
        "HOST:ADDRESS",
        "Names with their addresses for build steps, one a line",
    )
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Steps,
        "network",
        "MODE",
        "The network of build steps: `default`, `none`, or `host` for the engine's own",
    )
    .may_set(MaySet::Workflow)
    .default("default"),
    Input::text(
        Section::Steps,
        "shm-size",
        "SIZE",
        "The size of `/dev/shm` in build steps, such as `128m`",
    ),
    Input::entries(
        Section::Steps,
        "ulimit",
        "NAME=SOFT[:HARD]",
        "Limits of the processes in build steps, one a line, such as `nofile=1024:2048`",
    ),
    Input::text(
        Section::Steps,
        "cgroup-parent",
        "NAME",
        "The control group above those of build steps",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Steps,
        "allow",
        "NAME",
        "What build steps may do beside the ordinary, one a line: `network.host`, `security.insecure`",
    )
    .may_set(MaySet::Workflow),
    Input::flag(
        Section::Cache,
        "pull",
        "Ask the registries for base images that the engine has",
    ),
    Input::flag(
        Section::Cache,
        "no-cache",
        "Ignore cached results of earlier builds",
    ),
    Input::entries(
        Section::Cache,
        "no-cache-filters",
        "STAGE",
        "Stages whose cached results of earlier builds are ignored, one a line or separated by commas",
    ),
    Input::text(
        Section::Cache,
        "cache",
        "WHERE",
        "Where results are kept from one machine to the next: `registry` (tag `buildcache` of the repository), `gha` (GitHub's cache service), `auto` (`gha` where the job has it, else `registry`, and none where the engine or the repository takes none) or `none`",
    )
    .default("none"),
    Input::entries(
        Section::Cache,
        "cache-from",
        "TYPE",
        "Caches to read, one a line, such as `type=registry,ref=HOST/NAME:TAG` or `type=gha`",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Cache,
        "cache-to",
        "TYPE",
        "Caches to write, one a line, such as `type=registry,ref=HOST/NAME:TAG,mode=max`, `type=gha` or `type=inline`. What cannot be written is a warning",
    )
    .may_set(MaySet::Workflow),
];
