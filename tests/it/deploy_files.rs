//! Files that deployments read, written by a run whose image is published already.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::local::{Ecr, is_tag_put};
use test_support::page::{REGISTRY, check};
use test_support::process::{Finished, finish, scrubbed, tagship_program};
use test_support::schema::problems;

const TASK: &str =
    r#"{"family": "app", "containerDefinitions": [{"name": "web", "image": "app:old", "essential": true}]}"#;
const KUSTOMIZATION: &str = "resources:\n  - deployment.yaml\nimages:\n  # By digest: a tag says what it is called.\n  - name: app\n    newTag: 1.2.3\n";
const VALUES: &str =
    "replicas: 2 # enough for one zone to fail\nimage:\n  repository: team/app\n  digest: \"sha256:old\"\n";

/// A commit whose image is published for two platforms, and the files of a deployment.
struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
    digest: String,
}

impl World {
    fn new() -> Self {
        Self::of(&["amd64", "arm64"])
    }

    fn of(platforms: &[&str]) -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            (".dockerignore", "deploy\n"),
            ("tagship.yaml", "repository: team/app\n"),
            ("deploy/task.json", TASK),
            ("deploy/kustomization.yaml", KUSTOMIZATION),
            ("deploy/values.yaml", VALUES),
        ]);
        checkout.tag("v1.10.0");
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let images: Vec<_> = platforms
            .iter()
            .map(|platform| pusher.image(platform, platform, &labels))
            .collect();
        let digest = match images.as_slice() {
            [one] => one.digest,
            several => pusher.index(several).digest,
        };
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
        ecr.forget_journal();
        Self {
            ecr,
            checkout,
            home: tempfile::tempdir().unwrap(),
            digest: digest.to_string(),
        }
    }

    fn ship(&self, entries: &[&str], more: &[&str]) -> Finished {
        let entries = entries.iter().flat_map(|entry| ["--deploy-files", entry]);
        let arguments: Vec<&str> = ["ship", "--json"]
            .into_iter()
            .chain(entries)
            .chain(more.iter().copied())
            .collect();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.checkout.path()))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.checkout.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn image(&self) -> String {
        format!("{}/team/app@{}", self.ecr.host(), self.digest)
    }
}

#[test]
fn every_type_is_written_with_the_digest_and_reported() {
    let world = World::new();
    let run = world.ship(
        &[
            "type=image-definitions,container=web,path=deploy/imagedefinitions.json",
            "type=helm-values,key=image.digest,value=digest,path=deploy/values.yaml",
            "type=helm-values,key=image,value=tag,path=deploy/other.yaml",
            "type=lambda,function=resize,platform=linux/arm64,path=deploy/lambda.json",
            "type=env,path=deploy/image.env",
        ],
        &[],
    );
    run.expect_code(2);
    assert!(
        run.stderr
            .contains("deploy file `deploy/other.yaml` does not exist"),
        "{}",
        run.stderr
    );
    assert!(
        !world.path("deploy/imagedefinitions.json").exists(),
        "all or nothing"
    );
    assert!(!world.ecr.journal().iter().any(is_tag_put));

    world.checkout.write("deploy/other.yaml", "image: x\n");
    let run = world.ship(
        &[
            "type=image-definitions,container=web,path=deploy/imagedefinitions.json",
            "type=helm-values,key=image.digest,value=digest,path=deploy/values.yaml",
            "type=helm-values,key=image,value=tag,path=deploy/other.yaml",
            "type=lambda,function=resize,platform=linux/arm64,path=deploy/lambda.json",
            "type=env,path=deploy/image.env",
        ],
        &[],
    );
    run.expect_code(0);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(problems("docs/schemas/report.json", &report), "");
    assert_eq!(
        report["deploy-files"][1],
        json!({"type": "helm-values", "path": "deploy/values.yaml"})
    );
    let definitions: Value = serde_json::from_str(&world.read("deploy/imagedefinitions.json")).unwrap();
    assert_eq!(definitions, json!([{"name": "web", "imageUri": world.image()}]));
    assert_eq!(
        world.read("deploy/values.yaml"),
        VALUES.replace("sha256:old", &world.digest)
    );
    assert_eq!(world.read("deploy/other.yaml"), "image: \"1.10.0\"\n");
    assert_eq!(
        world.read("deploy/image.env"),
        format!("IMAGE={}\n", world.image())
    );
    let lambda: Value = serde_json::from_str(&world.read("deploy/lambda.json")).unwrap();
    let arm = report["manifests"][1]["digest"].as_str().unwrap();
    assert_eq!(lambda["ImageUri"], format!("{}/team/app@{arm}", world.ecr.host()));

    // Published before, the files are written all the same.
    fs::remove_file(world.path("deploy/image.env")).unwrap();
    world
        .ship(&["type=env,path=deploy/image.env"], &[])
        .expect_code(0);
    assert_eq!(
        world.read("deploy/image.env"),
        format!("IMAGE={}\n", world.image())
    );
}

#[test]
fn several_entries_change_their_parts_of_one_file() {
    let world = World::new();
    let task = r#"{"family": "app", "containerDefinitions": [{"name": "web", "image": "a"}, {"name": "migrate", "image": "b"}]}"#;
    world.checkout.write("deploy/two.json", task);
    let run = world.ship(
        &[
            "type=helm-values,key=image.repository,value=repository,path=deploy/values.yaml",
            "type=helm-values,key=image.digest,value=digest,path=deploy/values.yaml",
            "type=task-definition,container=web,from=deploy/two.json,path=deploy/rendered.json",
            "type=task-definition,container=migrate,from=deploy/two.json,path=deploy/rendered.json",
            "type=env,path=deploy/image.env",
            "type=env,name=WORKER,path=deploy/image.env",
        ],
        &[],
    );
    run.expect_code(0);
    let repository = format!("{}/team/app", world.ecr.host());
    let values = VALUES
        .replace("sha256:old", &world.digest)
        .replace("team/app", &repository);
    // A colon in a plain value would be one of YAML's.
    assert_eq!(
        world.read("deploy/values.yaml").replace('"', ""),
        values.replace('"', "")
    );
    let rendered: Value = serde_json::from_str(&world.read("deploy/rendered.json")).unwrap();
    for container in rendered["containerDefinitions"].as_array().unwrap() {
        assert_eq!(container["image"], world.image());
    }
    let image = world.image();
    assert_eq!(
        world.read("deploy/image.env"),
        format!("IMAGE={image}\nWORKER={image}\n")
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["deploy-files"].as_array().unwrap().len(), 3, "{report}");
    assert_eq!(world.read("deploy/two.json"), task);
}

#[test]
fn a_file_names_the_image_in_a_further_target() {
    let world = World::new();
    world.ecr.create_repository("team/copy", &Mutability::Immutable);
    let copy = format!("{}/team/copy", world.ecr.host());
    let entry = format!("type=env,target={copy},path=deploy/copy.env");
    let run = world.ship(
        &[&entry, "type=env,path=deploy/image.env"],
        &["--targets", "team/copy"],
    );
    run.expect_code(0);
    let line = format!("IMAGE={copy}@{}\n", world.digest);
    assert_eq!(world.read("deploy/copy.env"), line);
    assert_eq!(
        world.read("deploy/image.env"),
        format!("IMAGE={}\n", world.image())
    );
}

/// A full disk, as a limit to the size of files is one: what is published is said first, and is in the report.
#[test]
fn a_file_that_has_no_room_after_the_publication_does_not_hide_it() {
    for (file, said) in [
        ("--digest-file", "which `digest-file` names, cannot be written: "),
        (
            "--metadata-file",
            "which `metadata-file` names, cannot be written: ",
        ),
        ("--deploy-files", "deploy file `deploy/new` cannot be written: "),
    ] {
        let world = World::new();
        let value = if file == "--deploy-files" {
            "type=env,path=deploy/new"
        } else {
            "deploy/new"
        };
        let ship = world
            .ecr
            .command(world.home.path(), &["ship", "--json", file, value]);
        let mut limited = std::process::Command::new("bash");
        limited
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
            .arg(ship.get_program())
            .args(ship.get_args())
            .env_clear()
            .envs(ship.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(world.checkout.path());
        let run = finish(&mut limited);
        run.expect_code(1);
        let published = format!("error: `{}` is published", world.image());
        assert!(run.stderr.contains(&published), "{}", run.stderr);
        assert!(run.stderr.contains(said), "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["digest"], world.digest);
        assert_eq!(
            (&report["status"], &report["exit-code"]),
            (&json!("failed"), &json!(1))
        );
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        assert!(world.ecr.journal().iter().any(is_tag_put), "the tags stand");
        assert!(!world.path("deploy/new").exists());
    }
}

#[test]
fn what_cannot_be_made_or_written_is_found_before_anything_is_published() {
    let world = World::new();
    fs::create_dir(world.path("deploy/folder")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("values.yaml"), "a: 1\n").unwrap();
    symlink(outside.path(), world.path("deploy/out")).unwrap();
    symlink(
        outside.path().join("values.yaml"),
        world.path("deploy/values-out.yaml"),
    )
    .unwrap();
    symlink(outside.path().join("missing"), world.path("deploy/dangling")).unwrap();
    symlink("../.git", world.path("deploy/git-link")).unwrap();
    fs::create_dir_all(world.path(".Git/hooks")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("deploy/pipe"))
        .status();
    assert!(made.unwrap().success());
    for (entry, said) in [
        (
            "type=env,path=/etc/passwd",
            "`/etc/passwd` leads out of the checkout",
        ),
        ("type=env,path=../x", "`../x` leads out of the checkout"),
        (
            "type=env,path=deploy/out/x",
            "`deploy/out/x` leads out of the checkout",
        ),
        (
            "type=helm-values,key=a,path=deploy/values-out.yaml",
            "`deploy/values-out.yaml` leads out of the checkout",
        ),
        (
            "type=task-definition,container=web,from=deploy/out/x,path=deploy/new",
            "`deploy/out/x` leads out of the checkout",
        ),
        (
            "type=lambda,function=f,platform=linux/arm64,path=deploy/dangling",
            "cannot be written: it is a link that leads nowhere",
        ),
        ("type=env,path=.git/config", "which is git's own"),
        ("type=env,path=.Git/hooks/post-checkout", "which is git's own"),
        ("type=env,path=deploy/.GIT", "which is git's own"),
        ("type=env,path=deploy/git-link/config", "which is git's own"),
        (
            "type=lambda,function=f,platform=linux/arm64,path=deploy/pipe",
            "cannot be written: it is no regular file",
        ),
        (
            "type=env,path=deploy/pipe",
            "cannot be read: it is no regular file",
        ),
        ("type=env,path=deploy/folder", "cannot be read: it is a folder"),
        (
            "type=image-definitions,container=web,path=deploy/none/x",
            "cannot be written",
        ),
        (
            "type=task-definition,container=api,path=deploy/task.json",
            "has no container `api`; it has `web`",
        ),
        (
            "type=helm-values,key=image.none,path=deploy/values.yaml",
            "has no `image.none`",
        ),
    ] {
        let run = world.ship(&[entry], &[]);
        run.expect_code(2);
        assert!(run.stderr.contains(said), "{entry}: {}", run.stderr);
    }
    for second in [
        "type=lambda,function=g,platform=linux/arm64,path=./deploy/a",
        "type=env,path=deploy/a",
    ] {
        let first = "type=lambda,function=f,platform=linux/arm64,path=deploy/a";
        let run = world.ship(&[first, second], &[]);
        run.expect_code(2);
        assert!(run.stderr.contains("is given twice"), "{}", run.stderr);
    }
    let run = world.ship(&["type=env,target=host/team/app,path=deploy/a"], &[]);
    run.expect_code(2);
    let said = "deploy file `deploy/a` is about target `host/team/app`, and the run has none";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!world.ecr.journal().iter().any(is_tag_put));
    assert_eq!(
        fs::read_to_string(outside.path().join("values.yaml")).unwrap(),
        "a: 1\n"
    );
    let run = world.ship(&["type=env,path=deploy/a"], &["--push=false"]);
    run.expect_code(2);
    assert!(
        run.stderr.contains("what is not published is not deployed"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_dry_run_writes_no_file() {
    let world = World::new();
    world
        .ship(&["type=kustomize,path=deploy/kustomization.yaml"], &["--dry-run"])
        .expect_code(0);
    assert_eq!(world.read("deploy/kustomization.yaml"), KUSTOMIZATION);
    let run = world.ship(&["type=kustomize,path=deploy/task.json"], &["--dry-run"]);
    run.expect_code(2);
    assert!(
        run.stderr.contains("no key of a mapping in lines"),
        "{}",
        run.stderr
    );
    let names: Vec<_> = fs::read_dir(world.path("deploy")).unwrap().collect();
    assert_eq!(names.len(), 3, "nothing is left behind");
}

/// A command of the page, with what differs from run to run as the page has it.
fn printed(command: &str, world: &World) -> String {
    let program = tagship_program();
    let settings = world.ecr.command(world.home.path(), &[]);
    let settings = settings
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut shell = scrubbed("/bin/sh", world.home.path());
    shell
        .envs(settings.filter(|(name, _)| *name != "PATH"))
        .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
        .current_dir(world.checkout.path())
        .env("PROGRAMS", program.parent().unwrap());
    finish(&mut shell)
        .stdout
        .replace(&world.ecr.host(), REGISTRY)
        .replace(&world.digest, "DIGEST")
}

#[test]
fn every_example_of_the_page_prints_what_it_says() {
    let world = World::of(&["amd64"]);
    check(include_str!("../../docs/deploy.md"), 5, |command| {
        printed(command, &world)
    });
}
