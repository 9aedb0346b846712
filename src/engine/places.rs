//! The places of the Dockerfile that errors name.

use buildkit_session::DockerfileName;

use super::base_image::read_dockerfile;
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Platform;
use tagship_domain::dockerfile::{
    TargetRun, excerpt, is_in_here_document, line_of_image, line_of_step, target_run,
};
use tagship_domain::location::SourceLocation;

/// The Dockerfile of a build that failed.
pub(super) struct DockerfilePlaces<'a> {
    request: &'a BuildRequest,
    name: &'a DockerfileName,
    /// Empty where it cannot be read, which is another error.
    text: String,
}

impl<'a> DockerfilePlaces<'a> {
    /// Reads the Dockerfile.
    pub(super) fn of(request: &'a BuildRequest, name: &'a DockerfileName) -> Self {
        let text = read_dockerfile(request).unwrap_or_default();
        Self { request, name, text }
    }

    /// A line of it, with the lines around it, in which values of build arguments do not stand.
    pub(super) fn at(&self, line: u32) -> SourceLocation {
        let redact = |text: &str| self.request.build_args.redact(text).into_owned();
        SourceLocation {
            excerpt: excerpt(&self.text, line, redact),
            ..SourceLocation::new(self.name.shown_own(), line)
        }
    }

    /// A line of the file that the frontend calls so.
    pub(super) fn of_frontend(&self, file: &str, line: u32) -> SourceLocation {
        let shown = self.name.shown(file);
        if shown == self.name.shown_own() {
            self.at(line)
        } else {
            SourceLocation::new(shown, line)
        }
    }

    /// The instruction of a step, by its name, for engines that do not say where they failed.
    pub(super) fn of_step(&self, name: &str) -> Option<SourceLocation> {
        // An image that is only copied from is a step of its own.
        let read = name.split_once("load metadata for ").map(|(_, image)| image);
        let line = match read.or_else(|| name.strip_prefix("FROM ")) {
            Some(image) => {
                let (target, arguments) = (self.request.target.as_deref(), self.request.build_args.iter());
                line_of_image(&self.text, image, target, arguments)
            }
            None => line_of_step(&self.text, name),
        };
        Some(self.at(line?))
    }

    /// A step that runs programs of a platform that is built for.
    pub(super) fn target_run(&self, wanted: &Platform) -> Option<TargetRun> {
        let target = self.request.target.as_deref();
        target_run(&self.text, target, wanted, |name| {
            self.request.options.contexts.contains_key(name)
        })
    }

    /// Whether a line is of a here-document, and not an instruction.
    pub(super) fn is_in_here_document(&self, line: u32) -> bool {
        is_in_here_document(&self.text, line)
    }
}
