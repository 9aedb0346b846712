//! Policies and what they act on.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::reference::Digest;

mod consequences;
mod documented;
mod form;
mod properties;
mod rules;

/// When the evaluations of the tests take place.
fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(days * 24)
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// An image that was pushed so many days ago and never pulled.
fn image(name: &str, tags: &[&str], days: i64) -> Image {
    Image {
        digest: digest(name),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        pushed_at: days_ago(days),
        pulled_at: None,
        storage: Storage::Standard { restored_at: None },
        children: Vec::new(),
    }
}

fn parse(rules: &Value) -> LifecyclePolicy {
    LifecyclePolicy::parse(&json!({"rules": rules}).to_string()).unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "selections are written where they are used"
)]
fn rule(priority: u32, selection: Value) -> Value {
    json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "selections are written where they are used"
)]
fn archiving(priority: u32, selection: Value) -> Value {
    json!({
        "rulePriority": priority,
        "selection": selection,
        "action": {"type": "transition", "targetStorageClass": "archive"},
    })
}

fn any_more_than(count: u32) -> Value {
    json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count})
}

/// Which of the named images the rules touch, each with the rule's priority.
fn touched<'a>(rules: &Value, images: &[(&'a str, Image)]) -> Vec<(&'a str, u32)> {
    let all: Vec<Image> = images.iter().map(|(_, image)| image.clone()).collect();
    parse(rules)
        .evaluate(&all, now())
        .into_iter()
        .map(|effect| {
            let (name, _) = images
                .iter()
                .find(|(_, image)| image.digest == effect.digest)
                .unwrap();
            (*name, effect.priority)
        })
        .collect()
}

fn named<'a>(images: &[(&'a str, &[&str], i64)]) -> Vec<(&'a str, Image)> {
    images
        .iter()
        .map(|(name, tags, days)| (*name, image(name, tags, *days)))
        .collect()
}
