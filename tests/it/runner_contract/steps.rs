//! The runner simulation's own containers and variables.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use test_support::checkout::Checkout;
use test_support::engines::{self, Engine, Image};
use test_support::process::Signal;
use test_support::runner::environment::{JobContext, input_variable};
use test_support::runner::folders::Folders;
use test_support::runner::run::{Step, StepResult, start};

const STAND_IN: &str = include_str!("stand-in.sh");

fn stand_in(engine: &'static Engine) -> Image {
    let recipe = "FROM busybox:1\nCOPY act /act\nENTRYPOINT [\"/bin/sh\", \"/act\"]\n";
    let checkout = Checkout::with(&[("Dockerfile", recipe), ("act", STAND_IN)]);
    engine.build(checkout.path())
}

fn folders() -> Folders {
    Folders::new("octo-org/octo-app", &json!({ "ref": "refs/heads/main" }))
}

fn job() -> JobContext {
    JobContext::push("octo-org/octo-app", "refs/heads/main", &"0".repeat(40))
}

fn step(image: &Image, behaviour: &str) -> Step {
    let mut step = Step::new(&image.name, &[]);
    step.args = vec![behaviour.to_owned()];
    step
}

#[test]
fn a_step_sees_and_gives_what_it_does_on_the_real_runner() {
    for engine in engines::all() {
        let image = stand_in(engine);
        let folders = folders();
        let mut step = step(&image, "report");
        step.args.push(String::new());
        let host_path = folders.workspace().join("sub");
        let host_path = host_path.to_str().expect("a path is text");
        step.inputs = BTreeMap::from([
            ("role-to.assume".to_owned(), "x y".to_owned()),
            ("file".to_owned(), host_path.to_owned()),
            ("list".to_owned(), format!("a\n{host_path}")),
            ("empty".to_owned(), String::new()),
        ]);
        let result = start(engine, &folders, &job(), &step).wait();
        let has = |line: &str| {
            assert!(
                result.seen.log.iter().any(|seen| seen == line),
                "{}: no `{line}` in:\n{}",
                engine.name,
                result.log()
            );
        };
        has("home=/github/home where=/github/workspace user=0 owner=1001 args=2");
        has("socket=yes");
        has("INPUT_ROLE-TO.ASSUME=x y");
        has("INPUT_EMPTY=");
        has("INPUT_FILE=/github/workspace/sub");
        has(host_path);
        has("CI=true");
        has("GITHUB_ACTIONS=true");
        has("GITHUB_WORKSPACE=/github/workspace");
        has("GITHUB_EVENT_PATH=/github/workflow/event.json");
        has("RUNNER_TEMP=/github/runner_temp");
        has(r#"{"ref":"refs/heads/main"}"#);
        has("the *** is hidden");
        assert_eq!(result.exit_code, Some(3));
        assert!(!result.succeeded());
        assert_eq!(
            result.outputs["digest"], "sha256:1",
            "the file is read after the commands"
        );
        assert_eq!(
            result.outputs["tag"], "evil",
            "what the file does not name is lost to the output"
        );
        assert_eq!(result.env["KEY"], "value");
        assert_eq!(result.summary.as_deref(), Some("# Done with ***\n"));
        assert_eq!(result.containers_left, Vec::<String>::new());
        let foreign = [
            folders.temp().join("left-behind"),
            folders.workspace().join("left-behind"),
        ];
        let mut found = folders.foreign_files();
        found.sort();
        assert_eq!(found, foreign, "files of a container belong to root");
    }
}

fn cancel(engine: &'static Engine, behaviour: &str) -> StepResult {
    let image = stand_in(engine);
    let folders = folders();
    let mut running = start(engine, &folders, &job(), &step(&image, behaviour));
    running.process.wait_for_line(|line| line.text == "ready");
    let result = running.cancel();
    fs::metadata(folders.workspace()).expect("the folders outlive the step");
    result
}

#[test]
fn a_cancelled_step_that_obeys_is_asked_once_and_leaves_nothing() {
    for engine in engines::all() {
        let result = cancel(engine, "obey");
        assert_eq!(result.signals, [Signal::Int], "{}", engine.name);
        assert_eq!(result.exit_code, Some(130), "{}", engine.name);
        assert_eq!(
            result.outputs["status"], "cancelled",
            "files count after a cancel too"
        );
        assert_eq!(result.containers_left, Vec::<String>::new(), "{}", engine.name);
    }
}

#[test]
fn a_cancelled_step_that_obeys_only_termination_is_asked_twice() {
    let result = cancel(engines::named("docker28-classic"), "obey-term");
    assert_eq!(result.signals, [Signal::Int, Signal::Term]);
    assert_eq!(result.containers_left, Vec::<String>::new());
}

#[test]
fn a_cancelled_step_that_ignores_signals_is_left_running() {
    let result = cancel(engines::named("docker28-containerd"), "ignore");
    assert_eq!(result.signals, [Signal::Int, Signal::Term, Signal::Kill]);
    assert_eq!(result.exit_code, None, "the docker client was killed");
    assert_eq!(result.containers_left.len(), 1, "the container was not");
}

#[test]
fn only_dashes_and_dots_survive_in_the_variables_of_inputs() {
    assert_eq!(input_variable("role-to.assume now"), "INPUT_ROLE-TO.ASSUME_NOW");
}
