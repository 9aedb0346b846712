"""Measures copies between two registries: Tagship against crane and skopeo, in turns.

The source is Debian's docker-registry, the target the embedded ECR behind a line. The image is of 668 MB in 12 layers, partly
incompressible; each copy goes to a repository of its own. Printed are medians of wall time, processor time and peak memory of the
client, and connections to the target. `scripts/bench copies` prepares everything and runs this.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import boto3

from releases_bench import fill, go_version

LIMITS = {"wall": "≤ 0.9 (loopback), ≤ 0.7 (far)", "cpu": ""}


def push_source(work, registry, sources, megabytes, layers):
    """Makes the image out of this machine's files and random bytes, and pushes it to the source."""
    files = [file for source in sources for file in Path(source).rglob("*") if file.is_file() and not file.is_symlink()]
    files.sort(key=lambda file: random.Random(str(file)).random())
    noise = megabytes // 6
    arguments = ["crane", "append", "--insecure", "--oci-empty-base", "--new_tag", f"{registry}/bench/source:1"]
    for number in range(layers):
        folder = work / f"layer{number}"
        fill(folder, (megabytes - noise) * 1_000_000 // layers, files)
        if number == 0:
            (folder / "noise").write_bytes(random.Random(1).randbytes(noise * 1_000_000))
        archive = work / f"layer{number}.tar"
        subprocess.run(["tar", "--create", "--file", archive, "--directory", folder, "."], check=True)
        shutil.rmtree(folder)
        arguments += ["--new_layer", str(archive)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for number in range(layers):
        (work / f"layer{number}.tar").unlink()


class Bench:
    def __init__(self, options):
        self.options = options
        self.log = options.work / "copies.log"
        self.peak = options.work / "peak"

    def command(self, tool, repository):
        source, target = f"{self.options.source_registry}/bench/source:1", f"{self.options.host}/{repository}:1"
        return {
            "tagship": ["tagship", "copy", source, f"{repository}:1", "--registry", self.options.host,
                        "--endpoint-url", f"http://{self.options.registry}", "--quiet"],
            "crane": ["crane", "copy", "--insecure", source, target],
            "skopeo": ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false",
                       "--dest-tls-verify=false", "--authfile", os.environ["DOCKER_CONFIG"] + "/config.json",
                       f"docker://{source}", f"docker://{target}"],
        }[tool]

    def passed(self):
        """What passed the line to the target since the last time."""
        host, port = self.options.control.split(":")
        with socket.create_connection((host, int(port))) as line:
            return json.loads(line.makefile().readline())

    def run(self, tool, repository):
        self.passed()
        measured = ["/usr/bin/time", "--format", "%e %U %S %M", "--output", str(self.peak), *self.command(tool, repository)]
        with open(self.log, "ab") as log:
            status = subprocess.run(measured, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
        if status:
            sys.exit(f"error: `{tool}` failed\n\nhint: its output is at the end of {self.log}:\n{self.log.read_text()[-2000:]}")
        wall, user, system, peak = map(float, self.peak.read_text().split())
        passed = self.passed()
        return {"wall": wall, "cpu": user + system, "peak": peak * 1024 / 1e6,
                "connections": passed["connections"], "up": passed["up"] / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source-registry", required=True)
    parser.add_argument("--host", required=True, help="the target, as it is reached over the line")
    parser.add_argument("--registry", required=True, help="the target itself")
    parser.add_argument("--control", required=True, help="what the line tells its counts at")
    parser.add_argument("--work", required=True, type=Path, help="a folder in memory")
    parser.add_argument("--source", action="append", required=True, help="a folder of files that the image is made of")
    parser.add_argument("--megabytes", type=int, default=668)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--tools", default="tagship,crane,skopeo")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    bench = Bench(options)
    ecr = boto3.client("ecr", endpoint_url=f"http://{options.registry}", region_name=os.environ["AWS_REGION"])
    push_source(options.work, options.source_registry, options.source, options.megabytes, options.layers)
    tools = options.tools.split(",")
    print(", ".join(f"{tool} ({go_version(shutil.which(tool))})" for tool in tools if tool != "tagship"))
    results = {tool: [] for tool in tools}
    for number in range(options.rounds):
        for tool in tools[number % len(tools):] + tools[:number % len(tools)]:
            repository = f"copy-{tool}-{number}"
            ecr.create_repository(repositoryName=repository)
            results[tool].append(bench.run(tool, repository))
            ecr.delete_repository(repositoryName=repository, force=True)
    print(f"{'':10} {'wall s':>8} {'cpu s':>8} {'conns':>6} {'MB sent':>8} {'peak MB':>8}")
    rows = {tool: {key: statistics.median(row[key] for row in found) for key in found[0]} for tool, found in results.items()}
    for tool, row in rows.items():
        print(f"{tool:10} {row['wall']:8.2f} {row['cpu']:8.2f} {row['connections']:6.0f} {row['up']:8.1f} {row['peak']:8.0f}")
    others = [row for tool, row in rows.items() if tool != "tagship"]
    for key, limit in LIMITS.items():
        if others and "tagship" in rows:
            print(f"ratio, {key:6} {rows['tagship'][key] / min(row[key] for row in others):6.2f}   {limit}")


if __name__ == "__main__":
    main()
