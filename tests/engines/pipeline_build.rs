//! A checkout is built and nothing is published: the built program on real engines, without any registry.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::engines::{self, Engine, Image};
use test_support::git_server::GitServer;
use test_support::process::{Finished, finish, tagship};
use test_support::shipping::{NO_ENGINE, Shipyard};
use test_support::unique;

fn command(checkout: &Checkout, home: &Path, engine: &Engine, arguments: &[&str]) -> Command {
    let mut program = tagship(home);
    program
        .current_dir(checkout.path())
        .args(arguments)
        .args(["--docker-host", &engine.host()]);
    program
}

fn run(checkout: &Checkout, engine: &Engine, arguments: &[&str]) -> Finished {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    finish(&mut command(checkout, home.path(), engine, arguments))
}

fn checkout() -> Checkout {
    let checkout = Checkout::with(&[
        ("Dockerfile", "FROM busybox:1\nCOPY hello /hello\n"),
        ("hello", "hello"),
    ]);
    checkout.tag("v1.2.3");
    checkout
}

#[test]
fn a_working_tree_is_built_as_it_is_without_a_registry_or_repository() {
    for engine in engines::all() {
        let checkout = checkout();
        checkout.write("hello", "changed");
        let built = run(&checkout, engine, &["build", "--json"]);
        built.expect_code(0);
        let report: Value = serde_json::from_str(&built.stdout).expect("the report is JSON");
        assert_eq!(report["status"], "built", "{}", engine.name);
        assert_eq!(report["image"], Value::Null);
        let revision = report["revision"].as_str().expect("a commit is built");
        assert!(revision.ends_with("-dirty"), "{revision}");
    }
}

#[test]
fn an_image_is_loaded_under_the_tags_that_it_would_have() {
    for engine in engines::all() {
        let checkout = checkout();
        let name = unique::name("tagship-build");
        let tags = ["--tags", "type=semver,pattern={{version}}", "--tags", "edge"];
        let image = ["build", "--load", "--repository", &name];
        let built = run(&checkout, engine, &[&image[..], &tags].concat());
        built.expect_code(0);
        let _removed = ["1.2.3", "edge"].map(|tag| Image::named(engine, format!("{name}:{tag}")));
        let id = engine.run(&["inspect", "--format", "{{.Id}}", &format!("{name}:1.2.3")]);
        assert_eq!(built.stdout.trim(), id.trim(), "{}", engine.name);
        assert!(built.stderr.contains(&format!("{name}:edge")), "{}", built.stderr);
        let said = engine.run(&["run", "--rm", &format!("{name}:edge"), "cat", "/hello"]);
        assert_eq!(said.trim(), "hello");
        let format = "{{index .Config.Labels \"org.opencontainers.image.version\"}}";
        let version = engine.run(&["inspect", "--format", format, &format!("{name}:edge")]);
        assert_eq!(version.trim(), "1.2.3", "{}", engine.name);
    }
}

#[test]
fn files_come_out_of_a_build_that_a_workflow_does_not_publish() {
    for engine in engines::all() {
        let checkout = checkout();
        let arguments = [
            "ship",
            "--push=false",
            "--outputs",
            "type=local,dest=out",
            "--repository",
            "team/app",
        ];
        run(&checkout, engine, &arguments).expect_code(0);
        let file = std::fs::read_to_string(checkout.path().join("out/hello"));
        assert_eq!(file.expect("the file is there"), "hello", "{}", engine.name);
    }
}

#[test]
fn what_the_engine_cannot_do_ends_the_run_with_its_name_and_the_way_out() {
    let engine = engines::named("docker28-classic");
    let refused = run(
        &checkout(),
        engine,
        &["build", "--outputs", "type=oci,dest=image.tar"],
    );
    refused.expect_code(2);
    for part in [
        "`outputs` with `type=oci,dest=…`",
        "28.5",
        "classic image store",
        "containerd-snapshotter",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
fn a_plan_finds_what_the_engine_cannot_do_and_does_without_an_engine() {
    let yard = Shipyard::new();
    let several = ["--platforms", "linux/amd64,linux/arm64"];
    let plan = |host: &str| finish(&mut yard.command("plan", host, &several));
    let refused = plan(&engines::named("docker28-classic").host());
    refused.expect_code(2);
    assert!(
        refused.stderr.contains("several `platforms`"),
        "{}",
        refused.stderr
    );
    // A step runs programs of both; whether this machine can is its own matter.
    let possible = plan(&engines::named("docker28-containerd").host());
    assert!(
        possible.code == Some(0) || possible.stderr.contains("without an emulation for that"),
        "{}",
        possible.stderr
    );
    let unknown = plan(NO_ENGINE);
    unknown.expect_code(0);
    assert!(
        unknown.stderr.contains("could not determine whether the engine"),
        "{}",
        unknown.stderr
    );
}

/// The peer's own files say what is expected.
#[test]
fn a_loaded_image_leaves_the_id_that_the_engine_knows_it_by() {
    for engine in engines::all() {
        let checkout = checkout();
        let name = unique::name("tagship-files");
        let flags = ["build", "--load", "--repository", &name, "--tags", "edge"];
        let files = ["--iidfile", "out/iid", "--metadata-file", "out/metadata.json"];
        run(&checkout, engine, &[&flags[..], &files].concat()).expect_code(0);
        let _removed = Image::named(engine, format!("{name}:edge"));
        let id = engine.run(&["inspect", "--format", "{{.Id}}", &format!("{name}:edge")]);
        let read = |file: &str| std::fs::read_to_string(checkout.path().join(file)).expect("it is there");
        assert_eq!(read("out/iid"), id.trim(), "{}", engine.name);
        let metadata: Value = serde_json::from_str(&read("out/metadata.json")).expect("it is JSON");
        assert_eq!(metadata["containerimage.digest"], id.trim());
        assert_eq!(metadata["image.name"], format!("{name}:edge"));
    }
}

#[test]
fn a_program_learns_its_version_and_a_tool_its_own_braces() {
    let engine = engines::named("docker28-containerd");
    let files = [(
        "Dockerfile",
        "FROM busybox:1\nARG VERSION\nARG FORMAT\nRUN echo \"$VERSION $FORMAT\" > /said\n",
    )];
    let checkout = Checkout::with(&files);
    checkout.tag("v1.2.3");
    let flags = [
        "build",
        "--build-args",
        "VERSION=v{{version}}",
        "--build-args",
        "FORMAT={{.Name}}",
    ];
    let outputs = ["--outputs", "type=local,dest=out"];
    let built = run(&checkout, engine, &[&flags[..], &outputs].concat());
    built.expect_code(0);
    let said = std::fs::read_to_string(checkout.path().join("out/said")).expect("the file is there");
    assert_eq!(said, "v1.2.3 {{.Name}}\n");
    assert!(
        built.stderr.contains("build argument `FORMAT` has braces"),
        "{}",
        built.stderr
    );
    let wrong = run(&checkout, engine, &["build", "--build-args", "VERSION={{date}}"]);
    wrong.expect_code(2);
    assert!(
        wrong.stderr.contains("build argument `VERSION`"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_dockerfile_or_a_context_comes_from_standard_input() {
    use std::io::Write as _;
    let engine = engines::named("docker28-classic");
    let checkout = checkout();
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let build = |arguments: &[&str], input: &[u8]| {
        let outputs = ["build", "--outputs", "type=local,dest=out", "--json"];
        let mut program = command(
            &checkout,
            home.path(),
            engine,
            &[&outputs[..], arguments].concat(),
        );
        let pipes = || std::process::Stdio::piped();
        let mut child = program
            .stdin(pipes())
            .stdout(pipes())
            .stderr(pipes())
            .spawn()
            .expect("it starts");
        let mut pipe = child.stdin.take().expect("it is a pipe");
        pipe.write_all(input).expect("it is read");
        drop(pipe);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        assert!(
            report["revision"]
                .as_str()
                .expect("it is text")
                .ends_with("-dirty")
        );
        let file = checkout.path().join("out/said");
        let text = std::fs::read_to_string(&file).expect("the file is there");
        std::fs::remove_file(file).expect("the file can be removed");
        text
    };
    let of_context = b"FROM busybox:1\nCOPY hello /said\n";
    assert_eq!(build(&["--file", "-"], of_context), "hello");
    let alone = b"FROM busybox:1\nRUN echo alone > /said\n";
    assert_eq!(build(&["--context", "-"], alone), "alone\n");
    let folder = Checkout::with(&[
        ("sub/Dockerfile", "FROM busybox:1\nCOPY said /said\n"),
        ("said", "of the archive"),
    ]);
    let tar = |flags: &str| {
        let mut tar = Command::new("tar");
        tar.arg("--create")
            .args([flags, "--file=-", "--exclude=.git", "."]);
        tar.current_dir(folder.path()).output().expect("tar runs").stdout
    };
    for flags in ["--format=ustar", "--format=pax", "--gzip"] {
        let said = build(&["--context", "-", "--file", "sub/Dockerfile"], &tar(flags));
        assert_eq!(said, "of the archive", "{flags}");
    }
}

#[test]
fn a_frontend_is_asked_and_nothing_is_built() {
    let checkout = Checkout::with(&[(
        "Dockerfile",
        "FROM busybox:1 as base\nARG COLOUR=red\nRUN --mount=type=secret,id=token true\nFROM base AS last\n",
    )]);
    for engine in engines::all() {
        let ask = |question: &str| run(&checkout, engine, &["build", "--call", question]);
        let is_old = engine.name.contains("20");
        let outline = ask("outline,format=json");
        if is_old {
            for question in ["check", "outline", "targets"] {
                let refused = ask(question);
                refused.expect_code(2);
                let named = format!("`call: {question}`: engines before");
                assert!(refused.stderr.contains(&named), "{}", refused.stderr);
            }
            continue;
        }
        outline.expect_code(0);
        let outline: Value = serde_json::from_str(&outline.stdout).expect("it is JSON");
        assert_eq!(outline["args"][0]["name"], "COLOUR", "{outline}");
        assert_eq!(outline["secrets"][0]["name"], "token", "{outline}");
        let targets = ask("targets");
        targets.expect_code(0);
        assert!(
            targets.stdout.contains("base") && targets.stdout.contains("last"),
            "{}",
            targets.stdout
        );
        let checked = ask("check");
        checked.expect_code(1);
        assert!(checked.stdout.contains("FromAsCasing"), "{}", checked.stdout);
        assert!(checked.stderr.contains("Dockerfile:1"), "{}", checked.stderr);
        let published = run(
            &checkout,
            engine,
            &["ship", "--local", "--repository", "app", "--call", "check"],
        );
        published.expect_code(2);
    }
}

#[test]
fn a_commit_elsewhere_is_built_on_every_engine() {
    let elsewhere = Checkout::with(&[
        ("app/Dockerfile", "FROM busybox:1\nCOPY . /all/\n"),
        ("app/a", "from afar"),
        ("app/.dockerignore", "*.log\n"),
        ("app/b.log", ""),
    ]);
    elsewhere.tag("v1.2.3");
    let server = GitServer::of(&[("app", elsewhere.path())], None);
    let context = format!("{}#v1.2.3:app", server.url("app"));
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    for engine in engines::all() {
        let name = unique::name("tagship-elsewhere");
        let mut program = tagship(home.path());
        program
            .args(["build", "--load", "--repository", &name, "--context", &context])
            .args([
                "--tags",
                "type=semver,pattern={{version}}",
                "--docker-host",
                &engine.host(),
            ]);
        finish(&mut program).expect_code(0);
        let image = format!("{name}:1.2.3");
        let _removed = Image::named(engine, image.clone());
        let found = engine.run(&[
            "run",
            "--rm",
            &image,
            "sh",
            "-c",
            "cd /all && find . | sort && cat a",
        ]);
        let expected = ".\n./.dockerignore\n./Dockerfile\n./a\nfrom afar";
        assert_eq!(found.trim(), expected, "{}", engine.name);
        let format = "{{index .Config.Labels \"org.opencontainers.image.revision\"}}";
        let revision = engine.run(&["inspect", "--format", format, &image]);
        assert_eq!(revision.trim(), elsewhere.head(), "{}", engine.name);
    }
}
