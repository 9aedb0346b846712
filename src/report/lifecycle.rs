//! What lifecycle policies would do.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::text::table;
use tagship_domain::error::cleaned;
use tagship_domain::lifecycle::LifecyclePolicy;
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::repositories::{
    DeclaredRepository, DeclaredSettings, LifecyclePreview, Obstacle, PreviewComparison, PreviewedAction,
    PreviewedImage, RepositoryPlan,
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
    /// How what the registry says differs from what the evaluator here says; absent where the registry was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<PreviewComparison>,
}

impl RepositoryPreview {
    /// Brings together a policy and what it would do.
    pub fn new(
        repository: RepositoryName,
        policy: &LifecyclePolicy,
        preview: LifecyclePreview,
        comparison: Option<PreviewComparison>,
    ) -> Self {
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
            comparison,
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
            if let Some(comparison) = &one.comparison {
                text += &compared(comparison);
            }
        }
        if self.repositories.is_empty() {
            text += "no repository has a lifecycle policy\n";
        }
        text
    }
}

fn cells(image: &PreviewedImage) -> [String; 5] {
    let after = image.after.map(|digest| format!("after {}", digest.short()));
    let objection = (image.objection.as_ref()).map(|objection| format!("must not go: {objection}"));
    let remarks: Vec<String> = after.into_iter().chain(objection).collect();
    [
        verb(image.archived).to_owned(),
        tags(&image.tags),
        image.digest.short(),
        format!("rule {}", image.rule),
        remarks.join(", "),
    ]
}

const fn verb(is_archived: bool) -> &'static str {
    if is_archived { "archive" } else { "expire" }
}

fn tags(tags: &[String]) -> String {
    match tags {
        [] => "-".to_owned(),
        tags => cleaned(&tags.join(",")),
    }
}

/// Whether ECR and the evaluator say the same.
fn compared(comparison: &PreviewComparison) -> String {
    let count = comparison.differing.len();
    if count == 0 {
        return "  ECR says the same as the evaluator of this program\n".to_owned();
    }
    let images = if count == 1 { "image" } else { "images" };
    let mut text = format!("  ECR and the evaluator of this program differ in {count} {images}\n");
    let said = |action: Option<PreviewedAction>| match action {
        None => "stays".to_owned(),
        Some(action) => format!("{} by rule {}", verb(action.archived), action.rule),
    };
    let rows: Vec<[String; 4]> = (comparison.differing.iter().take(SHOWN))
        .map(|image| {
            [
                tags(&image.tags),
                image.digest.short(),
                format!("ECR: {}", said(image.by_registry)),
                format!("here: {}", said(image.here)),
            ]
        })
        .collect();
    text += &table(&rows);
    text
}
