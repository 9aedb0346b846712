mod runner;

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::SecretString;

use self::runner::listen;
use super::color::Palette;
use super::lines::LineBuffer;
use super::*;
use crate::ports::{Event, StepOutcome, Warning};

/// A stream whose content can be looked at.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn actions() -> (actions::Actions, Stream) {
    let stream = Stream::default();
    let voice = actions::Actions::new(Box::new(stream.clone()), Arc::default());
    (voice, stream)
}

fn plain() -> (plain::Plain, Stream) {
    let stream = Stream::default();
    let voice = plain::Plain::new(Box::new(stream.clone()), Arc::default(), Palette::PLAIN);
    (voice, stream)
}

fn start(voice: &dyn Voice, step: u32, name: &str) {
    voice.event(Event::StepStarted { step, name });
}

fn output(voice: &dyn Voice, step: u32, output: &[u8]) {
    voice.event(Event::StepOutput { step, output });
}

fn done(voice: &dyn Voice, step: u32) {
    let outcome = StepOutcome::Done(Duration::from_millis(1234));
    voice.event(Event::StepFinished { step, outcome });
}

/// Commands in every form that the runner knows, in the ways that a build can hide them.
const HOSTILE: &[&str] = &[
    "::set-output name=image::evil",
    "  \t::set-output name=image::evil",
    "\u{feff}::error::evil",
    "text ##[add-mask]evil",
    "##[set-output name=image]evil",
    "####[error]evil",
    "\r::set-output name=image::evil",
    "progress\r::set-output name=image::evil\r",
    "\u{1b}[0m::warning::evil",
    "\u{1b}]0;title\u{7}::warning::evil",
    "#\u{1b}[0m#[add-mask]evil",
    "#\u{202e}#[add-mask]evil",
    ":\u{1b}[1m:debug::evil",
    "::stop-commands::evil",
    "::endgroup::",
    "::echo::on",
    "::add-matcher::/evil.json",
    "\u{85}::error::evil",
    "\u{2028}::error::evil",
    "::evil::",
];

#[test]
fn nothing_that_a_build_prints_is_a_command() {
    for ending in ["\n", "\r\n", "\r", "\n\r", ""] {
        for text in HOSTILE {
            let (voice, stream) = actions();
            start(&voice, 1, text);
            output(&voice, 1, format!("{text}{ending}").as_bytes());
            done(&voice, 1);
            voice.event(Event::Note(text));
            voice.event(Event::Retry {
                what: text,
                reason: text,
                delay: Duration::from_secs(1),
            });
            voice.finish();
            let heard = listen(&stream.text());
            let names: Vec<&str> = heard.commands.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                names,
                ["group", "stop-commands", "endgroup"],
                "{text:?} {ending:?}\n{}",
                stream.text()
            );
            assert!(heard.is_obeying);
        }
    }
}

proptest! {
    #[test]
    fn hostile_pieces_in_any_order_are_no_commands(
        pieces in prop::collection::vec((0_u32..3, prop::sample::select(HOSTILE), "[\r\n]{0,2}"), 0..30),
        size in 1_usize..40,
    ) {
        let (voice, stream) = actions();
        for (step, text, ending) in &pieces {
            for piece in format!("{text}{ending}").as_bytes().chunks(size) {
                output(&voice, *step, piece);
            }
        }
        for step in 0..3 {
            done(&voice, step);
        }
        voice.finish();
        let heard = listen(&stream.text());
        for (name, data) in &heard.commands {
            prop_assert!(matches!(name.as_str(), "group" | "stop-commands" | "endgroup"), "{name} {data}");
        }
        prop_assert!(heard.is_obeying);
        prop_assert!(heard.groups_are_flat);
    }

    #[test]
    fn lines_do_not_depend_on_how_bytes_are_cut(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..20) {
        let redaction = Redaction::default();
        let read = |pieces: Vec<&[u8]>| {
            let mut buffer = LineBuffer::default();
            let mut lines: Vec<String> = pieces.iter().flat_map(|piece| buffer.push(piece, &redaction)).collect();
            lines.extend(buffer.finish(&redaction));
            lines
        };
        let lines = read(bytes.chunks(size).collect());
        prop_assert_eq!(&lines, &read(vec![&bytes]));
        prop_assert!(lines.iter().all(|line| !line.chars().any(|c| c.is_control() && c != '\t')));
    }

    #[test]
    fn a_secret_is_replaced_wherever_lines_and_pieces_are_cut(before in 16_300_usize..16_500, size in 1_usize..20_000) {
        let redaction = Redaction::default();
        redaction.add(&SecretString::from("correct horse battery staple"));
        let text = format!("{}correct horse battery staple{}", "x".repeat(before), "y".repeat(20_000));
        let mut buffer = LineBuffer::default();
        let mut printed: String = text.as_bytes().chunks(size).flat_map(|piece| buffer.push(piece, &redaction)).collect();
        printed.extend(buffer.finish(&redaction));
        prop_assert_eq!(printed, format!("{}***{}", "x".repeat(before), "y".repeat(20_000)));
    }
}

#[test]
fn steps_that_run_side_by_side_come_in_groups_of_their_own() {
    let (voice, stream) = actions();
    start(&voice, 1, "[1/2] RUN one");
    start(&voice, 2, "[2/2] RUN two");
    start(&voice, 3, "[internal] load");
    output(&voice, 1, b"one a\n");
    output(&voice, 2, b"two a\n");
    output(&voice, 1, b"one b\n");
    done(&voice, 3);
    done(&voice, 1);
    output(&voice, 2, b"two b");
    done(&voice, 2);
    let outcome = StepOutcome::Cached;
    voice.event(Event::StepFinished { step: 4, outcome });
    let heard = listen(&stream.text());
    assert_eq!(
        heard.log,
        [
            "[group] #1 [1/2] RUN one",
            "one a",
            "one b",
            "#1 done in 1.2s",
            "[endgroup]",
            "#3 [internal] load: done in 1.2s",
            "[group] #2 [2/2] RUN two",
            "two a",
            "two b",
            "#2 done in 1.2s",
            "[endgroup]",
            "#4 : cached",
        ]
    );
}

#[test]
fn output_that_waits_is_bounded_and_never_lost() {
    let (voice, stream) = actions();
    start(&voice, 1, "slow");
    output(&voice, 1, b"begins\n");
    let line = "z".repeat(999);
    for number in 0..1000 {
        output(&voice, 2, format!("{number} {line}\n").as_bytes());
        let lag = ((number + 1) * 1000_usize).saturating_sub(stream.text().len());
        assert!(lag < 300 * 1024, "{lag} bytes wait");
    }
    output(&voice, 1, b"ends");
    done(&voice, 1);
    done(&voice, 2);
    let heard = listen(&stream.text());
    let of_two: Vec<_> = heard.log.iter().filter(|text| text.ends_with("zz")).collect();
    assert_eq!(of_two.len(), 1000);
    assert!(
        of_two
            .iter()
            .enumerate()
            .all(|(number, text)| text.starts_with(&format!("{number} ")))
    );
    assert!(heard.log.iter().any(|text| text == "ends") && heard.groups_are_flat);
}

#[test]
fn a_mask_stands_before_the_secret_could_appear() {
    let (voice, stream) = actions();
    output(&voice, 1, b"begun\n");
    voice.mask(&SecretString::from("first line\n\n100% second: line\r\n"));
    output(&voice, 1, b"first line\n");
    voice.event(Event::Note("with 100% second: line inside"));
    voice.finish();
    let heard = listen(&stream.text());
    assert_eq!(heard.masks, ["first line", "100% second: line"]);
    let at = stream.text().find("::add-mask::first line").unwrap();
    assert_eq!(stream.text()[at + 30..].find("first line"), None);
    assert!(
        heard.log.contains(&"with *** inside".to_owned()),
        "{:?}",
        heard.log
    );
}

#[test]
fn ten_warnings_are_annotations_and_the_rest_lines() {
    let (voice, stream) = actions();
    for number in 1..=12 {
        voice.event(Event::Warning(&Warning {
            message: format!("deprecated, 100%: {number}\nnext"),
            file: Some("a,b:Dockerfile".to_owned()),
            line: Some(number),
        }));
    }
    let text = stream.text();
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "::warning file=a%2Cb%3ADockerfile,line=1::deprecated, 100%25: 1 next"
    );
    let heard = listen(&text);
    assert_eq!(heard.commands.len(), 10);
    assert_eq!(heard.log.len(), 2);
}

#[derive(Debug, thiserror::Error)]
#[error("tag `1.4.0` is taken{0}")]
struct Taken(String, #[source] io::Error);

impl crate::error::Diagnose for Taken {
    fn kind(&self) -> crate::error::Kind {
        crate::error::Kind::TagConflict
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("bump the version".into())
    }
}

#[test]
fn an_error_has_one_shape_everywhere() {
    let error = Taken("\u{1b}[2J".to_owned(), io::Error::other("the cause"));
    let diagnosis = Diagnosis::of(&error);
    let (voice, stream) = plain();
    output(&voice, 3, b"held back");
    voice.error(&diagnosis);
    assert_eq!(
        stream.text(),
        "#3 held back\nerror: tag `1.4.0` is taken\n  caused by: the cause\n\nhint: bump the version\n"
    );
    let (voice, stream) = actions();
    voice.error(&diagnosis);
    let heard = listen(&stream.text());
    assert_eq!(
        heard.commands,
        [(
            "error".to_owned(),
            "tag `1.4.0` is taken\ncaused by: the cause\nhint: bump the version".to_owned()
        )]
    );
    let json = diagnosis.json();
    assert_eq!(json["exit-code"], 10);
    assert_eq!(json["hint"], "bump the version");
    assert_eq!(json["causes"], serde_json::json!(["the cause"]));
    let colored = diagnosis.text(Palette::COLORED);
    assert!(
        colored.contains("\u{1b}[1m") && colored.contains("tag `1.4.0` is taken"),
        "{colored:?}"
    );
}

#[test]
fn an_annotation_keeps_to_the_runners_limit() {
    let error = Taken("é".repeat(10_000), io::Error::other("the cause"));
    assert_eq!(Diagnosis::of(&error).annotation().chars().count(), 4096);
}

#[test]
fn plain_lines_carry_their_step() {
    let (voice, stream) = plain();
    voice.event(Event::Stage(crate::ports::Stage::Build));
    start(&voice, 1, "RUN one\u{7}");
    output(&voice, 1, b"a\nb");
    output(&voice, 1, b"c\r\nold\rnew\n");
    done(&voice, 1);
    for current in [10, 2048] {
        let total = Some(2048);
        voice.event(Event::Progress {
            what: "layer",
            current,
            total,
        });
    }
    assert_eq!(
        stream.text(),
        "==> build and push by digest\n#1 RUN one\n#1 a\n#1 bc\n#1 new\n#1 done in 1.2s\nlayer: 2.00 KiB\n"
    );
}

#[test]
fn quiet_keeps_warnings_and_errors() {
    let (voice, stream) = plain();
    let voice = quiet::Quiet::new(Arc::new(voice));
    voice.event(Event::Note("note"));
    start(&voice, 1, "step");
    output(&voice, 1, b"text\n");
    let message = "look".to_owned();
    voice.event(Event::Warning(&Warning {
        message,
        file: None,
        line: None,
    }));
    assert_eq!(stream.text(), "warning: look\n");
}

#[test]
fn live_lines_are_bounded_and_hostile_steps_do_no_harm() {
    let voice = terminal::Terminal::new(Arc::default(), Palette::PLAIN);
    for step in 0..100 {
        start(&voice, step, "RUN \u{1b}[2J");
        output(&voice, step, b"\xff\xfe\r\r\n\n");
    }
    assert_eq!(voice.live_lines(), 8);
    for step in 0..200 {
        done(&voice, step);
    }
    assert_eq!(voice.live_lines(), 0);
    voice.event(Event::Progress {
        what: "layer",
        current: 0,
        total: None,
    });
    voice.finish();
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
    struct Refuses(io::ErrorKind);
    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let data = |kind| Output::new(Box::new(Refuses(kind)), Arc::default()).data("{}");
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
        assert_eq!(clean::text(text), clean, "{text:?}");
    }
}

/// This test runs itself as a child, which panics with a secret.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child knows itself by the variable")]
fn a_panic_asks_for_a_report_and_ends_with_code_70() {
    const CHILD: &str = "TAGSHIP_TEST_PANICS";
    if std::env::var_os(CHILD).is_some() {
        install_panic_message();
        panic!("s3cret");
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "ui::tests::a_panic_asks_for_a_report_and_ends_with_code_70",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{talk}");
    assert!(
        talk.contains("this is a bug") && talk.contains("src/ui/tests.rs"),
        "{talk}"
    );
    assert!(!talk.contains("s3cret"), "{talk}");
}
