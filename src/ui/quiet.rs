use std::sync::Arc;

use secrecy::SecretString;

use super::{Diagnosis, Voice};
use crate::ports::{Event, Reporter};

/// Lets only warnings, retries and errors through.
pub(super) struct Quiet {
    voice: Arc<dyn Voice>,
}

impl Quiet {
    pub(super) fn new(voice: Arc<dyn Voice>) -> Self {
        Self { voice }
    }
}

impl Reporter for Quiet {
    fn mask(&self, secret: &SecretString) {
        self.voice.mask(secret);
    }

    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Warning(_) | Event::Retry { .. }) {
            self.voice.event(event);
        }
    }
}

impl Voice for Quiet {
    fn finish(&self) {
        self.voice.finish();
    }

    fn error(&self, diagnosis: &Diagnosis) {
        self.voice.error(diagnosis);
    }

    fn log(&self, line: &str) {
        self.voice.log(line);
    }
}
