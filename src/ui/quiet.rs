//! Warnings, retries and errors alone.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Diagnosis, Renderer};
use crate::ports::{Reporter, RunEvent};

/// Lets only warnings, retries and errors through.
pub(super) struct Quiet {
    renderer: Arc<dyn Renderer>,
}

impl Quiet {
    pub(super) fn new(renderer: Arc<dyn Renderer>) -> Self {
        Self { renderer }
    }
}

impl Reporter for Quiet {
    fn mask(&self, secret: &SecretString) {
        self.renderer.mask(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        if matches!(event, RunEvent::Warning(_) | RunEvent::Retry { .. }) {
            self.renderer.event(event);
        }
    }
}

impl Renderer for Quiet {
    fn finish(&self) {
        self.renderer.finish();
    }

    fn error(&self, diagnosis: &Diagnosis) {
        self.renderer.error(diagnosis);
    }

    fn log(&self, line: &str) {
        self.renderer.log(line);
    }
}
