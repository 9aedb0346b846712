//! The lifecycle policy of a repository as text, and its short forms.

use serde_json::{Value, json};

use crate::lifecycle::{InvalidPolicy, LifecyclePolicy};
use crate::untrusted::cleaned;

/// The fewest and most characters of a policy. Source: ECR API reference, `PutLifecyclePolicy`, `lifecyclePolicyText`.
const TEXT: std::ops::RangeInclusive<usize> = 100..=30_720;

/// More images than a repository has: a rule that keeps so many keeps all.
/// Source: ECR user guide, "Service quotas": 100,000 images per repository, which can be raised.
const ALL: u32 = 1_000_000;

/// A lifecycle policy that ECR takes.
#[derive(Debug, Clone)]
pub struct LifecycleDocument {
    document: Value,
    policy: LifecyclePolicy,
}

impl PartialEq for LifecycleDocument {
    fn eq(&self, other: &Self) -> bool {
        self.policy == other.policy
    }
}

impl Eq for LifecycleDocument {}

/// Why a text is no lifecycle policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLifecycleDocument {
    /// Its rules are wrong.
    #[error(transparent)]
    Rules(#[from] InvalidPolicy),
    /// It is too short or too long.
    #[error("a lifecycle policy has 100 to 30720 characters, and this one has {0}")]
    Length(usize),
}

impl LifecycleDocument {
    /// Reads a policy in JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidLifecycleDocument> {
        let policy = LifecyclePolicy::parse(text)?;
        // It was read as JSON before.
        let document = serde_json::from_str(text).unwrap_or_default();
        let document = Self { document, policy };
        let length = document.to_text().chars().count();
        if TEXT.contains(&length) {
            Ok(document)
        } else {
            Err(InvalidLifecycleDocument::Length(length))
        }
    }

    /// Returns the policy as the API takes it.
    pub fn to_text(&self) -> String {
        self.document.to_string()
    }

    /// Returns the policy as data.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the rules.
    pub fn policy(&self) -> &LifecyclePolicy {
        &self.policy
    }

    /// Whether a policy of the registry says the same.
    pub fn says_as(&self, actual: &str) -> bool {
        LifecyclePolicy::parse(actual).is_ok_and(|actual| actual == self.policy)
    }
}

/// The rules of a policy, one line each, for people. The text may come from a registry.
pub(crate) fn lines(document: &Value) -> Vec<String> {
    match LifecyclePolicy::parse(&document.to_string()) {
        Ok(policy) => policy.rules().iter().map(ToString::to_string).collect(),
        Err(_) => vec![cleaned(&document.to_string())],
    }
}

/// A lifecycle policy in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShortRules {
    /// Images with a tag that matches one of these never expire. `*` stands for zero or more characters.
    pub keep: Vec<String>,
    /// Images without a tag expire this many days after they were pushed.
    pub untagged_days: Option<u32>,
    /// Of all other images this many of the newest stay.
    pub keep_last: Option<u32>,
    /// Images are archived that were not pulled for this many days.
    pub archive_after_days: Option<u32>,
}

/// Why a short form makes no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShortRules {
    /// Nothing would ever happen.
    #[error("says what stays, and nothing that expires")]
    NothingExpires,
    /// Two rules about all images.
    #[error(
        "takes `keep-last` or `archive-after-days`: ECR takes one rule about all images of a storage class"
    )]
    TwoForAll,
    /// The rules are wrong.
    #[error(transparent)]
    Document(#[from] InvalidLifecycleDocument),
}

impl ShortRules {
    /// Returns the policy that says the same.
    ///
    /// An image belongs to the first rule that selects it, also when that rule keeps it. Source: ECR user guide, "Lifecycle policy
    /// evaluation rules".
    pub fn document(&self) -> Result<LifecycleDocument, InvalidShortRules> {
        if self.keep_last.is_some() && self.archive_after_days.is_some() {
            return Err(InvalidShortRules::TwoForAll);
        }
        let expire = json!({"type": "expire"});
        let mut rules = Rules::default();
        // Of the patterns in one rule an image needs all, so that each has a rule of its own.
        for pattern in &self.keep {
            let selection = json!({
                "tagStatus": "tagged",
                "tagPatternList": [pattern],
                "countType": "imageCountMoreThan",
                "countNumber": ALL,
            });
            rules.add(&format!("keep {pattern}"), &selection, &expire);
        }
        let kept = rules.0.len();
        if let Some(days) = self.untagged_days {
            let selection = json!({
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": days,
            });
            rules.add(&format!("untagged for {}", days_of(days)), &selection, &expire);
        }
        if let Some(count) = self.keep_last {
            let selection = json!({
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": count,
            });
            rules.add(&format!("keep the last {count}"), &selection, &expire);
        }
        if let Some(days) = self.archive_after_days {
            let selection = json!({
                "tagStatus": "any",
                "storageClass": "standard",
                "countType": "sinceImagePulled",
                "countUnit": "days",
                "countNumber": days,
            });
            let archive = json!({"type": "transition", "targetStorageClass": "archive"});
            let description = format!("archive what was not pulled for {}", days_of(days));
            rules.add(&description, &selection, &archive);
        }
        if rules.0.len() == kept {
            return Err(InvalidShortRules::NothingExpires);
        }
        Ok(LifecycleDocument::parse(&json!({"rules": rules.0}).to_string())?)
    }
}

fn days_of(days: u32) -> String {
    format!("{days} {}", if days == 1 { "day" } else { "days" })
}

/// Rules, in the order of their priorities.
#[derive(Default)]
struct Rules(Vec<Value>);

impl Rules {
    fn add(&mut self, description: &str, selection: &Value, action: &Value) {
        self.0.push(json!({
            "rulePriority": self.0.len() + 1,
            "description": description,
            "selection": selection,
            "action": action,
        }));
    }
}
