//! Follows a build from the messages of BuildKit, and reports it in our events.

mod cache;
mod step;
mod tail;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{
    StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning,
};

use self::cache::CacheStep;
use self::step::Step;
use self::tail::Tail;
use crate::event::{BuildEvent, ProgressSink, StepOutcome, Warning, WrongBase};
use tagship_domain::build::BuildArgs;
use tagship_domain::error::cleaned;

/// The most steps that are followed; a build of more goes on unseen.
const MAX_STEPS: usize = 20_000;

/// A build, as far as its events say.
pub struct Progress {
    sink: Arc<dyn ProgressSink>,
    /// By BuildKit's digest of the step.
    steps: HashMap<String, Step>,
    dockerfile: DockerfileName,
    /// Whose values BuildKit repeats in names, output and errors.
    build_args: BuildArgs,
    /// Base images of another platform, in the order of the warnings.
    wrong_bases: Vec<WrongBase>,
    /// Whether the engine pushes.
    pushing: Arc<AtomicBool>,
    /// Whether a cache could not be written.
    has_unwritten_cache: bool,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Progress({} steps)", self.steps.len())
    }
}

impl Progress {
    /// No event came yet.
    pub fn new(sink: Arc<dyn ProgressSink>, dockerfile: DockerfileName, build_args: BuildArgs) -> Self {
        Self {
            sink,
            steps: HashMap::new(),
            dockerfile,
            build_args,
            wrong_bases: Vec::new(),
            pushing: Arc::default(),
            has_unwritten_cache: false,
        }
    }

    /// Reports what is new.
    pub fn take(&mut self, mut news: StatusResponse) {
        redact(&mut news, &self.build_args);
        // A step's output comes before its end, also where both come at once.
        for vertex in &news.vertexes {
            if let Some(started) = &vertex.started
                && let Some(step) = self.step(&vertex.digest, &vertex.name)
            {
                step.started.get_or_insert(*started);
            }
        }
        for log in &news.logs {
            self.output(log);
        }
        for status in &news.statuses {
            self.moved(status);
        }
        for vertex in news.vertexes.iter().filter(|vertex| vertex.completed.is_some()) {
            self.finished(vertex);
        }
        for warning in &news.warnings {
            self.warning(warning);
        }
    }

    /// The step of a digest, reported as begun if it was not yet.
    fn step(&mut self, digest: &str, name: &str) -> Option<&mut Step> {
        if !self.steps.contains_key(digest) {
            if self.steps.len() >= MAX_STEPS {
                return None;
            }
            let number = u32::try_from(self.steps.len() + 1).ok()?;
            self.sink.event(BuildEvent::StepStarted { step: number, name });
            let step = Step::new(number, name);
            self.steps.insert(digest.to_owned(), step);
        }
        self.steps.get_mut(digest)
    }

    fn output(&mut self, log: &VertexLog) {
        self.step(&log.vertex, "");
        if let Some(step) = self.steps.get_mut(&log.vertex) {
            step.output(log.stream, &log.msg, &self.build_args, &*self.sink);
        }
    }

    fn moved(&self, status: &VertexStatus) {
        // Source: BuildKit, `util/push`, `progress.OneOff`: its layers first, then its manifest.
        if status.id.starts_with("pushing ") {
            self.pushing.store(status.completed.is_none(), Ordering::Relaxed);
        }
        let amount = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
        if status.current > 0 || status.total > 0 {
            // What has ended moved all that it had to, also where BuildKit did not know how much that is.
            let has_ended = status.completed.is_some();
            let total = amount(status.total).max(if has_ended { amount(status.current) } else { 0 });
            self.sink.event(BuildEvent::Progress {
                what: status.id.trim_end_matches(':'),
                current: if has_ended { total } else { amount(status.current) },
                total: Some(total).filter(|total| *total > 0),
            });
        }
    }

    fn finished(&mut self, vertex: &Vertex) {
        let sink = Arc::clone(&self.sink);
        self.step(&vertex.digest, &vertex.name);
        let Some(step) = self.steps.get_mut(&vertex.digest).filter(|step| !step.finished) else {
            return;
        };
        step.finished = true;
        step.release(&self.build_args, &*sink);
        let cache = CacheStep::of(&step.name);
        let mut is_unwritten = false;
        let outcome = if let (Some(cache), false) = (cache, vertex.error.is_empty()) {
            is_unwritten = cache == CacheStep::Written;
            cache.report(&vertex.error, &step.name, &*sink);
            StepOutcome::Done(between(step.started.as_ref(), vertex.completed.as_ref()))
        } else if !vertex.error.is_empty() {
            step.error = Some(vertex.error.clone());
            StepOutcome::Failed(&vertex.error)
        } else if vertex.cached {
            StepOutcome::Cached
        } else {
            StepOutcome::Done(between(step.started.as_ref(), vertex.completed.as_ref()))
        };
        sink.event(BuildEvent::StepFinished {
            step: step.number,
            outcome,
        });
        if step.error.is_none() {
            step.tail = Tail::default();
        }
        self.has_unwritten_cache |= is_unwritten;
    }

    /// Whether a cache could not be written, which fails a build on engines that do not know `ignore-error`.
    pub fn has_unwritten_cache(&self) -> bool {
        self.has_unwritten_cache
    }

    fn warning(&mut self, warning: &VertexWarning) {
        let mut message = cleaned(&String::from_utf8_lossy(&warning.short));
        let other_platform = WrongBase::platform_in(&message).map(str::to_owned);
        if !warning.url.is_empty() {
            message = format!("{message} ({})", cleaned(&warning.url));
        }
        let file = warning
            .info
            .as_ref()
            .map(|info| self.dockerfile.shown(&info.filename));
        let line = warning
            .ranges
            .first()
            .and_then(|range| range.start)
            .and_then(|start| start.line.try_into().ok());
        self.wrong_bases
            .extend(other_platform.map(|actual| WrongBase { line, actual }));
        self.sink
            .event(BuildEvent::Warning(&Warning { message, file, line }));
    }

    /// Whether the engine pushes at the moment, for whoever watches the registry meanwhile.
    pub fn pushing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.pushing)
    }

    /// The base images of another platform than was asked for, as far as the builder says so.
    pub fn wrong_bases(&self) -> &[WrongBase] {
        &self.wrong_bases
    }

    /// The names of all steps, in no order. The engine's text.
    pub fn step_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.steps.values().map(|step| step.name.as_str())
    }

    /// The step that failed: the one of a digest, or the one that itself says so.
    pub fn failed_step(&self, digest: Option<&str>) -> Option<FailedStep> {
        let by_digest = digest.and_then(|digest| self.steps.get(digest));
        // Steps that were stopped because another failed carry an error too.
        let own_error = |step: &&Step| {
            step.error
                .as_ref()
                .is_some_and(|error| !error.contains("context canceled"))
        };
        let step = by_digest.or_else(|| {
            self.steps
                .values()
                .filter(own_error)
                .min_by_key(|step| step.number)
        })?;
        Some(FailedStep {
            name: cleaned(&step.name),
            error: step.error.clone(),
            tail: step.last_lines(&self.build_args),
        })
    }

    /// How the Dockerfile is called towards the user.
    pub fn dockerfile(&self) -> &DockerfileName {
        &self.dockerfile
    }
}

/// Replaces the values of build arguments, but in output, where they may come in pieces.
fn redact(news: &mut StatusResponse, build_args: &BuildArgs) {
    let redact = |text: &mut String| {
        if let Cow::Owned(redacted) = build_args.redact(text) {
            *text = redacted;
        }
    };
    for vertex in &mut news.vertexes {
        redact(&mut vertex.name);
        redact(&mut vertex.error);
    }
    for status in &mut news.statuses {
        redact(&mut status.id);
    }
    for warning in &mut news.warnings {
        if let Cow::Owned(redacted) = build_args.redact(&String::from_utf8_lossy(&warning.short)) {
            warning.short = redacted.into_bytes();
        }
    }
}

/// A step that failed.
#[derive(Debug)]
pub struct FailedStep {
    /// Its name.
    pub name: String,
    /// What it says of its failure.
    pub error: Option<String>,
    /// Its last lines of output; of a long one the beginning.
    pub tail: Vec<String>,
}

fn between(start: Option<&Timestamp>, end: Option<&Timestamp>) -> Duration {
    let nanoseconds = |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let (Some(start), Some(end)) = (start, end) else {
        return Duration::ZERO;
    };
    u64::try_from(nanoseconds(end) - nanoseconds(start)).map_or(Duration::ZERO, Duration::from_nanos)
}

/// How the Dockerfile is called: by the frontend without its folder, by the user from the workspace.
#[derive(Debug, Clone)]
pub struct DockerfileName {
    name: String,
    from_workspace: String,
}

impl DockerfileName {
    /// The name of `path`, from `workspace` if it lies there.
    pub fn new(path: &Path, workspace: &Path) -> Self {
        let from_workspace: PathBuf = path.strip_prefix(workspace).unwrap_or(path).to_owned();
        Self {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            from_workspace: from_workspace.to_string_lossy().into_owned(),
        }
    }

    /// What the user calls the Dockerfile.
    pub fn shown_own(&self) -> String {
        self.from_workspace.clone()
    }

    /// What the user calls the file that the frontend calls so.
    pub fn shown(&self, frontends: &str) -> String {
        if frontends == self.name {
            self.from_workspace.clone()
        } else {
            cleaned(frontends)
        }
    }
}

#[cfg(test)]
mod tests;
