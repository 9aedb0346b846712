"""Measures `tagship repo plan` about a repository of many images: time, peak memory, and the requests that it takes.

The images differ in an annotation, and share their layer and config, so that the registry is filled within a minute. A second
repository has as many, of which every fourth is an index of the three before it, as of two platforms and what attests them.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

# How many images an index lists.
CHILDREN = 3
DECLARED = """\
repositories:
  {name}:
    lifecycle: {{keep-last: 30}}
    protect: [stable]
"""


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tagship", default="tagship")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def uploaded(ecr, repository, content):
    """Uploads a blob, and gives its digest."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return digest


def fill(ecr, repository, count, has_indexes):
    """Makes a repository with so many images: each with a tag, or the indexes alone."""
    ecr.create_repository(repositoryName=repository)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
    oci = "application/vnd.oci.image"
    layer = b"one layer for all of them"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": {
            "mediaType": f"{oci}.config.v1+json",
            "digest": uploaded(ecr, repository, config.encode()),
            "size": len(config),
        },
        "layers": [{"mediaType": f"{oci}.layer.v1.tar", "digest": uploaded(ecr, repository, layer), "size": len(layer)}],
    }

    def put(document, tag=None):
        text = json.dumps(document)
        named = {"imageTag": tag} if tag else {}
        ecr.put_image(
            repositoryName=repository,
            imageManifest=text,
            imageManifestMediaType=document["mediaType"],
            **named,
        )
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(text)}

    def put_image(number, tag=None):
        return put({**manifest, "annotations": {"number": str(number)}}, tag)

    def put_index(number):
        children = [put_image(f"{number}-{child}") for child in range(CHILDREN)]
        index = {"schemaVersion": 2, "mediaType": f"{oci}.index.v1+json", "manifests": children}
        put(index, f"build-{number}")

    with ThreadPoolExecutor(8) as pool:
        if has_indexes:
            list(pool.map(put_index, range(count // (CHILDREN + 1))))
        else:
            list(pool.map(lambda number: put_image(number, f"build-{number}"), range(count)))


def journal(endpoint, method="GET"):
    request = urllib.request.Request(f"{endpoint}/_local/journal", method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer) if method == "GET" else None


def measure(options, repository):
    """Plans the repository several times, and prints the median time, the peak memory, and what one plan asked."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "tagship.yaml"), "w", encoding="utf-8") as file:
            file.write(DECLARED.format(name=repository))
        host = options.endpoint.split("//")[1]
        command = [options.tagship, "repo", "plan", "--quiet", "--registry", host, "--endpoint-url", options.endpoint]
        # Not `RUSAGE_CHILDREN`: a child begins with the memory of its parent.
        peak_file = os.path.join(folder, "peak")
        command = ["/usr/bin/time", "--format", "%M", "--output", peak_file, *command]
        journal(options.endpoint, "DELETE")
        times, peaks = [], []
        for _ in range(options.rounds):
            begin = time.monotonic()
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - begin)
            with open(peak_file, encoding="utf-8") as file:
                peaks.append(int(file.read()) / 1024)
    asked = {}
    for entry in journal(options.endpoint):
        asked[entry["operation"]] = asked.get(entry["operation"], 0) + 1
    print(f"{statistics.median(times):.2f} {max(peaks):.0f}")
    print(", ".join(f"{count / options.rounds:g} {name}" for name, count in sorted(asked.items())))


def main():
    options = parsed()
    ecr = boto3.client("ecr", endpoint_url=options.endpoint, config=Config(max_pool_connections=8))
    for repository, has_indexes in [("bench/many", False), ("bench/indexes", True)]:
        fill(ecr, repository, options.images, has_indexes)
        measure(options, repository)


if __name__ == "__main__":
    main()
