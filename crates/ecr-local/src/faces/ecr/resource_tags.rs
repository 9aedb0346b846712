//! Tags of repositories.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{Context, Handler, Operation, Resource, Shape, read, required};
use crate::refusal::Refusal;
use tagship_domain::reference::RepositoryName;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "TagResource",
        on: Resource::Repository,
        input: &[
            required("resourceArn", Shape::ANY_TEXT),
            required("tags", RESOURCE_TAGS),
        ],
        run: Handler::Blocking(tag),
    },
    Operation {
        name: "UntagResource",
        on: Resource::Repository,
        input: &[
            required("resourceArn", Shape::ANY_TEXT),
            required("tagKeys", Shape::list(&Shape::ANY_TEXT, 0, usize::MAX)),
        ],
        run: Handler::Blocking(untag),
    },
    Operation {
        name: "ListTagsForResource",
        on: Resource::Repository,
        input: &[required("resourceArn", Shape::ANY_TEXT)],
        run: Handler::Blocking(list),
    },
];

/// Source: ECR API reference, `Tag`. The bounds of keys and values have an exception of their own.
pub(crate) const RESOURCE_TAGS: Shape = Shape::list(
    &Shape::Structure(&[
        required("Key", Shape::ANY_TEXT),
        required("Value", Shape::ANY_TEXT),
    ]),
    0,
    usize::MAX,
);

/// The most tags of a resource, and the most characters of a key and a value.
/// Source: ECR user guide, "Tagging a private repository", "Tag restrictions".
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// A tag of a repository, not of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceTag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// A resource's tags after `added` are put to them.
pub(crate) fn with_tags(
    mut tags: BTreeMap<String, String>,
    added: Vec<ResourceTag>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let invalid = |problem: &str| Err(Refusal::modelled("InvalidTagParameterException", problem));
    let mut seen = Vec::new();
    for ResourceTag { key, value } in added {
        check_key(&key)?;
        if value.chars().count() > MAX_VALUE || !value.chars().all(is_legal) {
            return invalid("Tag values have at most 256 letters, numbers, spaces and + - = . _ : / @");
        }
        if seen.contains(&key) {
            return invalid("Tag keys must be unique");
        }
        seen.push(key.clone());
        tags.insert(key, value);
    }
    if tags.len() > MAX_TAGS {
        return Err(Refusal::modelled(
            "TooManyTagsException",
            "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a repository is 50.",
        ));
    }
    Ok(tags)
}

fn check_key(key: &str) -> Result<(), Refusal> {
    let invalid = |problem: &str| Err(Refusal::modelled("InvalidTagParameterException", problem));
    let is_reserved = key
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    if is_reserved {
        return invalid("Tag keys that begin with aws: are reserved");
    }
    if !(1..=MAX_KEY).contains(&key.chars().count()) || !key.chars().all(is_legal) {
        return invalid("Tag keys have 1 to 128 letters, numbers, spaces and + - = . _ : / @");
    }
    Ok(())
}

fn is_legal(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "+-=._:/@".contains(character)
}

/// The repository that a resource name means; the context's registry is the one in it.
fn repository_of(context: &Context<'_>, arn: &str) -> Result<RepositoryName, Refusal> {
    arn.strip_prefix(&context.registry.arn(""))
        .and_then(|name| RepositoryName::parse(name).ok())
        .ok_or_else(|| Refusal::parameter("resourceArn", "Invalid ARN"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagResource {
    resource_arn: String,
    tags: Vec<ResourceTag>,
}

/// `TagResource`.
pub(crate) fn tag(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: TagResource = read(document)?;
    let name = repository_of(context, &request.resource_arn)?;
    context.registry.change_repository(&name, |repository| {
        repository.tags = with_tags(std::mem::take(&mut repository.tags), request.tags)?;
        Ok(())
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

/// `UntagResource`. Keys that the resource does not have are no error.
pub(crate) fn untag(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: UntagResource = read(document)?;
    let name = repository_of(context, &request.resource_arn)?;
    request.tag_keys.iter().try_for_each(|key| check_key(key))?;
    context.registry.change_repository(&name, |repository| {
        repository.tags.retain(|key, _| !request.tag_keys.contains(key));
        Ok(())
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTagsForResource {
    resource_arn: String,
}

/// `ListTagsForResource`.
pub(crate) fn list(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListTagsForResource = read(document)?;
    let name = repository_of(context, &request.resource_arn)?;
    let repository = context.registry.repository(&name)?;
    let tags: Vec<Value> = repository
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"tags": tags}))
}
