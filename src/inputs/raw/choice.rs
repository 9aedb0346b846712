//! Which of several images of the file is meant.

use std::sync::Arc;

use super::RawInputs;
use crate::config::ConfigImage;
use crate::inputs::Origin;
use crate::inputs::problem::Problems;
use tagship_domain::untrusted::cleaned;

impl RawInputs {
    /// Returns the place of the image that `only` names, or of the only one.
    pub(super) fn selected(&mut self) -> Option<usize> {
        let hint = "name one with `only`, or publish them all with `tagship ship --all` (in the action `all: true`); `tagship plan --changed` lists those that the commit touches";
        self.one(|_| hint.to_owned())
    }

    /// Returns the place of the image that `only` names, whose repository is given, or whose name is given in its place. A
    /// repository of no image stands for itself.
    pub(super) fn named(&mut self) -> Option<usize> {
        let file = Arc::clone(&self.file);
        let images = &file.0.images;
        let mut unread = Problems::new(Vec::new());
        let given = self
            .text("repository", &mut unread)
            .filter(|_| self.text("only", &mut Problems::new(Vec::new())).is_none());
        let Some(given) = given else {
            return self.one(|names| {
                let flags: Vec<String> = names.iter().map(|name| format!("`--only {name}`")).collect();
                format!("give a repository, or one of {}", flags.join(", "))
            });
        };
        if let Some(found) = images.iter().position(|image| has_repository(image, &given.text)) {
            return Some(found);
        }
        // A whole reference is no image's name; that a variable names the registry of all says nothing.
        let registry = self.text("registry", &mut Problems::new(Vec::new()));
        let is_whole = registry.is_some_and(|registry| matches!(registry.origin, Origin::Flag(_)));
        let called = images.iter().position(|image| image.name == given.text);
        if let Some(called) = called.filter(|_| !is_whole) {
            // The file says which repository the image of this name has.
            self.values.remove("repository");
            return Some(called);
        }
        (images.len() == 1).then_some(0)
    }

    /// Returns the image that `only` names, or the only one; the hint is made of the names of all.
    fn one(&mut self, hint: impl Fn(&[&str]) -> String) -> Option<usize> {
        let file = Arc::clone(&self.file);
        let (config, path) = &*file;
        let images = &config.images;
        let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
        let listed = format!("`{}`", names.join("`, `"));
        if let Some(only) = self.text("only", &mut Problems::new(Vec::new())) {
            let found = images.iter().position(|image| image.name == only.text);
            if found.is_none() {
                self.lacks_image = true;
                let message = format!("there is no image `{}` in `{path}`", cleaned(&only.text));
                let hint = (!images.is_empty()).then(|| format!("there are {listed}"));
                self.problem(only.origin, message, hint);
            }
            return found;
        }
        if images.len() > 1 {
            self.lacks_image = true;
            let message = format!("`{path}` holds several images: {listed}");
            self.problem(Origin::Inputs, message, Some(hint(&names)));
        }
        (images.len() == 1).then_some(0)
    }
}

fn has_repository(image: &ConfigImage, name: &str) -> bool {
    let mut entries = image.entries.iter();
    entries.any(|entry| entry.input.name == "repository" && entry.texts.concat().trim() == name)
}
