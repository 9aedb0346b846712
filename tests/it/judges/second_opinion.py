"""Asks moto and the embedded ECR the same, and compares the answers: python3 second_opinion.py, on the server of the environment.

moto was made by others from the same pages of AWS. What both answer alike is less likely to be misread; where they differ,
DIFFERENCES says why, and one that is named and not found is a failure too. Prints how many answers are alike.
"""

import json
import os
import sys

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

APP, KEYED = {"repositoryName": "team/app"}, {"repositoryName": "team/keyed"}
ARN = f"arn:aws:ecr:{os.environ['REGION']}:123456789012:repository/team/app"
KEY = f"arn:aws:kms:{os.environ['REGION']}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Pull", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                   "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}],
}
REGISTRY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Replicate", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                   "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
                   "Resource": [f"arn:aws:ecr:{os.environ['REGION']}:123456789012:repository/*"]}],
}
LIFECYCLE = {"rules": [{
    "rulePriority": 1, "description": "untagged for 7 days", "action": {"type": "expire"},
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
}]}
SCANNING = {"scanType": "BASIC", "rules": [
    {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "team/*", "filterType": "WILDCARD"}]},
]}
REPLICATION = {"replicationConfiguration": {"rules": [{
    "destinations": [{"region": "us-west-2", "registryId": "123456789012"}],
    "repositoryFilters": [{"filter": "team/", "filterType": "PREFIX_MATCH"}],
}]}}

# One after the other, on an empty registry.
QUESTIONS = [
    ("a repository is made", "create_repository", {
        **APP, "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True},
        "tags": [{"Key": "owner", "Value": "web"}],
    }),
    ("a name that is taken", "create_repository", APP),
    ("a repository with a key", "create_repository", {
        **KEYED, "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
    }),
    ("repositories by name", "describe_repositories", {"repositoryNames": ["team/app", "team/keyed"]}),
    ("a repository that there is not", "describe_repositories", {"repositoryNames": ["team/none"]}),
    ("mutability", "put_image_tag_mutability", {**APP, "imageTagMutability": "MUTABLE"}),
    ("mutability of none", "put_image_tag_mutability", {"repositoryName": "team/none", "imageTagMutability": "MUTABLE"}),
    ("scan on push", "put_image_scanning_configuration", {**APP, "imageScanningConfiguration": {"scanOnPush": False}}),
    ("no policy", "get_repository_policy", APP),
    ("a policy is put", "set_repository_policy", {**APP, "policyText": json.dumps(POLICY)}),
    ("a policy is read", "get_repository_policy", APP),
    ("a policy that is none", "set_repository_policy", {**APP, "policyText": "{}"}),
    ("a policy is removed", "delete_repository_policy", APP),
    ("a policy that is gone is removed", "delete_repository_policy", APP),
    ("no lifecycle", "get_lifecycle_policy", APP),
    ("a lifecycle is put", "put_lifecycle_policy", {**APP, "lifecyclePolicyText": json.dumps(LIFECYCLE)}),
    ("a lifecycle is read", "get_lifecycle_policy", APP),
    ("a lifecycle without rules", "put_lifecycle_policy", {**APP, "lifecyclePolicyText": '{"rules": []}' + " " * 100}),
    ("a lifecycle is removed", "delete_lifecycle_policy", APP),
    ("a tag is put", "tag_resource", {"resourceArn": ARN, "tags": [{"Key": "stage", "Value": "prod"}]}),
    ("tags are read", "list_tags_for_resource", {"resourceArn": ARN}),
    ("a tag is removed", "untag_resource", {"resourceArn": ARN, "tagKeys": ["owner"]}),
    ("tags that are left", "list_tags_for_resource", {"resourceArn": ARN}),
    ("no registry policy", "get_registry_policy", {}),
    ("a registry policy is put", "put_registry_policy", {"policyText": json.dumps(REGISTRY_POLICY)}),
    ("a registry policy is read", "get_registry_policy", {}),
    ("a registry policy is removed", "delete_registry_policy", {}),
    ("scanning at first", "get_registry_scanning_configuration", {}),
    ("scanning is put", "put_registry_scanning_configuration", SCANNING),
    ("scanning is read", "get_registry_scanning_configuration", {}),
    ("how a repository is scanned", "batch_get_repository_scanning_configuration", {"repositoryNames": ["team/app"]}),
    ("a registry at first", "describe_registry", {}),
    ("replication is put", "put_replication_configuration", REPLICATION),
    ("replication is read", "describe_registry", {}),
    ("no images", "list_images", APP),
    ("images that there are not", "describe_images", {**APP, "imageIds": [{"imageTag": "none"}]}),
    ("an image that there is not", "batch_get_image", {**APP, "imageIds": [{"imageTag": "none"}]}),
    ("a repository is removed", "delete_repository", APP),
    ("a repository that is gone is removed", "delete_repository", APP),
]

# The answers that differ, and why the embedded ECR's stays.
DIFFERENCES = {
    "a lifecycle without rules": "ECR user guide, lifecycle policy parameters: a policy has at least one rule",
    "a lifecycle is removed": "moto took the policy without rules, and gives that one back",
    "how a repository is scanned": "ECR API reference, `RepositoryScanningConfiguration`: a rule of the registry scans on push, "
                                   "and moto gives the repository's own setting, which the rule replaces",
}


def plain(value, key=""):
    """An answer without what is another each time, with documents as data and lists in one order."""
    if isinstance(value, dict):
        left_out = {"ResponseMetadata", "createdAt", "lastEvaluatedAt"}
        return {name: plain(item, name) for name, item in sorted(value.items()) if name not in left_out}
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if key in {"policyText", "lifecyclePolicyText"}:
        return json.loads(value)
    if key == "repositoryUri":
        return value.split("/", 1)[1]
    return value


def answers(client):
    for _, operation, arguments in QUESTIONS:
        try:
            yield plain(getattr(client, operation)(**arguments))
        except ClientError as error:
            yield {"error": error.response["Error"]["Code"]}


def main():
    key = {"aws_access_key_id": os.environ["ACCESS_KEY_ID"], "aws_secret_access_key": os.environ["SECRET_ACCESS_KEY"]}
    region = os.environ["REGION"]
    here = list(answers(boto3.client("ecr", endpoint_url=os.environ["ENDPOINT"], region_name=region, **key)))
    with mock_aws():
        there = list(answers(boto3.client("ecr", region_name=region, **key)))
    failures, alike = [], 0
    for (what, operation, _), one, other in zip(QUESTIONS, here, there):
        if (one == other) != (what in DIFFERENCES):
            alike += one == other
        elif one == other:
            failures.append(f"{what} ({operation}): is said to differ, and does not")
        else:
            failures.append(f"{what} ({operation}):\n  here {json.dumps(one)}\n  moto {json.dumps(other)}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{alike} answers are alike, {len(DIFFERENCES)} differ for a reason")
    sys.exit(1 if failures else 0)


main()
