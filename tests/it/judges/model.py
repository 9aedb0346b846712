"""What botocore's models say of requests and answers."""

import base64
import re

import botocore.loaders

# What every AWS API of the JSON protocol may answer besides its modelled errors.
# Source: Smithy, "AWS JSON 1.1 protocol"; ECR API reference, "Common errors".
COMMON_ERRORS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}

# What STS may answer besides. Source: STS API reference, "Common errors".
COMMON_QUERY_ERRORS = {"AccessDenied", "ExpiredToken", "InvalidParameterValue", "ValidationError"}

# The errors that say that an input is not as the model wants it.
INPUT_ERRORS = {
    "InvalidIdentityToken",
    "InvalidParameterValue",
    "MalformedPolicyDocument",
    "ValidationError",
    "InvalidParameterException",
    "InvalidTagParameterException",
    "SerializationException",
    "ValidationException",
}

# Texts for members with patterns.
EXAMPLES = (
    "123456789012",
    "us-west-2",
    "team/app",
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "00000000-0000-4000-8000-000000000000",
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf",
    "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/release",
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:iam::123456789012:role/reader",
)


class Model:
    """The model of one service."""

    def __init__(self, service):
        model = botocore.loaders.Loader().load_service_model(service, "service-2")
        self.shapes = model["shapes"]
        self.operations = model["operations"]

    def input(self, operation):
        return self.operations[operation]["input"]["shape"]

    def problems_of_answer(self, operation, document):
        """Where an answer is not of the operation's output shape."""
        output = self.operations[operation].get("output")
        if output is None:
            return [] if document in ({}, None) else ["an answer where the model has none"]
        return list(self._problems(output["shape"], document, ""))

    def codes(self, operation):
        """The errors of an operation, by their codes on the wire."""
        shapes = [error["shape"] for error in self.operations[operation].get("errors", [])]
        return {self.shapes[shape].get("error", {}).get("code", shape) for shape in shapes}

    def problems_of_error(self, operation, document):
        """Where an error is not one of the operation's."""
        code = document.get("__type", "")
        if code in COMMON_ERRORS:
            return []
        modelled = self.codes(operation)
        if code not in modelled:
            return [f"error `{code}` is not modelled"]
        members = {k: v for k, v in document.items() if k != "__type"}
        return list(self._problems(code, members, ""))

    def _problems(self, name, value, path):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            if not isinstance(value, dict):
                yield f"`{path}` is not a structure"
                return
            for key in shape.get("required", []):
                if key not in value:
                    yield f"`{path}.{key}` is missing"
            for key, item in value.items():
                if key not in shape["members"]:
                    yield f"`{path}.{key}` is not in the model"
                elif item is None:
                    yield f"`{path}.{key}` is null"
                else:
                    yield from self._problems(shape["members"][key]["shape"], item, f"{path}.{key}")
        elif kind == "list":
            if not isinstance(value, list):
                yield f"`{path}` is not a list"
                return
            # ECR answers empty lists whose shape asks for an item of inputs.
            yield from _bounds({**shape, "min": 0}, len(value), path)
            for index, item in enumerate(value):
                yield from self._problems(shape["member"]["shape"], item, f"{path}[{index}]")
        elif kind == "map":
            if not isinstance(value, dict):
                yield f"`{path}` is not a map"
                return
            for key, item in value.items():
                yield from self._problems(shape["key"]["shape"], key, f"{path} key")
                yield from self._problems(shape["value"]["shape"], item, f"{path}.{key}")
        elif kind == "string":
            if not isinstance(value, str):
                yield f"`{path}` is not a string"
                return
            yield from _bounds(shape, len(value), path)
            if "enum" in shape and value not in shape["enum"]:
                yield f"`{path}` is `{value}`, which is not in the model's enum"
            if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
                yield f"`{path}` is `{value}`, which does not match `{shape['pattern']}`"
        elif kind in ("integer", "long"):
            if not isinstance(value, int) or isinstance(value, bool):
                yield f"`{path}` is not a whole number"
                return
            yield from _bounds(shape, value, path)
        elif kind in ("double", "float", "timestamp"):
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                yield f"`{path}` is not a number"
        elif kind == "boolean":
            if not isinstance(value, bool):
                yield f"`{path}` is not a boolean"
        elif kind == "blob":
            try:
                base64.b64decode(value, validate=True)
            except (TypeError, ValueError):
                yield f"`{path}` is not base64"
        else:
            yield f"`{path}` is of the unknown type `{kind}`"

    def minimal(self, operation, valid):
        """An input's required members alone."""
        return {key: valid[key] for key in self.shapes[self.input(operation)].get("required", [])}

    def maximal(self, operation, valid):
        """An input with every member that a value can be found for."""
        return self._maximal(self.input(operation), valid)

    def _maximal(self, name, given=None):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            given = given or {}
            members = {key: self._maximal(member["shape"], given.get(key)) for key, member in shape["members"].items()}
            return {key: value for key, value in members.items() if value is not None}
        if given is not None:
            return given
        if kind == "list":
            item = self._maximal(shape["member"]["shape"])
            return None if item is None else [item]
        if kind in ("integer", "long"):
            return shape.get("max", 1)
        if kind == "boolean":
            return True
        if kind != "string":
            return None
        if "enum" in shape:
            return shape["enum"][-1]
        longest = "a" * min(shape.get("max", 64), 1024)
        try:
            pattern = re.compile(shape.get("pattern", ".*"))
        except re.error:
            # Written for another dialect of regular expressions.
            return None
        fits = (text for text in (longest, *EXAMPLES) if pattern.fullmatch(text))
        return next((text for text in fits if shape.get("min", 0) <= len(text) <= shape.get("max", 4096)), None)

    def broken(self, name, valid, path=""):
        """Inputs that break one constraint each of `valid`, an input of the shape: (what, input)."""
        shape = self.shapes[name]
        if shape["type"] == "structure":
            for key in shape.get("required", []):
                yield f"{path}.{key} missing", {k: v for k, v in valid.items() if k != key}
            for key, member in shape["members"].items():
                item = valid.get(key)
                if item is None and self.shapes[member["shape"]]["type"] in ("structure", "list", "map", "blob"):
                    variants = [(f"{path}.{key} of a wrong type", 17)]
                else:
                    variants = self.broken(member["shape"], "" if item is None else item, f"{path}.{key}")
                for what, value in variants:
                    yield what, {**valid, key: value}
        elif shape["type"] == "list":
            yield f"{path} of a wrong type", "text"
            if shape.get("min", 0) > 0:
                yield f"{path} too short", valid[: shape["min"] - 1]
            if shape.get("max", 1 << 30) <= 1000 and valid:
                yield f"{path} too long", [valid[0]] * (shape["max"] + 1)
            for index, item in enumerate(valid[:1]):
                for what, value in self.broken(shape["member"]["shape"], item, f"{path}[{index}]"):
                    yield what, [value, *valid[1:]]
        elif shape["type"] == "string":
            yield f"{path} of a wrong type", 17
            if "enum" in shape:
                yield f"{path} outside of the enum", "NO_SUCH_VALUE"
            elif "pattern" in shape:
                yield f"{path} against the pattern", "\u00e4 \n!"
            if "enum" not in shape and shape.get("min", 0) > 0:
                yield f"{path} too short", "a" * (shape["min"] - 1)
            if "enum" not in shape and shape.get("max", 1 << 30) < 1 << 20:
                yield f"{path} too long", (valid or "x") + "a" * shape["max"]
        elif shape["type"] in ("integer", "long"):
            yield f"{path} of a wrong type", "text"
            if "min" in shape:
                yield f"{path} too small", shape["min"] - 1
            if "max" in shape:
                yield f"{path} too great", shape["max"] + 1
        elif shape["type"] == "boolean":
            yield f"{path} of a wrong type", "text"


def _bounds(shape, length, path):
    if length < shape.get("min", length) or length > shape.get("max", length):
        yield f"`{path}` has {length}, outside of {shape.get('min')} to {shape.get('max')}"
