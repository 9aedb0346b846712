//! The CloudFormation templates that create provider, role and repositories: a stack is of one region.

use serde_json::{Map, Value, json};

use super::{NewMutability, RoleName, Setup, TargetRepository};
use crate::immutability::Mutability;
use crate::reference::{Region, Tag};

/// A template, as JSON.
pub(super) struct Template {
    /// Its file's name.
    pub(super) name: String,
    /// The region of its stack.
    pub(super) region: Region,
    /// What is in it.
    pub(super) text: String,
}

/// Returns a template for each region; that of the first has provider and role too.
///
/// Source: CloudFormation template reference, `AWS::IAM::OIDCProvider`, `AWS::IAM::Role`, `AWS::ECR::Repository`.
pub(super) fn templates(setup: &Setup) -> Vec<Template> {
    let mut regions: Vec<&Region> = Vec::new();
    for one in &setup.repositories {
        if !regions.contains(&&one.place.region) {
            regions.push(&one.place.region);
        }
    }
    let template = |(number, region): (usize, &Region)| {
        let is_first = number == 0;
        let mut resources = if is_first { identity(setup) } else { Map::new() };
        let here = setup
            .repositories
            .iter()
            .filter(|one| one.place.region == *region);
        for (number, one) in here.enumerate() {
            if let Some(made) = repository(setup, one) {
                resources.insert(format!("Repository{}", number + 1), made);
            }
        }
        let mut whole = Map::new();
        whole.insert("AWSTemplateFormatVersion".to_owned(), json!("2010-09-09"));
        whole.insert(
            "Description".to_owned(),
            json!(if is_first {
                "What publishing needs in AWS: GitHub as an identity provider, the role, the repositories."
            } else {
                "The repositories of this region that are published to."
            }),
        );
        if is_first {
            whole.insert("Parameters".to_owned(), parameters());
            whole.insert(
                "Conditions".to_owned(),
                json!({"MakesProvider": {"Fn::Equals": [{"Ref": "MakeProvider"}, "true"]}}),
            );
        }
        let is_empty = resources.is_empty();
        whole.insert("Resources".to_owned(), Value::Object(resources));
        let name = if is_first {
            "template.json".to_owned()
        } else {
            format!("template-{region}.json")
        };
        // A template without a resource is none. A text is always JSON.
        (!is_empty).then(|| Template {
            name,
            region: region.clone(),
            text: serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n",
        })
    };
    regions.into_iter().enumerate().filter_map(template).collect()
}

/// Returns the name of the role as that of a stack: letters, digits and `-`, a letter first.
///
/// Source: CloudFormation API reference, `CreateStack`, `StackName`.
pub(super) fn stack_name(role: &RoleName) -> String {
    let name = role
        .to_string()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        format!("tagship-{name}")
    }
}

fn parameters() -> Value {
    json!({
        "MakeProvider": {
            "Type": "String",
            "AllowedValues": ["true", "false"],
            "Default": "true",
            "Description": "false where the account has the identity provider already: it can have one of each issuer.",
        },
    })
}

/// The provider and the role.
fn identity(setup: &Setup) -> Map<String, Value> {
    let provider = json!({
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "MakesProvider",
        "DeletionPolicy": "Retain",
        "Properties": {
            "Url": format!("https://{}", setup.trust.issuer),
            "ClientIdList": [setup.trust.audience],
        },
    });
    let role = json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": setup.role.to_string(),
            "AssumeRolePolicyDocument": setup.trust.policy(),
            "Policies": [{"PolicyName": "publish", "PolicyDocument": setup.permissions()}],
        },
    });
    Map::from_iter([("Provider".to_owned(), provider), ("Role".to_owned(), role)])
}

/// A repository, which outlives the stack; `None` where ECR makes it by a template.
fn repository(setup: &Setup, one: &TargetRepository) -> Option<Value> {
    let NewMutability { setting, unfiltered } = setup.mutability(one)?;
    let mut properties = json!({"RepositoryName": one.place.repository.as_str()});
    let mutability = match &setting {
        Mutability::Mutable => "MUTABLE",
        Mutability::Immutable => "IMMUTABLE",
        Mutability::ImmutableWithExclusion(filters) | Mutability::MutableWithExclusion(filters) => {
            let filters = filters.iter().map(|filter| {
                json!({
                    "ImageTagMutabilityExclusionFilterType": "WILDCARD",
                    "ImageTagMutabilityExclusionFilterValue": filter.as_str(),
                })
            });
            properties["ImageTagMutabilityExclusionFilters"] = filters.collect();
            "IMMUTABLE_WITH_EXCLUSION"
        }
    };
    properties["ImageTagMutability"] = json!(mutability);
    let mut made = json!({
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    });
    if !unfiltered.is_empty() {
        let tags: Vec<String> = unfiltered.iter().map(Tag::to_string).collect();
        made["Metadata"] = json!({"TagsThatMoveWithoutAFilter": tags});
    }
    Some(made)
}
