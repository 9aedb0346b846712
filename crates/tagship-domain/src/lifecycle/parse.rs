//! The text of a policy, with everything that is wrong with it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::problem::{InvalidPolicy, Located, Problem};
use super::schema::{Object, Placed};
use super::{Action, AgeStart, Count, LifecyclePolicy, Rule, TagPattern, TagSelection};

/// The most rules of a policy. Source: ECR user guide, "Service quotas".
const MAX_RULES: usize = 50;

/// The most `*` in one pattern. Source: "Lifecycle policy properties", `tagPatternList`.
const MAX_WILDCARDS: usize = 4;

/// The fewest days before an archived image may expire.
/// Source: ECR user guide, "Archiving an image": the archive has a minimum storage duration of 90 days.
const MIN_ARCHIVED_DAYS: u32 = 90;

/// The ways in which count type, unit and storage class go together, and those of an action.
const COUNT_SCHEMAS: usize = 4;
const ACTION_SCHEMAS: usize = 2;

impl LifecyclePolicy {
    /// Reads a policy document in JSON.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let document: Value = serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| located(None, vec![Placed::here(Problem::NotAnObject)]))
            .map_err(|problems| InvalidPolicy { problems })?;
        let mut object = Object::of(&document, &["rules"], &[]).map_err(|found| InvalidPolicy {
            problems: located(None, found),
        })?;
        let items = object.list("rules").unwrap_or_default();
        if items.len() > MAX_RULES {
            let (maximum, found) = (MAX_RULES, items.len());
            object.add("rules", Problem::TooLong { maximum, found });
        }
        let mut problems = located(None, object.problems);
        let mut rules = Vec::new();
        for (place, item) in (1..).zip(items.iter().take(MAX_RULES)) {
            match rule(item) {
                Ok(rule) => rules.push((place, rule)),
                Err(found) => problems.extend(located(Some(place), found)),
            }
        }
        problems.extend(same_priorities(items));
        problems.extend(conflicts(&rules));
        if !problems.is_empty() {
            return Err(InvalidPolicy { problems });
        }
        let mut rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
        rules.sort_by_key(|rule| rule.priority);
        Ok(Self { rules })
    }
}

fn located(rule: Option<usize>, found: Vec<Placed>) -> Vec<Located> {
    let found = found.into_iter();
    let located = found.map(|Placed { path, problem }| Located { rule, path, problem });
    located.collect()
}

fn rule(item: &Value) -> Result<Rule, Vec<Placed>> {
    let mut object = Object::of(item, &["rulePriority", "selection", "action"], &["description"])?;
    let priority = object.number("rulePriority");
    let description = object.text("description").map(str::to_owned);
    let action = object.get("action").map(action);
    let selection = object.get("selection").map(selection);
    let mut problems = object.problems;
    let action = kept("action", action, &mut problems);
    let selection = kept("selection", selection, &mut problems);
    match (priority, action, selection) {
        (Some(priority), Some(action), Some((tags, count))) if problems.is_empty() => {
            if allows(count, action) {
                Ok(Rule {
                    priority,
                    description,
                    tags,
                    count,
                    action,
                })
            } else {
                Err(vec![Placed::here(Problem::NoSchema(COUNT_SCHEMAS))])
            }
        }
        _ => Err(problems),
    }
}

/// What was read; problems go to the others.
fn kept<T>(
    name: &'static str,
    result: Option<Result<T, Vec<Placed>>>,
    problems: &mut Vec<Placed>,
) -> Option<T> {
    match result? {
        Ok(value) => Some(value),
        Err(found) => {
            problems.extend(found.into_iter().map(|mut placed| {
                placed.path.insert(0, name);
                placed
            }));
            None
        }
    }
}

/// What is archived can only expire, and what was not pulled can only be archived.
fn allows(count: Count, action: Action) -> bool {
    match count {
        Count::OlderThan { since, .. } => match since {
            AgeStart::Pushed => true,
            AgeStart::Pulled => action == Action::Archive,
            AgeStart::Archived => action == Action::Expire,
        },
        Count::MoreThan(_) => true,
    }
}

fn action(value: &Value) -> Result<Action, Vec<Placed>> {
    let mut object = Object::of(value, &["type"], &["targetStorageClass"])?;
    let kind = object.one_of("type", &["expire", "transition"]);
    let action = match (kind, object.get("targetStorageClass").map(Value::as_str)) {
        (Some("expire"), None) => Some(Action::Expire),
        (Some("transition"), Some(Some("archive"))) => Some(Action::Archive),
        (Some(_), _) => {
            object
                .problems
                .push(Placed::here(Problem::NoSchema(ACTION_SCHEMAS)));
            None
        }
        (None, _) => None,
    };
    action
        .filter(|_| object.problems.is_empty())
        .ok_or(object.problems)
}

fn selection(value: &Value) -> Result<(TagSelection, Count), Vec<Placed>> {
    let mut object = Object::of(
        value,
        &["tagStatus", "countType", "countNumber"],
        &["tagPatternList", "tagPrefixList", "storageClass", "countUnit"],
    )?;
    let status = object.one_of("tagStatus", &["tagged", "untagged", "any"]);
    let count = count(&mut object);
    let prefixes = object.texts("tagPrefixList");
    let patterns = object.texts("tagPatternList");
    for pattern in patterns.iter().flatten() {
        if pattern.matches('*').count() > MAX_WILDCARDS {
            let (pattern, maximum) = (pattern.clone(), MAX_WILDCARDS);
            object.add("tagPatternList", Problem::Wildcards { pattern, maximum });
        }
    }
    let has = |name: &str| object.get(name).is_some();
    let lists = (has("tagPrefixList"), has("tagPatternList"));
    let problem = match (status, lists) {
        (Some("tagged"), (false, false)) => Some(Problem::NoTags),
        (Some("tagged"), (true, true)) => Some(Problem::BothLists),
        (Some("untagged" | "any"), (true, _) | (_, true)) => Some(Problem::TagsOfUntagged),
        _ => None,
    };
    object.problems.extend(problem.map(Placed::here));
    let tags = match status {
        Some("tagged") => TagSelection::Tagged(
            (prefixes.into_iter().flatten().map(TagPattern::Prefix))
                .chain(patterns.into_iter().flatten().map(TagPattern::Wildcard))
                .collect(),
        ),
        Some("untagged") => TagSelection::Untagged,
        _ => TagSelection::Any,
    };
    match count {
        Some(count) if object.problems.is_empty() => Ok((tags, count)),
        _ => Err(object.problems),
    }
}

fn count(object: &mut Object<'_>) -> Option<Count> {
    // Each is read before any is missed, so that all that is wrong is named.
    let has = |object: &Object<'_>, name: &str| object.get(name).is_some();
    let unit = has(object, "countUnit").then(|| object.one_of("countUnit", &["days"]));
    let class = has(object, "storageClass").then(|| object.one_of("storageClass", &["standard", "archive"]));
    let number = object.number("countNumber");
    if unit == Some(None) || class == Some(None) {
        return None;
    }
    let (unit, class, number) = (unit.flatten(), class.flatten(), number?);
    let older = |since| Some(Count::OlderThan { since, days: number });
    let count = match (object.text("countType")?, unit, class) {
        ("imageCountMoreThan", None, None | Some("standard")) => Some(Count::MoreThan(number)),
        ("sinceImagePushed", Some(_), None | Some("standard")) => older(AgeStart::Pushed),
        ("sinceImagePulled", Some(_), None | Some("standard")) => older(AgeStart::Pulled),
        ("sinceImageTransitioned", Some(_), Some("archive")) if number >= MIN_ARCHIVED_DAYS => {
            older(AgeStart::Archived)
        }
        _ => None,
    };
    if count.is_none() {
        object
            .problems
            .push(Placed::here(Problem::NoSchema(COUNT_SCHEMAS)));
    }
    count
}

/// Which priorities are used again, also by rules that are wrong otherwise.
fn same_priorities(items: &[Value]) -> Vec<Located> {
    let mut known = BTreeSet::new();
    let mut problems = Vec::new();
    for (place, item) in (1..).zip(items.iter().take(MAX_RULES)) {
        let priority = item.get("rulePriority").and_then(Value::as_u64);
        let priority = priority.and_then(|priority| u32::try_from(priority).ok());
        if let Some(priority) = priority.filter(|priority| !known.insert(*priority)) {
            problems.push(Located {
                rule: Some(place),
                path: vec!["rulePriority"],
                problem: Problem::SamePriority(priority),
            });
        }
    }
    problems
}

/// What is wrong between rules that are right by themselves.
fn conflicts(rules: &[(usize, Rule)]) -> Vec<Located> {
    let mut problems = Vec::new();
    for (place, rule) in rules {
        let mut add = |problem| {
            problems.push(Located {
                rule: Some(*place),
                path: vec!["selection"],
                problem,
            });
        };
        let others = || {
            rules
                .iter()
                .filter(|(other, _)| other != place)
                .map(|(other, rule)| (*other, rule))
                .filter(|(_, other)| other.class() == rule.class())
        };
        let earlier = || {
            others()
                .filter(|(other, _)| other < place)
                .map(|(_, other)| &other.tags)
        };
        match &rule.tags {
            TagSelection::Any if others().any(|(_, other)| other.priority > rule.priority) => {
                add(Problem::AnyNotLast);
            }
            TagSelection::Untagged if earlier().any(|other| *other == TagSelection::Untagged) => {
                add(Problem::SecondUntagged);
            }
            TagSelection::Tagged(patterns)
                if earlier()
                    .any(|other| matches!(other, TagSelection::Tagged(others) if same(others, patterns))) =>
            {
                add(Problem::SameTags);
            }
            _ => {}
        }
    }
    problems
}

fn same(one: &[TagPattern], other: &[TagPattern]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
}
