//! What each renderer shows.

mod folding;
mod runner;
mod width;
mod words;

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use secrecy::SecretString;

use self::runner::listen;
use super::color::Palette;
use super::lines::LineBuffer;
use super::*;
use crate::ports::{RunEvent, StepOutcome, Warning};

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
    let renderer = actions::Actions::new(Box::new(stream.clone()), Arc::default(), "sub/dir".as_ref());
    (renderer, stream)
}

fn plain() -> (plain::Plain, Stream) {
    let stream = Stream::default();
    (plain_in(groups::Groups::None, &stream), stream)
}

fn plain_in(groups: groups::Groups, stream: &Stream) -> plain::Plain {
    plain::Plain::new(Box::new(stream.clone()), Arc::default(), Palette::PLAIN, groups)
}

fn start(renderer: &dyn Renderer, step: u32, name: &str) {
    renderer.event(RunEvent::StepStarted { step, name });
}

fn output(renderer: &dyn Renderer, step: u32, output: &[u8]) {
    renderer.event(RunEvent::StepOutput { step, output });
}

fn done(renderer: &dyn Renderer, step: u32) {
    let outcome = StepOutcome::Done(Duration::from_millis(1234));
    renderer.event(RunEvent::StepFinished { step, outcome });
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
            let (renderer, stream) = actions();
            start(&renderer, 1, text);
            output(&renderer, 1, format!("{text}{ending}").as_bytes());
            done(&renderer, 1);
            renderer.event(RunEvent::Note(text));
            renderer.event(RunEvent::Retry {
                what: text,
                reason: text,
                delay: Duration::from_secs(1),
            });
            renderer.finish();
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
        let (renderer, stream) = actions();
        for (step, text, ending) in &pieces {
            for piece in format!("{text}{ending}").as_bytes().chunks(size) {
                output(&renderer, *step, piece);
            }
        }
        for step in 0..3 {
            done(&renderer, step);
        }
        renderer.finish();
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
fn the_beginning_of_a_secret_is_not_shown_where_a_line_is_cut() {
    let redaction = Redaction::default();
    for secret in ["correct horse battery staple", "another"] {
        redaction.add(&SecretString::from(secret));
    }
    for (shown, expected) in [
        ("key correct horse batt", "key ***"),
        ("key corr", "key corr"),
        ("correct horse battery staple", "***"),
        ("a correct horse, anothe", "a correct horse, ***"),
    ] {
        let text = tagship_domain::untrusted::cut(shown, 7);
        let expected = format!("{expected}... [cut: 7 characters more]\nnext");
        assert_eq!(redaction.apply(&format!("{text}\nnext")), expected);
    }
    assert_eq!(
        redaction.apply("key correct horse batt"),
        "key correct horse batt"
    );
}

#[test]
fn steps_that_run_side_by_side_come_in_groups_of_their_own() {
    let (renderer, stream) = actions();
    start(&renderer, 1, "[1/2] RUN one");
    start(&renderer, 2, "[2/2] RUN two");
    start(&renderer, 3, "[internal] load");
    output(&renderer, 1, b"one a\n");
    output(&renderer, 2, b"two a\n");
    output(&renderer, 1, b"one b\n");
    done(&renderer, 3);
    done(&renderer, 1);
    output(&renderer, 2, b"two b");
    done(&renderer, 2);
    let outcome = StepOutcome::Cached;
    renderer.event(RunEvent::StepFinished { step: 4, outcome });
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
    let (renderer, stream) = actions();
    start(&renderer, 1, "slow");
    output(&renderer, 1, b"begins\n");
    let line = "z".repeat(999);
    for number in 0..1000 {
        output(&renderer, 2, format!("{number} {line}\n").as_bytes());
        let lag = ((number + 1) * 1000_usize).saturating_sub(stream.text().len());
        assert!(lag < 300 * 1024, "{lag} bytes wait");
    }
    output(&renderer, 1, b"ends");
    done(&renderer, 1);
    done(&renderer, 2);
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

/// A file of JSON as a secret: its brackets stand everywhere.
#[test]
fn brackets_of_a_secret_file_are_not_masked_and_the_runner_gets_no_endless_list() {
    let (renderer, stream) = actions();
    let long = format!(
        "{{\n  \"key\": \"hush-hush\"\n}}\n{}",
        (0..50_000)
            .map(|line| format!("long line {line}\n"))
            .collect::<String>()
    );
    renderer.mask(&SecretString::from(long));
    renderer.mask(&SecretString::from("1234"));
    let heard = listen(&stream.text());
    assert_eq!(heard.masks[..2], ["\"key\": \"hush-hush\"", "long line 0"]);
    assert!(heard.masks.len() < 10_000, "{}", heard.masks.len());
    assert_eq!(heard.masks.last().unwrap(), "1234");
    output(&renderer, 1, b"{ } \"key\": \"hush-hush\"\n");
    assert!(stream.text().ends_with("{ } ***\n"), "{}", stream.text());
}

#[test]
fn a_mask_stands_before_the_secret_could_appear() {
    let (renderer, stream) = actions();
    output(&renderer, 1, b"begun\n");
    renderer.mask(&SecretString::from("first line\n\n100% second: line\r\n"));
    output(&renderer, 1, b"first line\n");
    renderer.event(RunEvent::Note("with 100% second: line inside"));
    renderer.finish();
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
    let (renderer, stream) = actions();
    for number in 1..=12 {
        renderer.event(RunEvent::Warning(&Warning {
            message: format!("deprecated, 100%: {number}\nnext"),
            file: Some("a,b:Dockerfile".to_owned()),
            line: Some(number),
        }));
    }
    let text = stream.text();
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "::warning file=sub/dir/a%2Cb%3ADockerfile,line=1::deprecated, 100%25: 1 next"
    );
    let heard = listen(&text);
    assert_eq!(heard.commands.len(), 10);
    assert_eq!(heard.log.len(), 2);
}
