//! How a session ends: by a signal, by an error.

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
        let interrupt = Interrupt::install(|| (), || ()).unwrap();
        let end = until_interrupted(&interrupt, async move {
            let _alive = alive;
            let own = std::process::id().to_string();
            Process::new("kill").args([signal, &own]).status().await.unwrap();
            std::future::pending().await
        });
        assert!(matches!(end, End::Cancelled), "{signal}");
        assert!(dropped.blocking_recv().is_err(), "the run was dropped");
        let ui = Ui::new(OutputOptions::default(), &environment);
        let files = ActionFiles::of(&environment);
        assert_eq!(
            show(&ui, end, Some(&Ledger::default()), Some(&files)),
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
    let ui = Ui::new(OutputOptions::default(), &environment);
    let end = End::Failed(Box::new(NoFolder(io::Error::other("gone"))));
    let files = ActionFiles::of(&environment);
    assert_eq!(
        show(&ui, end, Some(&Ledger::default()), Some(&files)),
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
    let ui = Ui::new(OutputOptions::default(), &environment);
    let files = ActionFiles::of(&environment);
    assert_eq!(
        show(
            &ui,
            End::Done(Box::default()),
            Some(&Ledger::default()),
            Some(&files)
        ),
        ExitCode::from(1)
    );
    let summary = fs::read_to_string(folder.path().join("summary"));
    assert!(
        summary.is_ok(),
        "the summary is written although the outputs are not"
    );
}

/// This test runs itself as a child, which panics with a secret on a thread that holds the voice's lock or not.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child knows itself by the variable")]
fn after_a_panic_all_is_written_that_a_failed_run_writes() {
    const CHILD: &str = "TAGSHIP_TEST_PANICS";
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = std::path::PathBuf::from(folder);
        ending::install_panic_handler();
        let mut environment = environment(&folder);
        environment = Environment::new(
            [
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_OUTPUT", "output"),
                ("GITHUB_STEP_SUMMARY", "summary"),
            ]
            .map(|(name, value)| (name.into(), value.into())),
            environment.working_directory().to_owned(),
        );
        let ui = Arc::new(Ui::new(OutputOptions::default(), &environment));
        let files = ActionFiles::of(&environment);
        ending::leave(move |diagnosis| {
            let outcome = Outcome::of_failure(&Ledger::default(), &diagnosis.plain());
            tell(&ui, Some(diagnosis), outcome, Some(&files));
        });
        panic!("s3cret");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "cli::session::tests::after_a_panic_all_is_written_that_a_failed_run_writes",
            "--nocapture",
        ])
        .current_dir(folder.path())
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{talk}");
    assert!(
        talk.contains("::error") && talk.contains("this is a bug") && talk.contains(file!()),
        "{talk}"
    );
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let written = read("output");
    assert!(
        OUTPUTS
            .iter()
            .all(|output| written.contains(&format!("{}<<", output.name))),
        "{written}"
    );
    let summary = read("summary");
    assert!(summary.contains("this is a bug"), "{summary}");
    assert!(![talk, written, summary].concat().contains("s3cret"));
}
