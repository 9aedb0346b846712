use super::{Faces, Input, InputKind, MaySet, NeedsSetup, Section};

/// All inputs, in the order of the help.
pub static INPUTS: &[Input] = &[
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
    Input::text(
        Section::Build,
        "context",
        "DIR",
        "The folder that is sent as the build context",
    ).may_set(MaySet::WithinCheckout).needs_setup(NeedsSetup::HostFile)
    .default("."),
    Input::text(Section::Build, "file", "PATH", "The Dockerfile").may_set(MaySet::WithinCheckout).needs_setup(NeedsSetup::HostFile).default_note("`Dockerfile` in the context"),
    Input::text(Section::Build, "target", "STAGE", "The stage to build").default_note("the last stage"),
    Input::entries(
        Section::Build,
        "build-args",
        "NAME[=VALUE]",
        "Build arguments, one a line. `NAME` alone takes its value from the environment. Values are never shown",
    ).may_set(MaySet::WithValue),
    Input::entries(
        Section::Build,
        "secrets",
        "id=ID,SOURCE",
        "Secrets for build steps, one a line: `id=npm,env=NPM_TOKEN` takes a variable, `id=npm,src=.npmrc` a file. \
         As action input or variable also `ID=value`; as flag or in a file never",
    ).may_set(MaySet::Workflow).needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Build,
        "platform",
        "OS/ARCH",
        "The platform to build for, such as `linux/arm64`",
    )
    .default_note("the engine's own"),
    Input::flag(
        Section::Build,
        "no-cache",
        "Ignore cached results of earlier builds",
    ),
    Input::flag(
        Section::Build,
        "reproducible",
        "Give every time in the layers that are built, and in the config, one constant, so that two builds of the same \
         content have the same digest wherever they run. Slower, and files are of 1980 (docs/design.md)",
    ),
    Input::text(
        Section::Build,
        "docker-host",
        "URL",
        "The Docker Engine's address: `unix:///path`, `tcp://host:port` or `ssh://user@host`",
    ).may_set(MaySet::Workflow).needs_setup(NeedsSetup::HostEngine)
    .default_note("`DOCKER_HOST`, else `unix:///var/run/docker.sock`")
    .standard_variables(&["DOCKER_HOST"]),
    Input::text(
        Section::Tags,
        "version",
        "VERSION",
        "The version that the release tag carries, such as `1.2.3`; `auto` makes the next one (docs/versions.md)",
    )
    .default_note("the git tag of the commit"),
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
            "Plan by git alone; contact nobody and write nothing",
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
            "A token for GitHub's API, to read the repository's description and licence for labels",
        )
        .faces(Faces::Secret)
    },
];
