"""Calls ECR or ECR Public with boto3: reads a list of [operation, arguments] from stdin, and prints the answers as a JSON list."""

import json
import os
import sys

import boto3
from botocore.exceptions import ClientError

client = boto3.client(
    os.environ["SERVICE"],
    endpoint_url=os.environ["ENDPOINT"],
    region_name=os.environ["REGION"],
    aws_access_key_id=os.environ["ACCESS_KEY_ID"],
    aws_secret_access_key=os.environ["SECRET_ACCESS_KEY"],
)
answers = []
for operation, arguments in json.load(sys.stdin):
    try:
        answer = getattr(client, operation)(**arguments)
        answer.pop("ResponseMetadata")
    except ClientError as error:
        answer = {"error": error.response["Error"]["Code"]}
    answers.append(answer)
json.dump(answers, sys.stdout, default=str)
