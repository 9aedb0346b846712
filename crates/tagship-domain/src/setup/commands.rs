//! The script of AWS CLI commands that creates provider, role and repository.

use super::Setup;
use crate::iam::Target;

/// Returns a script that creates what is missing; it may be run again.
///
/// Source: AWS CLI command reference, `iam create-open-id-connect-provider`, `iam create-role`,
/// `iam update-assume-role-policy`, `iam put-role-policy`, `ecr create-repository`.
pub(super) fn script(setup: &Setup) -> String {
    let Target {
        region, repository, ..
    } = &setup.target;
    let provider = word(&setup.trust.provider_arn());
    let issuer = word(&format!("https://{}", setup.trust.issuer));
    let audience = word(&setup.trust.audience);
    let role = word(&setup.role.to_string());
    format!(
        r#"#!/bin/sh
# Creates what publishing needs in AWS: GitHub as an identity provider, the role, the repository.
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

if ! aws ecr describe-repositories --repository-names {repository} >/dev/null 2>&1; then
  aws ecr create-repository --repository-name {repository} --image-tag-mutability IMMUTABLE
fi
"#
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
