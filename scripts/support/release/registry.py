"""A registry's repository, read and written by the OCI distribution specification, with Basic and Bearer login."""

import base64
import hashlib
import http.client
import json
import re
import time
import urllib.parse

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = [
    INDEX,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]
# In seconds, for connecting and for each read.
TIMEOUT = 60
# Larger answers are no part of this image.
LIMIT = 256 * 1024 * 1024


class RegistryError(Exception):
    """What a registry did not do, as one sentence."""


def digest_of(content):
    """Returns the digest of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Repository:
    """Reads one repository of a registry."""

    def __init__(self, name, credentials=None):
        """Takes `HOST/NAME`, and a pair of user and password where a login is needed."""
        self.name = name
        self.host, _, self.path = name.partition("/")
        if not self.path:
            raise RegistryError(f"`{name}` is not of the form `HOST/NAME`")
        # As Docker does: plain HTTP on this machine alone.
        local = self.host.split(":")[0] in ("127.0.0.1", "localhost")
        self.base = f"{'http' if local else 'https'}://{self.host}/v2/{self.path}"
        self.credentials = credentials
        self.actions = "pull"
        self.authorization = None

    def manifest(self, digest):
        """Returns a manifest's bytes and its media type."""
        status, headers, content = self.call("GET", f"/manifests/{digest}", {"Accept": ", ".join(MANIFESTS)})
        if status != 200:
            raise RegistryError(f"`{self.name}@{digest}` cannot be read: status {status}")
        if digest_of(content) != digest:
            raise RegistryError(f"`{self.name}@{digest}` has other content than its digest says")
        return content, headers["content-type"].split(";")[0]

    def blob(self, digest):
        """Returns a blob's bytes."""
        status, _, content = self.call("GET", f"/blobs/{digest}")
        if status != 200 or digest_of(content) != digest:
            raise RegistryError(f"the blob {digest} of `{self.name}` cannot be read: status {status}")
        return content

    def call(self, method, path, headers=None, body=None):
        """Sends a request, after a login where one is wanted; returns status, headers and content."""
        url = path if "://" in path else self.base + path
        for attempt in range(3):
            try:
                answer = self.send(method, url, headers or {}, body)
            except (OSError, http.client.HTTPException) as error:
                if attempt == 2:
                    raise RegistryError(f"`{self.host}` cannot be reached: {error}") from error
            else:
                if answer[0] == 401 and self.log_in(answer[1].get("www-authenticate", "")):
                    answer = self.send(method, url, headers or {}, body)
                if answer[0] < 500 or attempt == 2:
                    return answer
            time.sleep(1 << attempt)

    def send(self, method, url, headers, body):
        """Sends one request. A redirect is followed, without the login that is meant for the registry alone."""
        for _ in range(5):
            parts = urllib.parse.urlsplit(url)
            kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
            connection = kind(parts.netloc, timeout=TIMEOUT)
            sent = dict(headers)
            if self.authorization and parts.netloc == self.host:
                sent["Authorization"] = self.authorization
            target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
            try:
                connection.request(method, target, body=body, headers=sent)
                answer = connection.getresponse()
                content = answer.read(LIMIT)
            finally:
                connection.close()
            found = {name.lower(): value for name, value in answer.getheaders()}
            if method not in ("GET", "HEAD") or answer.status not in (301, 302, 303, 307, 308):
                return answer.status, found, content
            url = urllib.parse.urljoin(url, found["location"])
        raise RegistryError(f"`{self.host}` redirects without end")

    def log_in(self, challenge):
        """Answers a challenge, once. Source: RFC 9110 section 11.6.1 and the token specification of Distribution."""
        scheme, _, rest = challenge.partition(" ")
        basic = None
        if self.credentials:
            basic = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
        if scheme.lower() == "basic":
            authorization = basic
        elif scheme.lower() == "bearer":
            values = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            scope = f"repository:{self.path}:{self.actions}"
            query = {"scope": scope, **({"service": values["service"]} if "service" in values else {})}
            realm = f"{values['realm']}?{urllib.parse.urlencode(query)}"
            status, _, content = self.send("GET", realm, {"Authorization": basic} if basic else {}, None)
            if status != 200:
                raise RegistryError(f"`{self.host}` refuses the login: status {status}")
            token = json.loads(content)
            authorization = "Bearer " + (token.get("token") or token["access_token"])
        else:
            return False
        renewed = authorization not in (None, self.authorization)
        self.authorization = authorization
        return renewed


class WritableRepository(Repository):
    """Writes one repository of a registry, by digest alone."""

    def __init__(self, name, credentials):
        super().__init__(name, credentials)
        self.actions = "pull,push"

    def put_blob(self, content):
        """Uploads a blob, unless it is there; a new session for each try."""
        digest = digest_of(content)
        if self.call("HEAD", f"/blobs/{digest}")[0] == 200:
            return
        for _ in range(3):
            status, headers, answer = self.call("POST", "/blobs/uploads/", {"Content-Length": "0"})
            if status != 202:
                break
            location = urllib.parse.urljoin(self.base, headers["location"])
            separator = "&" if urllib.parse.urlsplit(location).query else "?"
            url = f"{location}{separator}digest={urllib.parse.quote(digest)}"
            status, _, answer = self.send("PUT", url, {"Content-Type": "application/octet-stream"}, content)
            if status == 201:
                return
        raise RegistryError(f"`{self.name}` does not take the blob {digest}: status {status}, {text_of(answer)}")

    def put_manifest(self, content, media_type):
        """Puts a manifest under its digest."""
        digest = digest_of(content)
        status, _, answer = self.call("PUT", f"/manifests/{digest}", {"Content-Type": media_type}, content)
        if status != 201:
            raise RegistryError(f"`{self.name}` does not take the manifest {digest}: status {status}, {text_of(answer)}")


def text_of(answer):
    """Returns the beginning of an answer, printable."""
    text = answer[:200].decode(errors="replace")
    return "".join(character if character.isprintable() else " " for character in text)
