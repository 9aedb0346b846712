//! The Terraform module that creates provider, role and repository.

use super::commands::why_mutable;
use super::{NewMutability, Setup};
use crate::iam::{Target, terraform_document, terraform_string};
use crate::immutability::Mutability;

/// Returns the module. Source: Terraform's AWS provider, the pages of these resources.
pub(super) fn module(setup: &Setup) -> String {
    let Target { region, .. } = &setup.target;
    let [region, role, issuer, audience] = [
        region.as_str(),
        &setup.role.to_string(),
        &format!("https://{}", setup.trust.issuer),
        &setup.trust.audience,
    ]
    .map(terraform_string);
    let trust = terraform_document("tagship_trust", &setup.trust.policy());
    let permissions = terraform_document("tagship_permissions", &setup.permissions());
    format!(
        r#"# Creates what publishing needs in AWS: GitHub as an identity provider, the role, the repository.
# Where the account has the provider or the repository already: `terraform import`, or take the resource out.

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
        repository_of(setup)
    )
}

/// The repository. Source: Terraform's AWS provider, `aws_ecr_repository`.
fn repository_of(setup: &Setup) -> String {
    let repository = &setup.target.repository;
    let Some(NewMutability { setting, unfiltered }) = setup.mutability() else {
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
    format!(
        "{}resource \"aws_ecr_repository\" \"tagship\" {{
  name                 = {}
  image_tag_mutability = \"{mutability}\"
{}}}
",
        why_mutable(&unfiltered),
        terraform_string(repository.as_str()),
        filters.collect::<String>()
    )
}
