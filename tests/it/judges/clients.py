"""Three ways to call an operation, with three parsers of the answer."""

import base64
import contextlib
import datetime
import io
import json
import os
import re
import xml.etree.ElementTree as xml

import boto3
import botocore.config
import botocore.exceptions
import botocore.model
import botocore.parsers
from botocore import xform_name

from model import COMMON_QUERY_ERRORS, Model

UNSIGNED = {"AssumeRoleWithWebIdentity"}


class Answer:
    """What came back: a document, or an error's code and message."""

    def __init__(self, document=None, code=None, message="", problems=()):
        self.document = document
        self.code = code
        self.message = message
        self.problems = list(problems)


class Plain:
    """Signed requests, whose answers are held against botocore's models."""

    name = "plain HTTP"

    def __init__(self, wire):
        self.wire = wire
        self.models = {service: Model(service) for service in ("ecr", "ecr-public", "sts")}

    def call(self, service, operation, document, wire):
        if service == "sts":
            return self._query(operation, document, wire)
        model = self.models[service]
        status, answer = wire.json(service, operation, document)
        if status == 200:
            return Answer(answer, problems=model.problems_of_answer(operation, answer))
        problems = model.problems_of_error(operation, answer)
        if status != 400:
            problems.append(f"status {status}")
        return Answer(None, answer.get("__type"), answer.get("message", ""), problems)

    def _query(self, operation, document, wire):
        service = botocore.model.ServiceModel(_full("sts"))
        shape = service.operation_model(operation).output_shape
        parameters = dict(_flattened(document))
        status, body = wire.query(operation, parameters, sign=operation not in UNSIGNED)
        parsed = botocore.parsers.create_parser("query").parse(
            {"body": body, "headers": {}, "status_code": status}, shape
        )
        if status >= 300:
            error = parsed["Error"]
            known = self.models["sts"].codes(operation) | COMMON_QUERY_ERRORS
            problems = [] if error["Code"] in known else [f"error `{error['Code']}` is not modelled"]
            return Answer(None, error["Code"], error.get("Message", ""), problems)
        parsed.pop("ResponseMetadata", None)
        result = xml.fromstring(body)[0]
        return Answer(_plain(parsed), problems=_unknown_elements(result, shape))


class Boto3:
    """Python's SDK, without its own check of inputs."""

    name = "boto3"

    def __init__(self, wire):
        self.config = botocore.config.Config(
            parameter_validation=False, retries={"total_max_attempts": 1, "mode": "standard"}
        )
        # By service, caller and region: most of a call's time would go to reading the service's model.
        self.clients = {}

    def client(self, service, wire):
        credentials = wire.credentials
        region = "us-east-1" if service == "ecr-public" else wire.region
        key = (service, credentials.access_key, region)
        if key not in self.clients:
            caller = boto3.session.Session(credentials.access_key, credentials.secret_key, credentials.token)
            self.clients[key] = caller.client(
                service, endpoint_url=wire.endpoint, region_name=region, config=self.config
            )
        return self.clients[key]

    def call(self, service, operation, document, wire):
        client = self.client(service, wire)
        document = dict(document)
        if "layerPartBlob" in document:
            document["layerPartBlob"] = base64.b64decode(document["layerPartBlob"])
        try:
            answer = getattr(client, xform_name(operation))(**document)
        except botocore.exceptions.ClientError as error:
            return Answer(None, error.response["Error"]["Code"], error.response["Error"].get("Message", ""))
        answer.pop("ResponseMetadata", None)
        return Answer(_plain(answer))


class AwsCli:
    """The AWS CLI, in this process."""

    name = "the AWS CLI"

    # What the CLI finds wrong with an input before it sends anything.
    REFUSED = "refused by the client"

    def __init__(self, wire):
        from awscli.clidriver import create_clidriver

        self.create = create_clidriver
        # By caller and region: a driver keeps what it has read.
        self.drivers = {}

    def call(self, service, operation, document, wire):
        credentials = wire.credentials
        environment = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1" if service == "ecr-public" else wire.region,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        if credentials.token:
            environment["AWS_SESSION_TOKEN"] = credentials.token
        os.environ.pop("AWS_SESSION_TOKEN", None)
        os.environ.update(environment)
        caller = (credentials.access_key, environment["AWS_DEFAULT_REGION"])
        if caller not in self.drivers:
            self.drivers[caller] = self.create()
        # The CLI takes bytes as they are.
        if "layerPartBlob" in document:
            document = {**document, "layerPartBlob": base64.b64decode(document["layerPartBlob"]).decode()}
        arguments = [service, xform_name(operation, "-"), "--endpoint-url", wire.endpoint, "--output", "json"]
        arguments += ["--no-paginate", "--cli-input-json", json.dumps(document)]
        out, problem = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(problem):
            try:
                code = self.drivers[caller].main(arguments)
            except SystemExit as left:
                code = left.code
        if code == 0:
            return Answer(json.loads(out.getvalue()) if out.getvalue().strip() else {})
        said = re.search(r"An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: \d+\))?: (.*)", problem.getvalue(), re.S)
        if said:
            return Answer(None, said.group(1), said.group(2).strip())
        if "Parameter validation failed" in problem.getvalue():
            return Answer(None, self.REFUSED, problem.getvalue())
        raise AssertionError(f"{arguments}: {problem.getvalue()}")


def _full(service):
    import botocore.loaders

    return botocore.loaders.Loader().load_service_model(service, "service-2")


def _plain(value):
    """Times as seconds, bytes as base64."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _flattened(value, prefix=""):
    """A document as the query protocol has it: `Tags.member.1.Key`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flattened(item, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for index, item in enumerate(value, 1):
            yield from _flattened(item, f"{prefix}.member.{index}")
    else:
        yield prefix, str(value)


def _unknown_elements(element, shape):
    problems = []
    for child in element:
        name = child.tag.split("}")[-1]
        if shape.type_name == "structure":
            if name not in shape.members:
                problems.append(f"`{name}` is not in the model")
            else:
                problems += _unknown_elements(child, shape.members[name])
    return problems
