//! Plans of a registry's settings, and what became of them.

use std::fmt::Write as _;

use serde::Serialize;

use tagship_domain::error::Diagnose;
use tagship_domain::registry_settings::{RegistryChange, RegistrySettingsPlan, SettingLine};
use tagship_domain::repositories::PlanAction;

/// What `tagship repo plan --json` prints of the registry's settings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingsPlan {
    /// What there is to do.
    #[serde(flatten)]
    pub plan: RegistrySettingsPlan,
    /// Upstream registries of the pull-through cache that cannot be used.
    pub upstreams: Vec<UnusableUpstream>,
}

/// An upstream registry that cannot be used.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnusableUpstream {
    /// The rule's prefix.
    pub prefix: String,
    /// Why, as the registry says it.
    pub problem: String,
}

/// What `tagship repo apply --json` prints of the registry's settings.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SettingsReport {
    /// The settings that were put.
    pub applied: Vec<RegistryChange>,
    /// What could not be put, and why.
    pub errors: Vec<RepositoryFailure>,
    /// How many were not tried, because an earlier one failed by its credentials, or because the run was ended.
    pub untried: usize,
    /// Those that were not tried to their end: each by its key, and by its name where there are several.
    pub left: Vec<String>,
}

/// Why something is not as declared.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryFailure {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl RepositoryFailure {
    /// Returns an error in words.
    pub fn of(error: &dyn Diagnose) -> Self {
        Self {
            message: tagship_domain::error::with_causes(error),
            hint: error.hint().map(std::borrow::Cow::into_owned),
        }
    }
}

impl SettingsPlan {
    /// Whether all is as declared.
    pub fn is_fulfilled(&self) -> bool {
        self.plan.is_fulfilled()
    }

    /// Whether all is as declared, and can be used.
    pub fn is_usable(&self) -> bool {
        self.is_fulfilled() && self.upstreams.is_empty()
    }

    /// Returns the plan as a person reads it; nothing where all is as declared.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.is_fulfilled() {
            let _ = writeln!(text, "{} registry settings", self.plan.action.as_str());
            text += &diff(&self.plan.changes);
        }
        for obstacle in &self.plan.obstacles {
            let _ = writeln!(text, "  ! {obstacle}\n    hint: {}", obstacle.hint());
        }
        for upstream in &self.upstreams {
            let (prefix, problem) = (&upstream.prefix, &upstream.problem);
            let _ = writeln!(
                text,
                "! the upstream of cache rule `{prefix}` cannot be used: {problem}"
            );
        }
        text
    }

    /// Returns the plan as Markdown; nothing where all is as declared.
    pub(super) fn markdown(&self) -> String {
        if self.is_fulfilled() && self.upstreams.is_empty() {
            return String::new();
        }
        let action = self.plan.action.as_str();
        let mut text = format!("\n**{action}** registry settings\n\n```diff\n");
        for line in self.plan.changes.iter().flat_map(RegistryChange::lines) {
            let _ = writeln!(text, "{} {}: {}", line.sign, line.setting, line.text);
        }
        for obstacle in &self.plan.obstacles {
            let _ = writeln!(text, "! {obstacle}");
        }
        for upstream in &self.upstreams {
            let (prefix, problem) = (&upstream.prefix, &upstream.problem);
            let _ = writeln!(
                text,
                "! the upstream of cache rule `{prefix}` cannot be used: {problem}"
            );
        }
        text + "```\n"
    }

    /// Returns what differs, counted; nothing where all is as declared.
    pub(super) fn count(&self) -> Option<String> {
        let count = self.plan.changes.len();
        match self.plan.action {
            PlanAction::Keep => None,
            PlanAction::Refuse => Some("registry settings that cannot become what is declared".to_owned()),
            PlanAction::Create | PlanAction::Change if count == 1 => {
                Some("1 registry setting to change".to_owned())
            }
            PlanAction::Create | PlanAction::Change => Some(format!("{count} registry settings to change")),
        }
    }
}

impl SettingsReport {
    /// Returns what became of the settings as a person reads it; nothing where all was as declared.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.applied.is_empty() {
            text += "changed registry settings\n";
            text += &diff(&self.applied);
        }
        if !self.errors.is_empty() {
            text += "failed registry settings\n";
        }
        for error in &self.errors {
            let _ = writeln!(text, "  ! {}", error.message);
            if let Some(hint) = &error.hint {
                let _ = writeln!(text, "    hint: {hint}");
            }
        }
        for left in &self.left {
            let _ = writeln!(text, "  not put {left}");
        }
        text
    }
}

/// The lines of changes, the settings under each other.
fn diff(changes: &[RegistryChange]) -> String {
    let lines: Vec<SettingLine> = changes.iter().flat_map(RegistryChange::lines).collect();
    let width = lines
        .iter()
        .map(|line| line.setting.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for line in &lines {
        let _ = writeln!(text, "  {} {:width$}  {}", line.sign, line.setting, line.text);
    }
    text
}
