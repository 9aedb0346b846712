//! What lifecycle policies would do.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::text::table;
use tagship_domain::error::cleaned;
use tagship_domain::lifecycle::LifecyclePolicy;
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::repositories::{
    DeclaredRepository, DeclaredSettings, LifecyclePreview, Obstacle, PreviewedImage, RepositoryPlan,
};

/// How many images of a repository a text shows.
const SHOWN: usize = 50;

/// What `tagship lifecycle preview --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PreviewReport {
    /// The registry.
    pub registry: RegistryHost,
    /// The repositories with a policy.
    pub repositories: Vec<RepositoryPreview>,
}

/// What a policy would do to the images of one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryPreview {
    /// The repository.
    pub repository: RepositoryName,
    /// The rules in words, the one that counts most first, and how many images each acts on.
    pub rules: Vec<(String, usize)>,
    /// The images.
    #[serde(flatten)]
    pub preview: LifecyclePreview,
    /// How many bytes the images have that go; what they share with others stays.
    pub bytes: u64,
}

impl RepositoryPreview {
    /// Brings together a policy and what it would do.
    pub fn new(repository: RepositoryName, policy: &LifecyclePolicy, preview: LifecyclePreview) -> Self {
        let count = |priority: u32| {
            preview
                .images
                .iter()
                .filter(|image| image.rule == priority)
                .count()
        };
        let rules = policy.rules().iter();
        Self {
            rules: rules
                .map(|rule| (rule.to_string(), count(rule.priority)))
                .collect(),
            repository,
            bytes: preview.bytes(),
            preview,
        }
    }
}

impl PreviewReport {
    /// Returns the first repository whose policy would delete what must not go.
    pub fn objection(&self) -> Option<(RepositoryName, Obstacle)> {
        self.repositories.iter().find_map(|one| {
            let declared = DeclaredRepository {
                name: one.repository.clone(),
                settings: DeclaredSettings::default(),
            };
            let plan = RepositoryPlan::new(&declared, None).with_preview(&one.preview, false);
            Some((one.repository.clone(), plan.obstacles.into_iter().next()?))
        })
    }

    /// Returns the report as a person reads it. Ends with a line break.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.repositories {
            let (gone, total) = (one.preview.images.len(), one.preview.total);
            let size = HumanBytes(one.bytes);
            let _ = writeln!(
                text,
                "{}: {gone} of {total} images would go, {size}",
                one.repository
            );
            for (rule, count) in &one.rules {
                let _ = writeln!(text, "  {rule}: {count}");
            }
            let rows: Vec<[String; 5]> = one.preview.images.iter().take(SHOWN).map(cells).collect();
            text += &table(&rows);
            if gone > SHOWN {
                let _ = writeln!(text, "  … and {} more; `--json` lists all", gone - SHOWN);
            }
        }
        if self.repositories.is_empty() {
            text += "no repository has a lifecycle policy\n";
        }
        text
    }
}

fn cells(image: &PreviewedImage) -> [String; 5] {
    let tags = image.tags.join(",");
    [
        if image.archived { "archive" } else { "expire" }.to_owned(),
        if tags.is_empty() {
            "-".to_owned()
        } else {
            cleaned(&tags)
        },
        image.digest.short(),
        format!("rule {}", image.rule),
        image
            .objection
            .as_ref()
            .map_or_else(String::new, |objection| format!("must not go: {objection}")),
    ]
}
