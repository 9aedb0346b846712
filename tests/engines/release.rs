//! Tagship's own release, rehearsed: the scripts release it to the embedded ECR's public registry and a fake of GitHub,
//! and what they released works for who uses it.

mod install;
mod start_page;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use test_support::action::Job;
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::engines::{self, Image};
use test_support::github::{Github, REPOSITORY, TOKEN};
use test_support::local::Ecr;
use test_support::process::{Finished, finish, output_of, repository_root, scrubbed};
use test_support::shipping::DOCKERFILE;
use test_support::unique;

/// The version in Cargo.toml.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A clone of this repository at its commit, whose image is built and published, once for all tests.
struct Clone {
    folder: TempDir,
    ecr: Ecr,
    /// `HOST/NAME` of the image.
    image: String,
    login: String,
}

impl Clone {
    fn of_this_repository() -> &'static Self {
        static CLONE: OnceLock<Clone> = OnceLock::new();
        CLONE.get_or_init(|| {
            let package = repository_root();
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            output_of(
                scrubbed("git", folder.path())
                    .args(["-c", "safe.directory=*", "clone", "--quiet"])
                    .arg(package)
                    .arg(folder.path()),
            );
            let dist = folder.path().join("dist");
            for platform in ["linux-amd64", "linux-arm64"] {
                // Where there is but one binary, its image stands for those of both platforms: how they are brought
                // together is the same.
                let staged = package.join("dist").join(platform).join("tagship");
                let any = if staged.is_file() { staged } else { staged_here() };
                std::fs::create_dir_all(dist.join(platform)).expect("a folder can be made");
                std::fs::copy(any, dist.join(platform).join("tagship")).expect("a binary can be copied");
            }
            let ecr = Ecr::start_with_public_registries();
            let made = aws(&ecr, &["create-repository", "--repository-name", "tagship"]);
            let made: Value = serde_json::from_str(&made).expect("it is JSON");
            let image = made["repository"]["repositoryUri"]
                .as_str()
                .expect("it is text")
                .to_owned();
            let login = format!("AWS:{}", aws(&ecr, &["get-login-password"]).trim());
            let clone = Self {
                folder,
                ecr,
                image,
                login,
            };
            finish(&mut clone.release(&["build"], None)).expect_code(0);
            finish(&mut clone.release(&["push"], None)).expect_code(0);
            clone
        })
    }

    fn head(&self) -> String {
        output_of(
            scrubbed("git", self.folder.path())
                .current_dir(self.folder.path())
                .args(["rev-parse", "HEAD"]),
        )
    }

    /// `HOST/NAME@DIGEST` of what was published.
    fn published(&self) -> String {
        let published = std::fs::read_to_string(self.folder.path().join("dist/published"));
        published.expect("`push` wrote it").trim().to_owned()
    }

    /// `scripts/release ARGUMENT…`, with what is staged.
    fn release(&self, arguments: &[&str], github: Option<&Github>) -> Command {
        let mut command = Command::new(self.folder.path().join("scripts/release"));
        command
            .current_dir(self.folder.path())
            .args(["--staged", "--rehearsal"])
            .args(arguments)
            .env_remove("GITHUB_TOKEN")
            .env_remove("GITHUB_OUTPUT")
            .env("DOCKER_HOST", engines::named("docker28-containerd").host())
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("RELEASE_IMAGE", &self.image)
            .env("RELEASE_IMAGE_LOGIN", &self.login);
        if let Some(github) = github {
            command
                .env("GITHUB_API_URL", github.api_url())
                .env("GITHUB_TOKEN", TOKEN);
        }
        command
    }
}

/// The binary that `scripts/build-image` staged for this machine.
fn staged_here() -> PathBuf {
    let dist = repository_root().join("dist");
    let staged = ["linux-amd64", "linux-arm64"].map(|platform| dist.join(platform).join("tagship"));
    let found = staged.into_iter().find(|staged| staged.is_file());
    found.expect("nothing is staged in `dist`: run the tests by `scripts/test`")
}

/// What the AWS command line prints of a call of ECR Public.
fn aws(ecr: &Ecr, arguments: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (id, secret) = ecr.admin_key();
    output_of(
        scrubbed(client("aws"), home.path())
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .args([
                "--endpoint-url",
                &ecr.url(),
                "--region",
                "us-east-1",
                "ecr-public",
            ])
            .args(arguments),
    )
}

/// A file of a commit at the fake GitHub.
fn file(github: &Github, revision: &str, path: &str) -> String {
    let folder = github.repository();
    output_of(scrubbed("git", &folder).current_dir(&folder).args([
        "-c",
        "safe.directory=*",
        "show",
        &format!("{revision}:{path}"),
    ]))
}

#[track_caller]
fn released(clone: &Clone, github: &Github) -> Finished {
    let finished = finish(&mut clone.release(&["publish"], Some(github)));
    finished.expect_code(0);
    finished
}

/// What GitHub has after a release, apart from numbers and times.
#[track_caller]
fn assert_whole(clone: &Clone, github: &Github) {
    let tag = format!("v{VERSION}");
    let moving = format!("v{}", VERSION.split('.').next().expect("a version has a major"));
    let tags = github.tags();
    assert_eq!(tags.keys().collect::<Vec<_>>(), [&moving, &tag], "{tags:?}");
    assert_eq!(tags[&moving], tags[&tag]);
    assert_eq!(
        file(github, &format!("{tag}^"), "Cargo.toml"),
        file(github, &clone.head(), "Cargo.toml")
    );
    let action = file(github, &tag, "action.yml");
    assert!(
        action.contains(&format!("image: docker://{}\n", clone.published())),
        "{action}"
    );
    let checksums = file(github, &tag, "setup/SHA256SUMS");
    let releases = github.releases();
    let [release] = releases.as_array().expect("it is a list").as_slice() else {
        panic!("one release, not {releases}");
    };
    assert_eq!(release["tag_name"], tag);
    assert_eq!(
        (&release["draft"], &release["is_latest"]),
        (&false.into(), &true.into())
    );
    let assets = release["assets"].as_array().expect("it is a list");
    let mut names: Vec<&str> = assets.iter().filter_map(|asset| asset["name"].as_str()).collect();
    names.sort_unstable();
    let archives =
        ["aarch64", "x86_64"].map(|machine| format!("tagship-{VERSION}-{machine}-unknown-linux-gnu.tar.gz"));
    assert_eq!(names, ["SHA256SUMS", "install.sh", &archives[0], &archives[1]]);
    for asset in assets.iter().filter(|asset| asset["name"] != "SHA256SUMS") {
        let digest = asset["digest"]
            .as_str()
            .and_then(|digest| digest.strip_prefix("sha256:"));
        let line = format!(
            "{}  {}",
            digest.expect("it is SHA-256"),
            asset["name"].as_str().expect("it is text")
        );
        assert!(
            checksums.lines().any(|known| known == line),
            "no `{line}` in\n{checksums}"
        );
    }
}

#[test]
fn a_release_is_made_and_its_action_publishes() {
    let clone = Clone::of_this_repository();
    let github = Github::of(clone.folder.path());
    released(clone, &github);
    assert_whole(clone, &github);
    github.allow_writes(None);
    released(clone, &github);
    assert_eq!(
        github.writes(),
        Vec::<String>::new(),
        "a second run writes nothing"
    );

    let action: serde_yaml::Value =
        serde_yaml::from_str(&file(&github, "v1", "action.yml")).expect("it is YAML");
    let image = action["runs"]["image"]
        .as_str()
        .and_then(|image| image.strip_prefix("docker://"));
    let image = image.expect("a release commit names an image");
    for engine in engines::all() {
        // As the runner does at the job's start: with no login.
        engine.run(&["pull", "--quiet", image]);
        let image = Image::named(engine, image);
        let mut checkout = Checkout::empty();
        checkout.write("hello", unique::hex64());
        checkout.commit(&[("Dockerfile", DOCKERFILE)]);
        checkout.tag("v1.0.0");
        let job = Job::new(engine, &checkout);
        let result = job.start(&image).wait();
        assert!(result.succeeded(), "{}:\n{}", engine.name, result.log());
        assert_eq!(result.outputs["status"], "published");
        let again = job.start(&image).wait();
        assert!(again.succeeded(), "{}:\n{}", engine.name, again.log());
        assert_eq!(again.outputs["status"], "already-published");
        assert_eq!(again.outputs["digest"], result.outputs["digest"]);
    }
}

#[test]
fn a_release_that_is_cut_off_anywhere_is_completed_by_the_next_run() {
    let clone = Clone::of_this_repository();
    for writes in 0.. {
        let github = Github::of(clone.folder.path());
        github.allow_writes(Some(writes));
        let cut_off = finish(&mut clone.release(&["publish"], Some(&github)));
        if cut_off.code == Some(0) {
            assert!(writes >= 9, "{writes} requests write");
            break;
        }
        assert!(
            cut_off.stderr.contains("error: GitHub answers"),
            "{}",
            cut_off.stderr
        );
        github.allow_writes(None);
        released(clone, &github);
        assert_whole(clone, &github);
    }
}

#[test]
fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let clone = Clone::of_this_repository();
    let github = Github::of(clone.folder.path());
    let finished = finish(&mut clone.release(&["--dry-run", "push", "publish"], Some(&github)));
    finished.expect_code(0);
    assert!(
        finished
            .stderr
            .contains(&format!("would publish {}", clone.published())),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains(&format!("would tag `v{VERSION}`")),
        "{}",
        finished.stderr
    );
    assert_eq!(github.writes(), Vec::<String>::new());
}

#[test]
fn a_release_tag_never_moves_and_a_moving_tag_never_goes_backwards() {
    let clone = Clone::of_this_repository();
    let github = Github::of(clone.folder.path());
    let before = output_of(
        scrubbed("git", clone.folder.path())
            .current_dir(clone.folder.path())
            .args(["rev-parse", "HEAD^"]),
    );
    let tag = format!("v{VERSION}");
    github.put_tag(&tag, &before);
    let refused = finish(&mut clone.release(&["publish"], Some(&github)));
    refused.expect_code(1);
    assert!(
        refused.stderr.contains("hint: raise the version"),
        "{}",
        refused.stderr
    );
    assert_eq!(github.writes(), Vec::<String>::new());

    let github = Github::of(clone.folder.path());
    let major: u64 = VERSION
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .expect("it is a number");
    let greater = format!("v{major}.999.0");
    for tag in [greater.as_str(), &format!("v{major}")] {
        github.put_tag(tag, &before);
    }
    released(clone, &github);
    assert_eq!(
        github.tags()[&format!("v{major}")],
        before,
        "a greater version keeps it"
    );
    assert!(github.tags().contains_key(&tag));

    let github = Github::of(clone.folder.path());
    github.put_tag(&format!("v{major}"), &before);
    let refused = finish(&mut clone.release(&["publish"], Some(&github)));
    refused.expect_code(1);
    assert!(
        refused.stderr.contains("no release tag names"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_image_that_not_everybody_may_pull_is_not_released() {
    let clone = Clone::of_this_repository();
    // The registry of the account is not public.
    let registry = clone.ecr.login();
    clone
        .ecr
        .create_repository("private", &tagship_domain::immutability::Mutability::Mutable);
    let mut command = clone.release(&["push"], None);
    let login = String::from_utf8(
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &registry.token)
            .expect("it is base64"),
    );
    command
        .env("RELEASE_IMAGE", format!("{}/private", registry.host))
        .env("RELEASE_IMAGE_LOGIN", login.expect("it is text"));
    let published = clone.published();
    let refused = finish(&mut command);
    refused.expect_code(1);
    assert!(
        refused.stderr.contains("make the repository public"),
        "{}",
        refused.stderr
    );
    assert_eq!(
        clone.published(),
        published,
        "what is not public is not handed on"
    );
}
