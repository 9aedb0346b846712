//! Plans of repositories, and what became of them.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::{RepositoryFailure, SettingsPlan, SettingsReport};
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::repositories::{Change, Obstacle, PlanAction, RepositoryPlan, UndeclaredRepository};

/// What `tagship repo plan --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegistryPlan {
    /// The registry.
    pub registry: RegistryHost,
    /// Its settings, where they are declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_settings: Option<SettingsPlan>,
    /// The repositories, in the order of their declaration.
    pub repositories: Vec<RepositoryPlan>,
    /// Those that nothing declares, where they are to go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<UndeclaredRepository>,
}

/// What `tagship repo apply --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegistryReport {
    /// The registry.
    pub registry: RegistryHost,
    /// Its settings, where they are declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_settings: Option<SettingsReport>,
    /// The repositories that were not as declared, in the order in which they were changed.
    pub repositories: Vec<RepositoryReport>,
    /// Those that nothing declares, and that were removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<RepositoryName>,
    /// How many were as declared.
    pub unchanged: usize,
    /// How many were not tried, because an earlier one failed by its credentials, or because the run was ended.
    pub untried: usize,
    /// Those that were not tried.
    pub left: Vec<RepositoryName>,
}

/// What became of one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryReport {
    /// The repository.
    pub repository: RepositoryName,
    /// Whether this run made it.
    pub made: bool,
    /// The settings that were put.
    pub applied: Vec<Change>,
    /// What broke it off.
    pub error: Option<RepositoryFailure>,
}

impl RegistryPlan {
    /// Returns how many repositories have this action.
    pub fn count(&self, action: PlanAction) -> usize {
        self.repositories
            .iter()
            .filter(|one| one.action == action)
            .count()
    }

    /// Whether every repository is as declared.
    pub fn is_fulfilled(&self) -> bool {
        let settings = self.registry_settings.as_ref();
        settings.is_none_or(SettingsPlan::is_fulfilled)
            && self.repositories.iter().all(RepositoryPlan::is_fulfilled)
            && self.removed().next().is_none()
    }

    /// Returns those that nothing declares, and that are removed.
    pub fn removed(&self) -> impl Iterator<Item = &RepositoryName> {
        let empty = self.undeclared.iter().filter(|one| !one.holds_images);
        empty.map(|one| &one.repository)
    }

    /// One line for each that nothing declares.
    fn undeclared_lines(&self) -> String {
        self.undeclared.iter().fold(String::new(), |mut text, one| {
            let name = &one.repository;
            let _ = if one.holds_images {
                writeln!(
                    text,
                    "leave {name}: it is not declared and holds images; `tagship repo delete {name} --force --confirm {name}` removes it"
                )
            } else {
                writeln!(text, "remove {name}: it is not declared and holds no image")
            };
            text
        })
    }

    /// Returns why repositories cannot become what is declared, with their names.
    pub fn obstacles(&self) -> Vec<(RepositoryName, Obstacle)> {
        let of = |one: &RepositoryPlan| {
            let name = one.repository.clone();
            let obstacles = one.obstacles.clone().into_iter();
            obstacles.map(move |obstacle| (name.clone(), obstacle))
        };
        self.repositories.iter().flat_map(of).collect()
    }

    /// Returns the plan as a person reads it. Ends with a line break.
    pub fn text(&self) -> String {
        let settings = self.registry_settings.as_ref();
        let mut text = settings.map_or_else(String::new, SettingsPlan::text);
        for one in self.repositories.iter().filter(|one| !one.is_fulfilled()) {
            let _ = writeln!(text, "{} {}", one.action.as_str(), one.repository);
            text += &diff(&one.changes);
            if let Some(expiry) = one.expiry.filter(|expiry| expiry.images > 0) {
                let (images, of, size) = (expiry.images, expiry.of, HumanBytes(expiry.bytes));
                let _ = writeln!(
                    text,
                    "  its lifecycle policy would act on {images} of {of} images, {size}"
                );
            }
            for obstacle in &one.obstacles {
                let _ = writeln!(text, "  ! {obstacle}\n    hint: {}", obstacle.hint());
            }
        }
        text += &self.undeclared_lines();
        let _ = writeln!(text, "{} in {}", self.counts(), self.registry);
        text
    }

    /// Returns the plan as Markdown, for a pull request or a job's summary. Ends with a line break.
    pub fn markdown(&self) -> String {
        let mut text = format!("### Repositories in `{}`\n\n{}\n", self.registry, self.counts());
        let settings = self.registry_settings.as_ref();
        text += &settings.map_or_else(String::new, SettingsPlan::markdown);
        for one in self.repositories.iter().filter(|one| !one.is_fulfilled()) {
            let _ = write!(
                text,
                "\n**{}** `{}`\n\n```diff\n{}",
                one.action.as_str(),
                one.repository,
                marked(&one.changes)
            );
            for obstacle in &one.obstacles {
                let _ = writeln!(text, "! {obstacle}");
            }
            text += "```\n";
        }
        if !self.undeclared.is_empty() {
            let _ = write!(text, "\n```text\n{}```\n", self.undeclared_lines());
        }
        text
    }

    fn counts(&self) -> String {
        let counts = [
            (PlanAction::Create, "to create"),
            (PlanAction::Change, "to change"),
            (PlanAction::Refuse, "that cannot become what is declared"),
            (PlanAction::Keep, "as declared"),
        ];
        let counts = counts.map(|(action, words)| (self.count(action), words));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let settings = self.registry_settings.as_ref();
        let counts: Vec<String> = settings
            .and_then(SettingsPlan::count)
            .into_iter()
            .chain(counts.map(|(count, words)| format!("{count} {words}")))
            .chain(
                Some(self.removed().count())
                    .filter(|count| *count > 0)
                    .map(|count| format!("{count} to remove")),
            )
            .collect();
        if counts.is_empty() && settings.is_some() {
            "all as declared".to_owned()
        } else if counts.is_empty() {
            "nothing is declared".to_owned()
        } else {
            counts.join(", ")
        }
    }
}

impl RegistryReport {
    /// Returns the report as a person reads it. Ends with a line break.
    pub fn text(&self) -> String {
        let settings = self.registry_settings.as_ref();
        let mut text = settings.map_or_else(String::new, SettingsReport::text);
        for one in &self.repositories {
            let word = match (one.made, one.applied.is_empty(), &one.error) {
                (true, ..) => "made",
                (false, true, Some(_)) => "failed",
                (false, ..) => "changed",
            };
            let _ = writeln!(text, "{word} {}", one.repository);
            text += &diff(&one.applied);
            if let Some(error) = &one.error {
                let _ = writeln!(text, "  ! {}", error.message);
                if let Some(hint) = &error.hint {
                    let _ = writeln!(text, "    hint: {hint}");
                }
            }
        }
        for name in &self.removed {
            let _ = writeln!(text, "removed {name}");
        }
        let failed = self.repositories.iter().filter(|one| one.error.is_some()).count();
        let done = self.repositories.len() - failed;
        if let Some(count) = settings
            .map(|settings| settings.applied.len())
            .filter(|count| *count > 0)
        {
            let settings = if count == 1 { "setting" } else { "settings" };
            let _ = write!(text, "{count} registry {settings} changed, ");
        }
        let _ = write!(text, "{done} changed, {} as declared", self.unchanged);
        if !self.removed.is_empty() {
            let _ = write!(text, ", {} removed", self.removed.len());
        }
        if failed > 0 {
            let _ = write!(text, ", {failed} failed");
        }
        if self.untried > 0 {
            let _ = write!(text, ", {} not tried", self.untried);
        }
        let _ = writeln!(text, " in {}", self.registry);
        for name in &self.left {
            let _ = writeln!(text, "not tried {name}");
        }
        text
    }
}

/// The lines of changes, the settings under each other.
pub(super) fn diff(changes: &[Change]) -> String {
    let lines: Vec<_> = changes.iter().flat_map(Change::lines).collect();
    let width = lines.iter().map(|line| line.setting.as_str().len()).max();
    let mut text = String::new();
    for line in &lines {
        let setting = line.setting.as_str();
        let width = width.unwrap_or_default();
        let _ = writeln!(text, "  {} {setting:width$}  {}", line.sign, line.text);
    }
    text
}

/// The same with the sign in the first column, as the language `diff` has it; no line can end the block.
fn marked(changes: &[Change]) -> String {
    let lines = changes.iter().flat_map(Change::lines);
    lines.fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{} {}: {}", line.sign, line.setting.as_str(), line.text);
        text
    })
}
