use std::fs;

use tokio::process::Command as Process;

use super::*;
use crate::report::OUTPUTS;

fn environment(folder: &std::path::Path) -> Environment {
    let variables = [
        ("GITHUB_OUTPUT", "output"),
        ("GITHUB_STEP_SUMMARY", "summary"),
        ("GITHUB_ARTIFACTS", "artifacts"),
    ]
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
        assert_eq!(
            show(&ui, end, &Ledger::default(), Some(&files)),
            ExitCode::from(130)
        );
        let written = fs::read_to_string(folder.path().join("output")).unwrap();
        assert!(
            OUTPUTS
                .iter()
                .all(|output| written.contains(&format!("{}<<", output.name)))
        );
    }
}

#[test]
fn a_failed_run_says_why_in_the_summary_and_names_no_subject() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path());
    let ui = Ui::new(Manner::default(), &environment);
    let end = End::Failed(Box::new(NoFolder(io::Error::other("gone"))));
    let files = ActionFiles::of(&environment);
    assert_eq!(
        show(&ui, end, &Ledger::default(), Some(&files)),
        ExitCode::from(2)
    );
    let summary = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(
        summary.contains("the current folder cannot be read: gone"),
        "{summary}"
    );
    assert!(!folder.path().join("artifacts").exists());
}

#[test]
fn a_result_that_cannot_be_told_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("output")).unwrap();
    let environment = environment(folder.path());
    let ui = Ui::new(Manner::default(), &environment);
    let files = ActionFiles::of(&environment);
    assert_eq!(
        show(&ui, End::Done(Box::default()), &Ledger::default(), Some(&files)),
        ExitCode::from(1)
    );
    let summary = fs::read_to_string(folder.path().join("summary"));
    assert!(
        summary.is_ok(),
        "the summary is written although the outputs are not"
    );
}
