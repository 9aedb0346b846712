"""Measures `tagship repo plan` about a repository of many images: time, peak memory, and the requests that it takes.

The images differ in an annotation, and share their layer and config, so that the registry is filled within a minute.
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

REPOSITORY = "bench/many"
DECLARED = """\
repositories:
  bench/many:
    lifecycle: {keep-last: 30}
    protect: [stable]
"""


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tagship", default="tagship")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def uploaded(ecr, content):
    """Uploads a blob, and gives its digest."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    upload = ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=REPOSITORY,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    ecr.complete_layer_upload(repositoryName=REPOSITORY, uploadId=upload, layerDigests=[digest])
    return digest


def fill(ecr, count):
    """Makes the repository with so many images, each with a tag."""
    ecr.create_repository(repositoryName=REPOSITORY)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
    oci = "application/vnd.oci.image"
    layer = b"one layer for all of them"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{oci}.manifest.v1+json",
        "config": {
            "mediaType": f"{oci}.config.v1+json",
            "digest": uploaded(ecr, config.encode()),
            "size": len(config),
        },
        "layers": [{"mediaType": f"{oci}.layer.v1.tar", "digest": uploaded(ecr, layer), "size": len(layer)}],
    }

    def put(number):
        ecr.put_image(
            repositoryName=REPOSITORY,
            imageTag=f"build-{number}",
            imageManifest=json.dumps({**manifest, "annotations": {"number": str(number)}}),
            imageManifestMediaType=manifest["mediaType"],
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(count)))


def journal(endpoint, method="GET"):
    request = urllib.request.Request(f"{endpoint}/_local/journal", method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer) if method == "GET" else None


def main():
    options = parsed()
    ecr = boto3.client("ecr", endpoint_url=options.endpoint, config=Config(max_pool_connections=8))
    fill(ecr, options.images)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "tagship.yaml"), "w", encoding="utf-8") as file:
            file.write(DECLARED)
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
    peak = max(peaks)
    print(f"{statistics.median(times):.2f} {peak:.0f}")
    print(", ".join(f"{count / options.rounds:g} {name}" for name, count in sorted(asked.items())))


if __name__ == "__main__":
    main()
