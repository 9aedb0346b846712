//! Progress messages, and the events that they become.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};
use bollard_buildkit_proto::pb;
use secrecy::SecretString;

use super::{DockerfileName, Progress};
use crate::event::{BuildEvent, ProgressSink};
use tagship_domain::build::BuildArgs;

#[derive(Default)]
struct RecordedEvents(Mutex<Vec<String>>);

impl ProgressSink for RecordedEvents {
    fn mask(&self, _: &SecretString) {}

    fn event(&self, event: BuildEvent<'_>) {
        let text = match event {
            BuildEvent::StepOutput { step, output } if output.len() > 64 => {
                format!("{step}: {} bytes", output.len())
            }
            BuildEvent::StepOutput { step, output } => {
                format!("{step}: {}", String::from_utf8_lossy(output))
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(text);
    }
}

fn progress() -> (Progress, Arc<RecordedEvents>) {
    let heard = Arc::new(RecordedEvents::default());
    let dockerfile = DockerfileName::new(Path::new("/w/app/Dockerfile"), Path::new("/w"));
    (
        Progress::new(heard.clone(), dockerfile, BuildArgs::default()),
        heard,
    )
}

#[expect(clippy::unnecessary_wraps, reason = "as BuildKit's messages have it")]
fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn vertex(digest: &str, started: Option<Timestamp>, completed: Option<Timestamp>) -> Vertex {
    Vertex {
        digest: digest.to_owned(),
        name: format!("step {digest}"),
        started,
        completed,
        ..Vertex::default()
    }
}

fn news(vertexes: Vec<Vertex>) -> StatusResponse {
    StatusResponse {
        vertexes,
        ..StatusResponse::default()
    }
}

fn heard(heard: &RecordedEvents) -> Vec<String> {
    std::mem::take(&mut heard.0.lock().unwrap())
}

#[test]
fn steps_are_numbered_as_they_start() {
    let (mut progress, reported) = progress();
    // Known, but not begun.
    progress.take(news(vec![vertex("b", None, None), vertex("a", None, None)]));
    assert_eq!(heard(&reported), [""; 0]);
    progress.take(news(vec![vertex("a", time(1), None)]));
    progress.take(news(vec![vertex("a", time(1), None), vertex("b", time(2), None)]));
    assert_eq!(
        heard(&reported),
        [
            r#"StepStarted { step: 1, name: "step a" }"#,
            r#"StepStarted { step: 2, name: "step b" }"#
        ]
    );
}

#[test]
fn a_step_ends_once_and_its_output_comes_before() {
    let (mut progress, reported) = progress();
    let log = VertexLog {
        vertex: "a".to_owned(),
        msg: vec![b'x'; 70_000],
        ..VertexLog::default()
    };
    progress.take(StatusResponse {
        logs: vec![log],
        ..news(vec![vertex("a", time(1), time(4))])
    });
    // BuildKit may come back to a step and end it again.
    progress.take(news(vec![vertex("a", time(5), time(6))]));
    assert_eq!(
        heard(&reported),
        [
            r#"StepStarted { step: 1, name: "step a" }"#,
            "1: 32768 bytes",
            "1: 32768 bytes",
            "1: 4464 bytes",
            "StepFinished { step: 1, outcome: Done(3s) }",
        ]
    );
}

#[test]
fn cached_and_failed_steps_are_told_as_such() {
    let (mut progress, reported) = progress();
    progress.take(news(vec![
        Vertex {
            cached: true,
            ..vertex("a", time(1), time(1))
        },
        Vertex {
            error: "context canceled: context canceled".to_owned(),
            ..vertex("b", time(1), time(2))
        },
        Vertex {
            error: "boom".to_owned(),
            ..vertex("c", time(1), time(2))
        },
    ]));
    let events = heard(&reported);
    assert_eq!(events[3], "StepFinished { step: 1, outcome: Cached }");
    assert_eq!(events[5], r#"StepFinished { step: 3, outcome: Failed("boom") }"#);
    assert_eq!(
        progress.failed_step(None).unwrap().name,
        "step c",
        "not the one that was stopped by it"
    );
    assert_eq!(progress.failed_step(Some("b")).unwrap().name, "step b");
}

#[test]
fn the_tail_of_a_step_is_bounded() {
    let (mut progress, _) = progress();
    progress.take(news(vec![vertex("a", time(1), None)]));
    for _ in 0..100 {
        let log = VertexLog {
            vertex: "a".to_owned(),
            msg: vec![b'y'; 10_000],
            ..VertexLog::default()
        };
        progress.take(StatusResponse {
            logs: vec![log],
            ..StatusResponse::default()
        });
    }
    progress.take(news(vec![Vertex {
        error: "boom".to_owned(),
        ..vertex("a", time(1), time(2))
    }]));
    let tail = progress.failed_step(None).unwrap().tail;
    assert_eq!(
        tail,
        [format!("{}... [cut: 999000 characters more]", "y".repeat(1000))]
    );
}

#[test]
fn a_value_that_two_messages_cut_is_not_shown() {
    let reported = Arc::new(RecordedEvents::default());
    let values = [
        ("A", "hunter2"),
        ("B", "hunter2-and-more"),
        ("C", "abcdefg"),
        ("D", "key\nof two lines"),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let dockerfile = DockerfileName::new(Path::new("/w/Dockerfile"), Path::new("/w"));
    let mut progress = Progress::new(reported.clone(), dockerfile, BuildArgs::new(values.into()));
    let mut say = |stream: i64, text: &str| {
        progress.take(StatusResponse {
            logs: vec![VertexLog {
                vertex: "a".to_owned(),
                stream,
                msg: text.as_bytes().to_vec(),
                ..VertexLog::default()
            }],
            ..StatusResponse::default()
        });
        let heard = heard(&reported).into_iter();
        let output = heard.filter_map(|event| event.strip_prefix("1: ").map(str::to_owned));
        output.collect::<String>()
    };
    for (stream, text, shown) in [
        (1, "whole hunter2 line\n", "whole *** line\n"),
        (1, "cut hun", "cut "),
        // The other stream has a tail of its own.
        (2, "ter2\n", "ter2\n"),
        (1, "ter2.\n", "***.\n"),
        (1, "hunter2", ""),
        (1, "-and-more\n", "***\n"),
        (1, "hunter2-and-l", "***-and-l"),
        (1, "ess\n", "ess\n"),
        (1, "abcabcabcdef", "abcabc"),
        (1, "g key\n", "*** "),
        (1, "of two lines\n", "***\n"),
        (1, "key\n", ""),
        (1, "other\n", "key\nother\n"),
        (1, "the end: hunte", "the end: "),
    ] {
        assert_eq!(say(stream, text), shown, "{text:?}");
    }
    progress.take(news(vec![Vertex {
        error: "boom".to_owned(),
        ..vertex("a", time(1), time(2))
    }]));
    let events = heard(&reported);
    assert_eq!(
        events[0], "1: hunte",
        "nothing is lost, and it comes before the end"
    );
    assert!(events[1].starts_with("StepFinished"), "{events:?}");
    let tail = progress.failed_step(None).unwrap().tail;
    assert_eq!(tail.last().unwrap(), "the end: hunte");
    assert!(
        !tail
            .iter()
            .any(|line| line.contains("hunter2") || line.contains("abcdefg")),
        "{tail:?}"
    );
}

#[test]
fn of_a_long_line_the_beginning_is_shown() {
    let (mut progress, _) = progress();
    let msg = format!("error\nbegins with {}\nlast\n", "x".repeat(20_000));
    let log = VertexLog {
        vertex: "a".to_owned(),
        msg: msg.into_bytes(),
        ..VertexLog::default()
    };
    progress.take(StatusResponse {
        logs: vec![log],
        vertexes: vec![Vertex {
            error: "boom".to_owned(),
            ..vertex("a", time(1), time(2))
        }],
        ..StatusResponse::default()
    });
    let tail = progress.failed_step(None).unwrap().tail;
    let cut = format!("begins with {}... [cut: 19012 characters more]", "x".repeat(988));
    assert_eq!(tail, ["error", cut.as_str(), "last"]);
}

#[test]
fn transfers_and_warnings_are_told() {
    let (mut progress, reported) = progress();
    let status = |id: &str, current, total| VertexStatus {
        id: id.to_owned(),
        current,
        total,
        ..VertexStatus::default()
    };
    let warning = VertexWarning {
        short: b"StageNameCasing: use lower case".to_vec(),
        url: "https://docs.docker.com/go/x".to_owned(),
        info: Some(pb::SourceInfo {
            filename: "Dockerfile".to_owned(),
            ..pb::SourceInfo::default()
        }),
        ranges: vec![pb::Range {
            start: Some(pb::Position {
                line: 3,
                character: 0,
            }),
            end: None,
        }],
        ..VertexWarning::default()
    };
    progress.take(StatusResponse {
        statuses: vec![
            status("transferring context:", 10, 0),
            status("sha256:1", 5, 9),
            status("exporting", 0, 0),
            VertexStatus {
                completed: time(2),
                ..status("transferring context:", 70, 0)
            },
        ],
        warnings: vec![warning],
        ..StatusResponse::default()
    });
    assert_eq!(
        heard(&reported),
        [
            r#"Progress { what: "transferring context", current: 10, total: None }"#,
            r#"Progress { what: "sha256:1", current: 5, total: Some(9) }"#,
            r#"Progress { what: "transferring context", current: 70, total: Some(70) }"#,
            r#"Warning(Warning { message: "StageNameCasing: use lower case (https://docs.docker.com/go/x)", file: Some("app/Dockerfile"), line: Some(3) })"#,
        ]
    );
}
