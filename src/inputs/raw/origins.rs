//! Where inputs come from, for people.

use super::{RawInputs, Value};
use crate::inputs::{Origin, Problem};
use crate::schema::{INPUTS, Input, InputKind, Section, find};
use tagship_domain::untrusted::cleaned;

impl RawInputs {
    /// The same without the inputs that have these problems, with their defaults in their place.
    #[must_use]
    pub fn without_wrong(mut self, problems: &[Problem]) -> Self {
        self.problems.clear();
        let is_wrong = |value: &Value| problems.iter().any(|problem| problem.origin == value.origin);
        let wrong: Vec<&'static str> = self
            .values
            .iter()
            .filter(|(_, value)| is_wrong(value))
            .map(|(name, _)| *name)
            .collect();
        for name in wrong {
            self.values.remove(name);
            if let Some(default) = find(name).and_then(|input| input.default) {
                let value = Value {
                    texts: vec![default.to_owned()],
                    is_cut: false,
                    origin: Origin::Default(name),
                };
                self.values.insert(name, value);
            }
        }
        self
    }

    /// Where the settings of a job come from that decide where credentials go: one sentence each.
    pub(in crate::inputs) fn provenance(&self) -> Vec<String> {
        const DECISIVE: [&str; 7] = [
            "registry",
            "images",
            "account-id",
            "endpoint-url",
            "docker-host",
            "builders",
            "role-to-assume",
        ];
        let given = DECISIVE
            .iter()
            .filter(|_| self.trust.in_job())
            .filter_map(|name| Some((name, self.values.get(name)?)));
        given
            .map(|(name, value)| {
                let text = value.texts.join(" ");
                format!("`{name}` is `{}`, from {}", cleaned(&text), value.origin)
            })
            .collect()
    }

    /// Says that the registry of the file does not count, where the run publishes to the embedded ECR all the same.
    pub(in crate::inputs) fn registry_beaten(&self) -> Option<String> {
        let is_of_file = |value: &&Value| matches!(value.origin, Origin::File { .. });
        let local = self.values.get("local").filter(|value| !is_of_file(value))?;
        let registry = self.values.get("registry").filter(is_of_file)?;
        Some(format!(
            "`registry` is `{}` in {}, and does not count: {} publishes to the embedded ECR",
            cleaned(&registry.texts.join(" ")),
            registry.origin,
            local.origin
        ))
    }

    /// Every input that is given, and by what: one clause each, in the order of the table. A value that may hold a secret is left
    /// out.
    pub(in crate::inputs) fn given(&self) -> Vec<String> {
        self.clauses(|origin| !matches!(origin, Origin::Default(_)))
    }

    /// Every input that is not given and has a default, as [`Self::given`] says the others.
    pub(in crate::inputs) fn defaults(&self) -> Vec<String> {
        self.clauses(|origin| matches!(origin, Origin::Default(_)))
    }

    fn clauses(&self, is_wanted: impl Fn(&Origin) -> bool) -> Vec<String> {
        INPUTS
            .iter()
            .filter_map(|input| Some((input, self.values.get(input.name)?)))
            .filter(|(_, value)| is_wanted(&value.origin))
            .map(|(input, value)| {
                let name = input.name;
                let text = cleaned(&value.texts.join(" "));
                if matches!(value.origin, Origin::Default(_)) {
                    format!("`{name}` is `{text}` by default")
                } else if is_shown(input) {
                    format!("`{name}` is `{text}`, from {}", value.origin)
                } else {
                    format!("`{name}` is given, from {}", value.origin)
                }
            })
            .collect()
    }
}

fn is_shown(input: &Input) -> bool {
    let is_plain = matches!(
        input.section,
        Section::Destination | Section::Identity | Section::Tags | Section::Images | Section::Run
    );
    match input.kind {
        InputKind::Flag | InputKind::FlagOr(_) | InputKind::Integer { .. } => true,
        InputKind::Text => is_plain || input.section == Section::Build,
        InputKind::Entries => is_plain || input.name == "platforms",
        InputKind::Records { .. } | InputKind::Secret => false,
    }
}
