"""Requests as they go over the wire: signed, but not checked by any SDK's own model."""

import http.client
import json
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

SERVICES = {
    # name: target prefix of the JSON protocol, signing region where it is not the caller's
    "ecr": ("AmazonEC2ContainerRegistry_V20150921", None),
    "ecr-public": ("SpencerFrontendService", "us-east-1"),
}


class Wire:
    """One emulator, and who calls it."""

    def __init__(self, endpoint, region, key_id, secret, session_token=None):
        self.endpoint = endpoint.rstrip("/")
        self.host = urllib.parse.urlsplit(self.endpoint).netloc
        self.region = region
        self.credentials = botocore.credentials.Credentials(key_id, secret, session_token)

    def elsewhere(self, region):
        """The same caller in another region."""
        key = self.credentials
        return Wire(self.endpoint, region, key.access_key, key.secret_key, key.token)

    def send(self, method, path, headers=None, body=b""):
        """Sends a request as it is; gives status, headers in lower case, body."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content
        finally:
            connection.close()

    def signed(self, service, region, headers, body):
        request = botocore.awsrequest.AWSRequest("POST", self.endpoint + "/", data=body, headers=headers)
        botocore.auth.SigV4Auth(self.credentials, service, region).add_auth(request)
        return self.send("POST", "/", dict(request.headers), body)

    def json(self, service, operation, document):
        """Calls an operation of a JSON API; gives status and document."""
        prefix, region = SERVICES[service]
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{prefix}.{operation}",
        }
        body = json.dumps(document).encode()
        status, answered, content = self.signed(service, region or self.region, headers, body)
        assert answered.get("content-type") == "application/x-amz-json-1.1", (operation, answered, content)
        return status, json.loads(content)

    def query(self, operation, parameters, sign=True):
        """Calls an operation of STS; gives status and XML."""
        fields = {"Action": operation, "Version": "2011-06-15", **parameters}
        body = urllib.parse.urlencode(fields).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        if sign:
            status, _, content = self.signed("sts", self.region, headers, body)
        else:
            status, _, content = self.send("POST", "/", headers, body)
        return status, content

    def admin(self, method, path, document=None):
        body = b"" if document is None else json.dumps(document).encode()
        status, _, content = self.send(method, path, {"Content-Type": "application/json"}, body)
        assert 200 <= status < 300, (method, path, status, content)
        return json.loads(content) if content else None
