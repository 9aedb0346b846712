"""Runs the battery: python3 battery.py CLIENT FILE…, on the emulator that the environment names.

Each check begins with an empty emulator. A check has steps; `${name}` in a step stands for what an earlier one kept.
Exits with 1 if a check fails. The closing line counts checks.
"""

import hashlib
import json
import os
import re
import sys

import yaml

from clients import AwsCli, Boto3, Plain
from model import INPUT_ERRORS
from wire import Wire

ACCOUNT = "123456789012"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
ABSENT = object()


class Failed(Exception):
    """A step did not come out as the check says."""


class Run:
    """One check on its way."""

    def __init__(self, wire, client, succeeded):
        self.wire, self.client, self.succeeded = wire, client, succeeded
        self.kept = {"account": ACCOUNT, "region": wire.region, "host": wire.host}
        self.callers = {None: wire}
        self.called, self.broken = [], 0

    def filled(self, value):
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{([^}]+)\}", value)
        if whole:
            return self._value(whole.group(1))
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._value(found.group(1))), value)

    def _value(self, name):
        if name not in self.kept:
            raise Failed(f"nothing is kept as `{name}`")
        return self.kept[name]

    def step(self, step):
        step = dict(step)
        times = step.pop("times", 1)
        for number in range(times):
            self.kept["n"] = number
            self._once({key: self.filled(value) for key, value in step.items()})

    def _once(self, step):
        for service in ("ecr", "ecr-public", "sts"):
            if service in step:
                return self._call(service, step)
        for kind in ("image", "index", "v2", "clock", "admin", "assume", "token", "layer", "password"):
            if kind in step:
                return getattr(self, f"_{kind}")(step[kind], step)
        raise Failed(f"no such step: {step}")

    def _call(self, service, step):
        operation = step[service]
        wire = self.callers[step.get("by")]
        if "in" in step:
            wire = wire.elsewhere(step["in"])
        answer = self.client.call(service, operation, step.get("with", {}), wire)
        if answer.problems:
            raise Failed(f"{operation}: against the model: {'; '.join(answer.problems)}")
        wanted = step.get("fails")
        if wanted:
            wanted = [wanted] if isinstance(wanted, str) else wanted
            if answer.code == AwsCli.REFUSED and set(wanted) & {"InvalidParameterException", "ValidationException", "ValidationError"}:
                return
            if answer.code not in wanted:
                raise Failed(f"{operation}: {wanted} expected, not {answer.code or answer.document}: {answer.message}")
            if step.get("saying", "") not in answer.message:
                raise Failed(f"{operation}: `{step['saying']}` is not in `{answer.message}`")
            return
        if answer.code:
            raise Failed(f"{operation}: {answer.code}: {answer.message}")
        if isinstance(self.client, Plain) and (service, operation) not in self.succeeded:
            self._break(service, operation, step.get("with", {}), wire)
        self.succeeded.add((service, operation))
        self.called.append((service, operation, step.get("with", {}), wire))
        self._compare(operation, answer.document, step)

    def _break(self, service, operation, valid, wire):
        """Breaks each constraint of the model in turn: every such input is refused, in words of the model."""
        model = self.client.models[service]
        for what, document in model.broken(model.input(operation), valid):
            # In a form all values are texts.
            if service == "sts" and what.endswith(" of a wrong type") and "DurationSeconds" not in what:
                continue
            answer = self.client.call(service, operation, document, wire)
            what = f"{operation} with `{what.lstrip('.')}`"
            if answer.problems:
                raise Failed(f"{what}: against the model: {'; '.join(answer.problems)}")
            if answer.code not in INPUT_ERRORS:
                raise Failed(f"{what}: {answer.code or 'accepted'}: {answer.message}")
            self.broken += 1

    def end(self):
        """Calls what was called once more, with all that the model knows and with no more than what it requires."""
        if not isinstance(self.client, Plain):
            return
        for service, operation, valid, wire in self.called:
            model = self.client.models[service]
            for document in (model.maximal(operation, valid), model.minimal(operation, valid)):
                answer = self.client.call(service, operation, document, wire)
                if answer.problems:
                    raise Failed(f"{operation} with {document}: against the model: {'; '.join(answer.problems)}")

    def _compare(self, what, document, step):
        for path, wanted in step.get("gives", {}).items():
            found = _at(document, path)
            if not _fits(found, wanted):
                shown = "nothing" if found is ABSENT else repr(found)
                raise Failed(f"{what}: `{path}` is {shown}, not {wanted!r}")
        for name, path in step.get("keeps", {}).items():
            found = _at(document, path)
            if found is ABSENT:
                raise Failed(f"{what}: `{path}` is not there to be kept")
            self.kept[name] = found

    # What happens beside the API.

    def _password(self, wanted, step):
        self.kept[wanted["as"]] = self.login(step.get("by"))

    def login(self, by=None):
        wire = self.callers[by]
        status, answer = wire.json("ecr", "GetAuthorizationToken", {})
        if status != 200:
            raise Failed(f"no password: {answer}")
        return answer["authorizationData"][0]["authorizationToken"]

    def http(self, method, path, headers=None, body=b"", by=None, anonymous=False):
        headers = dict(headers or {})
        if not anonymous and "Authorization" not in headers:
            headers["Authorization"] = f"Basic {self.login(by)}"
        return self.wire.send(method, path, headers, body)

    def blob(self, repository, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        status, headers, body = self.http("POST", f"/v2/{repository}/blobs/uploads/")
        if status != 202:
            raise Failed(f"an upload to `{repository}` was answered with {status}: {body}")
        path = re.sub(r"^https?://[^/]+", "", headers["location"])
        joint = "&" if "?" in path else "?"
        status, _, body = self.http("PUT", f"{path}{joint}digest={digest}", body=content)
        if status != 201:
            raise Failed(f"a blob was answered with {status}: {body}")
        return digest

    def put(self, repository, reference, media_type, manifest, name):
        text = json.dumps(manifest)
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        headers = {"Content-Type": media_type}
        status, _, body = self.http("PUT", f"/v2/{repository}/manifests/{reference or digest}", headers, text.encode())
        if status != 201:
            raise Failed(f"a manifest was answered with {status}: {body}")
        self.kept.update({name: name, f"{name}.digest": digest, f"{name}.manifest": text, f"{name}.size": len(text)})

    def _layer(self, wanted, step):
        """Uploads a blob: `{repository, content, as}`."""
        content = wanted["content"].encode()
        name = wanted["as"]
        self.kept[f"{name}.digest"] = self.blob(wanted["repository"], content)

    def _image(self, wanted, step):
        """Pushes an image: `{repository, as, tag?, subject?, artifact_type?, config?}`."""
        name = wanted["as"]
        layer = wanted.get("content", f"content of {name}").encode()
        config = json.dumps(wanted.get("config", {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}})).encode()
        repository = wanted["repository"]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "size": len(config), "digest": self.blob(repository, config)},
            "layers": [{"mediaType": OCI_LAYER, "size": len(layer), "digest": self.blob(repository, layer)}],
        }
        self.kept[f"{name}.layer"] = manifest["layers"][0]["digest"]
        self.kept[f"{name}.config"] = manifest["config"]["digest"]
        if "artifact_type" in wanted:
            manifest["artifactType"] = wanted["artifact_type"]
        if "subject" in wanted:
            manifest["subject"] = {
                "mediaType": OCI_MANIFEST,
                "digest": self._value(f"{wanted['subject']}.digest"),
                "size": self._value(f"{wanted['subject']}.size"),
            }
        self.put(repository, wanted.get("tag"), OCI_MANIFEST, manifest, name)

    def _index(self, wanted, step):
        """Pushes an index: `{repository, as, of, tag?}`."""
        entries = [
            {"mediaType": OCI_MANIFEST, "digest": self._value(f"{child}.digest"), "size": self._value(f"{child}.size")}
            for child in wanted["of"]
        ]
        manifest = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        self.put(wanted["repository"], wanted.get("tag"), OCI_INDEX, manifest, wanted["as"])

    def _v2(self, request, step):
        method, path = request.split(" ", 1)
        body = step.get("body", "")
        body = body if isinstance(body, str) else json.dumps(body)
        path = re.sub(r"^https?://[^/]+", "", path)
        status, headers, content = self.http(
            method, path, step.get("headers"), body.encode(), step.get("by"), not step.get("login", True)
        )
        document = {"status": status, "header": headers, "text": content.decode(errors="replace")}
        try:
            document["json"] = json.loads(content)
            errors = document["json"].get("errors") or [{}]
            document.update(code=errors[0].get("code"), message=errors[0].get("message"))
        except (ValueError, AttributeError):
            pass
        self._compare(request, document, step)

    def _clock(self, seconds, step):
        self.wire.admin("PUT", "/_local/clock", {"offset_seconds": seconds})

    def _admin(self, request, step):
        method, path = request.split(" ", 1)
        self._compare(request, self.wire.admin(method, path, step.get("with")), step)

    def _token(self, wanted, step):
        """Gets a job's web identity token: `{as, audience?, claims?}`."""
        self.wire.admin("PUT", "/_local/claims", wanted.get("claims", {}))
        url, bearer = os.environ["OIDC_REQUEST_URL"], os.environ["OIDC_REQUEST_TOKEN"]
        path = re.sub(r"^https?://[^/]+", "", url) + "&audience=" + wanted.get("audience", "sts.amazonaws.com")
        status, _, body = self.wire.send("GET", path, {"Authorization": f"bearer {bearer}"})
        if status != 200:
            raise Failed(f"no token: {status} {body}")
        self.kept[wanted["as"]] = json.loads(body)["value"]

    def _assume(self, wanted, step):
        """Takes on a role, for steps with `by`: `{role, as, account?}`."""
        self._token({"as": "job"}, step)
        arn = f"arn:aws:iam::{wanted.get('account', ACCOUNT)}:role/{wanted['role']}"
        document = {"RoleArn": arn, "RoleSessionName": wanted["as"], "WebIdentityToken": self.kept["job"]}
        answer = Plain(self.wire).call("sts", "AssumeRoleWithWebIdentity", document, self.wire)
        if answer.code:
            raise Failed(f"{arn}: {answer.code}: {answer.message}")
        self._caller(wanted["as"], answer.document["Credentials"])

    def _caller(self, name, key):
        self.callers[name] = Wire(
            self.wire.endpoint, self.wire.region, key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]
        )


def _at(document, path):
    """The value at a path like `images.0.imageId.imageTag`; `#` at its end is the length."""
    for part in path.split("."):
        if part == "#" and isinstance(document, (list, dict)):
            document = len(document)
        elif isinstance(document, list) and part.lstrip("-").isdigit() and -len(document) <= int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, list) and part == "*":
            return document
        elif isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = [item[part] for item in document if isinstance(item, dict) and part in item]
        else:
            return ABSENT
    return document


def _fits(found, wanted):
    """Whether a value is as wanted: `/…/` is a regular expression, null wants nothing, a list in any order."""
    if wanted is None:
        return found is ABSENT or found is None
    if found is ABSENT:
        return False
    if isinstance(wanted, str) and len(wanted) > 1 and wanted.startswith("/") and wanted.endswith("/"):
        return re.fullmatch(wanted[1:-1], str(found), re.S) is not None
    if isinstance(wanted, list) and isinstance(found, list):
        shown = lambda items: sorted(json.dumps(item, sort_keys=True) for item in items)  # noqa: E731
        return shown(found) == shown(wanted)
    return found == wanted


def main(kind, files):
    environment = os.environ
    wire = Wire(
        environment["ENDPOINT"], environment["REGION"], environment["ACCESS_KEY_ID"], environment["SECRET_ACCESS_KEY"]
    )
    client = {"plain": Plain, "boto3": Boto3, "awscli": AwsCli}[kind](wire)
    passed, broken, failures, succeeded = 0, 0, [], set()
    for file in files:
        with open(file, encoding="utf-8") as opened:
            checks = yaml.safe_load(opened)
        for check in checks:
            name = f"{os.path.basename(file)}: {check['check']}"
            assert check["source"], name
            wire.admin("DELETE", "/_local/state")
            run = Run(wire, client, succeeded)
            number = 0
            try:
                for number, step in enumerate(check["steps"], 1):
                    run.step(step)
                run.end()
                broken += run.broken
                passed += 1
            except Failed as failure:
                failures.append(f"{name}, step {number}: {failure}")
    for failure in failures:
        print(f"FAILED {failure}")
    if isinstance(client, Plain):
        print(f"{broken} inputs with a broken constraint were refused")
        for service, model in client.models.items():
            missing = sorted(set(model.operations) - {name for of, name in succeeded if of == service})
            print(f"{service}: {len(model.operations) - len(missing)} of {len(model.operations)} operations succeeded")
            if service != "sts" and missing:
                failures.append(service)
                print(f"FAILED {service}: no check has a success of {', '.join(missing)}")
    print(f"{client.name}: {passed} checks passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
