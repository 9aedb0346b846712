//! The words of errors and events.

use super::*;
use tagship_domain::location::SourceLocation;

#[derive(Debug, thiserror::Error)]
#[error("tag `1.4.0` is taken{0}")]
struct TagTaken(String, #[source] io::Error);

impl tagship_domain::error::Diagnose for TagTaken {
    fn kind(&self) -> tagship_domain::error::FailureKind {
        tagship_domain::error::FailureKind::TagConflict
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("bump the version".into())
    }
}

#[test]
fn an_error_has_one_shape_everywhere() {
    let error = TagTaken("\u{1b}[2J".to_owned(), io::Error::other("the cause"));
    let diagnosis = Diagnosis::of(&error);
    let (renderer, stream) = plain();
    output(&renderer, 3, b"held back");
    renderer.error(&diagnosis);
    assert_eq!(
        stream.text(),
        "#3 held back\nerror: tag `1.4.0` is taken\n  caused by: the cause\n\nhint: bump the version\n"
    );
    let (renderer, stream) = actions();
    renderer.error(&diagnosis);
    let heard = listen(&stream.text());
    assert_eq!(
        heard.commands,
        [(
            "error".to_owned(),
            "tag `1.4.0` is taken\ncaused by: the cause\nhint: bump the version".to_owned()
        )]
    );
    let json = diagnosis.json();
    assert_eq!(diagnosis.exit_code(), 10);
    assert_eq!(json["hint"], "bump the version");
    assert_eq!(json["causes"], serde_json::json!(["the cause"]));
    let colored = diagnosis.text(Palette::COLORED);
    assert!(
        colored.contains("\u{1b}[1m") && colored.contains("tag `1.4.0` is taken"),
        "{colored:?}"
    );
}

#[derive(Debug, thiserror::Error)]
#[error("build step `RUN make` failed")]
struct StepFailed(Vec<String>);

impl tagship_domain::error::Diagnose for StepFailed {
    fn kind(&self) -> tagship_domain::error::FailureKind {
        tagship_domain::error::FailureKind::Operation
    }

    fn output(&self) -> &[String] {
        &self.0
    }
}

#[test]
fn the_last_output_of_a_failing_step_stands_above_the_error_everywhere() {
    let lines = ["  10%\r 100%\r", "::error::\u{1b}[31mno rule", "\tto make"];
    let diagnosis = Diagnosis::of(&StepFailed(lines.map(str::to_owned).to_vec()));
    let expected = "  |  100%\n  | ::error::no rule\n  | \tto make\nerror: build step `RUN make` failed";
    assert_eq!(diagnosis.plain(), expected);
    let (renderer, stream) = plain();
    quiet::Quiet::new(Arc::new(renderer)).error(&diagnosis);
    assert_eq!(stream.text(), format!("{expected}\n"));
    assert_eq!(
        diagnosis.annotation(),
        "build step `RUN make` failed\n|  100%\n| ::error::no rule\n| \tto make"
    );
    assert_eq!(diagnosis.json()["output"][1], "::error::no rule");
    let long: Vec<String> = (0..50)
        .map(|number| format!("{number} {}", "x".repeat(200)))
        .collect();
    let annotation = Diagnosis::of(&StepFailed(long)).annotation();
    assert!(
        annotation.chars().count() <= 4096 && annotation.contains("\n| 49 xxx"),
        "{annotation}"
    );
}

#[derive(Debug, thiserror::Error)]
#[error("a,b:/Dockerfile:2: build step `RUN make` failed")]
struct PlacedFailure;

impl tagship_domain::error::Diagnose for PlacedFailure {
    fn location(&self) -> Option<SourceLocation> {
        let text = "FROM a\nRUN \u{1b}[2Jmake hush-hush ##[error]x\n::error::y";
        let excerpt = tagship_domain::dockerfile::excerpt(text, 2, str::to_owned);
        Some(SourceLocation {
            excerpt,
            ..SourceLocation::new("a,b:/Dockerfile", 2)
        })
    }

    fn output(&self) -> &[String] {
        static OUTPUT: std::sync::LazyLock<Vec<String>> =
            std::sync::LazyLock::new(|| vec!["no rule".to_owned()]);
        &OUTPUT
    }
}

/// Source of the annotation's form: actions/toolkit, `packages/core/src/command.ts`; that of the excerpt's: `BuildKit`,
/// `solver/errdefs`.
#[test]
fn a_failed_line_is_shown_among_its_neighbours_and_named_by_the_annotation() {
    let diagnosis = Diagnosis::of(&PlacedFailure);
    let above = "  | no rule\na,b:/Dockerfile:2\n   1 |     FROM a\n";
    let below = "   3 |     ::error::y\nerror: a,b:/Dockerfile:2: build step `RUN make` failed\n";
    let (renderer, stream) = plain();
    renderer.mask(&SecretString::from("hush-hush"));
    quiet::Quiet::new(Arc::new(renderer)).error(&diagnosis);
    assert_eq!(
        stream.text(),
        format!("{above}   2 | >>> RUN make *** ## [error]x\n{below}")
    );
    let (renderer, stream) = actions();
    renderer.error(&diagnosis);
    let text = stream.text();
    let (log, annotation) = text.split_at(text.find("::error title").unwrap());
    assert_eq!(
        log,
        format!("{above}   2 | >>> RUN make hush-hush ## [error]x\n{below}")
    );
    assert_eq!(
        annotation,
        "::error title=Tagship,file=sub/dir/a%2Cb%3A/Dockerfile,line=2::a,b:/Dockerfile:2: build step `RUN make` failed%0A| no rule\n"
    );
    let json = diagnosis.json();
    assert_eq!(json["location"]["file"], "a,b:/Dockerfile");
    assert_eq!(json["location"]["line"], 2);
    assert_eq!(
        json["location"]["excerpt"][1],
        serde_json::json!({"line": 2, "text": "RUN make hush-hush ##[error]x", "marked": true})
    );
}

#[test]
fn stdout_moves_no_cursor_and_holds_no_command_and_no_secret() {
    let stream = Stream::default();
    let redaction = Arc::new(Redaction::default());
    redaction.add(&SecretString::from("s3\"cret"));
    let output = Output::new(Box::new(stream.clone()), redaction);
    output
        .data("a\u{1b}[2J\u{202e}\n ::set-output name=x::y\nb ##[error]c s3\"cret")
        .unwrap();
    output.data("{\"a\":\"s3\\\"cret\"}\n").unwrap();
    assert_eq!(
        stream.text(),
        "a\n : :set-output name=x::y\nb ## [error]c ***\n{\"a\":\"***\"}\n"
    );
}

#[test]
fn an_annotation_keeps_to_the_runners_limit() {
    let error = TagTaken("é".repeat(10_000), io::Error::other("the cause"));
    assert_eq!(Diagnosis::of(&error).annotation().chars().count(), 4096);
}

#[test]
fn plain_lines_carry_their_step() {
    let (renderer, stream) = plain();
    renderer.event(RunEvent::Stage(crate::ports::Stage::Build));
    start(&renderer, 1, "RUN one\u{7}");
    output(&renderer, 1, b"a\nb");
    output(&renderer, 1, b"c\r\nold\rnew\n");
    done(&renderer, 1);
    for current in [10, 2048] {
        let total = Some(2048);
        renderer.event(RunEvent::Progress {
            what: "layer",
            current,
            total,
        });
    }
    assert_eq!(
        stream.text(),
        "==> build and push by digest\n#1 RUN one\u{fffd}\n#1 a\n#1 bc\n#1 new\n#1 done in 1.2s\nlayer: 2.00 KiB\n"
    );
}

/// A copy has a line for each image, and its blobs have none but while they last.
#[test]
fn a_part_that_is_whole_is_worth_no_line() {
    let moved = |renderer: &dyn Renderer| {
        let (what, total) = ("abc to ghcr.io/o/app", Some(9));
        renderer.event(RunEvent::Progress {
            what,
            current: 7,
            total,
        });
        renderer.event(RunEvent::Moved { what });
        renderer.event(RunEvent::Note("1.0: created"));
    };
    let (renderer, stream) = plain();
    moved(&renderer);
    assert_eq!(stream.text(), "1.0: created\n");
    let (renderer, stream) = actions();
    moved(&renderer);
    assert_eq!(stream.text(), "1.0: created\n");
    let renderer = terminal::Terminal::new(MultiProgress::new(), Arc::default(), Palette::PLAIN);
    moved(&renderer);
    assert_eq!(renderer.live_lines(), 0);
}

#[test]
fn quiet_keeps_warnings_and_errors() {
    let (renderer, stream) = plain();
    let renderer = quiet::Quiet::new(Arc::new(renderer));
    renderer.event(RunEvent::Note("note"));
    start(&renderer, 1, "step");
    output(&renderer, 1, b"text\n");
    let message = "look".to_owned();
    renderer.event(RunEvent::Warning(&Warning {
        message,
        file: None,
        line: None,
    }));
    assert_eq!(stream.text(), "warning: look\n");
}

#[test]
fn live_lines_are_bounded_and_hostile_steps_do_no_harm() {
    let renderer = terminal::Terminal::new(MultiProgress::new(), Arc::default(), Palette::PLAIN);
    for step in 0..100 {
        start(&renderer, step, "RUN \u{1b}[2J");
        output(&renderer, step, b"\xff\xfe\r\r\n\n");
    }
    assert_eq!(renderer.live_lines(), 8);
    for step in 0..200 {
        done(&renderer, step);
    }
    assert_eq!(renderer.live_lines(), 0);
    let moved = |current, total, lines| {
        renderer.event(RunEvent::Progress {
            what: "layer",
            current,
            total,
        });
        assert_eq!(renderer.live_lines(), lines, "{current} of {total:?}");
    };
    moved(0, None, 1);
    moved(7, None, 1);
    moved(9, Some(9), 0);
    moved(0, None, 1);
    renderer.finish();
    assert_eq!(renderer.live_lines(), 0);
}

#[test]
fn colour_follows_the_flag_then_the_environment_then_the_terminal() {
    let colored = |choice: ColorChoice, is_terminal, variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(variables, "/".into());
        choice.palette(is_terminal, &environment).error != Palette::PLAIN.error
    };
    let (no, force) = (("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"));
    assert!(colored(ColorChoice::Auto, true, &[]));
    assert!(!colored(ColorChoice::Auto, false, &[]));
    assert!(!colored(ColorChoice::Auto, true, &[no]));
    assert!(colored(ColorChoice::Auto, false, &[force]));
    assert!(!colored(ColorChoice::Auto, false, &[("CLICOLOR_FORCE", "0")]));
    assert!(!colored(ColorChoice::Auto, true, &[no, force]));
    assert!(colored(ColorChoice::Always, false, &[no]));
    assert!(!colored(ColorChoice::Never, true, &[force]));
}

#[test]
fn data_to_a_closed_pipe_is_no_error_but_a_full_disk_is() {
    struct FailingWriter(io::ErrorKind);
    impl Write for FailingWriter {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let data = |kind| Output::new(Box::new(FailingWriter(kind)), Arc::default()).data("{}");
    assert!(data(io::ErrorKind::BrokenPipe).is_ok());
    assert!(data(io::ErrorKind::StorageFull).is_err());
}

#[test]
fn escape_sequences_leave_only_their_text() {
    for (text, clean) in [
        ("\u{1b}[1;31mred\u{1b}[0m", "red"),
        ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}", "link"),
        ("\u{9b}31mred", "red"),
        ("\u{1b}(Btext", "text"),
        ("\u{1b}]never ended\nnext", "\nnext"),
        ("tab\tstays", "tab\tstays"),
        ("\u{1b}", ""),
        ("a\u{0}b\u{8}c", "abc"),
    ] {
        assert_eq!(
            tagship_domain::untrusted::Untrusted::block(text).to_string(),
            clean,
            "{text:?}"
        );
    }
}
