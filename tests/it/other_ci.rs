//! Jobs of CI systems other than GitHub Actions, and their page: each example is a configuration that the system's schema
//! takes, and its command publishes what the job's variables say.

use std::fs;
use std::process::Command;

use serde_json::Value;
use test_support::clients::client;
use test_support::local::ROLE_ARN;
use test_support::process::{Finished, finish, output_of, scrubbed, tagship_program};
use test_support::shipping::Shipyard;

const PAGE: &str = include_str!("../../docs/other-ci.md");

/// A system: its heading on the page, the schema of its configuration, and the variables of a job at the tag `v1.0.0`.
struct System {
    heading: &'static str,
    schema: Option<&'static str>,
    variables: &'static [(&'static str, &'static str)],
    /// Where the job's token is; the others have ordinary credentials.
    token: Option<&'static str>,
}

const SYSTEMS: [System; 7] = [
    System {
        heading: "GitLab CI/CD",
        schema: Some("vendor.gitlab-ci"),
        variables: &[
            ("GITLAB_CI", "true"),
            ("CI_PIPELINE_SOURCE", "push"),
            ("CI_COMMIT_TAG", "v1.0.0"),
            ("CI_COMMIT_SHA", "HEAD"),
        ],
        token: Some("TAGSHIP_ID_TOKEN"),
    },
    System {
        heading: "CircleCI",
        schema: Some("vendor.circle-ci"),
        variables: &[
            ("CIRCLECI", "true"),
            ("CIRCLE_TAG", "v1.0.0"),
            ("CIRCLE_SHA1", "HEAD"),
        ],
        token: Some("CIRCLE_OIDC_TOKEN_V2"),
    },
    System {
        heading: "Buildkite",
        schema: Some("vendor.buildkite"),
        variables: &[
            ("BUILDKITE", "true"),
            ("BUILDKITE_BRANCH", "v1.0.0"),
            ("BUILDKITE_TAG", "v1.0.0"),
            ("BUILDKITE_COMMIT", "HEAD"),
        ],
        token: Some("TAGSHIP_ID_TOKEN"),
    },
    System {
        heading: "Bitbucket Pipelines",
        schema: Some("vendor.bitbucket-pipelines"),
        variables: &[
            ("BITBUCKET_BUILD_NUMBER", "7"),
            ("BITBUCKET_TAG", "v1.0.0"),
            ("BITBUCKET_COMMIT", "HEAD"),
        ],
        token: Some("BITBUCKET_STEP_OIDC_TOKEN"),
    },
    System {
        heading: "Azure Pipelines",
        // The schema that is published knows the tasks of Microsoft alone.
        schema: None,
        variables: &[
            ("TF_BUILD", "True"),
            ("BUILD_SOURCEBRANCH", "refs/tags/v1.0.0"),
            ("BUILD_SOURCEVERSION", "HEAD"),
        ],
        token: None,
    },
    System {
        heading: "Jenkins",
        schema: None,
        variables: &[
            ("JENKINS_URL", "https://jenkins.example/"),
            ("TAG_NAME", "v1.0.0"),
            ("BRANCH_NAME", "v1.0.0"),
            ("GIT_COMMIT", "HEAD"),
        ],
        token: Some("TAGSHIP_ID_TOKEN"),
    },
    System {
        heading: "AWS CodeBuild",
        schema: None,
        variables: &[
            (
                "CODEBUILD_BUILD_ARN",
                "arn:aws:codebuild:eu-central-1:123456789012:build/app:1",
            ),
            ("CODEBUILD_WEBHOOK_EVENT", "PUSH"),
            ("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.0.0"),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", "HEAD"),
        ],
        token: None,
    },
];

impl System {
    /// The configuration on the page.
    fn example(&self) -> &'static str {
        let (_, section) = PAGE.split_once(&format!("\n## {}\n", self.heading)).unwrap();
        let (_, block) = section.split_once("\n```").unwrap();
        let (_, block) = block.split_once('\n').unwrap();
        block.split("```").next().unwrap()
    }

    /// The arguments of its command.
    fn arguments(&self) -> Vec<&'static str> {
        let (_, command) = self.example().split_once("tagship ship ").unwrap();
        let end = command.find(['\n', '\'']).unwrap();
        command[..end].split_whitespace().collect()
    }

    /// What the command plans in a job at the tag `v1.0.0` of HEAD, or with these changes of the variables.
    fn plan(&self, yard: &Shipyard, changes: &[(&str, &str)]) -> Value {
        let head = yard.checkout.head();
        let mut program = scrubbed(tagship_program(), yard.home());
        program.current_dir(yard.checkout.path()).args(["plan", "--json"]);
        // The page's registry is the embedded one here, and its role that of the tests.
        let host = yard.ecr.host();
        let arguments = self.arguments().into_iter().map(|argument| match argument {
            "--account-id" => "--registry",
            "123456789012" => &host,
            "publish" => ROLE_ARN,
            other => other,
        });
        program.args(arguments).args(["--endpoint-url", &yard.ecr.url()]);
        for (name, value) in self.variables.iter().chain(changes) {
            program.env(name, if *value == "HEAD" { &head } else { *value });
        }
        let (id, secret) = yard.ecr.admin_key();
        match self.token {
            Some(name) => program.env(name, yard.ecr.job_token()),
            None => program
                .env("AWS_ACCESS_KEY_ID", id)
                .env("AWS_SECRET_ACCESS_KEY", secret),
        };
        let finished = finish(&mut program);
        serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|_| panic!("{}{}", finished.stdout, finished.stderr))
    }
}

#[test]
fn each_example_is_a_configuration_of_its_system() {
    let folder = tempfile::tempdir().unwrap();
    for system in SYSTEMS {
        let Some(schema) = system.schema else { continue };
        let path = folder.path().join("pipeline.yml");
        fs::write(&path, system.example()).unwrap();
        let checked = Command::new(client("check-jsonschema"))
            .args(["--builtin-schema", schema])
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{}: {text}", system.heading);
    }
}

/// The names of the tags that a plan is to make.
fn tags(plan: &Value) -> Vec<&str> {
    let Some(tags) = plan["tags"].as_array() else {
        panic!("{plan:#}")
    };
    tags.iter().map(|tag| tag["tag"].as_str().unwrap()).collect()
}

#[test]
fn each_command_publishes_what_the_jobs_variables_say() {
    let yard = Shipyard::new();
    let commit = yard.commit_tag();
    for system in SYSTEMS {
        let plan = system.plan(&yard, &[]);
        assert_eq!(plan["exit-code"], 0, "{}: {plan:#}", system.heading);
        assert_eq!(tags(&plan), [commit.as_str(), "1.0.0"], "{}", system.heading);
    }
}

#[test]
fn a_tag_of_another_commit_than_the_one_checked_out_is_a_conflict() {
    let mut yard = Shipyard::new();
    let tagged = yard.checkout.head();
    yard.commit_more();
    for system in SYSTEMS {
        let of_tag: Vec<(&str, &str)> = system
            .variables
            .iter()
            .filter(|(_, value)| *value == "HEAD")
            .map(|(name, _)| (*name, tagged.as_str()))
            .collect();
        let plan = system.plan(&yard, &of_tag);
        assert_eq!(plan["exit-code"], 10, "{}: {plan:#}", system.heading);
    }
}

/// The files of HEAD without git, as an archive brings them, and what a command comes to there.
struct Archive<'a> {
    yard: &'a Shipyard,
    folder: tempfile::TempDir,
}

impl<'a> Archive<'a> {
    fn of(yard: &'a Shipyard) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tar = yard.home().join("head.tar");
        let output = format!("--output={}", tar.display());
        yard.checkout.git(&["archive", "--format=tar", &output, "HEAD"]);
        let mut unpack = Command::new("tar");
        output_of(unpack.arg("-xf").arg(tar).current_dir(folder.path()));
        Self { yard, folder }
    }

    fn plan(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Finished {
        let docker = "unix:///nonexistent/docker.sock";
        let mut program = self
            .yard
            .command("plan", docker, &[&["--json"], arguments].concat());
        program
            .current_dir(self.folder.path())
            .envs(variables.iter().copied());
        finish(&mut program)
    }
}

fn read(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
}

#[test]
fn files_without_git_are_of_the_commit_that_is_named() {
    let yard = Shipyard::new();
    let (head, commit) = (yard.checkout.head(), yard.commit_tag());
    let archive = Archive::of(&yard);
    let absent = archive.plan(&[], &[]);
    absent.expect_code(2);
    assert!(
        absent.stderr.contains("name their commit with `revision`"),
        "{}",
        absent.stderr
    );

    let time = yard.checkout.git(&["show", "--no-patch", "--format=%ct", "HEAD"]);
    let plan = read(&archive.plan(&[], &["--revision", &head, "--revision-time", &time]));
    assert_eq!(tags(&plan), [commit.as_str()], "{plan:#}");
    let notes = plan["notes"].to_string();
    assert!(
        notes.contains("revision-given") && !notes.contains("1970"),
        "{notes}"
    );
    // It is the very plan that a checkout makes, but for what only git knows.
    let checkout = finish(&mut yard.command(
        "plan",
        "unix:///nonexistent/docker.sock",
        &["--json", "--tags", "type=sha"],
    ));
    assert_eq!(plan["revision"], read(&checkout)["revision"]);

    let version = ["--revision", &head, "--version", "1.0.0"];
    let plan = read(&archive.plan(&[], &version));
    assert_eq!(tags(&plan), [commit.as_str(), "1.0.0"], "{plan:#}");
    assert!(plan["notes"].to_string().contains("1970-01-01"), "{plan:#}");

    for (arguments, what) in [
        (
            ["--release", "git-tag", "--version", "1.0.0"],
            "`release` needs a git checkout",
        ),
        (
            ["--version", "auto", "--scan", "off"],
            "`version: auto` needs a git checkout",
        ),
        (
            ["--revision-time", "yesterday", "--scan", "off"],
            "`yesterday` is neither a time",
        ),
        (
            ["--revision-time", "2026-01-31T12:00:00+25:00", "--scan", "off"],
            "write it as RFC 3339 has it",
        ),
        // The year before 0.
        (
            ["--revision-time", "0000-01-01T00:00:00+01:00", "--scan", "off"],
            "write it as RFC 3339 has it",
        ),
    ] {
        let run = archive.plan(&[], &[&["--revision", head.as_str()], &arguments[..]].concat());
        run.expect_code(2);
        assert!(run.stderr.contains(what), "{}", run.stderr);
    }
    let run = archive.plan(&[], &["--revision", &head[..12]]);
    run.expect_code(2);
    assert!(
        run.stderr.contains("is not the whole id of a commit"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_checkout_of_another_commit_is_not_said_to_be_the_named_one() {
    let mut yard = Shipyard::new();
    let first = yard.checkout.head();
    yard.commit_more();
    let plan = |revision: &str| {
        let arguments = ["--json", "--revision", revision];
        finish(&mut yard.command("plan", "unix:///nonexistent/docker.sock", &arguments))
    };
    let other = plan(&first);
    other.expect_code(2);
    assert!(
        other
            .stderr
            .contains(&format!("`revision` is {}, and commit", &first[..12])),
        "{}",
        other.stderr
    );
    let own = read(&plan(&yard.checkout.head()));
    assert!(!own["notes"].to_string().contains("revision-given"), "{own:#}");
}

#[test]
fn codebuild_names_the_commit_of_an_archive() {
    let yard = Shipyard::new();
    let (head, commit) = (yard.checkout.head(), yard.commit_tag());
    let archive = Archive::of(&yard);
    let arn = "arn:aws:codebuild:eu-central-1:123456789012:build/app:1";
    let of = |source: &str, more: &[(&str, &str)]| {
        let job = [
            ("CODEBUILD_BUILD_ARN", arn),
            ("CODEBUILD_RESOLVED_SOURCE_VERSION", source),
        ];
        archive.plan(&[&job[..], more].concat(), &[])
    };
    let plan = read(&of(&head, &[]));
    assert_eq!(tags(&plan), [commit.as_str()], "{plan:#}");
    let plan = read(&of(&head, &[("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.0.0")]));
    assert_eq!(tags(&plan), [commit.as_str(), "1.0.0"], "{plan:#}");
    // The version of an object in S3 is no commit.
    of(
        "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
        &[],
    )
    .expect_code(2);
}
