use std::fs;

use tokio::process::Command as Process;

use super::*;
use crate::action::OUTPUTS;

fn environment(folder: &std::path::Path) -> Environment {
    let variables = [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")]
        .map(|(variable, name)| (variable.into(), folder.join(name).into_os_string()));
    Environment::new(variables, folder.to_owned())
}

#[test]
fn a_signal_drops_the_run_and_every_output_is_written_still() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(folder.path());
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let end = until_interrupted(async move {
            let _alive = alive;
            let own = std::process::id().to_string();
            Process::new("kill").args([signal, &own]).status().await.unwrap();
            std::future::pending().await
        });
        assert!(matches!(end, End::Cancelled), "{signal}");
        assert!(dropped.blocking_recv().is_err(), "the run was dropped");
        let ui = Ui::new(Manner::default(), &environment);
        let files = ActionFiles::of(&environment);
        assert_eq!(show(&ui, end, Some(&files)), ExitCode::from(130));
        let written = fs::read_to_string(folder.path().join("output")).unwrap();
        assert!(
            OUTPUTS
                .iter()
                .all(|output| written.contains(&format!("{}<<", output.name)))
        );
    }
}

#[test]
fn a_failed_run_still_shows_what_it_has_but_names_no_subject() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path());
    let outcome = Outcome {
        outputs: BTreeMap::from([("digest", "sha256:abc".to_owned())]),
        summary: "# half-way".to_owned(),
        ..Outcome::default()
    };
    let ui = Ui::new(Manner::default(), &environment);
    let end = End::Failed(Box::new(NoFolder(io::Error::other("gone"))), Some(outcome));
    let files = ActionFiles::of(&environment);
    assert_eq!(show(&ui, end, Some(&files)), ExitCode::from(2));
    let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("output").contains("sha256:abc"));
    assert_eq!(read("summary"), "# half-way\n");
}

#[test]
fn a_result_that_cannot_be_told_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("output")).unwrap();
    let environment = environment(folder.path());
    let ui = Ui::new(Manner::default(), &environment);
    let files = ActionFiles::of(&environment);
    assert_eq!(
        show(&ui, End::Done(Outcome::default()), Some(&files)),
        ExitCode::from(1)
    );
    let summary = fs::read_to_string(folder.path().join("summary"));
    assert!(
        summary.is_ok(),
        "the summary is written although the outputs are not"
    );
}
