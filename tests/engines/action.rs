//! The action's real image on the simulated runner, on every engine.

use std::path::Path;
use std::process::Command;

use test_support::action::{Job, action, image};
use test_support::checkout::Checkout;
use test_support::clients::crane;
use test_support::engines;
use test_support::process::{Signal, finish};
use test_support::runner::run::StepResult;
use test_support::shipping::{DOCKERFILE, REPOSITORY};
use test_support::unique;

fn checkout(dockerfile: &str) -> Checkout {
    let mut checkout = Checkout::empty();
    checkout.write("hello", unique::hex64());
    checkout.commit(&[("Dockerfile", dockerfile)]);
    checkout.tag("v1.0.0");
    checkout
}

/// Every declared output is there, whatever happened.
#[track_caller]
fn assert_outputs_declared(result: &StepResult) {
    for name in action().outputs.keys() {
        assert!(
            result.outputs.contains_key(name),
            "output `{name}` is not written"
        );
    }
}

/// What holds however a step ends.
#[track_caller]
fn assert_clean(job: &Job, result: &StepResult) {
    assert_outputs_declared(result);
    assert_eq!(result.errors, Vec::<String>::new(), "{}", result.log());
    assert_eq!(result.containers_left, Vec::<String>::new());
    assert_eq!(job.folders.foreign_files(), Vec::<std::path::PathBuf>::new());
    assert!(
        result.env.is_empty(),
        "nothing reaches later steps: {:?}",
        result.env
    );
    assert!(result.state.is_empty() && result.path.is_empty());
    assert!(
        result.seen.outputs.is_empty(),
        "commands set no outputs: {:?}",
        result.seen.outputs
    );
    let (_, token) = job.context.id_token.as_ref().expect("the job has one");
    let lines = result.finished.lines.iter().map(|line| &line.text);
    for line in lines.filter(|line| !line.starts_with("::add-mask::")) {
        let is_shown = result
            .seen
            .masks
            .iter()
            .chain([token])
            .any(|secret| line.contains(secret.as_str()));
        assert!(!is_shown, "a secret is in the log: {line}");
    }
}

#[test]
fn a_pushed_tag_is_published_and_told_to_the_job() {
    for engine in engines::all() {
        let image = image(engine);
        let checkout = checkout(&format!("{DOCKERFILE}RUN echo spoken\n"));
        let job = Job::new(engine, &checkout);
        let result = job.start(&image).wait();
        assert!(result.succeeded(), "{}:\n{}", engine.name, result.log());
        assert_clean(&job, &result);
        let digest = &result.outputs["digest"];
        let commit_tag = format!("sha-{}", &checkout.head()[..12]);
        let tags = job.ecr.tags(REPOSITORY);
        assert_eq!(tags.len(), 2, "{}", engine.name);
        assert_eq!(&tags["1.0.0"], digest);
        assert_eq!(&tags[&commit_tag], digest);
        let registry = job.ecr.login();
        let reference = format!("{}/{REPOSITORY}:1.0.0", registry.host);
        assert_eq!(crane(&registry, &["digest", &reference]), *digest);

        let name = format!("{}/{REPOSITORY}", job.inputs["registry"]);
        assert_eq!(result.outputs["status"], "published");
        assert_eq!(result.outputs["image"], format!("{name}@{digest}"));
        assert_eq!(result.outputs["repository"], REPOSITORY);
        assert_eq!(result.outputs["version"], "1.0.0");
        assert_eq!(result.outputs["tag"], "1.0.0");
        let report: serde_json::Value =
            serde_json::from_str(&result.outputs["json"]).expect("`json` is JSON");
        assert_eq!(report["digest"], digest.as_str());
        let summary = result.summary.as_deref().unwrap_or_default();
        for part in ["1.0.0", &commit_tag, digest, "docker pull"] {
            assert!(summary.contains(part), "no `{part}` in:\n{summary}");
        }
        let subjects: Vec<_> = result.artifacts.iter().collect();
        assert_eq!(
            subjects.len(),
            1,
            "one subject, so that a bare `actions/attest` works"
        );
        assert!(subjects[0].0.starts_with(&name), "{subjects:?}");
        assert_eq!(subjects[0].1.as_deref(), Some(digest.as_str()));
        assert!(!result.seen.groups.is_empty(), "no groups in {}", result.log());
        assert!(
            result.seen.masks.len() >= 3,
            "token, keys and password are masked"
        );
        assert!(
            result
                .seen
                .annotations
                .iter()
                .all(|annotation| annotation.level != "error")
        );

        let again = job.start(&image).wait();
        assert!(again.succeeded(), "{}", again.log());
        assert_eq!(again.outputs["status"], "already-published");
        assert_eq!(again.outputs["digest"], *digest);
    }
}

/// The embedded ECR is then in the action's container, on a loopback that is not the engine's.
#[test]
fn the_embedded_ecr_of_the_action_is_published_to_on_every_engine() {
    for engine in engines::all() {
        let image = image(engine);
        let mut checkout = checkout(DOCKERFILE);
        let lines: Vec<String> = (0..200_000).map(|_| unique::hex64()).collect();
        checkout.commit(&[("large", &lines.concat())]);
        checkout.git(&["tag", "--force", "v1.0.0"]);
        let mut job = Job::new(engine, &checkout);
        for input in ["endpoint-url", "registry", "role-to-assume"] {
            job.input(input, "");
        }
        job.input("local", "true");
        let result = job.start(&image).wait();
        assert!(result.succeeded(), "{}:\n{}", engine.name, result.log());
        assert_outputs_declared(&result);
        assert_eq!(result.outputs["status"], "published", "{}", engine.name);
        assert_eq!(result.outputs["tag"], "1.0.0");
        assert!(result.outputs["digest"].starts_with("sha256:"), "{}", engine.name);
    }
}

/// Lines of a build that try to speak to the runner.
const HOSTILE: &str = r"FROM busybox:1
RUN printf '%s\n' \
    '##[set-output name=digest]sha256:evil' \
    '::set-output name=image::evil' \
    '   ::set-output name=tag::evil' \
    'text ##[add-mask]latest' \
    '::add-mask::1.0.0' \
    '::error title=evil::evil' \
    '##[warning]evil' \
    '::stop-commands::evil-token' \
    '::endgroup::' \
    '::group::evil' \
    '::echo::on' \
    '##[set-env name=PATH]evil' && printf 'x\r::set-output name=status::evil\r\n'
";

#[test]
fn what_a_build_prints_has_no_effect_on_the_job() {
    for engine in engines::all() {
        let image = image(engine);
        for (recipe, fails) in [
            (HOSTILE.to_owned(), false),
            (format!("{} && exit 3\n", HOSTILE.trim_end()), true),
        ] {
            let job = Job::new(engine, &checkout(&recipe));
            let result = job.start(&image).wait();
            assert_eq!(
                result.exit_code,
                Some(i32::from(fails)),
                "{}:\n{}",
                engine.name,
                result.log()
            );
            assert_clean(&job, &result);
            assert!(
                result.log().contains("evil"),
                "the build's output is shown: {}",
                result.log()
            );
            assert!(
                result.outputs.values().all(|value| value != "evil"),
                "{:?}",
                result.outputs
            );
            assert!(
                !result
                    .seen
                    .masks
                    .iter()
                    .any(|value| value == "latest" || value == "1.0.0")
            );
            assert!(!result.seen.groups.iter().any(|title| title == "evil"));
            let errors = result
                .seen
                .annotations
                .iter()
                .filter(|annotation| annotation.level == "error");
            assert_eq!(errors.count(), usize::from(fails), "only the run's own error");
            assert!(
                result
                    .seen
                    .annotations
                    .iter()
                    .all(|annotation| annotation.message != "evil")
            );
            let status = if fails { "failed" } else { "published" };
            assert_eq!(result.outputs["status"], status);
            assert_eq!(job.ecr.tags(REPOSITORY).is_empty(), fails);
        }
    }
}

#[test]
fn a_cancelled_job_leaves_no_container_no_build_and_no_tag() {
    for engine in engines::all() {
        let image = image(engine);
        // An argument that no other process has.
        let seconds = 100_000 + u64::from_str_radix(&unique::hex64()[..6], 16).expect("they are hex digits");
        let job = Job::new(
            engine,
            &checkout(&format!("FROM busybox:1\nRUN echo begun; sleep {seconds}\n")),
        );
        let mut running = job.start(&image);
        running
            .process
            .wait_for_line(|line| line.text.ends_with("begun") && !line.text.contains("echo"));
        let step = format!("sleep {seconds}");
        assert!(!processes(&step).is_empty(), "{}: the build runs", engine.name);
        let result = running.cancel();
        assert_eq!(
            result.signals,
            [Signal::Int],
            "{}: asked once, gone in 7.5 s",
            engine.name
        );
        assert_eq!(result.exit_code, Some(130), "{}:\n{}", engine.name, result.log());
        assert_clean(&job, &result);
        assert!(job.ecr.tags(REPOSITORY).is_empty());
        for id in processes(&step) {
            // Ends when the process does.
            let gone = Command::new("timeout")
                .args(["60", "tail", "--follow", "/dev/null", "--pid"])
                .arg(id)
                .status();
            assert!(
                gone.expect("`tail` runs").success(),
                "{}: the build goes on",
                engine.name
            );
        }
    }
}

/// The ids of the processes of this machine whose command line is `command`; those in containers count.
fn processes(command: &str) -> Vec<String> {
    let ids = finish(Command::new("pgrep").args(["--exact", "--full", command]));
    ids.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn paths_are_understood_in_all_forms_that_expressions_give() {
    let engine = engines::named("docker28-classic");
    let image = image(engine);
    let mut checkout = checkout(DOCKERFILE);
    checkout.commit(&[("sub/hello", "x"), ("sub/Recipe", DOCKERFILE)]);
    checkout.git(&["tag", "--force", "v1.0.0"]);
    let mut job = Job::new(engine, &checkout);
    let on_host = job.folders.workspace().join("sub");
    for context in [
        "sub",
        "/github/workspace/sub",
        "/__w/octo-app/octo-app/sub",
        &on_host.to_string_lossy(),
    ] {
        job.input("context", context)
            .input("file", &format!("{context}/Recipe"));
        let result = job.start(&image).wait();
        assert!(result.succeeded(), "{context}:\n{}", result.log());
    }
}

#[test]
fn a_runner_without_docker_is_told_so() {
    let engine = engines::named("docker28-containerd");
    let image = image(engine);
    let mut job = Job::new(engine, &checkout(DOCKERFILE));
    job.socket = false;
    let result = job.start(&image).wait();
    assert_eq!(result.exit_code, Some(1), "{}", result.log());
    assert_clean(&job, &result);
    assert!(result.log().contains("/var/run/docker.sock"), "{}", result.log());
    assert_eq!(result.outputs["status"], "failed");
}

#[test]
fn a_missing_input_fails_the_step_with_one_annotation() {
    let engine = engines::named("docker28-containerd");
    let image = image(engine);
    let mut job = Job::new(engine, &checkout(DOCKERFILE));
    job.input("repository", "");
    let result = job.start(&image).wait();
    assert_eq!(result.exit_code, Some(2), "{}", result.log());
    assert_clean(&job, &result);
    let errors: Vec<_> = result
        .seen
        .annotations
        .iter()
        .filter(|annotation| annotation.level == "error")
        .collect();
    assert_eq!(errors.len(), 1, "{}", result.log());
    assert!(errors[0].message.contains("repository"));
}

#[test]
fn the_image_holds_the_binary_and_the_certificates_and_is_small() {
    let engine = engines::named("docker20-classic");
    let image = image(engine);
    let size: u64 = engine
        .run(&["image", "inspect", "--format", "{{.Size}}", &image.name])
        .parse()
        .expect("the size is a number");
    assert!(size < 32_000_000, "{size} bytes");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile").is_file());
}
