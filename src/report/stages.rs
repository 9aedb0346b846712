//! How long each part of the transaction took.

use std::time::Duration;

use serde::Serialize;

use super::Report;
use super::text::table;
use crate::ports::Stage;

/// The most characters of a bar.
const WIDTH: u64 = 30;

/// How long one part of the transaction took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageReport {
    /// The part.
    pub stage: Stage,
    /// Milliseconds.
    pub milliseconds: u64,
}

impl StageReport {
    fn duration(self) -> String {
        human_duration(Duration::from_millis(self.milliseconds))
    }
}

impl Report {
    /// How long each part took, in one line for people.
    pub(super) fn durations(&self) -> String {
        let stages = self.stages.iter();
        let stages = stages.map(|stage| format!("{} {}", stage.stage.as_str(), stage.duration()));
        stages.collect::<Vec<_>>().join(", ")
    }

    /// The same as bars of a chart, one line for each part; empty where nothing was timed.
    pub(super) fn bars(&self) -> String {
        let longest = self.stages.iter().map(|stage| stage.milliseconds).max();
        let longest = longest.unwrap_or_default().max(1);
        let bar = |milliseconds: u64| {
            // So that no part is without a bar.
            let eighths = (milliseconds * WIDTH * 8 / longest).max(1);
            let full = usize::try_from(eighths / 8).unwrap_or_default();
            let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
            let rest = rest[usize::try_from(eighths % 8).unwrap_or_default()];
            format!("{}{rest}", "█".repeat(full))
        };
        let rows: Vec<[String; 3]> = self
            .stages
            .iter()
            .map(|stage| {
                let duration = format!("{:>9}", stage.duration());
                [stage.stage.as_str().to_owned(), duration, bar(stage.milliseconds)]
            })
            .collect();
        table(&rows)
    }
}

/// A duration for people: `350 ms`, `4.2 s`, `3 min 5 s`.
fn human_duration(duration: Duration) -> String {
    match duration.as_millis() {
        milliseconds @ 0..1000 => format!("{milliseconds} ms"),
        milliseconds @ 1000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        milliseconds => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}
