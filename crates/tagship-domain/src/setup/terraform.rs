//! The Terraform module that creates provider, role and repository.

use super::Setup;
use crate::iam::{Target, terraform_document, terraform_string};

/// Returns the module. Source: Terraform's AWS provider, the pages of these resources.
pub(super) fn module(setup: &Setup) -> String {
    let Target {
        region, repository, ..
    } = &setup.target;
    let [region, repository, role, issuer, audience] = [
        region.as_str(),
        repository.as_str(),
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

resource "aws_ecr_repository" "tagship" {{
  name                 = {repository}
  image_tag_mutability = "IMMUTABLE"
}}
"#
    )
}
