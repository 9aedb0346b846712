"""GitHub's API, as far as a release needs it: reading and writing are two classes, so that a dry run cannot write."""

import http.client
import json
import time
import urllib.parse

# In seconds, for connecting and for each read.
TIMEOUT = 60
# The most pages of a list that are read.
PAGES = 50

CAUSES_OF_403 = (
    "give the job `contents: write`; a rule of the repository or the organisation may also restrict tags, or what the "
    "job's token may do"
)


class GitHubError(Exception):
    """What GitHub did not do, as one sentence and a hint."""

    def __init__(self, method, path, status, message):
        hint = f"\n\nhint: {CAUSES_OF_403}" if status == 403 else ""
        super().__init__(f"GitHub answers {method} {path} with {status}: {message}{hint}")
        self.status = status


class Reader:
    """Reads one repository of GitHub."""

    def __init__(self, api_url, repository, token):
        self.root = f"{api_url.rstrip('/')}/repos/{repository}"
        self.token = token

    def get(self, path):
        """Returns what stands at a path, or `None` where nothing does."""
        status, answer, _ = self.send("GET", self.root + path)
        if status == 404:
            return None
        return self.checked("GET", path, status, answer, (200,))

    def all(self, path):
        """Returns all items of a list, page after page."""
        items, url = [], f"{self.root}{path}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(PAGES):
            status, answer, headers = self.send("GET", url)
            items += self.checked("GET", path, status, answer, (200,))
            url = next_page(headers.get("link", ""))
            if not url:
                return items
        raise GitHubError("GET", path, 200, f"more than {PAGES} pages")

    def send(self, method, url, body=None, content_type="application/json"):
        """Sends one request; reading ones again after a failure of the server or of the line."""
        parts = urllib.parse.urlsplit(url)
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": content_type,
            "User-Agent": "tagship-release",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
        tries = 3 if method == "GET" else 1
        for attempt in range(tries):
            connection = kind(parts.netloc, timeout=TIMEOUT)
            try:
                connection.request(method, f"{parts.path}?{parts.query}".rstrip("?"), body=body, headers=headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                if attempt + 1 == tries:
                    raise GitHubError(method, parts.path, 0, f"no answer from `{parts.netloc}`: {error}") from error
            else:
                if answer.status < 500 or attempt + 1 == tries:
                    found = {name.lower(): value for name, value in answer.getheaders()}
                    return answer.status, content, found
            finally:
                connection.close()
            time.sleep(1 << attempt)

    @staticmethod
    def checked(method, path, status, answer, wanted):
        """Returns an answer as data, or fails with GitHub's own words."""
        try:
            data = json.loads(answer) if answer else {}
        except ValueError:
            data = {}
        if status in wanted:
            return data
        errors = [str(error.get("message") or error.get("code")) for error in data.get("errors", []) if isinstance(error, dict)]
        words = "; ".join([str(data.get("message", "no reason")), *errors])
        raise GitHubError(method, path, status, "".join(c if c.isprintable() else " " for c in words[:500]))


class Writer(Reader):
    """Writes one repository of GitHub."""

    def post(self, path, data):
        """Makes something."""
        return self.write("POST", self.root + path, json.dumps(data).encode(), (201,))

    def patch(self, path, data):
        """Changes something."""
        return self.write("PATCH", self.root + path, json.dumps(data).encode(), (200,))

    def delete(self, path):
        """Removes something."""
        self.write("DELETE", self.root + path, None, (204,))

    def upload(self, upload_url, name, content):
        """Uploads a file to a release. Source: docs.github.com, REST API, "Upload a release asset"."""
        url = f"{upload_url.partition('{')[0]}?{urllib.parse.urlencode({'name': name})}"
        self.write("POST", url, content, (201,), "application/octet-stream")

    def write(self, method, url, body, wanted, content_type="application/json"):
        """Sends one request, once: what it did before a failure, the next run sees."""
        status, answer, _ = self.send(method, url, body, content_type)
        return self.checked(method, urllib.parse.urlsplit(url).path, status, answer, wanted)


def next_page(link):
    """Returns the address of the next page. Source: RFC 8288, as GitHub's pagination uses it."""
    for entry in link.split(","):
        target, _, relation = entry.partition(";")
        if 'rel="next"' in relation:
            return target.strip().strip("<>")
    return None
