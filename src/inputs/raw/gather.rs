//! Where values come from, and which of them counts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{RawArguments, RawInputs};
use crate::config::{self, Config};
use crate::inputs::paths::Paths;
use crate::inputs::trust::Trust;
use crate::inputs::{Environment, Face, Origin, container, network, workspace};
use crate::schema::{INPUTS, Input, InputKind, MaySet, NeedsSetup, find};
use tagship_domain::untrusted::cleaned;

impl RawInputs {
    /// Brings together what is given, `TAGSHIP_*`, `tagship.yaml`, well-known variables and defaults.
    pub fn gather(arguments: RawArguments, environment: &Environment) -> Self {
        let mut raw = Self::arguments(arguments, environment);
        raw.file = Arc::new(raw.load_file(environment));
        let image = raw.selected();
        raw.completed(image, environment)
    }

    /// The same for a command about one repository, which says by its name which of several images is meant.
    pub fn of_repository(arguments: RawArguments, environment: &Environment) -> Self {
        let mut raw = Self::arguments(arguments, environment);
        raw.file = Arc::new(raw.load_file(environment));
        let image = raw.named();
        raw.completed(image, environment)
    }

    /// What `ship` would gather for each image of `tagship.yaml`, with its name.
    pub(in crate::inputs) fn of_images(
        arguments: RawArguments,
        environment: &Environment,
    ) -> (Self, Vec<(String, Self)>) {
        let mut raw = Self::arguments(arguments, environment);
        raw.file = Arc::new(raw.load_file(environment));
        let images = raw.file.0.images.iter().enumerate().map(|(index, image)| {
            let of_image = raw.clone().completed(Some(index), environment);
            (image.name.clone(), of_image)
        });
        let images = images.collect();
        (raw.completed(None, environment), images)
    }

    /// What flags, inputs of the action and variables say, which counts more than the file.
    fn arguments(arguments: RawArguments, environment: &Environment) -> Self {
        let RawArguments { face, values } = arguments;
        let mut raw = Self {
            face,
            values: BTreeMap::new(),
            problems: Vec::new(),
            file: Arc::default(),
            trust: Trust::Own,
            lacks_image: false,
        };
        for (name, texts) in values {
            let Some(input) = find(name) else { continue };
            raw.take_given(input, begun_here(input, texts, environment));
        }
        for input in INPUTS {
            let mut variables = vec![input.variable()];
            if face == Face::Action {
                variables.push(input.action_variable());
            }
            for variable in variables
                .iter()
                .filter(|variable| environment.is_not_utf8(variable))
            {
                raw.problem(Origin::Variable(variable.clone()), "is not UTF-8", None);
            }
            if let Some(text) = environment.get(&input.variable()) {
                raw.offer(
                    input,
                    vec![text.to_owned()],
                    false,
                    Origin::Variable(input.variable()),
                );
            }
        }
        for (name, meant) in misspelt(environment) {
            let hint = Some(format!("did you mean `{meant}`?"));
            raw.problem(Origin::Variable(name), "is no variable of Tagship", hint);
        }
        raw.problems.extend(network::problem(environment));
        raw.trust = Trust::of(environment, raw.values.contains_key("config"));
        raw
    }

    /// Adds what counts less than what was given: the image's part of the file, the file, variables and defaults.
    fn completed(mut self, image: Option<usize>, environment: &Environment) -> Self {
        let file = Arc::clone(&self.file);
        let (config, path) = &*file;
        let paths = Paths::new(self.face(), environment);
        let of_image = image.and_then(|index| config.images.get(index));
        let entries = of_image.into_iter().flat_map(|image| &image.entries);
        for entry in entries.chain(&config.entries) {
            let at = Origin::File {
                path: path.clone(),
                line: entry.line,
                column: entry.column,
            };
            let counts = !self.values.contains_key(entry.input.name);
            if let Some(Err((message, hint))) =
                counts.then(|| self.trust.check(entry.input, &entry.texts, &paths))
            {
                self.problem(at, message, Some(hint));
                continue;
            }
            self.offer(entry.input, entry.texts.clone(), entry.is_cut, at);
        }
        for input in INPUTS {
            for variable in input.standard_variables {
                if let Some(text) = environment.get(variable) {
                    let origin = Origin::Variable((*variable).to_owned());
                    self.offer(input, vec![text.to_owned()], false, origin);
                }
            }
            if let Some(default) = input.default {
                self.offer(
                    input,
                    vec![default.to_owned()],
                    false,
                    Origin::Default(input.name),
                );
            }
        }
        if self.face == Face::Action {
            self.refuse_what_needs_the_host(&paths);
        }
        self
    }

    /// Refuses values that a container action cannot use, before anything is done.
    fn refuse_what_needs_the_host(&mut self, paths: &Paths) {
        for input in INPUTS {
            let Some(described) = input.needs_setup.described() else {
                continue;
            };
            let Some(value) = self.values.get(input.name) else {
                continue;
            };
            if input.needs_setup.is_needed(&value.texts, paths) {
                let message = format!("the action's container does not see {described}");
                self.problem(value.origin.clone(), message, Some(container::HINT.to_owned()));
                // So that nothing else is said of it.
                self.values.remove(input.name);
            }
        }
    }

    /// Whether it is not said which of several images is meant.
    pub(in crate::inputs) fn lacks_image(&self) -> bool {
        self.lacks_image
    }

    /// The file that the user names.
    fn named_file(&self) -> Option<(String, Origin)> {
        let value = self.values.get("config")?;
        let name = value.texts.first()?.trim().to_owned();
        Some((name, value.origin.clone()))
    }

    /// The file that inputs are read from; absolute.
    pub(in crate::inputs) fn config_path(&self, environment: &Environment) -> PathBuf {
        let named = self.named_file();
        let name = named
            .as_ref()
            .map_or(config::FILE_NAME, |(name, _)| name.as_str());
        Paths::new(self.face(), environment).resolve(name)
    }

    /// Reads `tagship.yaml`; gives it with the name that messages have for it.
    fn load_file(&mut self, environment: &Environment) -> (Config, String) {
        let workspace = workspace(self.face, environment);
        let named = self.named_file();
        let path = self.config_path(environment);
        let shown = path
            .strip_prefix(&workspace)
            .unwrap_or(&path)
            .display()
            .to_string();
        let origin = |line, column| Origin::File {
            path: shown.clone(),
            line,
            column,
        };
        if Paths::new(self.face(), environment).is_led_out(&path) {
            let at = named.map_or_else(|| origin(1, 1), |(_, origin)| origin);
            let message = format!("`{}` is a link that leads out of the workspace", cleaned(&shown));
            self.problem(at, message, Some("put the file itself there".to_owned()));
            return (Config::default(), shown);
        }
        let of_other_name = Origin::File {
            path: "tagship.yml".to_owned(),
            line: 1,
            column: 1,
        };
        let has_other_name = named.is_none() && path.with_extension("yml").is_file();
        let loaded = match config::load(&path) {
            Ok(Some(loaded)) => {
                if has_other_name {
                    let message = format!("lies beside `{}`, and is not read", config::FILE_NAME);
                    self.problem(of_other_name, message, Some("keep one of the two".to_owned()));
                }
                loaded
            }
            Ok(None) => {
                if let Some((name, origin)) = named {
                    let hint = "name a file that exists, relative to the workspace".to_owned();
                    self.problem(
                        origin,
                        format!("there is no file `{}`", name.escape_debug()),
                        Some(hint),
                    );
                } else if has_other_name {
                    let hint = format!("rename it to `{}`, or name it with `config`", config::FILE_NAME);
                    self.problem(of_other_name, "is not read under this name", Some(hint));
                }
                return (Config::default(), shown);
            }
            Err(error) => {
                let named_at = named.map_or_else(|| origin(1, 1), |(_, origin)| origin);
                self.problem(named_at, error.to_string(), None);
                return (Config::default(), shown);
            }
        };
        for problem in &loaded.problems {
            let at = origin(problem.line, problem.column);
            self.problem(at, problem.message.clone(), problem.hint.clone());
        }
        (loaded, shown)
    }
}

/// Paths of flags begin in the current folder, where relative ones of the file begin in its own.
fn begun_here(input: &Input, texts: Vec<String>, environment: &Environment) -> Vec<String> {
    let is_list = matches!(input.name, "ignore-files" | "merge-from");
    let is_path = input.may_set == MaySet::WithinCheckout || input.needs_setup == NeedsSetup::HostFile;
    if environment.project().is_none() || !(is_list || is_path && input.kind == InputKind::Text) {
        return texts;
    }
    let begun = |text: String| {
        let is_path = !text.trim().is_empty()
            && text != "-"
            && !text.starts_with("sha256:")
            && !container::is_address(&text);
        if is_path {
            environment.working_directory().join(text).display().to_string()
        } else {
            text
        }
    };
    texts.into_iter().map(begun).collect()
}

/// Variables that are almost one of an input, with that one. Others may be another program's: Kubernetes makes some of the
/// names of services.
fn misspelt(environment: &Environment) -> Vec<(String, String)> {
    const PREFIX: &str = "TAGSHIP_";
    let variables: Vec<String> = INPUTS.iter().map(Input::variable).collect();
    let arguments = environment
        .names(PREFIX)
        .filter(|name| !variables.iter().any(|known| known == name));
    arguments
        .filter_map(|name| {
            let of = |known: &String| strsim::damerau_levenshtein(name, known);
            let meant = variables.iter().min_by_key(|known| of(known))?;
            let distance = of(meant);
            let is_near = distance <= 2 && name.len() - PREFIX.len() > 2 * distance;
            is_near.then(|| (name.to_owned(), meant.clone()))
        })
        .collect()
}
