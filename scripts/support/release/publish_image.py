"""Publishes one image of several platforms by its digest, made of images of one platform each.

    publish_image.py [--dry-run] [--annotation NAME=VALUE…] TARGET OS/ARCHITECTURE=IMAGE…

TARGET is `HOST/NAME`, IMAGE is `HOST/NAME@DIGEST`. The logins are in RELEASE_SOURCE_LOGIN and RELEASE_TARGET_LOGIN, as
`USER:PASSWORD`. The digest of the index goes to standard output. No tag is made.
"""

import argparse
import json
import os
import sys

from registry import INDEX, RegistryError, Repository, WritableRepository, digest_of


def login(variable):
    """Returns user and password, or `None` where the variable is not set."""
    value = os.environ.get(variable, "")
    user, colon, password = value.partition(":")
    return (user, password) if colon else None


def read_images(platforms):
    """Returns the descriptor of each image with the repository and the manifest that it stands for."""
    images = []
    for platform, image in platforms:
        name, _, digest = image.partition("@")
        source = Repository(name, login("RELEASE_SOURCE_LOGIN"))
        manifest, media_type = source.manifest(digest)
        config = json.loads(source.blob(json.loads(manifest)["config"]["digest"]))
        if f"{config['os']}/{config['architecture']}" != platform:
            raise RegistryError(f"`{image}` is for {config['os']}/{config['architecture']}, not for {platform}")
        descriptor = {
            "mediaType": media_type,
            "digest": digest,
            "size": len(manifest),
            "platform": {"architecture": config["architecture"], "os": config["os"]},
        }
        images.append((descriptor, source, manifest))
    return images


def index_of(images, annotations):
    """Returns the bytes of an index, the same for the same images."""
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [descriptor for descriptor, _, _ in images],
        "annotations": annotations,
    }
    return json.dumps(index, separators=(",", ":")).encode()


def publish(target, images, index):
    """Writes all that the index needs, then the index, and reads it back as a user of the action does."""
    for descriptor, source, manifest in images:
        content = json.loads(manifest)
        for blob in [content["config"], *content["layers"]]:
            target.put_blob(source.blob(blob["digest"]))
        target.put_manifest(manifest, descriptor["mediaType"])
    target.put_manifest(index, INDEX)
    anyone = Repository(target.name)
    try:
        for digest in [digest_of(index), *(descriptor["digest"] for descriptor, _, _ in images)]:
            anyone.manifest(digest)
    except RegistryError as error:
        hint = "the runner pulls an action's image without a login: make the repository public, and run this again"
        raise RegistryError(f"{error}, without a login\n\nhint: {hint}") from error


def main():
    """Publishes what the arguments name."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--annotation", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("images", metavar="OS/ARCHITECTURE=IMAGE", nargs="+")
    arguments = parser.parse_args()
    images = read_images(sorted(image.split("=", 1) for image in arguments.images))
    index = index_of(images, dict(annotation.split("=", 1) for annotation in arguments.annotation))
    if not arguments.dry_run:
        publish(WritableRepository(arguments.target, login("RELEASE_TARGET_LOGIN")), images, index)
    print(digest_of(index))


try:
    main()
except RegistryError as error:
    sys.exit(f"error: {error}")
