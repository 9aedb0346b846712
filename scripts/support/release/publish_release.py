"""Makes a release at GitHub, so that a run that is repeated completes what is missing and changes nothing else.

    publish_release.py [--dry-run] VERSION COMMIT IMAGE FOLDER NOTES

COMMIT is what the release is made of, IMAGE the action's image as `HOST/NAME@DIGEST`, FOLDER holds the files to attach
with `SHA256SUMS` among them, NOTES is a file. GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN say where.

The order: the draft with all its files, the tag on the release commit, the release itself, the moving tag. A release
commit is a child of COMMIT that no branch has: its `action.yml` names the published image by digest, and its
`setup/SHA256SUMS` holds the checksums of the files.
"""

import argparse
import base64
import hashlib
import os
import re
import sys

from github import GitHubError, Reader, Writer

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?\Z")
BUILT_IMAGE = "  image: Dockerfile\n"


class ReleaseError(Exception):
    """Why there can be no release, as one sentence."""


def order_of(version):
    """Returns what stable versions are compared by, or `None` for any other text."""
    match = VERSION.match(version)
    return None if not match or "-" in version else tuple(int(part) for part in match.groups())


def sha256(content):
    """Returns the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Release:
    """The wanted release, and what GitHub has of it."""

    def __init__(self, reader, arguments):
        self.reader = reader
        self.version = arguments.version
        self.tag = f"v{arguments.version}"
        self.commit = arguments.commit
        self.image = arguments.image
        self.notes = arguments.notes
        self.assets = arguments.assets

    def wanted_files(self):
        """Returns the files of the release commit that differ from those of its parent."""
        action = self.file("action.yml", self.commit)
        if action is None or action.count(BUILT_IMAGE) != 1:
            raise ReleaseError(f"`action.yml` of {self.commit} does not have the line `{BUILT_IMAGE.strip()}`, once")
        return {
            "action.yml": action.replace(BUILT_IMAGE, f"  image: docker://{self.image}\n"),
            "setup/SHA256SUMS": self.assets["SHA256SUMS"].decode(),
        }

    def file(self, path, commit):
        """Returns the text of a file of a commit."""
        found = self.reader.get(f"/contents/{path}?ref={commit}")
        return None if found is None else base64.b64decode(found["content"]).decode()

    def target(self, tag):
        """Returns the commit that a tag points to, or `None`."""
        reference = self.reader.get(f"/git/ref/tags/{tag}")
        if reference is None:
            return None
        found = reference["object"]
        if found["type"] == "tag":
            found = self.reader.get(f"/git/tags/{found['sha']}")["object"]
        return found["sha"]

    def found_release(self):
        """Returns the release of the tag, published or a draft, or `None`."""
        published = self.reader.get(f"/releases/tags/{self.tag}")
        if published:
            return published
        drafts = (release for release in self.reader.all("/releases") if release["draft"])
        return next((release for release in drafts if release["tag_name"] == self.tag), None)

    def plan(self):
        """Returns the steps that are left, in their order, each as a sentence with what does it."""
        source = self.reader.get(f"/git/commits/{self.commit}")
        if source is None:
            raise ReleaseError(f"GitHub does not have the commit {self.commit}\n\nhint: push it first")
        tagged = self.target(self.tag)
        release = self.found_release()
        steps = self.plan_draft(release, self.digests_at(tagged) if tagged else self.digests())
        if not tagged:
            files = self.wanted_files()
            steps.append((f"tag `{self.tag}` on a new release commit", lambda writer: self.make_tag(writer, source, files)))
        if release is None or release["draft"]:
            steps.append((f"publish the release `{self.tag}`", self.publish))
        return steps + self.plan_moving_tag(tagged)

    def digests(self):
        """Returns the digest of each file to attach."""
        return {name: sha256(content) for name, content in self.assets.items()}

    def digests_at(self, tagged):
        """Returns the digests that a release commit of an earlier run gives: its build may have been another."""
        parents = [parent["sha"] for parent in self.reader.get(f"/git/commits/{tagged}")["parents"]]
        if parents != [self.commit]:
            made_of = parents[0] if parents else "nothing"
            raise ReleaseError(f"`{self.tag}` is made of {made_of}, not of {self.commit}\n\nhint: raise the version")
        checksums = self.file("setup/SHA256SUMS", tagged)
        if checksums is None:
            raise ReleaseError(f"`{self.tag}` points to {tagged}, which is no release commit\n\nhint: raise the version")
        lines = (line.split() for line in checksums.splitlines())
        return {"SHA256SUMS": sha256(checksums.encode()), **{name: digest for digest, name in lines}}

    def plan_draft(self, release, digests):
        """Returns the steps to a release that has all files."""
        there = {asset["name"]: asset for asset in self.reader.all(f"/releases/{release['id']}/assets")} if release else {}
        steps = [] if release else [(f"draft the release `{self.tag}`", self.make_draft)]
        for name, digest in digests.items():
            asset = there.get(name)
            if asset and asset["state"] == "uploaded" and asset["digest"] == f"sha256:{digest}":
                continue
            if release and not release["draft"]:
                raise ReleaseError(f"the release `{self.tag}` does not have the right `{name}`\n\nhint: raise the version")
            if self.digests().get(name) != digest:
                raise ReleaseError(f"`{self.tag}` needs the `{name}` of an earlier build\n\nhint: raise the version")
            steps.append((f"attach `{name}`", lambda writer, name=name: self.attach(writer, name)))
        return steps

    def plan_moving_tag(self, tagged):
        """Returns the step that moves the tag of the major version, if that goes forward."""
        wanted = order_of(self.version)
        if wanted is None:
            return []
        moving = f"v{wanted[0]}"
        current = self.target(moving)
        if current and current == tagged:
            return []
        if current:
            greatest = self.greatest_at(current, moving)
            if greatest is None:
                raise ReleaseError(f"`{moving}` points to {current}, which no release tag names, so that it may not be moved")
            if greatest > wanted:
                return []
        return [(f"move `{moving}` to `{self.tag}`", lambda writer: self.move(writer, moving, current))]

    def greatest_at(self, commit, moving):
        """Returns the greatest version of a line whose tag points to a commit, or `None`."""
        references = self.reader.all(f"/git/matching-refs/tags/{moving}.")
        tags = [reference["ref"].removeprefix("refs/tags/") for reference in references]
        versions = [order_of(tag[1:]) for tag in tags if order_of(tag[1:]) and self.target(tag) == commit]
        return max(versions, default=None)

    def make_draft(self, writer):
        """Makes a draft. Its tag is not there yet, so that a draft that is left behind burns no version."""
        is_candidate = order_of(self.version) is None
        data = {"tag_name": self.tag, "name": self.tag, "body": self.notes, "draft": True, "prerelease": is_candidate}
        writer.post("/releases", data)

    def attach(self, writer, name):
        """Attaches a file in the place of one that was cut off or belongs to an earlier try."""
        release = self.found_release()
        for asset in self.reader.all(f"/releases/{release['id']}/assets"):
            if asset["name"] == name:
                writer.delete(f"/releases/assets/{asset['id']}")
        writer.upload(release["upload_url"], name, self.assets[name])

    def make_tag(self, writer, source, files):
        """Makes the release commit, then its tag. GitHub signs a commit that names no author."""
        entries = [{"path": path, "mode": "100644", "type": "blob", "content": content} for path, content in files.items()]
        tree = writer.post("/git/trees", {"base_tree": source["tree"]["sha"], "tree": entries})
        message = f"release: {self.tag}\n\nThe action's image is named by its digest, and the checksums of the release stand in setup/.\n"
        commit = writer.post("/git/commits", {"message": message, "tree": tree["sha"], "parents": [self.commit]})
        writer.post("/git/refs", {"ref": f"refs/tags/{self.tag}", "sha": commit["sha"]})

    def publish(self, writer):
        """Publishes the draft; it is the latest release only if its version is the greatest."""
        tags = [release["tag_name"] for release in self.reader.all("/releases") if not release["draft"]]
        others = [order_of(tag[1:]) for tag in tags if tag.startswith("v") and order_of(tag[1:])]
        wanted = order_of(self.version)
        is_latest = wanted is not None and all(wanted > other for other in others)
        data = {"draft": False, "make_latest": "true" if is_latest else "false"}
        writer.patch(f"/releases/{self.found_release()['id']}", data)

    def move(self, writer, moving, current):
        """Points the moving tag to the release commit."""
        commit = self.target(self.tag)
        if current is None:
            writer.post("/git/refs", {"ref": f"refs/tags/{moving}", "sha": commit})
        else:
            # Release commits are siblings, so that no move between them is a fast-forward.
            writer.patch(f"/git/refs/tags/{moving}", {"sha": commit, "force": True})


def arguments_of_process():
    """Reads the arguments and the files that they name."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--dry-run", action="store_true")
    for name in ("version", "commit", "image", "folder", "notes"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    if not VERSION.match(arguments.version):
        raise ReleaseError(f"`{arguments.version}` is no version")
    with open(arguments.notes, encoding="utf-8") as notes:
        arguments.notes = notes.read()
    arguments.assets = {}
    for name in sorted(os.listdir(arguments.folder)):
        with open(os.path.join(arguments.folder, name), "rb") as asset:
            arguments.assets[name] = asset.read()
    return arguments


def main():
    """Plans, and follows the plan unless it is a dry run."""
    arguments = arguments_of_process()
    where = (os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"])
    release = Release(Reader(*where), arguments)
    steps = release.plan()
    if not steps:
        print(f"{release.tag} is released, and whole", file=sys.stderr)
        return
    if arguments.dry_run:
        for sentence, _ in steps:
            print(f"would {sentence}", file=sys.stderr)
        return
    writer = Writer(*where)
    for sentence, act in steps:
        print(sentence, file=sys.stderr)
        act(writer)
    # What is true is what can be read back.
    if release.plan():
        raise ReleaseError(f"something of `{release.tag}` is missing after all steps\n\nhint: run this again")


try:
    main()
except (GitHubError, ReleaseError) as error:
    sys.exit(f"error: {error}")
