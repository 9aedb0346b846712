//! What to build.

use crate::schema::{Input, InputKind, MaySet, NeedsSetup, Section};

/// In the order of the help.
pub(super) const ROWS: &[Input] = &[
    Input::text(
        Section::Build,
        "context",
        "DIR",
        "The folder that is sent as the build context; a commit elsewhere, as `https://host/team/app.git#v1.2.3:folder`; or `-`, \
         which takes an archive, or a Dockerfile alone, from standard input",
    ).may_set(MaySet::WithinCheckout).needs_setup(NeedsSetup::HostFile)
    .default("."),
    Input::text(Section::Build, "file", "PATH", "The Dockerfile; `-` takes it from standard input").may_set(MaySet::WithinCheckout).needs_setup(NeedsSetup::HostFile).default_note("`Dockerfile` in the context"),
    Input::text(Section::Build, "target", "STAGE", "The stage to build").default_note("the last stage"),
    Input::entries(
        Section::Build,
        "build-args",
        "NAME[=VALUE]",
        "Build arguments, one a line. `NAME` alone takes its value from the environment. Variables such as `{{version}}` are filled in. Where a value of six bytes or more is repeated, `***` is shown",
    ).may_set(MaySet::WithValue),
    Input::entries(
        Section::Build,
        "volatile-build-args",
        "NAME",
        "Build arguments whose values make no other image, such as a date: a run with another value finds the commit published",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Build,
        "build-contexts",
        "NAME=VALUE",
        "Contexts beside the main one, one a line, which `FROM` and `COPY --from` know by name: a folder, `docker-image://IMAGE` or the address of a git repository",
    )
    .may_set(MaySet::FolderWithinCheckout)
    .needs_setup(NeedsSetup::HostFileOfEntry),
    Input::flag(
        Section::Build,
        "from-cache",
        "Read base images by way of the registry's pull-through cache, where one of its rules is about them; the Dockerfile stays as \
         it is (docs/base-images.md)",
    ),
    Input::entries(
        Section::Build,
        "platforms",
        "OS/ARCH",
        "The platforms to build for, one a line or separated by commas, such as `linux/amd64,linux/arm64`. Several make one index",
    )
    .default_note("`DOCKER_DEFAULT_PLATFORM`, else the engine's own")
    .standard_variables(&["DOCKER_DEFAULT_PLATFORM"]),
    Input::entries(
        Section::Build,
        "annotations",
        "[LEVEL:]NAME=VALUE",
        "Annotations, one a line: of the manifest, or of `index`, `manifest-descriptor` or `index-descriptor`",
    ),
    Input::text(
        Section::Build,
        "provenance",
        "MODE",
        "Whether the image says how it was built: `false`, `true`, `min`, `max` or attributes. It is an index then",
    )
    .may_set(MaySet::Workflow)
    .default("false"),
    Input::text(
        Section::Build,
        "sbom",
        "BOOL",
        "Whether the image says what it is made of: `false`, `true` or `generator=IMAGE`. It is an index then",
    )
    .may_set(MaySet::Workflow)
    .default("false"),
    Input::entries(
        Section::Build,
        "attests",
        "TYPE",
        "The same as lines, such as `type=provenance,mode=max` and `type=sbom`",
    )
    .may_set(MaySet::Workflow),
    Input::text(
        Section::Build,
        "preset",
        "NAME",
        "What is going to run the image: `lambda` refuses what AWS Lambda does not take",
    ),
    Input::flag(
        Section::Build,
        "reproducible",
        "Give every time in the layers that are built, and in the config, one constant, so that two builds of the same \
         content have the same digest wherever they run. Slower, and files are of 1980 (docs/design.md)",
    ),
    Input::text(
        Section::Build,
        "compression",
        "FORM",
        "How layers are compressed: `gzip`, `zstd` or `uncompressed`. Those of a base image \
         stay as they are in a classic store; in the other they do unless this is given",
    )
    .default("gzip"),
    Input::text(
        Section::Build,
        "compression-level",
        "NUMBER",
        "How much they are compressed: 0 to 9 with gzip, 1 to 22 with zstd",
    )
    .default_note("where layers come out of a classic image store 4, with zstd 3, else the engine's own"),
    Input::new(
        Section::Build,
        "timeout",
        InputKind::Integer {
            least: 1,
            greatest: 86_400,
        },
        "SECONDS",
        "How long building and pushing may take. What takes longer is cancelled, and the run fails",
    )
    .default_note("as long as they take"),
    Input::new(
        Section::Build,
        "stall-timeout",
        InputKind::Integer {
            least: 1,
            greatest: 86_400,
        },
        "SECONDS",
        "How long a build may say nothing and move no byte before it is cancelled",
    )
    .default("3600"),
    Input::text(
        Section::Build,
        "docker-host",
        "URL",
        "The Docker Engine's address: `unix:///path`, `tcp://host:port` or `ssh://user@host`",
    ).may_set(MaySet::Workflow).needs_setup(NeedsSetup::HostEngine)
    .default_note("`DOCKER_HOST`, else the context of the docker command, else `unix:///var/run/docker.sock`")
    .standard_variables(&["DOCKER_HOST"]),
    Input::entries(
        Section::Build,
        "builders",
        "[PLATFORM=]URL",
        "BuildKit daemons that build, one a line: `linux/arm64=tcp://host:1234,ca=PATH,cert=PATH,key=PATH`, `unix:///path`, or \
         `docker-container://NAME` for one in a container on the engine. A line without a platform is for all that no other \
         line names (docs/builders.md)",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostBuilder)
    .default_note("the engine alone"),
    Input::entries(
        Section::Build,
        "registry-auth",
        "HOST…",
        "Logins of registries that base images and caches come from, one a line: `host=HOST,username=USER,password-env=VARIABLE`",
    )
    .may_set(MaySet::Workflow),
    Input {
        default: None,
        ..Input::flag(
            Section::Build,
            "use-docker-config",
            "Use the logins of the docker command, such as `docker/login-action` leaves them, for base images and caches",
        )
    }
    .may_set(MaySet::Workflow)
    .default_note(
        "`true`; in the action where `DOCKER_CONFIG` is a folder below the workspace or `RUNNER_TEMP`",
    ),
    Input::flag(
        Section::Result,
        "push",
        "Publish the image. `false` builds it and publishes nothing, as `tagship build` does",
    )
    .default("true"),
    Input::flag(
        Section::Result,
        "by-digest",
        "Push the image by its digest, without a tag: a part of an image of several platforms, which another job merges \
         (docs/multi-platform.md)",
    )
    .may_set(MaySet::Workflow),
    Input::entries(
        Section::Result,
        "merge-from",
        "DIGEST",
        "Build nothing: make one index of the images that other jobs pushed with `by-digest`, and publish it. Digests, files \
         that hold one, or folders of such files, one a line",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Result,
        "digest-file",
        "PATH",
        "A file that the digest is written to",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Result,
        "metadata-file",
        "PATH",
        "A file that digest, descriptor and names are written to, as `docker buildx build --metadata-file` does",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Result,
        "iidfile",
        "PATH",
        "A file that the image's id is written to: the digest of its config, or of an index itself",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::text(
        Section::Result,
        "sbom-file",
        "PATH",
        "A file that the published image's bill of materials is written to, as scanners read it; of several platforms one file each,          with the platform in its name",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
    Input::flag(
        Section::Result,
        "soci",
        "Give the image an index of its layers, by which AWS Fargate starts it before all of it is there: runs the program `soci` \
         (docs/building.md)",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostProgramIfOn),
    Input::text(
        Section::Result,
        "test",
        "COMMAND",
        "A command that must succeed in the image before any tag is put, as the instruction `RUN` has it: `app --version`, or \
         `[\"/app\", \"--version\"]` where the image has no shell",
    ),
    Input::text(
        Section::Result,
        "max-size",
        "SIZE",
        "The most that the image of one platform may have, compressed, such as `500m`: a larger one gets no tag",
    )
    .default_note("none; 10g with `preset: lambda`"),
    Input::text(
        Section::Result,
        "call",
        "QUESTION",
        "Ask about the Dockerfile in place of a build that is not published: `check`, `outline` or `targets`; with \
         `,format=json` as JSON. `check` fails where anything is found",
    )
    .default("build"),
    Input::flag(
        Section::Result,
        "load",
        "Leave an image that is not published in the engine's store, under the name of the repository and the tags",
    ),
    Input::entries(
        Section::Result,
        "outputs",
        "TYPE",
        "Where the result of a build goes that is not published, one a line: `type=local,dest=DIR` (the files of the last \
         stage), or `type=tar`, `type=oci` or `type=docker` with `dest=FILE`",
    )
    .may_set(MaySet::Workflow)
    .needs_setup(NeedsSetup::HostFile),
];
