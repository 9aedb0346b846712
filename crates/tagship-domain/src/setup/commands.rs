//! The script of AWS CLI commands that creates provider, role and repositories.

use super::{NewMutability, Setup, TargetRepository};
use crate::immutability::Mutability;
use crate::reference::{Region, Tag};

/// Returns a script that creates what is missing; it may be run again.
///
/// Source: AWS CLI command reference, `iam create-open-id-connect-provider`, `iam create-role`,
/// `iam update-assume-role-policy`, `iam put-role-policy`, `ecr create-repository`.
pub(super) fn script(setup: &Setup) -> String {
    let region = setup.region().map_or("", Region::as_str);
    let what = if setup.repositories.len() > 1 {
        "repositories"
    } else {
        "repository"
    };
    let repositories: Vec<String> = setup
        .repositories
        .iter()
        .map(|one| repository(setup, one))
        .collect();
    let provider = word(&setup.trust.provider_arn());
    let issuer = word(&format!("https://{}", setup.trust.issuer));
    let audience = word(&setup.trust.audience);
    let role = word(&setup.role.to_string());
    format!(
        r#"#!/bin/sh
# Creates what publishing needs in AWS: GitHub as an identity provider, the role, the {what}.
# It needs the AWS CLI, signed in as a user who may do that. It may be run again: what is there is kept or updated.
set -eu
cd "$(dirname "$0")"
# The region says which partition's IAM is meant, too.
export AWS_REGION={region} AWS_DEFAULT_REGION={region} AWS_PAGER=

if ! aws iam get-open-id-connect-provider --open-id-connect-provider-arn {provider} >/dev/null 2>&1; then
  aws iam create-open-id-connect-provider --url {issuer} --client-id-list {audience}
fi

if aws iam get-role --role-name {role} >/dev/null 2>&1; then
  aws iam update-assume-role-policy --role-name {role} --policy-document file://trust-policy.json
else
  aws iam create-role --role-name {role} --assume-role-policy-document file://trust-policy.json
fi
aws iam put-role-policy --role-name {role} --policy-name publish --policy-document file://permission-policy.json

{}"#,
        repositories.join("\n")
    )
}

/// The commands that create a repository.
fn repository(setup: &Setup, one: &TargetRepository) -> String {
    let repository = &one.place.repository;
    let region = if setup.region() == Some(&one.place.region) {
        String::new()
    } else {
        format!(" --region {}", one.place.region)
    };
    let Some(NewMutability { setting, unfiltered }) = setup.mutability(one) else {
        return format!("# The registry's creation template makes `{repository}` when it is pushed to.\n");
    };
    let mutability = match &setting {
        Mutability::Mutable => "MUTABLE".to_owned(),
        Mutability::Immutable => "IMMUTABLE".to_owned(),
        Mutability::ImmutableWithExclusion(filters) | Mutability::MutableWithExclusion(filters) => {
            let filters = filters
                .iter()
                .map(|filter| format!(" 'filterType=WILDCARD,filter={filter}'"));
            format!(
                "IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters{}",
                filters.collect::<String>()
            )
        }
    };
    format!(
        "{}if ! aws ecr describe-repositories{region} --repository-names {repository} >/dev/null 2>&1; then
  aws ecr create-repository{region} --repository-name {repository} --image-tag-mutability {mutability}
fi
",
        why_mutable(&unfiltered)
    )
}

/// Says why all tags may move, if they may.
pub(super) fn why_mutable(unfiltered: &[Tag]) -> String {
    if unfiltered.is_empty() {
        return String::new();
    }
    let tags: Vec<String> = unfiltered.iter().map(|tag| format!("`{tag}`")).collect();
    format!(
        "# Tags such as {} move, and no exclusion filter of ECR's tells them from those that stay.\n\
         # Tagship itself never moves a tag of a version or a commit.\n",
        tags.join(" and ")
    )
}

/// One word of a POSIX shell, whatever is in it.
fn word(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b":/._-+=,@".contains(&b));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
