//! The parts of the help that no structure carries.

mod repositories;

use std::fmt::Write as _;

pub(super) use self::repositories::{
    LIFECYCLE_PREVIEW, PRUNE, REPO_APPLY, REPO_COST, REPO_DELETE, REPO_IMPORT, REPO_LIST, REPO_PLAN,
};
use tagship_domain::error::FailureKind;

/// The exit codes besides 0, and what each says.
pub const EXIT_CODES: [(FailureKind, &str); 8] = [
    (FailureKind::Operation, "an operation failed"),
    (
        FailureKind::Usage,
        "an argument, an input or the configuration is wrong",
    ),
    (
        FailureKind::Credentials,
        "credentials are missing or were refused",
    ),
    (
        FailureKind::TagConflict,
        "a wanted tag is taken by another image or commit",
    ),
    (FailureKind::ScanGate, "the scan gate does not let the image pass"),
    (FailureKind::Drift, "what is there differs from what is wanted"),
    (FailureKind::Bug, "a bug"),
    (FailureKind::Cancelled, "cancelled"),
];

fn exit_codes() -> String {
    let mut text = "Exit codes:\n    0  done".to_owned();
    for (kind, meaning) in EXIT_CODES {
        write!(text, "\n  {:>3}  {meaning}", kind.exit_code()).ok();
    }
    text
}

pub(super) fn top() -> String {
    format!("{TOP_EXAMPLES}\n\n{}\n\n{TOP_ENVIRONMENT}", exit_codes())
}

pub(super) fn ship() -> String {
    format!(
        "{SHIP_SHORT} A flag for several entries may be repeated.\n\n{SHIP_EXAMPLES}\n\n{}\n\n{SHIP_ENVIRONMENT}",
        exit_codes()
    )
}

const TOP_EXAMPLES: &str = "\
Examples:
  tagship ship --local --repository team/app
      Publish this checkout to the embedded ECR; no AWS account is needed
  tagship plan --account-id 123456789012 --aws-region eu-central-1 --repository team/app
      Show which tags would be made";

const TOP_ENVIRONMENT: &str = "\
Environment:
  TAGSHIP_<NAME>   Any input of `ship`, as TAGSHIP_REPOSITORY for `--repository`
  TAGSHIP_PROGRESS Where `--progress` is not given: auto, plain, tty, json or quiet
  NO_COLOR         Do not colour
  CLICOLOR_FORCE   Colour also where stderr is no terminal";

pub(super) const BUILD: &str = "\
Takes the inputs of `ship`. The working tree is built as it is, also with uncommitted changes, and no registry is written to.

Examples:
  tagship build
      See whether it builds
  tagship build --load --repository team/app
      Build into the engine, as `team/app` with the tags that a release would have
  tagship build --outputs type=local,dest=out --target binaries
      Take the files of a stage
  tagship build --platforms linux/amd64,linux/arm64 --outputs type=oci,dest=image.tar
      Take the image as an OCI layout; the engine needs the containerd store";

pub(super) const SHIP_SHORT: &str = "\
Every flag `--foo-bar` is also the variable TAGSHIP_FOO_BAR, the key `foo-bar` of tagship.yaml and the action's \
input `foo-bar`; the first of these that is given counts.";

const SHIP_EXAMPLES: &str = "\
Examples:
  tagship ship --local --repository team/app
      Publish this checkout to the embedded ECR; no AWS account is needed
  tagship ship --account-id 123456789012 --aws-region eu-central-1 --repository team/app --version 1.4.0
      Publish as version 1.4.0, with the AWS credentials of this shell
  tagship ship --build-args NODE_ENV=production --secrets id=npm,env=NPM_TOKEN
      Build with an argument and a secret; the rest stands in tagship.yaml
  tagship ship --tags 'type=semver,pattern={{version}}' --tags type=sha --tags edge
      Choose the tags";

const SHIP_ENVIRONMENT: &str = "\
Environment:
  TAGSHIP_GITHUB_TOKEN            A token for GitHub's API; secrets are taken from no flag
  AWS_REGION, AWS_DEFAULT_REGION  The default of `--aws-region`
  DOCKER_HOST, DOCKER_CONTEXT     The engine, as the docker command finds it
  AWS_*                           Credentials, as for every AWS tool";

pub(super) const PLAN: &str = "\
The flags are those of `tagship ship`; `tagship ship --help` describes them.

Examples:
  tagship plan
      Show what would be done, with the inputs of tagship.yaml
  tagship plan --json | jq '.tags'
      The same as data
  tagship plan --changed
      List the images of tagship.yaml that the commit touches, as a matrix for GitHub";

pub(super) const TAGS: &str = "\
What started the run is read from GitHub's variables, or from the checkout where there are none.

Examples:
  tagship tags --image team/app --tag 'type=semver,pattern={{version}}' --tag type=sha
      List the tags of this commit
  tagship tags --tags \"$RULES\" --explain
      Say of each rule what it made, or why it made nothing
  tagship tags --tags \"$RULES\" --compat metadata-action --json
      Tags and labels as docker/metadata-action makes them of the same rules

Environment:
  GITHUB_*               What started the run
  TAGSHIP_GITHUB_TOKEN   To ask GitHub about the repository, for its labels";

pub(super) const VERSION: &str = "\
Nothing is printed where no commit calls for a release; `--json` says so in `released`. The rules: docs/versions.md

Examples:
  tagship version
      The version after the last release that HEAD contains
  tagship version --channel rc
      The next release candidate
  tagship version --tag-prefix app/v --path 'services/app/**' --json
      The version of one part of the repository, with its changes as data";

pub(super) const DOCTOR: &str = "\
The flags are those of `tagship ship`. Checks: inputs, checkout and event, engine, registry, clock, credentials, permissions,
repository and tags, GitHub's API. The exit code is that of the first that fails.

Examples:
  tagship doctor
      Examine what `tagship ship` would do here, with the inputs of tagship.yaml
  tagship doctor --json | jq -r '.checks[] | select(.state == \"fail\") | .cure'
      What to do, as data";

pub(super) const INIT: &str = "\
The files are shown before they are written; no file is overwritten. In a terminal, what is missing is asked for.

Examples:
  tagship init --repository team/app --account-id 123456789012 --aws-region eu-central-1
      Show the files, and ask whether to write them
  tagship init --repository team/app --account-id 123456789012 --aws-region eu-central-1 --tool terraform --yes
      Write them, with a Terraform module for the role
  tagship init --from .github/workflows/publish.yml
      Print a workflow of configure-aws-credentials, amazon-ecr-login, metadata-action and build-push-action as one of Tagship";

pub(super) const IAM: &str = "\
The repositories are those of tagship.yaml, or the one that flags name. No AWS API is called.

Examples:
  tagship iam --repository team/app --account-id 123456789012 --aws-region eu-central-1
      What a role needs to publish to one repository
  tagship iam --for plan --format terraform
      What a role needs that only plans, as a Terraform data source
  tagship iam trust --branch main --tag 'v*'
      Who may assume the role: jobs of these branches and git tags
  tagship iam trust --environment production --github-repository octo/app
      Who may assume the role: jobs that name an environment
  tagship iam --json | jq '.permissions'
      Each action, whether it is required, and what it is for";
pub(super) const LS: &str = "\
Images with the greatest versions come first, then those without one, the youngest first. The repository may also be \
given by tagship.yaml or TAGSHIP_REPOSITORY.

Examples:
  tagship ls team/app
      List the images of a repository; registry and credentials are found as by `ship`
  tagship ls 123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app --limit 0
      List all of them, wherever this is run
  tagship ls team/app --all --json | jq '.images[] | select(.signed | not) | .digest'
      Find what is not signed, also among images without tags";

pub(super) const INSPECT: &str = "\
Examples:
  tagship inspect team/app:1.4.0
      Show an image by its tag
  tagship inspect 1.4.0
      The same in the repository of tagship.yaml
  tagship inspect team/app:1.4.0 --json | jq -r '.manifest.manifests[].digest'
      Print the digests of its platforms";

pub(super) const SCAN: &str = "\
Of an index each image counts, and what several of them have counts once. Nothing is written, unless `--start` begins a \
scan. Exit code 11: findings are above the limits, or there are none to judge by. docs/scanning.md has more.

Examples:
  tagship scan team/app:1.4.0
      Show the findings of an image, the worst first
  tagship scan 1.4.0 --fail-on critical=0,high=5 --only-fixed
      Judge it in the repository of tagship.yaml, without what nothing mends yet
  tagship scan --start
      Scan the image of the commit that is checked out
  tagship scan 1.4.0 --fail-on none --json | jq '.gate.counts'
      Count the findings";

pub(super) const PROMOTE: &str = "\
Nothing is built: the same manifest gets the tags, byte for byte. All conflicts are found before anything is written; \
exit code 10 names them. A second run writes nothing. docs/promoting.md has more.

Examples:
  tagship promote team/app --from 1.4.0 --to staging
      Let `staging` point to version 1.4.0
  tagship promote team/app --from staging --to prod --to 'prod-{{date \"YYYY-MM-DD\"}}' --require-tag 1.4.0
      Promote what is on staging, if it is version 1.4.0, and keep its day
  tagship promote team/app --from 1.3.2 --to prod --rollback
      Go back to an earlier version
  tagship promote dev/app --from 1.4.0 --to 1.4.0 --to-repository prod/app
      Take it to another repository, with its signatures";

pub(super) const RELEASE: &str = "\
Nothing is built. The git tag goes to the commit that the image says it is of; the image's release tag has to point to it. \
A second run completes what is missing. docs/github-release.md has more.

Examples:
  tagship release team/app:1.4.0 --dry-run
      Show what would be put and published
  tagship release team/app:1.4.0
      Put `v1.4.0`, and publish the release
  tagship release team/app:1.4.0 --git-tag
      Put the git tag alone

Environment:
  TAGSHIP_GITHUB_TOKEN   A token with `contents: write`
  GITHUB_REPOSITORY      `owner/name`, where the remote `origin` is not on GitHub";

pub(super) const PUSH: &str = "\
What is pushed goes through the transaction of `ship`: planned, pushed by digest, read back, and only then tagged. A version or \
a commit never leaves its image. docs/pushing.md has more.

Examples:
  tagship push app:1.4.0 team/app
      Push an image of the engine under its own tag
  tagship push app:dev team/app:1.4.0 --to latest --dry-run
      Show what would become of two tags
  tagship push docker-archive:app.tar team/app:1.4.0 --require-scan
      Push what `docker save` wrote, and tag it if its scan passes
  tagship push web-1.2.3.tgz charts/web
      Push a packaged Helm chart; the tag is its version
  tagship push filter.wasm team/filter:0.3.0
      Push WebAssembly";

pub(super) const COPY: &str = "\
A name without a host is in the registry of the settings. Logins of other registries are those of the docker command. \
A copy that was broken off is repeated, and sends what is missing. docs/copying.md has more.

Examples:
  tagship copy ghcr.io/octo/app team/app --all-tags --referrers --create-repository
      Move a repository to ECR, with its signatures
  tagship copy docker.io/library/nginx:1.27 mirror/nginx --platform linux/arm64
      Mirror one image of one platform
  tagship copy team/app registry.example.com/team/app --tag-pattern '1.*' --dry-run
      Show what a copy of some tags would send
  tagship copy --from-file list --all-tags
      Copy what a file lists, a source and a target on each line";

pub(super) const ENV: &str = "\
Examples:
  eval \"$(tagship local env)\"
      From then on the AWS CLI and `tagship ship` of this shell use the embedded ECR
  tagship local env --json
      Print the variables as JSON; those that must not be set are null";

pub(super) const SERVE: &str = "\
Examples:
  tagship local serve
      Serve on port 5510; then `tagship ship --local` and `docker pull` find it there
  tagship local serve --port 0 --json
      Serve on a free port, and print the address as JSON
  sudo tagship local serve --tls
      Serve `https://000000000000.dkr.ecr.us-east-1.amazonaws.com` too, and print what clients need for it";
