//! The Terraform module that creates provider, role and repositories.

use std::collections::BTreeSet;

use super::commands::why_mutable;
use super::{NewMutability, Setup, TargetRepository};
use crate::iam::{terraform_document, terraform_string};
use crate::immutability::Mutability;
use crate::reference::Region;

/// Returns the module. Source: Terraform's AWS provider, the pages of these resources.
pub(super) fn module(setup: &Setup) -> String {
    let what = if setup.repositories.len() > 1 {
        "repositories"
    } else {
        "repository"
    };
    let repositories: Vec<String> = setup
        .repositories
        .iter()
        .enumerate()
        .map(|(number, one)| repository(setup, number, one))
        .collect();
    let [region, role, issuer, audience] = [
        setup.region().map_or("", Region::as_str),
        &setup.role.to_string(),
        &format!("https://{}", setup.trust.issuer),
        &setup.trust.audience,
    ]
    .map(terraform_string);
    let trust = terraform_document("tagship_trust", &setup.trust.policy());
    let permissions = terraform_document("tagship_permissions", &setup.permissions());
    format!(
        r#"# Creates what publishing needs in AWS: GitHub as an identity provider, the role, the {what}.
# Where the account has the provider or a repository already: `terraform import`, or take the resource out.

terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

provider "aws" {{
  region = {region}
}}
{}
resource "aws_iam_openid_connect_provider" "github" {{
  url            = {issuer}
  client_id_list = [{audience}]
}}

{trust}
{permissions}
resource "aws_iam_role" "tagship" {{
  name               = {role}
  assume_role_policy = data.aws_iam_policy_document.tagship_trust.json
}}

resource "aws_iam_role_policy" "tagship" {{
  name   = "publish"
  role   = aws_iam_role.tagship.id
  policy = data.aws_iam_policy_document.tagship_permissions.json
}}

{}"#,
        other_regions(setup),
        repositories.join("\n")
    )
}

/// A provider for each region but the first. Source: Terraform language, "Provider configuration", `alias`.
fn other_regions(setup: &Setup) -> String {
    let regions: BTreeSet<&str> = setup
        .repositories
        .iter()
        .map(|one| &one.place.region)
        .filter(|region| setup.region() != Some(region))
        .map(Region::as_str)
        .collect();
    let provider = |region: &str| {
        format!(
            "\nprovider \"aws\" {{\n  alias  = \"{region}\"\n  region = {}\n}}\n",
            terraform_string(region)
        )
    };
    regions.into_iter().map(provider).collect()
}

/// A repository, by its number. Source: Terraform's AWS provider, `aws_ecr_repository`.
fn repository(setup: &Setup, number: usize, one: &TargetRepository) -> String {
    let repository = &one.place.repository;
    let Some(NewMutability { setting, unfiltered }) = setup.mutability(one) else {
        return format!("# The registry's creation template makes `{repository}` when it is pushed to.\n");
    };
    let (mutability, filters) = match setting {
        Mutability::Mutable => ("MUTABLE", Vec::new()),
        Mutability::Immutable => ("IMMUTABLE", Vec::new()),
        Mutability::ImmutableWithExclusion(filters) | Mutability::MutableWithExclusion(filters) => {
            ("IMMUTABLE_WITH_EXCLUSION", filters)
        }
    };
    let filters = filters.iter().map(|filter| {
        let filter = terraform_string(filter.as_str());
        format!(
            "
  image_tag_mutability_exclusion_filter {{
    filter      = {filter}
    filter_type = \"WILDCARD\"
  }}
"
        )
    });
    let name = match number {
        0 => "tagship".to_owned(),
        number => format!("tagship_{}", number + 1),
    };
    let provider = if setup.region() == Some(&one.place.region) {
        String::new()
    } else {
        format!("  provider             = aws.{}\n", one.place.region)
    };
    format!(
        "{}resource \"aws_ecr_repository\" \"{name}\" {{
{provider}  name                 = {}
  image_tag_mutability = \"{mutability}\"
{}}}
",
        why_mutable(&unfiltered),
        terraform_string(repository.as_str()),
        filters.collect::<String>()
    )
}
